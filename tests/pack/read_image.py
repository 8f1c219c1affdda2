#!/usr/bin/env python3
"""A reader of .lfm2 images written from docs/format.md alone, and a comparison with the GGUF file they were packed from.

    read_image.py [--pack LFM2-PACK] IN.gguf OUT.lfm2

Dequantises every tensor of both, of the GGUF file with the gguf package, and demands equal bits. With --pack it packs the
file first. Needs numpy and gguf.
"""
import argparse
import struct
import subprocess
import sys

try:
    import gguf
    import numpy as np
except ImportError as e:
    sys.exit(print(f"SKIPPED: {e} (tools/get-deps --test installs it)"))

ROLES = [
    "token_embedding", "output_norm", "output", "operator_norm", "ffn_norm", "attn_q", "attn_k", "attn_v", "attn_q_norm",
    "attn_k_norm", "attn_out", "conv_in", "conv_kernel", "conv_out", "ffn_gate", "ffn_up", "ffn_down", "router",
    "expert_bias", "expert_gate", "expert_up", "expert_down",
]
PLAIN = {"output_norm", "operator_norm", "ffn_norm", "attn_q_norm", "attn_k_norm", "conv_kernel", "expert_bias"}
EXPERT = {"expert_gate", "expert_up", "expert_down"}
F32, F16, BF16, Q4_0, Q8_0, Q6_K = range(6)
GEOMETRY = {F32: (32, 2048), F16: (32, 1024), BF16: (32, 1024), Q4_0: (32, 288), Q8_0: (32, 544), Q6_K: (256, 3360)}


def crc32c_table():
    table = []
    for i in range(256):
        for _ in range(8):
            i = (i >> 1) ^ (0x82F63B78 if i & 1 else 0)
        table.append(i)
    return table


TABLE = crc32c_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def half(raw):
    return np.ascontiguousarray(raw).view("<f2").astype(np.float32)


