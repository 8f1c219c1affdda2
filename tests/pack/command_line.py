#!/usr/bin/env python3
"""lfm2-pack as a program: exit codes, messages, and what is left in a directory after success, failure and Ctrl-C.

    command_line.py LFM2-PACK MODEL.gguf
"""
import os
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "tools"))
from program import Program, check  # noqa: E402

pack, model = Program(sys.argv[1]), os.path.abspath(sys.argv[2])

with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    image = folder / "model.lfm2"

    check(pack.run("--help").returncode == 0, "--help")
    pack.refuses([], 2, "IN")
    pack.refuses([model], 2, "second argument")
    pack.refuses([model, image, "--template", "chatml"], 2, "--template")
    pack.refuses([model, image, "--nonsense"], 2, "--nonsense")
    pack.refuses([folder / "absent.gguf", image], 1, "No such file")
    pack.refuses([pack.path, image], 1, "no GGUF file")
    pack.refuses([folder, image], 1, "config.json: No such file")
    pack.refuses([model, folder / "no" / "such" / "folder.lfm2"], 1, "No such file")
    check(not list(folder.iterdir()), "a failure leaves nothing", list(folder.iterdir()))

    result = pack.run(model, image, "--verify")
    check(result.returncode == 0 and "token_embedding" in result.stdout and "verifying" in result.stderr, result)
    check([p.name for p in folder.iterdir()] == ["model.lfm2"], list(folder.iterdir()))
    check(pack.run("--verify", image).returncode == 0, "verify alone")
    quiet = pack.run(model, folder / "again.lfm2", "--quiet")
    check(quiet.returncode == 0 and not quiet.stdout and not quiet.stderr, quiet)
    check(image.read_bytes() == (folder / "again.lfm2").read_bytes(), "the same image twice")
    (folder / "again.lfm2").unlink()

    # A failure leaves an image that was there before.
    copy = folder / "copy.gguf"
    copy.write_bytes(pathlib.Path(model).read_bytes())
    pack.refuses([copy, copy], 1, "another name")
    check(copy.read_bytes() == pathlib.Path(model).read_bytes(), "the source survives")
    copy.write_bytes(copy.read_bytes()[:-100])
    pack.refuses([copy, image], 1, "not within the file")
    check(pack.run("--verify", image).returncode == 0, "the old image survives")

    data = bytearray(image.read_bytes())
    data[-5] ^= 1
    image.write_bytes(data)
    pack.refuses(["--verify", image], 1, "CRC-32C")

    image.unlink()
    copy.unlink()
    check("interrupted" in pack.interrupted(model, image), "Ctrl-C")
    check(not list(folder.iterdir()), "Ctrl-C leaves nothing", list(folder.iterdir()))
print("ok")
