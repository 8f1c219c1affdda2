"""Starts a tool that writes a file, and checks its results."""
import os
import pathlib
import signal
import subprocess
import sys
import time


def check(condition, *what):
    if not condition:
        sys.exit(f"failed: {what}")


class Program:
    def __init__(self, path):
        self.path = os.path.abspath(path)

    def run(self, *arguments):
        return subprocess.run([self.path, *map(str, arguments)], capture_output=True, text=True, check=False)

    def output(self, *arguments):
        """The standard output of a run that must succeed."""
        result = self.run(*arguments)
        check(result.returncode == 0, arguments, result)
        return result.stdout

    def refuses(self, arguments, code, part):
        """One line on standard error that holds `part`; more lines for wrong usage."""
        result = self.run(*arguments)
        check(result.returncode == code, result)
        check(part in result.stderr, part, result.stderr)
        if code == 1:
            name = pathlib.Path(self.path).name
            check(result.stderr.count("\n") == 1 and result.stderr.startswith(name + ": "), result.stderr)

    def interrupted(self, *arguments):
        """Its message if SIGINT arrives while it is blocked on its standard output, a full pipe."""
        read_end, write_end = os.pipe()
        os.set_blocking(write_end, False)
        try:
            while os.write(write_end, b"x" * 4096):
                pass
        except BlockingIOError:
            os.set_blocking(write_end, True)
        command = [self.path, *map(str, arguments)]
        process = subprocess.Popen(command, stdout=write_end, stderr=subprocess.PIPE, text=True)
        while not catches_interrupt(process.pid):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        os.set_blocking(read_end, False)
        while True:
            try:
                if not os.read(read_end, 1 << 20):
                    break
            except BlockingIOError:
                if process.poll() is not None:
                    break
                time.sleep(0.01)
        check(process.returncode == 128 + signal.SIGINT, process.returncode)
        return process.stderr.read()


def catches_interrupt(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    caught = int(status.split("SigCgt:")[1].split()[0], 16)
    return caught >> (signal.SIGINT - 1) & 1
