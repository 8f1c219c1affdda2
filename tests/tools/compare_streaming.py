#!/usr/bin/env python3
"""compare-streaming with programs that write the output of llama-bench and fio: in real memory cgroups if this system
allows it, and its refusals on every system.

    compare_streaming.py COMPARE-STREAMING LFM2-BENCH MODEL
"""
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

script, bench, model = sys.argv[1:]
LIMIT = 600_000_000
loader = importlib.machinery.SourceFileLoader("compare_streaming", script)
module = importlib.util.module_from_spec(importlib.util.spec_from_loader("compare_streaming", loader))
sys.dont_write_bytecode = True
loader.exec_module(module)


def check(condition, *what):
    if not condition:
        sys.exit(f"failed: {what}")


def run(*arguments):
    command = [sys.executable, "-B", script, "--bench", bench, "--model", model, "--limit", str(LIMIT)]
    return subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, check=False)


def refused(code, *arguments, saying):
    r = run(*arguments)
    check(r.returncode == code and re.search(saying, r.stderr.splitlines()[-1]) and not r.stdout, arguments, saying, r)


def failure_of(call):
    try:
        call()
    except module.Failure as error:
        return str(error)
    return None


def check_hierarchies(folder):
    """Both versions, as far as plain files can simulate them."""
    mounts, real = "", module.read_text
    module.read_text = lambda path: mounts if path == "/proc/self/mounts" else real(path)
    mounts = f"proc /proc proc rw 0 0\ncgroup {folder} cgroup rw,cpu 0 0\n"
    check("no memory cgroups" in failure_of(module.Hierarchy), failure_of(module.Hierarchy))
    mounts += f"cgroup {folder} cgroup rw,relatime,memory 0 0\n"
    first = module.Hierarchy()
    check((first.version, first.path) == (1, str(folder)), first)
    (folder / "cgroup.controllers").write_text("cpu memory pids\n")
    (folder / "cgroup.subtree_control").write_text("cpu\n")
    mounts = f"cgroup2 {folder} cgroup2 rw,nosuid 0 0\n"
    second = module.Hierarchy()
    check(second.version == 2 and (folder / "cgroup.subtree_control").read_text() == "+memory", second.path)
    (folder / "cgroup.controllers").write_text("cpu pids\n")
    check("no memory cgroups" in failure_of(module.Hierarchy), "a version 2 without memory")

    for hierarchy, limit, files, figures in (
            (first, "memory.limit_in_bytes",
             {"memory.max_usage_in_bytes": "77\n", "memory.failcnt": "5\n",
              "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"}, (77, 5, 1)),
            (second, "memory.max",
             {"memory.peak": "88\n", "memory.events": "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n"},
             (88, 12, 2)),
            (second, "memory.max", {}, (None, None, None))):
        group = module.Group(hierarchy)
        group.make(4096)
        path = pathlib.Path(group.path)
        check((path / limit).read_text() == "4096" and len(list(path.iterdir())) == 1, list(path.iterdir()))
        for name, text in files.items():
            (path / name).write_text(text)
        check(tuple(group.figures().values()) == figures, group.figures(), figures)
        check("can be created" in failure_of(lambda g=group: g.make(4096)), "made twice")
        for file in path.iterdir():
            file.unlink()
        group.remove()
        check(not path.exists(), path)
        group.remove()
    module.read_text = real


def check_refusals(folder):
    refused(2, "-n", 0, saying="one of -p and -n must be above 0")
    refused(2, "-p", -1, saying="one of -p and -n must be above 0")
    refused(2, "-r", 0, saying="0 is not a number from 1")
    refused(2, "--llama", "x", saying="--llama and --gguf must be given together")
    for text in ("1X", "-1", "1,,2", "", "1.3iB"):
        refused(2, f"--limit={text}", saying="is not a number of bytes")
    for text, value in (("1300M", 1300 << 20), ("1.3GB", 1300000000), ("2k", 2048), ("7", 7), ("1MiB", 1 << 20)):
        check(module.number_of_bytes(text) == value, text)
    # Users other than root get a message.
    os.geteuid, real = lambda: 1000, os.geteuid
    sys.argv = [script, "--bench", bench, "--model", model]
    try:
        module.main()
    except SystemExit as end:
        check("needs root" in str(end.code), end.code)
    else:
        check(False, "needs root")
    os.geteuid = real
    return run("--bench", folder / "none").stderr


def program(folder, name, body):
    path = folder / name
    path.write_text(f"#!{sys.executable}\nimport json, os, sys, time\n{body}", encoding="utf-8")
    path.chmod(0o755)
    return path


