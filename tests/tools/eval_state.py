#!/usr/bin/env python3
"""lfm2-eval logits --save and --load: a sequence that continues in another process gives the logits of an uninterrupted
one.

    eval_state.py LFM2-EVAL LFM2-PACK MODEL.gguf OTHER.gguf GOLDEN.json
"""
import json
import pathlib
import subprocess
import sys
import tempfile

from program import Program, check

evaluate, pack, source, other_source, golden = sys.argv[1:]
program = Program(evaluate)
HEADER_BYTES = 128  # of .npy


def logits(*arguments):
    result = program.run("logits", *arguments)
    check(result.returncode == 0, arguments, result)


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    image, other, ids, out = folder / "model.lfm2", folder / "other.lfm2", folder / "ids.json", folder / "out.npy"
    for gguf, packed in ((source, image), (other_source, other)):
        subprocess.run([pack, gguf, packed, "--quiet"], check=True)
    prompt = json.loads(pathlib.Path(golden).read_text(encoding="utf-8"))["long_prompt"][:60]

    def run(part, *arguments, model=image):
        ids.write_text(json.dumps(part))
        logits(model, "--ids", ids, "--out", out, *arguments)
        data = out.read_bytes()
        return data[10 + int.from_bytes(data[8:10], "little"):]

    state, second = folder / "state", folder / "second"
    for kv in ([], ["--kv", "int8"], ["--kv", "f32"], ["--reference"]):
        whole = run(prompt, *kv)
        # Three processes, each with another storage and other chunks.
        first = run(prompt[:21], "--save", state, "--chunk", 8, *kv)
        middle = run(prompt[21:32], "--load", state, "--save", second, "--storage", "direct", *kv)
        last = run(prompt[32:], "--load", second, "--threads", 2, *kv)
        check(first + middle + last == whole, kv, "other logits")
        saved = state.read_bytes()
        run(prompt[:21], "--save", state, "--chunk", 5, *kv)
        check(state.read_bytes() == saved, kv, "equal sequences, other bytes")
        run(prompt[21:32], "--load", state, "--save", state, *kv)
        check(state.read_bytes() == second.read_bytes(), kv, "a state that replaces the one it continues")
    check(sorted(p.name for p in folder.iterdir()) ==
          ["ids.json", "model.lfm2", "other.lfm2", "out.npy", "second", "state"], "left behind", list(folder.iterdir()))

    run(prompt[:21], "--save", state)
    saved = state.read_bytes()
    ids.write_text(json.dumps(prompt[21:]))
    begin, load = ["logits", image, "--ids", ids, "--out", out], ["--load", state]
    program.refuses([*begin, "--load", folder / "none"], 1, "none: ")
    program.refuses([*begin, *load, "--kv", "int8"], 1, "saved state, header has another options.kv_cache")
    program.refuses(["logits", other, "--ids", ids, "--out", out, *load], 1, "is of another model")
    program.refuses([*begin, *load, "--save", folder / "no folder" / "state"], 1, "no folder")
    check(state.read_bytes() == saved, "a state changed")
    for damaged, part in ((saved[:40], "is cut short: bytes: 40, expected 64"),
                          (saved[:-1], f"has {len(saved) - 1} bytes, but its header states {len(saved)}"),
                          (saved + b"\0", f"has {len(saved) + 1} bytes"),
                          (image.read_bytes(), "is not that of a saved state"),
                          (saved[:-1] + bytes([saved[-1] ^ 1]), "keys and values of attention layer"),
                          (saved[:70] + bytes([saved[70] ^ 1]) + saved[71:], "saved state, tokens has the wrong CRC-32C")):
        state.write_bytes(damaged)
        program.refuses([*begin, *load], 1, part)
