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

from image_blocks import BF16, F32, FOUR_BIT_FLOATS, T2G32, T3G64, T4G64, bfloat, e4m3, half, matrix  # noqa: E402, F401
from read_vocab import chat_name, check_token_trie  # noqa: E402, F401

ROLES = [
    "token_embedding", "output_norm", "output", "operator_norm", "ffn_norm", "attn_q", "attn_k", "attn_v", "attn_q_norm",
    "attn_k_norm", "attn_out", "conv_in", "conv_kernel", "conv_out", "ffn_gate", "ffn_up", "ffn_down", "router",
    "expert_bias", "expert_gate", "expert_up", "expert_down",
]
PLAIN = {"output_norm", "operator_norm", "ffn_norm", "attn_q_norm", "attn_k_norm", "conv_kernel", "expert_bias"}
EXPERT = {"expert_gate", "expert_up", "expert_down"}


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
        bits, *values = struct.unpack_from("<IfIfff", data, 360)
        kinds = "temperature top_k top_p min_p repetition_penalty".split()
        self.sampling = {kind: value for i, (kind, value) in enumerate(zip(kinds, values)) if bits >> i & 1}
        trie_offset, trie_bytes, trie_crc = struct.unpack_from("<QQI", data, 384)
        assert not any(data[404:512]), "bytes that no field claims"
        self.entries = [struct.unpack_from("<HHIIIQQ", data, directory + 32 * i) for i in range(tensors)]
        self.records = [struct.unpack_from("<QQQ", data, record_table + 24 * i) for i in range(record_layers)]
        experts = self.config["experts"]
        for m, (offset, size, stride) in enumerate(self.records):
            assert offset % 4096 == 0 and stride % 4096 == 0
            for e in range(experts):
                want, = struct.unpack_from("<I", data, record_crcs + 4 * (m * experts + e))
                at = offset + e * stride
                assert crc32c(data[at:at + size]) == want, "record CRC"
        end = self.records[-1][0] + experts * self.records[-1][2] if self.records else self.pinned + pinned_bytes
        self.token_trie = None
        if trie_bytes:
            assert trie_offset == -(-end // 4096) * 4096 and file_bytes == trie_offset + trie_bytes, "place of the token trie"
            assert not any(data[end:trie_offset]), "bytes that no field claims"
            self.token_trie = data[trie_offset:]
            assert crc32c(self.token_trie) == trie_crc, "token trie CRC"
        else:
            assert trie_offset == trie_crc == 0 and file_bytes == end, "end of the image"

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


def dequantize(tensor):
    """The values of a tensor in a GGUF file."""
    name = tensor.tensor_type.name
    if name in ("Q1_0", "Q2_0"):  # the gguf package has the types and not their values: ggml's dequantize_row_q1_0, _q2_0
        blocks = tensor.data.reshape(-1, 18)
        bits = np.unpackbits(blocks[:, 2:], axis=1, bitorder="little")
        whole = 2 * bits.astype(np.int32) - 1 if name == "Q1_0" else bits[:, ::2] + 2 * bits[:, 1::2].astype(np.int32) - 1
        return whole.astype(np.float32) * half(blocks[:, :2])
    with np.errstate(all="ignore"):
        return gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)


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
        want = dequantize(t)
        if role == "conv_kernel":
            want = want.T
        want = want.reshape(values.shape)
        same = np.ascontiguousarray(want).view(np.uint32) == np.ascontiguousarray(values).view(np.uint32)
        # A half-float that is not a number makes its weights NaN. Zero has either sign.
        same |= (np.isnan(want) & np.isnan(values)) | ((want == 0) & (values == 0))
        if not same.all():
            sys.exit(f"{name}: {np.count_nonzero(~same)} of {same.size} values differ")
    if source:
        sys.exit(f"not in the image: {sorted(source)}")
    nodes = check_token_trie(image.token_trie, image.data[image.pinned:image.pinned + image.vocab_bytes])
    print(f"{a.image}: {len(image.entries)} tensors agree, and {nodes} nodes of the token trie")


if __name__ == "__main__":
    main()
