#!/usr/bin/env python3
"""MLX directories, packed by lfm2-pack and read back.

    mlx_folder.py LFM2-PACK MLX-DIRECTORY

Directories of every type give scale * q + bias; what is wrong with one is named. Needs numpy.
"""
import json
import pathlib
import sys
import tempfile

from model_folders import DTYPES, ModelFolders, read_safetensors, write_safetensors

try:
    import numpy as np

    import read_image
except ImportError as e:
    sys.exit(print(f"SKIPPED: {e} (tools/get-deps --test installs it)"))

MLX_NAMES = {
    "token_embedding": "model.embed_tokens", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj", "attn_out": "self_attn.out_proj", "conv_in": "conv.in_proj", "conv_out": "conv.out_proj",
    "ffn_gate": "feed_forward.gate_proj", "ffn_up": "feed_forward.up_proj", "ffn_down": "feed_forward.down_proj",
    "router": "feed_forward.gate", "expert_gate": "feed_forward.switch_mlp.gate_proj",
    "expert_up": "feed_forward.switch_mlp.up_proj", "expert_down": "feed_forward.switch_mlp.down_proj",
}


class Test(ModelFolders):
    def mlx_types(self):
        config = json.loads((self.mlx / "config.json").read_text())
        published = read_safetensors(self.mlx / "model.safetensors")
        self.check_mlx(self.mlx, published, config["quantization"])
        random = np.random.default_rng(1)
        kinds = [(bits, group, "affine", dtype) for bits in (2, 3, 4, 5, 6, 8) for group in (32, 64, 128)
                 for dtype in ("BF16", "F16")]
        for bits, group, mode, scale_dtype in kinds + [(4, 32, "mxfp4", "U8"), (8, 32, "mxfp8", "U8"), (4, 16, "nvfp4", "U8")]:
            tensors = {}
            for name, (dtype, array) in published.items():
                base = name.rsplit(".", 1)[0]
                if base + ".scales" not in published:
                    tensors[name] = (dtype, array)
                elif name.endswith(".weight"):
                    cols = published[base + ".scales"][1].shape[-1] * 64
                    shape = array.shape[:-1]
                    tensors[name] = ("U32", random.integers(0, 1 << 32, shape + (cols * bits // 32,), np.uint32))
                    if mode == "mxfp8":  # without NaN
                        tensors[name] = ("U32", random.integers(0, 127, shape + (cols,), np.uint8).view(np.uint32))
                    if mode != "affine":
                        low, high = (0, 127) if mode == "nvfp4" else (110, 125)
                        tensors[base + ".scales"] = ("U8", random.integers(low, high, shape + (cols // group,), np.uint8))
                    else:
                        low, high = (0x3a00, 0x3c80) if scale_dtype == "BF16" else (0x1000, 0x2400)
                        for part in (".scales", ".biases"):
                            values = random.integers(low, high, shape + (cols // group,)).astype(np.uint16)
                            values |= random.integers(0, 2, values.shape, np.uint16) << 15
                            tensors[base + part] = (scale_dtype, values.view(DTYPES[scale_dtype]))
            own = {"bits": bits, "group_size": group, "mode": mode}
            self.check_mlx(self.folder("mlx", {**config, "quantization": own}, tensors), tensors, own)
        base = "model.layers.1.self_attn.q_proj"
        without = {n: t for n, t in tensors.items() if n != base + ".scales"}
        self.refused(self.folder("mlx", {**config, "quantization": own}, without), base + ".scales is missing")
        numbers = self.folder("mlx", {**config, "quantization": own}, tensors)
        for value in (0x7f, 0x81):
            scales = tensors[base + ".scales"][1].copy()
            scales[3, 2] = value
            write_safetensors(numbers / "model.safetensors", {**tensors, base + ".scales": ("U8", scales)})
            self.refused(numbers, "attn_q of layer 1 has a value that is not a number")
        for own, part in (({"bits": 7, "group_size": 64}, "affine, 7 bits in groups of 64"),
                          ({"bits": 4, "group_size": 256}, "4 bits in groups of 256"),
                          ({"bits": 8, "group_size": 32, "mode": "mxfp7"}, "mxfp7"), ({"bits": 4}, "group_size is missing"),
                          ({"bits": 8, "group_size": 64}, "has the shape"), (7, "not an object")):
            self.refused(self.folder("mlx", {**config, "quantization": own}, published), part)
        scales = "model.layers.1.self_attn.q_proj.scales"
        for value, part in ((None, scales + " is missing"), (("F16", published[scales][1].view(np.float16)), "another dtype than the scales"),
                            (("U32", np.zeros(published[scales][1].shape, np.uint32)), "dtype U32")):
            copy = {n: t for n, t in published.items() if n != scales}
            if value is not None:
                copy[scales] = value
            self.refused(self.folder("mlx", config, copy), part)

    def check_mlx(self, path, tensors, quantization):
        image = read_image.Image(self.good(path))
        for role, layer, type_, values in image.tensors():
            if role not in MLX_NAMES:
                continue
            base = MLX_NAMES[role] if role == "token_embedding" else f"model.layers.{layer}.{MLX_NAMES[role]}"
            own = quantization.get(base, quantization)
            packed = tensors[base + ".weight"][1]
            stream = np.unpackbits(np.ascontiguousarray(packed).view(np.uint8).reshape(-1, packed.shape[-1] * 4), axis=1,
                                   bitorder="little")
            bits = own["bits"]
            q = stream.reshape(len(stream), -1, bits) @ (1 << np.arange(bits))
            scales = tensors[base + ".scales"][1]
            if own.get("mode") == "nvfp4":
                scale = np.repeat(read_image.e4m3(scales.reshape(len(q), -1)), 16, axis=1)
                want = read_image.FOUR_BIT_FLOATS[q] / 2 * scale
            elif own.get("mode") == "mxfp8":
                scale = np.repeat(scales.reshape(len(q), -1), 32, axis=1).astype(np.int32)
                want = np.ldexp(read_image.e4m3(q.astype(np.uint8)), scale - 127)
            elif own.get("mode") == "mxfp4":
                scale = np.repeat(scales.reshape(len(q), -1), 32, axis=1).astype(np.int32)
                want = np.ldexp(read_image.FOUR_BIT_FLOATS[q], scale - 128)
            else:
                read = read_image.half if tensors[base + ".scales"][0] == "F16" else read_image.bfloat
                scale, bias = (np.repeat(read(tensors[base + part][1].reshape(len(q), -1)), own["group_size"],
                                         axis=1) for part in (".scales", ".biases"))
                want = q.astype(np.float32) * scale + bias
            if (want.reshape(values.shape) != values).any():
                sys.exit(f"{path}: {base} differs")
            if role == "router":
                assert type_ == read_image.F32, "the router's activations are not to be rounded"


def main():
    tool, mlx = sys.argv[1:]
    with tempfile.TemporaryDirectory() as scratch:
        test = Test(tool, pathlib.Path(mlx), pathlib.Path(scratch))
        test.mlx_types()


if __name__ == "__main__":
    main()
