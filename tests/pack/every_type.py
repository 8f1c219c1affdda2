#!/usr/bin/env python3
"""Models of every GGUF type, with random weights, packed by lfm2-pack and read back by the description of images alone.

    every_type.py LFM2-PACK MODEL.gguf

Packs a file of each type, compares every value with the gguf package, and reads what the packer says of types that take
more room in an image. Needs numpy and gguf.
"""
import pathlib
import subprocess
import sys
import tempfile

try:
    import gguf

    import variant_gguf
except ImportError as e:
    sys.exit(print(f"SKIPPED: {e} (tools/get-deps --test installs it)"))

# Bits per weight in a GGUF file and in an image, where they differ.
EXPANDED = {"IQ3_XXS": ("3.06", "4.19"), "IQ3_S": ("3.44", "4.19"), "IQ2_XXS": ("2.06", "3.19"), "IQ2_XS": ("2.31", "3.31"),
            "IQ2_S": ("2.56", "3.31"), "IQ1_S": ("1.56", "2.19"), "IQ1_M": ("1.75", "3.31"), "TQ1_0": ("1.69", "2.06"),
            "Q1_0": ("1.12", "2.12")}


def main():
    pack, model = sys.argv[1:]
    reader = gguf.GGUFReader(model)
    with tempfile.TemporaryDirectory() as name:
        scratch = pathlib.Path(name)
        for kind in variant_gguf.TYPES:
            source, image = scratch / f"{kind}.gguf", scratch / f"{kind}.lfm2"
            variant_gguf.write_variant(reader, kind, source)
            packed = subprocess.run([pack, source, image], capture_output=True, text=True, check=False)
            if packed.returncode != 0:
                sys.exit(f"{kind}: {packed.stderr}")
            said = [line for line in packed.stdout.splitlines() if "bits per weight in the file" in line]
            want = EXPANDED.get(kind)
            if want is None and said or want is not None and not (
                    len(said) == 1 and kind in said[0] and want[0] in said[0] and want[1] in said[0]):
                sys.exit(f"{kind}: the packer says {said}")
            compared = subprocess.run([sys.executable, "-B", "read_image.py", source, image], capture_output=True, text=True,
                                      check=False)
            if compared.returncode != 0:
                sys.exit(f"{kind}: {compared.stdout}{compared.stderr}")
            source.unlink()
            image.unlink()
    print(f"{len(variant_gguf.TYPES)} types agree")


if __name__ == "__main__":
    main()
