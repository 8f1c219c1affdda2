#!/usr/bin/env python3
"""lfm2-eval logits and perplexity as programs, against logits that transformers computed in float32 from the same file.

    eval_model.py LFM2-EVAL LFM2-PACK MODEL.gguf GOLDEN.json GOLDEN.logits.npy
"""
import array
import ast
import json
import pathlib
import re
import subprocess
import sys
import tempfile

evaluate, pack, source, golden_json, golden_npy = sys.argv[1:]


def check(condition, *what):
    if not condition:
        sys.exit(f"failed: {what}")


def read_npy(path):
    """Rows of a float32 .npy file of version 1.0."""
    data = pathlib.Path(path).read_bytes()
    check(data[:8] == b"\x93NUMPY\x01\x00", "magic")
    end = 10 + int.from_bytes(data[8:10], "little")
    header = ast.literal_eval(data[10:end].decode())
    check(header["descr"] == "<f4" and not header["fortran_order"], header)
    rows, cols = header["shape"]
    values = array.array("f", data[end:])
    check(len(values) == rows * cols, header)
    return [values[r * cols:(r + 1) * cols] for r in range(rows)]


def error(row, want):
    """Normalised mean square error of a position."""
    mean = sum(want) / len(want)
    return sum((x - g) ** 2 for x, g in zip(row, want)) / sum((g - mean) ** 2 for g in want)


def run(*arguments):
    result = subprocess.run([evaluate, *map(str, arguments)], capture_output=True, text=True)
    check(result.returncode == 0, arguments, result)
    return result.stdout


golden = json.loads(pathlib.Path(golden_json).read_text())
want = read_npy(golden_npy)
with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    image, ids, long_ids = folder / "model.lfm2", folder / "ids.json", folder / "long.json"
    subprocess.run([pack, source, image, "--quiet"], check=True)
    ids.write_text(json.dumps(golden["prompt"]))
    long_ids.write_text(json.dumps(golden["long_prompt"]))

    run("logits", image, "--ids", ids, "--out", folder / "reference.npy", "--reference")
    got = read_npy(folder / "reference.npy")
    check(len(got) == len(want) and len(got[0]) == len(want[0]), "shape")
    for position, (row, row_want) in enumerate(zip(got, want)):
        check(error(row, row_want) <= 1e-8, position, error(row, row_want))
        check(max(range(len(row)), key=row.__getitem__) == max(range(len(row)), key=row_want.__getitem__), position)

    # One result for every way of computing it.
    files = []
    for arguments in ((), ("--chunk", 7), ("--chunk", 1), ("--threads", 2), ("--storage", "memory"),
                      ("--storage", "direct"), ("--storage", "direct", "--chunk", 1, "--no-read-ahead")):
        files.append(folder / f"{len(files)}.npy")
        run("logits", image, "--ids", ids, "--out", files[-1], *arguments)
        check(files[-1].read_bytes() == files[0].read_bytes(), arguments)
    check(files[0].read_bytes() != (folder / "reference.npy").read_bytes(), "--reference computes in another way")

    # int8 activations move a prediction a little; a wrong window or target would move it by orders of magnitude.
    line = run("perplexity", image, "--ids", long_ids)
    match = re.fullmatch(r"perplexity (\S+) \+- (\S+) \((\d+) tokens predicted in windows of (\d+)\)\n", line)
    check(match, line)
    value, deviation = float(match[1]), float(match[2])
    check(abs(value - golden["long_prompt_perplexity"]) < 0.2 * deviation, line, golden["long_prompt_perplexity"])
    check((int(match[3]), int(match[4])) == (299, 300), line)
    line = run("perplexity", image, "--ids", long_ids, "--context", 64)
    check("(295 tokens predicted in windows of 64)" in line, line)
print("ok")
