"""GGUF files with matrices of any type: the model of a file with random weights. Needs numpy and gguf."""
import gguf
import numpy as np

TYPES = [t for t in ("F32 F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K IQ4_NL IQ4_XS IQ3_XXS IQ3_S IQ2_XXS IQ2_XS "
                     "IQ2_S IQ1_S IQ1_M TQ1_0 TQ2_0 MXFP4 NVFP4 Q1_0 Q2_0").split() if t in gguf.GGMLQuantizationType.__members__]


def random_blocks(name, shape, random):
    """[..., bytes of a block] of any bits; where a value can be written in two ways, in the one that quantisers write."""
    data = random.integers(0, 256, shape).astype(np.uint8)
    if name == "TQ1_0":  # five and, in bytes 48 to 51, four digits to the base of three
        data[..., :48] = (random.integers(0, 243, data[..., :48].shape) * 256 + 242) // 243
        data[..., 48:52] = (random.integers(0, 81, data[..., 48:52].shape) * 3 * 256 + 242) // 243
    if name == "NVFP4":  # scales without sign
        data[..., :4] = random.integers(0, 0x7f, data[..., :4].shape)
    return data


def keys_of(reader):
    return {name: ([t.name for t in field.types], field.contents()) for name, field in reader.fields.items()
            if not name.startswith("GGUF.")}


def write_variant(reader, name, path):
    """The model of `reader` with random matrices of another type."""
    kind = gguf.GGMLQuantizationType[name]
    values, size = gguf.GGML_QUANT_SIZES[kind]
    random = np.random.default_rng(kind.value)
    writer = gguf.GGUFWriter(path, reader.fields["general.architecture"].contents())
    for key, (types, content) in keys_of(reader).items():
        if key not in ("general.architecture", "general.file_type"):
            writer.add_key_value(key, content, gguf.GGUFValueType[types[0]],
                                 gguf.GGUFValueType[types[1]] if len(types) > 1 else None)
    writer.add_file_type(gguf.LlamaFileType["ALL_F32" if name == "F32" else "MOSTLY_" + name + {
        "Q3_K": "_M", "Q4_K": "_M", "Q5_K": "_M", "MXFP4": "_MOE"}.get(name, "")])
    for t in reader.tensors:
        shape = [int(n) for n in reversed(t.shape)]
        if len(shape) == 1 or "conv.weight" in t.name:
            writer.add_tensor(t.name, np.array(t.data).reshape(shape))
            continue
        data = random_blocks(name, shape[:-1] + [shape[-1] // values, size], random).reshape(shape[:-1] + [-1])
        writer.add_tensor(t.name, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
