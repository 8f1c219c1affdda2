#!/usr/bin/env python3
"""Weights in T4G64, T3G64 and T2G32, decoded according to docs/format.md alone, are near the original weights.

    table_types.py LFM2-PACK MODEL.gguf

Needs numpy and gguf.
"""
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "pack"))
import read_image  # noqa: E402
from read_image import gguf, np  # noqa: E402

# Which tensors are kept in which type, its number, and the share of the weights' power that may be lost: for a normal
# distribution the best 16, 8 and 4 levels lose 0.01, 0.035 and 0.12, and a separate scale for few weights is better
# than that.
KINDS = {"ffn_gate": ("t4", read_image.T4G64, 0.01), "ffn_up": ("t3", read_image.T3G64, 0.035),
         "ffn_down": ("t2", read_image.T2G32, 0.12)}


def main():
    pack, model = sys.argv[1:]
    source = {t.name: t for t in gguf.GGUFReader(model).tensors}
    with tempfile.TemporaryDirectory() as name:
        out = pathlib.Path(name) / "model.lfm2"
        kept = [f"--keep={role}={option}" for role, (option, _, _) in KINDS.items()]
        subprocess.run([pack, model, out, "--quiet", "--type", "q8", *kept], check=True)
        seen = 0
        for role, layer, type_, values in read_image.Image(out).tensors():
            if role not in KINDS:
                continue
            _, number, most = KINDS[role]
            want = read_image.dequantize(source[f"blk.{layer}.{read_image.GGUF_NAMES[role]}"]).reshape(values.shape)
            lost = float(np.square(want - values).sum() / np.square(want).sum())
            if type_ != number or not lost < most:
                sys.exit(f"{role} of layer {layer}: type {type_}, {lost} of its power is lost")
            seen += 1
    if seen < 3:
        sys.exit(f"{seen} matrices")
    print(f"{seen} matrices")


if __name__ == "__main__":
    main()
