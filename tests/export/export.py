#!/usr/bin/env python3
"""A GGUF file of lfm2-export equals the packed one, as read by the gguf package: every tensor byte for byte, every
key that llama.cpp needs, and packing it again gives the same image.

    export.py LFM2-EXPORT LFM2-PACK MLX-DIRECTORY MODEL.gguf...
"""
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pack"))
try:
    import gguf

    from variant_gguf import TYPES, keys_of, write_variant
except ImportError as e:
    sys.exit(print(f"SKIPPED: {e} (tools/get-deps --test installs it)"))

# An image does not keep these keys, or not their exact text. No loader needs them; the template has a test of its own.
LOST = {"general.version", "general.basename", "general.size_label", "tokenizer.ggml.add_sep_token",
        "tokenizer.ggml.add_eos_token", "tokenizer.chat_template", "quantize.imatrix.entries_count", "quantize.imatrix.dataset",
        "quantize.imatrix.file", "quantize.imatrix.chunks_count"}


def check(condition, *what):
    if not condition:
        sys.exit(f"failed: {what}")


def run(*command):
    result = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    check(result.returncode == 0, result)


class Test:
    def __init__(self, export, pack, scratch):
        self.export, self.pack, self.scratch = export, pack, scratch

    def round_trip(self, model):
        image, out, again = (self.scratch / n for n in ("model.lfm2", "out.gguf", "again.lfm2"))
        run(self.pack, model, image, "--quiet")
        run(self.export, image, out, "--quiet")
        run(self.pack, out, again, "--quiet")
        check(image.read_bytes() == again.read_bytes(), model, "packs to another image")
        want, got = gguf.GGUFReader(model), gguf.GGUFReader(out)
        check(sorted(t.name for t in want.tensors) == sorted(t.name for t in got.tensors), model)
        found = {t.name: t for t in got.tensors}
        for t in want.tensors:
            other = found[t.name]
            check(t.tensor_type == other.tensor_type and t.shape.tolist() == other.shape.tolist(), model, t.name)
            check(t.data.tobytes() == other.data.tobytes(), model, t.name)
        keys, others = keys_of(want), keys_of(got)
        missing = {k for k in keys if k not in LOST and others.get(k) != keys[k]}
        check(not missing, model, missing)
        check(not set(others) - set(keys), model, set(others) - set(keys))

    def mlx(self, folder):
        image, out = self.scratch / "mlx.lfm2", self.scratch / "mlx.gguf"
        run(self.pack, folder, image, "--quiet")
        before = sorted(p.name for p in self.scratch.iterdir())
        result = subprocess.run([self.export, image, out], capture_output=True, text=True, check=False)
        check(result.returncode == 1 and result.stderr.count("\n") == 1 and not result.stdout, result)
        check("token_embd.weight has MLX's type A4G64" in result.stderr, result)
        check(sorted(p.name for p in self.scratch.iterdir()) == before, "a refusal leaves nothing")


def main():
    export, pack, mlx, *models = sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        scratch = pathlib.Path(name)
        test = Test(export, pack, scratch)
        for model in models:
            test.round_trip(model)
        whole = gguf.GGUFReader(next(m for m in models if "moe-256" in m))
        for kind in TYPES:
            write_variant(whole, kind, scratch / f"{kind}.gguf")
            test.round_trip(scratch / f"{kind}.gguf")
        test.mlx(mlx)
    print("ok")


if __name__ == "__main__":
    main()
