#!/usr/bin/env python3
"""lfm2-pack as a program: exit codes, messages, and what is left in a directory after success, failure and Ctrl-C.

    command_line.py LFM2-PACK MODEL.gguf
"""
import os
import pathlib
import resource
import signal
import subprocess
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
    pack.refuses([folder / "absent.gguf", image], 1, "absent.gguf: no such file")
    pack.refuses([pack.path, image], 1, "not a GGUF file")
    pack.refuses([folder, image], 1, "config.json: no such file")
    pack.refuses([model, folder / "no" / "such" / "folder.lfm2"], 1, "no such directory")
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

    # A process that is killed while it writes leaves nothing, and the file that was there before.
    def die_after_a_megabyte():
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    for before in (None, b"before"):
        if before:
            image.write_bytes(before)
        killed = subprocess.run([pack.path, model, image, "--quiet"], check=False, preexec_fn=die_after_a_megabyte)
        check(killed.returncode == -signal.SIGXFSZ, killed)
        check([p.read_bytes() for p in folder.iterdir()] == ([before] if before else []), list(folder.iterdir()))
    # The same image where files cannot be without a name: here, because there is no /proc to give them one.
    hidden = subprocess.run(["unshare", "-rm", "sh", "-c", 'mount -t tmpfs none /proc || exit 77; exec "$@"', "sh",
                             pack.path, model, image, "--quiet"], check=False, capture_output=True, text=True)
    if hidden.returncode == 77 or "unshare" in hidden.stderr:
        print("nothing can be mounted here: files with a temporary name were not tried")
    else:
        check(hidden.returncode == 0 and [p.name for p in folder.iterdir()] == ["model.lfm2"], hidden)
        check(pack.run("--verify", image).returncode == 0, "the image that had a temporary name")
    image.unlink()
    check("interrupted" in pack.interrupted(model, image), "Ctrl-C")
    check(not list(folder.iterdir()), "Ctrl-C leaves nothing", list(folder.iterdir()))
print("ok")