def check_runs(folder):
    refused(1, "--model", folder / "none", saying="none is not a file")
    refused(1, "--bench", program(folder, "silent", ""), saying="lfm2-bench wrote something that is no result")
    refused(1, "--bench", program(folder, "other", "print('[{\"avg_ts\": 1}]')"), saying="lacks the field")
    refused(1, "--reserve", LIMIT, saying="leaves nothing for an arena")
    refused(1, "--reserve", LIMIT - 1000, saying="--arena 1000 is too small")
    eater = program(folder, "eater", f"x = bytearray({2 * LIMIT})")
    refused(1, "--bench", eater, saying="killed in 0.60 GB: --reserve 45000000 is too little")

    gguf = folder / "model.gguf"
    gguf.write_bytes(b"GGUF")
    llama = program(folder, "llama-bench", f"""
a = dict(zip(sys.argv[1::2], sys.argv[2::2]))
group = [line for line in open("/proc/self/cgroup").read().split() if "compare-streaming-" in line]
assert group and a["-m"] == {str(gguf)!r} and a["-r"] == "1" and a["-n"] in "02", (group, a)
print(json.dumps([{{"avg_ts": 10.0 + int(a["-fa"]), "build_commit": "abc"}}]))
""")
    theirs = ("--llama", llama, "--gguf", gguf, "--llama-tokens", 2)
    r = run("-p", 30, "-n", 9, "-r", 3, "-t", 1, "--limit", f"{LIMIT},1GB", *theirs, "--json")
    check(r.returncode == 0, r)
    result = json.loads(r.stdout)
    check([(row["limit_bytes"], row["n_prompt"], row["n_gen"]) for row in result["rows"]] ==
          [(limit, p, n) for limit in (LIMIT, 10**9) for p, n in ((30, 0), (0, 9))], result)
    check(result["llama_build_commit"] == "abc" and result["kernels"], result)
    for row in result["rows"]:
        check(sorted(row["lfm2_samples_ts"])[1] == row["lfm2_ts"] and len(row["lfm2_samples_ts"]) == 3, row)
        check((row["llama_ts"], row["llama_flash_attn"]) == (11.0, 1) and row["ratio"] == row["lfm2_ts"] / 11.0, row)
        check(row["fio_samples_gbytes_per_second"] == [1.5] * 4 and row["fio_gbytes_per_second"] == 1.5, row)
        check(row["expert_slots"] == 128 and row["hit_rate"] == 0 if row["n_prompt"] else row["hit_rate"] > 0.3, row)
        check(row["arena_bytes"] <= row["limit_bytes"] - 45000000 and row["oom_kills"] in (0, None), row)
        check(row["peak_bytes"] is None or 1 << 20 < row["peak_bytes"] <= row["limit_bytes"], row)
    text = run("-n", 4, "-r", 1, *theirs)
    check(text.returncode == 0 and re.search(r"\| 0.60 GB \| tg4 \| [\d.]+ \| 11.00 \| 1 \|", text.stdout), text)

    # A failure of llama-bench is a result, too.
    for name, body, why in (("dying", "sys.exit(3)", "ended with 3"), ("slow", "time.sleep(600)", "too slow"),
                            ("large", f"x = bytearray({2 * LIMIT})", "killed")):
        r = run("-n", 4, "-r", 1, "--llama", program(folder, name, body), "--gguf", gguf, "--llama-seconds", 2)
        check(r.returncode == 0 and f"| {why} |" in r.stdout, name, r)

    # When interrupted, it leaves no process and no cgroup.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        pid = folder / f"pid{number}"
        endless = program(folder, "endless", f"open({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)")
        command = [sys.executable, "-B", script, "--bench", endless, "--model", model, "--limit", str(LIMIT)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            while not pid.exists() or not pid.read_text():
                check(process.poll() is None, "compare-streaming ended by itself")
                time.sleep(0.01)
            process.send_signal(number)
            errors = process.communicate()[1]
        check(process.returncode == 1 and re.search("interrupted|ended by SIG", errors), process.returncode, errors)
        check(not pathlib.Path("/proc", pid.read_text(), "stat").exists(), "the other program still runs")
        group = pathlib.Path(module.Hierarchy().path, f"compare-streaming-{process.pid}")
        check(not group.exists(), group)


with tempfile.TemporaryDirectory() as temporary:
    temporary = pathlib.Path(temporary)
    (temporary / "cgroup").mkdir()
    (temporary / "bin").mkdir()
    program(temporary / "bin", "fio", "if '--ioengine=libaio' not in sys.argv: sys.exit('no io_uring')\n"
                                      "print(json.dumps({'jobs': [{'read': {'bw_bytes': 1.5e9}}]}))")
    os.environ["PATH"] = f"{temporary}/bin:{os.environ['PATH']}"
    check_hierarchies(temporary / "cgroup")
    said = check_refusals(temporary)
    if "none cannot be started" in said:
        check_runs(temporary)
        print("ok")
    else:
        check(said.count("\n") <= 2 and re.search("needs root|no memory cgroup|cannot be written", said), said)
        print("SKIPPED: memory cgroups cannot be created here: " + said.strip())
