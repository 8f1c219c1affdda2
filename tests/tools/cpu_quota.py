#!/usr/bin/env python3
"""Programs in a cgroup with less processor time than the machine has: they start as many threads as that allows. If
this fails, a program in a container has a thread for each core of the host, which use up the quota's period at once.

cpu_quota.py CHAT BENCH MODEL

It needs a system where this process may create a cpu cgroup; elsewhere it is skipped with a message.
"""
import os
import re
import subprocess
import sys
import time

PERIOD = 100000  # microseconds


class Skipped(Exception):
    pass


def read_text(path):
    with open(path, encoding="ascii") as file:
        return file.read()


def write_text(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(str(text))


def own_group():
    """(version, folder) of the cgroup that this process is in, where processor time is limited."""
    mounts = [line.split()[1:4] for line in read_text("/proc/self/mounts").splitlines()]
    groups = [line.split(":", 2) for line in read_text("/proc/self/cgroup").splitlines()]
    for _, controllers, path in groups:
        for mount, kind, options in mounts:
            if kind == "cgroup" and "cpu" in controllers.split(",") and "cpu" in options.split(","):
                return 1, mount + path.rstrip("/")
    for number, controllers, path in groups:
        for mount, kind, _ in mounts:
            if number == "0" and not controllers and kind == "cgroup2":
                return 2, mount + path.rstrip("/")
    raise Skipped("no cgroups are mounted")


class Quota:
    """A cgroup below this process' own, for the programs that `run` starts."""

    def __init__(self):
        self.version, parent = own_group()
        self.path = f"{parent}/lfm2-cpu-quota-{os.getpid()}"
        try:
            os.mkdir(self.path)
        except OSError as error:
            raise Skipped(f"no cgroup can be made: {error.strerror}") from error

    def set(self, cores):
        try:
            if self.version == 2:
                write_text(f"{self.path}/cpu.max", f"{int(cores * PERIOD)} {PERIOD}")
            else:
                write_text(f"{self.path}/cpu.cfs_period_us", PERIOD)
                write_text(f"{self.path}/cpu.cfs_quota_us", int(cores * PERIOD))
        except OSError as error:
            raise Skipped(f"no quota can be set: {error.strerror}") from error

    def run(self, *command):
        """What the program writes within the quota."""
        enter = lambda: write_text(f"{self.path}/cgroup.procs", 0)
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=True, preexec_fn=enter).stdout

    def remove(self):
        for _ in range(100):
            try:
                os.rmdir(self.path)
                return
            except OSError:
                time.sleep(0.05)  # the last process may still be exiting


def chat_threads(quota, chat, model):
    return int(re.search(r"^kernels .*, (\d+) threads;", quota.run(chat, "--stats", model), re.M)[1])


def bench_threads(quota, bench, model):
    return int(re.search(r'"n_threads": (\d+)', quota.run(bench, model, "-p", "8", "-n", "0", "-r", "1", "--json"))[1])


def main():
    chat, bench, model = sys.argv[1:]
    cores = len(os.sched_getaffinity(0))
    quota = Quota()
    try:
        for share in (1, 0.3, 1.5, cores + 1):
            quota.set(share)
            expected = min(cores, max(1, -int(-share // 1)))
            got = chat_threads(quota, chat, model), bench_threads(quota, bench, model)
            assert got == (expected, expected), f"a quota of {share} of {cores} cores: {got} threads"
    finally:
        quota.remove()
    print(f"threads within quotas: as many as the quota is good for, of {cores} cores")


try:
    main()
except Skipped as reason:
    print(f"SKIPPED: {reason}")