def quads(raw):
    """[n, quads * 64] bytes, byte q * 64 + row * 4 + i -> [n, 16 rows, quads * 4 columns]."""
    n, size = raw.shape
    return raw.reshape(n, size // 64, 16, 4).transpose(0, 2, 1, 3).reshape(n, 16, size // 16)


def nibbles(raw):
    """[n, 256] -> [n, 16, 32]: low nibbles are columns 0..15, high ones columns 16..31."""
    b = quads(raw)
    return np.concatenate([b & 15, b >> 4], axis=2)


def block_q4_0(raw):
    q = nibbles(raw[:, :256]).astype(np.int32) - 8
    return q.astype(np.float32) * half(raw[:, 256:])[:, :, None]


def block_q8_0(raw):
    q = quads(raw[:, :512]).view(np.int8)
    return q.astype(np.float32) * half(raw[:, 512:])[:, :, None]


def block_q6_k(raw):
    delta = half(raw[:, 3328:])
    groups = []
    for g in range(8):
        at = raw[:, g * 416:(g + 1) * 416]
        high = np.zeros((len(raw), 16, 32), np.uint8)
        pairs = quads(at[:, 256:384])  # columns: quad pair k, byte i
        for q in range(4):
            bits = pairs[:, :, q // 2 * 4:q // 2 * 4 + 4] >> (4 * (q % 2))
            high[:, :, 4 * q:4 * q + 4] = bits & 3
            high[:, :, 16 + 4 * q:20 + 4 * q] = bits >> 2 & 3
        value = (nibbles(at[:, :256]) | high << 4).astype(np.int32) - 32
        scale = np.ascontiguousarray(at[:, 384:416]).view(np.int8).reshape(-1, 2, 16).astype(np.float32)
        scale = scale * delta[:, None, :]
        groups.append(value.astype(np.float32) * np.repeat(scale.transpose(0, 2, 1), 16, axis=2))
    return np.concatenate(groups, axis=2)


def unquantised(raw, type_):
    if type_ == F32:
        values = np.ascontiguousarray(raw).view("<f4")
    elif type_ == F16:
        values = half(raw)
    else:
        values = (np.ascontiguousarray(raw).view("<u2").astype(np.uint32) << 16).view(np.float32)
    return values.reshape(-1, 32, 16).transpose(0, 2, 1)


def matrix(data, type_, rows, cols):
    """The values [rows, cols] of a matrix; also checks that rows beyond the last one are zero."""
    columns, size = GEOMETRY[type_]
    row_blocks, col_blocks = -(-rows // 16), cols // columns
    raw = np.frombuffer(data, np.uint8).reshape(row_blocks * col_blocks, size)
    decode = {Q4_0: block_q4_0, Q8_0: block_q8_0, Q6_K: block_q6_k}.get(type_) or (lambda r: unquantised(r, type_))
    values = decode(raw).reshape(row_blocks, col_blocks, 16, columns).transpose(0, 2, 1, 3).reshape(row_blocks * 16, cols)
    assert not values[rows:].any(), "padding rows are not zero"
    return values[:rows]


class Image:
    def __init__(self, path):
        self.data = data = open(path, "rb").read()
        (magic, version, header_bytes, file_bytes, metadata_bytes, metadata_crc, tensors, directory, record_table, record_crcs,
         self.pinned, pinned_bytes, pinned_crc, record_layers, self.vocab_bytes) = struct.unpack_from("<8sIIQQIIQQQQQIIQ", data)
        assert magic == b"LFM2IMG\n" and version == 1 and header_bytes == 512 and file_bytes == len(data)
        meta = bytearray(data[:metadata_bytes])
        meta[32:36] = bytes(4)
        assert crc32c(meta) == metadata_crc, "metadata CRC"
        assert crc32c(data[self.pinned:self.pinned + pinned_bytes]) == pinned_crc, "pinned CRC"
        fields = ("hidden_size layers heads kv_heads head_dim dense_layers dense_ff_size experts experts_per_token expert_ff_size "
                  "vocab_size context_length conv_kernel tied_embedding").split()
        self.config = dict(zip(fields, struct.unpack_from("<14I", data, 96)))
        self.config["norm_eps"], self.config["rope_theta"], self.config["routed_scaling_factor"] = struct.unpack_from("<3f", data, 152)
        self.config["layer_kind"] = list(data[168:168 + self.config["layers"]])
        self.name = data[296:360].split(b"\0")[0].decode()
        self.entries = [struct.unpack_from("<HHIIIQQ", data, directory + 32 * i) for i in range(tensors)]
        self.records = [struct.unpack_from("<QQQ", data, record_table + 24 * i) for i in range(record_layers)]
        experts = self.config["experts"]
        for m, (offset, size, stride) in enumerate(self.records):
            assert offset % 4096 == 0 and stride % 4096 == 0
            for e in range(experts):
                want, = struct.unpack_from("<I", data, record_crcs + 4 * (m * experts + e))
                at = offset + e * stride
                assert crc32c(data[at:at + size]) == want, "record CRC"

    def tensors(self):
        """(role, layer, type, values) for each; experts stacked as [experts, rows, cols]."""
        for role, layer, type_, rows, cols, offset, size in self.entries:
            name = ROLES[role]
            if name in EXPERT:
                begin, _, stride = self.records[layer - self.config["dense_layers"]]
                places = [begin + e * stride + offset for e in range(self.config["experts"])]
            else:
                places = [self.pinned + offset]
            if name in PLAIN:
                values = np.frombuffer(self.data, "<f4", rows * cols, places[0]).reshape(rows, cols)
            else:
                values = np.stack([matrix(self.data[p:p + size], type_, rows, cols) for p in places])
                values = values if name in EXPERT else values[0]
            yield name, layer, type_, values


GGUF_NAMES = {
    "token_embedding": "token_embd.weight", "output_norm": "token_embd_norm.weight", "output": "output.weight",
    "operator_norm": "attn_norm.weight", "ffn_norm": "ffn_norm.weight", "attn_q": "attn_q.weight", "attn_k": "attn_k.weight",
    "attn_v": "attn_v.weight", "attn_q_norm": "attn_q_norm.weight", "attn_k_norm": "attn_k_norm.weight",
    "attn_out": "attn_output.weight", "conv_in": "shortconv.in_proj.weight", "conv_kernel": "shortconv.conv.weight",
    "conv_out": "shortconv.out_proj.weight", "ffn_gate": "ffn_gate.weight", "ffn_up": "ffn_up.weight",
    "ffn_down": "ffn_down.weight", "router": "ffn_gate_inp.weight", "expert_bias": "exp_probs_b.bias",
    "expert_gate": "ffn_gate_exps.weight", "expert_up": "ffn_up_exps.weight", "expert_down": "ffn_down_exps.weight",
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pack")
    parser.add_argument("source")
    parser.add_argument("image")
    a = parser.parse_args()
    if a.pack:
        subprocess.run([a.pack, a.source, a.image, "--quiet"], check=True)
    image = Image(a.image)
    source = {t.name: t for t in gguf.GGUFReader(a.source).tensors}
    for role, layer, _, values in image.tensors():
        name = GGUF_NAMES[role] if role in ("token_embedding", "output_norm", "output") else f"blk.{layer}.{GGUF_NAMES[role]}"
        t = source.pop(name)
        want = gguf.quants.dequantize(t.data, t.tensor_type).astype(np.float32)
        if role == "conv_kernel":
            want = want.T
        want = want.reshape(values.shape)
        same = np.ascontiguousarray(want).view(np.uint32) == np.ascontiguousarray(values).view(np.uint32)
        if not same.all():
            sys.exit(f"{name}: {np.count_nonzero(~same)} of {same.size} values differ")
    if source:
        sys.exit(f"not in the image: {sorted(source)}")
    print(f"{a.image}: {len(image.entries)} tensors agree")


if __name__ == "__main__":
    main()
