#!/usr/bin/env python3
"""lfm2-pack as a program: exit codes, messages, and what is left in a directory after success, failure and Ctrl-C.

    command_line.py LFM2-PACK MODEL.gguf
"""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

tool, model = map(os.path.abspath, sys.argv[1:])


def run(*arguments):
    return subprocess.run([tool, *map(str, arguments)], capture_output=True, text=True)


def check(condition, *what):
    if not condition:
        sys.exit(f"failed: {what}")


def refused(result, code, part):
    """One line on standard error and nothing else that is broken."""
    check(result.returncode == code, result)
    check(part in result.stderr, part, result.stderr)
    if code == 1:
        check(result.stderr.count("\n") == 1 and result.stderr.startswith("lfm2-pack: "), result.stderr)


def catches_interrupt(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    caught = int(status.split("SigCgt:")[1].split()[0], 16)
    return caught >> (signal.SIGINT - 1) & 1


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    image = folder / "model.lfm2"

    check(run("--help").returncode == 0, "--help")
    refused(run(), 2, "IN")
    refused(run(model), 2, "second argument")
    refused(run(model, image, "--template", "chatml"), 2, "--template")
    refused(run(model, image, "--nonsense"), 2, "--nonsense")
    refused(run(folder / "absent.gguf", image), 1, "No such file")
    refused(run(tool, image), 1, "no GGUF file")
    refused(run(folder, image), 1, "config.json: No such file")
    refused(run(model, folder / "no" / "such" / "folder.lfm2"), 1, "No such file")
    check(not list(folder.iterdir()), "a failure leaves nothing", list(folder.iterdir()))

    result = run(model, image, "--verify")
    check(result.returncode == 0 and "token_embedding" in result.stdout and "verifying" in result.stderr, result)
    check([p.name for p in folder.iterdir()] == ["model.lfm2"], list(folder.iterdir()))
    check(run("--verify", image).returncode == 0, "verify alone")
    quiet = run(model, folder / "again.lfm2", "--quiet")
    check(quiet.returncode == 0 and not quiet.stdout and not quiet.stderr, quiet)
    check(image.read_bytes() == (folder / "again.lfm2").read_bytes(), "the same image twice")
    (folder / "again.lfm2").unlink()

    # A failure leaves an image that was there before.
    copy = folder / "copy.gguf"
    copy.write_bytes(pathlib.Path(model).read_bytes())
    refused(run(copy, copy), 1, "another name")
    check(copy.read_bytes() == pathlib.Path(model).read_bytes(), "the source survives")
    copy.write_bytes(copy.read_bytes()[:-100])
    refused(run(copy, image), 1, "not within the file")
    check(run("--verify", image).returncode == 0, "the old image survives")

    data = bytearray(image.read_bytes())
    data[-5] ^= 1
    image.write_bytes(data)
    refused(run("--verify", image), 1, "CRC-32C")

    # Stopped by a signal while its output can not go on: standard output is a full pipe.
    image.unlink()
    copy.unlink()
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    try:
        while os.write(write_end, b"x" * 4096):
            pass
    except BlockingIOError:
        os.set_blocking(write_end, True)
    process = subprocess.Popen([tool, model, str(image)], stdout=write_end, stderr=subprocess.PIPE, text=True)
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
    check(process.returncode == 1 and "interrupted" in process.stderr.read(), process.returncode)
    check(not list(folder.iterdir()), "Ctrl-C leaves nothing", list(folder.iterdir()))
print("ok")
