#!/usr/bin/env python3
"""lfm2-export as a program: exit codes, messages, and what is left in a directory after success, failure and Ctrl-C.

    command_line.py LFM2-EXPORT LFM2-PACK MODEL.gguf
"""
import os
import pathlib
import struct
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "tools"))
from program import Program, check  # noqa: E402

export, pack, model = Program(sys.argv[1]), Program(sys.argv[2]), os.path.abspath(sys.argv[3])

with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    image, out = folder / "model.lfm2", folder / "out.gguf"
    check(pack.run(model, image, "--quiet").returncode == 0, "packing")
    whole = image.read_bytes()

    def names():
        return sorted(p.name for p in folder.iterdir())

    check(export.run("--help").returncode == 0, "--help")
    export.refuses([], 2, "IMAGE")
    export.refuses([image], 2, "OUT")
    export.refuses([image, out, "--nonsense"], 2, "--nonsense")
    export.refuses([folder / "absent.lfm2", out], 1, "absent.lfm2: no such file")
    export.refuses([model, out], 1, "it is not a .lfm2 image")
    export.refuses([image, folder / "no" / "such" / "folder.gguf"], 1, "no such directory")
    export.refuses([image, image], 1, "another name")
    os.link(image, folder / "link.gguf")
    export.refuses([image, folder / "link.gguf"], 1, "another name")
    (folder / "link.gguf").unlink()
    check(image.read_bytes() == whole and names() == ["model.lfm2"], "a failure leaves nothing", names())

    result = export.run(image, out)
    check(result.returncode == 0 and "token_embedding" in result.stdout and "exporting" in result.stderr, result)
    check(names() == ["model.lfm2", "out.gguf"], names())
    quiet = export.run(image, folder / "again.gguf", "--quiet")
    check(quiet.returncode == 0 and not quiet.stdout and not quiet.stderr, quiet)
    check(out.read_bytes() == (folder / "again.gguf").read_bytes(), "the same file twice")
    (folder / "again.gguf").unlink()

    # A failure leaves a file that was there before, wherever the image is damaged.
    before = out.read_bytes()
    table, _, pinned = struct.unpack_from("<3Q", whole, 48)
    pinned_bytes, = struct.unpack_from("<Q", whole, 72)
    record, record_bytes, _ = struct.unpack_from("<3Q", whole, table)
    for at, part in ((20, "corrupt: "), (pinned + 8, "vocabulary.version"), (pinned + pinned_bytes - 1, "pinned part"),
                     (record + record_bytes - 1, "expert 0 of layer 1 is corrupt: its CRC-32C is ")):
        data = bytearray(whole)
        data[at] ^= 1
        image.write_bytes(data)
        export.refuses([image, out, "--quiet"], 1, part)
    image.write_bytes(whole[:-100])
    export.refuses([image, out, "--quiet"], 1, "is cut short")
    check(out.read_bytes() == before and names() == ["model.lfm2", "out.gguf"], "the old file survives", names())

    image.write_bytes(whole)
    out.unlink()
    check("interrupted" in export.interrupted(image, out), "Ctrl-C")
    check(names() == ["model.lfm2"], "Ctrl-C leaves nothing", names())
print("ok")
