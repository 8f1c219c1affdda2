#!/usr/bin/env python3
"""docs/models.md and the table of tools/get-model name the GGUF types that lfm2-pack packs, with their bits.

    models_page.py MODELS.md LFM2-PACK MODEL.gguf TOOLS
"""
import importlib.util
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

page, packer, model, tools = map(pathlib.Path, sys.argv[1:])
sys.path.insert(0, str(tools))
from get_model import choice  # noqa: E402


def check(condition, *what):
    if not condition:
        sys.exit(f"failed: {what}")


def rows_of(*head):
    """{first cell: the others} of the table whose head begins with these cells."""
    rows, inside = {}, False
    for line in page.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            inside = False
        elif cells[:len(head)] == list(head):
            inside = True
        elif inside and not set(line) <= set("|-"):
            rows[cells[0]] = cells[1:]
    check(rows, head)
    return rows


def bytes_of(text):
    number, unit = text.split()
    return float(number) * {"MB": 1e6, "GB": 1e9}[unit]


types = rows_of("type", "bits a weight")
check({name: float(row[0]) for name, row in types.items()} == choice.BITS, types, choice.BITS)
for name, row in types.items():
    # Each name that a file may have maps to its type, alone or in a file's name.
    for file in re.findall(r"[A-Z0-9_]+", row[1].split(";")[0]):
        found = choice.weights_of(choice.type_of(f"LFM2-8B-A1B-{file}.gguf"))
        check(found == name or file == "IQ3_XS", file, found, name)
check(choice.type_of("LFM2-8B-A1B.i1-IQ4_NL.gguf") == "IQ4_NL" and choice.type_of("LFM2-Q4_K_M-x.gguf") == "Q4_K_M",
      "a type stands in many places of a name")
check(choice.weights_of("UD-Q3_K_XL") == "Q3_K" and choice.weights_of("Q4_0_4_4") is None, "mixtures")

sizes, memory = rows_of("model", "BF16, F16"), rows_of("model", "Q3_K_S")
for name, row in memory.items():
    bf16, q8_0, q6_k, q4_0, iq4_xs, q3_k_s = map(bytes_of, sizes[name])
    want = [choice.memory_for(size) for size in (q3_k_s, q4_0, q6_k, q8_0)]
    check(row == want, name, row, want)
check(set(memory) == set(sizes), set(memory) ^ set(sizes))

if importlib.util.find_spec("gguf") is None:
    print("SKIPPED: the package gguf is not installed (tools/get-deps --test)")
    sys.exit()
import gguf  # noqa: E402

for name, row in types.items():
    weights, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]]
    check(float(row[0]) == size * 8 / weights, name, row, size * 8 / weights)

# A tensor of each type that GGUF has, all zeros, after the others: packed, or refused for its type.
data = bytearray(model.read_bytes())
name = b"blk.0.ffn_gate.weight"
begin = data.index(struct.pack("<Q", len(name)) + name) + 8 + len(name)
dimensions, = struct.unpack_from("<I", data, begin)
place = begin + 4 + 8 * dimensions
shape = struct.unpack_from(f"<{dimensions}Q", data, begin + 4)
offset = len(data) - gguf.GGUFReader(model).data_offset
offset += -offset % 32
data += bytes(-len(data) % 32 + 64 + 8 * shape[0] * shape[1])
packed = set()
with tempfile.TemporaryDirectory() as folder:
    file, image = pathlib.Path(folder) / "model.gguf", pathlib.Path(folder) / "model.lfm2"
    for number in gguf.GGMLQuantizationType:
        struct.pack_into("<IQ", data, place, number, offset)
        file.write_bytes(data)
        result = subprocess.run([packer, file, image, "--quiet"], capture_output=True, text=True, check=False)
        check(result.returncode == 0 or "has the type" in result.stderr, number, result)
        if result.returncode == 0:
            packed.add(number.name)
check(packed == set(types), "only packed", packed - set(types), "only on the page", set(types) - packed)
print("ok")
