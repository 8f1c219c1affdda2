"""The blocks of the types of weights in .lfm2 images, dequantised as docs/format.md describes them."""
import numpy as np

(F32, F16, BF16, Q4_0, Q8_0, Q6_K, Q4_K, Q5_K, MXFP4, Q2_K, Q3_K, IQ4_XS, IQ3_XXS, IQ3_S, IQ2_XXS, Q4_1, Q5_0, Q5_1, IQ4_NL,
 IQ2_XS, IQ2_S, IQ1_S, IQ1_M, TQ1_0, TQ2_0, Q1_0, Q2_0, NVFP4, MXFP8, T4G64, T3G64, T2G32) = range(32)
# Columns and bytes of a block.
GEOMETRY = {F32: (32, 2048), F16: (32, 1024), BF16: (32, 1024), Q4_0: (32, 288), Q8_0: (32, 544), Q6_K: (256, 3360),
            Q4_K: (256, 2304), Q5_K: (256, 2816), MXFP4: (32, 272), Q2_K: (256, 1344), Q3_K: (256, 1760),
            IQ4_XS: (256, 2176), IQ3_XXS: (256, 2144), IQ3_S: (256, 2144), IQ2_XXS: (256, 1632), Q4_1: (32, 320),
            Q5_0: (32, 352), Q5_1: (32, 384), IQ4_NL: (32, 288), IQ2_XS: (256, 1696), IQ2_S: (256, 1696),
            IQ1_S: (256, 1120), IQ1_M: (256, 1696), TQ1_0: (256, 1056), TQ2_0: (256, 1056), Q1_0: (128, 544),
            Q2_0: (64, 288), NVFP4: (32, 288), MXFP8: (32, 528), T4G64: (64, 544), T3G64: (64, 416), T2G32: (32, 160)}


def affine(number):
    """Bits, groups of 32 columns that share a scale, and whether scales are half-floats, of an affine type."""
    bits, rest = divmod(number - 32, 6)
    return (2, 3, 4, 5, 6, 8)[bits], 1 << rest // 2, rest % 2 == 1


for number in range(32, 68):
    bits_, groups_, _ = affine(number)
    GEOMETRY[number] = (32 * groups_, 64 * bits_ * groups_ + 64)
FOUR_BIT_FLOATS = np.array([0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12], np.float32)
NON_LINEAR = np.array([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113], np.float32)
GRID_3 = np.array([-62, -52, -44, -36, -28, -20, -12, -4, 4, 12, 20, 28, 36, 44, 52, 62], np.float32)
GRID_2 = np.array([-43, -25, -8, 8, 25, 43, 0, 0], np.float32)
GRID_1 = np.array([-9, -7, -1, 1, 7, 9, 0, 0], np.float32)
FOUR_BIT_TABLE = np.array([-32, -25, -20, -16, -12, -9, -6, -3, 0, 3, 6, 9, 13, 17, 22, 28], np.float32)
THREE_BIT_TABLE = np.array([-12, -7, -4, -1, 2, 5, 9, 15], np.float32)
TWO_BIT_TABLE = np.array([-10, -2, 5, 14], np.float32)
THIRD_BIT = [2, 6, 0, 4, 3, 7, 1, 5]


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


def upper_bits(raw):
    """The 128 bytes of bits 4..5 of a group, as [n, 16, 32]."""
    pairs = quads(raw)  # columns: quad pair k, byte i
    high = np.zeros((len(raw), 16, 32), np.uint8)
    for q in range(4):
        bits = pairs[:, :, q // 2 * 4:q // 2 * 4 + 4] >> (4 * (q % 2))
        high[:, :, 4 * q:4 * q + 4] = bits & 3
        high[:, :, 16 + 4 * q:20 + 4 * q] = bits >> 2 & 3
    return high


def fifth_bits(raw):
    """The 64 bytes of fifth bits of a group, as [n, 16, 32]."""
    b = raw.reshape(-1, 16, 1, 4)
    return (b >> np.arange(8, dtype=np.uint8).reshape(1, 1, 8, 1) & 1).reshape(-1, 16, 32)


def third_bits(raw):
    """The 64 bytes of third bits of a group, as [n, 16, 32]."""
    b = raw.reshape(-1, 16, 1, 4)
    return (b >> np.array(THIRD_BIT, np.uint8).reshape(1, 1, 8, 1) & 1).reshape(-1, 16, 32)


def integers(raw, bits):
    """A group's integers, [n, 16, 32], from where they begin; eight bits are signed."""
    if bits == 8:
        return quads(raw[:, :512]).view(np.int8).astype(np.int32)
    if bits < 4:
        value = upper_bits(raw[:, :128])
        if bits == 3:
            value = value | third_bits(raw[:, 128:192]) << 2
        return value.astype(np.int32)
    value = nibbles(raw[:, :256])
    if bits == 5:
        value = value | fifth_bits(raw[:, 256:320]) << 4
    if bits == 6:
        value = value | upper_bits(raw[:, 256:384]) << 4
    return value.astype(np.int32)


def bfloat(raw):
    return (np.ascontiguousarray(raw).view("<u2").astype(np.uint32) << 16).view(np.float32)


def block_scaled(raw, bits, zero):
    """Q4_0, Q5_0, Q8_0: (integer - zero) * scale."""
    return (integers(raw, bits) - zero).astype(np.float32) * half(raw[:, -32:])[:, :, None]


def block_with_min(raw, bits):
    """Q4_1, Q5_1: integer * scale + min."""
    return integers(raw, bits).astype(np.float32) * half(raw[:, -64:-32])[:, :, None] + half(raw[:, -32:])[:, :, None]


def block_table(raw, type_):
    index = nibbles(raw[:, :256])
    if type_ == IQ4_NL:
        return NON_LINEAR[index] * half(raw[:, 256:])[:, :, None]
    return np.ldexp(FOUR_BIT_FLOATS[index], raw[:, 256:].astype(np.int32)[:, :, None] - 128)


def block_affine(raw, number):
    """MLX's: bits * scale + bias; eight bits are stored less 128."""
    bits, groups, halves = affine(number)
    read = half if halves else bfloat
    scale, bias = read(raw[:, -64:-32])[:, :, None], read(raw[:, -32:])[:, :, None]
    values = [integers(raw[:, 64 * bits * g:], bits) + (128 if bits == 8 else 0) for g in range(groups)]
    return np.concatenate(values, axis=2).astype(np.float32) * scale + bias


def e4m3(raw):
    """8-bit floats of 4 exponent bits."""
    exponent, fraction = (raw >> 3 & 15).astype(np.int32), (raw & 7).astype(np.float32)
    value = np.where(exponent == 0, np.ldexp(fraction, -9), np.ldexp(8 + fraction, exponent - 10)).astype(np.float32)
    return np.where(raw & 128, -value, value)


def block_mxfp8(raw):
    values = e4m3(raw[:, :512]).reshape(-1, 32, 16).transpose(0, 2, 1)
    return values * np.ldexp(np.float32(1), raw[:, 512:].astype(np.int32) - 127)[:, :, None]


def by_halves(low, high):
    """[n, 16] of columns 0..15 of a group and of 16..31, as [n, 16, 32]."""
    return np.repeat(np.stack([low, high], axis=2), 16, axis=2)


def four_bits(bytes_, g):
    """[n, 4, 16] bytes that two groups share: those of group g."""
    return bytes_[:, g // 2] >> (4 * (g % 2)) & 15


def words(raw, count):
    """[n, count * 64] bytes as [n, count, 16] words of 32 bits."""
    return np.ascontiguousarray(raw).view("<u4").reshape(-1, count, 16)


def block_q2_k(raw):
    both, delta, min_delta = words(raw[:, 1024:1280], 4), half(raw[:, 1280:1312]), half(raw[:, 1312:])
    groups = []
    for g in range(8):
        halves = [both[:, g // 2] >> (16 * h + 8 * (g % 2)) for h in range(2)]
        scale = by_halves(*((b & 15).astype(np.float32) * delta for b in halves))
        least = by_halves(*((b >> 4 & 15).astype(np.float32) * min_delta for b in halves))
        groups.append(integers(raw[:, 128 * g:128 * (g + 1)], 2).astype(np.float32) * scale - least)
    return np.concatenate(groups, axis=2)


def block_q3_k(raw):
    lower, upper, delta = words(raw[:, 1536:1664], 2), words(raw[:, 1664:1728], 1)[:, 0], half(raw[:, 1728:])
    groups = []
    for g in range(8):
        scales = []
        for h in range(2):
            six = (lower[:, g // 4] >> (16 * h + 4 * (g % 4)) & 15) | (upper >> (16 * h + 2 * g) & 3) << 4
            scales.append((six.astype(np.int32) - 32).astype(np.float32) * delta)
        groups.append((integers(raw[:, 192 * g:192 * (g + 1)], 3) - 4).astype(np.float32) * by_halves(*scales))
    return np.concatenate(groups, axis=2)


def block_iq4_xs(raw):
    lower, upper, delta = raw[:, 2048:2112].reshape(-1, 4, 16), raw[:, 2112:2144].reshape(-1, 2, 16), half(raw[:, 2144:])
    groups = []
    for g in range(8):
        six = four_bits(lower, g) | (upper[:, g // 4] >> (2 * (g % 4)) & 3) << 4
        scale = (six.astype(np.int32) - 32).astype(np.float32) * delta
        groups.append(NON_LINEAR[nibbles(raw[:, 256 * g:256 * (g + 1)])] * scale[:, :, None])
    return np.concatenate(groups, axis=2)


def block_codebook(raw, type_):
    """IQ3_XXS, IQ3_S, IQ2_XXS, IQ1_S: a scale of four bits a group."""
    bits = {IQ3_XXS: 4, IQ3_S: 4, IQ2_XXS: 3, IQ1_S: 2}[type_]
    size, delta = 64 * bits, half(raw[:, -32:])
    scales = raw[:, -96:-32].reshape(-1, 4, 16)
    groups = []
    for g in range(8):
        index, four = integers(raw[:, size * g:size * (g + 1)], bits), four_bits(scales, g)
        if type_ == IQ1_S:
            step = ((2 * (four & 7) + 1).astype(np.float32) * delta)[:, :, None]
            values = (index - np.where(four < 8, 0.875, 1.125)[:, :, None]).astype(np.float32)
        else:
            step = ((2 * four + 1).astype(np.float32) * delta)[:, :, None]
            values = {IQ3_XXS: lambda i: GRID_3[i] / 4, IQ3_S: lambda i: (2 * i - 15).astype(np.float32),
                      IQ2_XXS: lambda i: GRID_2[i] / 8}[type_](index)
        groups.append(values * step)
    return np.concatenate(groups, axis=2)


def block_codebook_halves(raw, grid):
    """IQ2_XS, IQ2_S, IQ1_M: a scale of four bits for each half of a group."""
    delta, groups = half(raw[:, 1664:]), []
    for g in range(8):
        at = raw[:, 208 * g:208 * (g + 1)]
        scale = by_halves(*((2 * (at[:, 192:] >> shift & 15) + 1).astype(np.float32) * delta for shift in (0, 4)))
        groups.append(grid[integers(at, 3)] / 8 * scale)
    return np.concatenate(groups, axis=2)


def block_ternary(raw):
    scale = half(raw[:, -32:])[:, :, None]
    groups = [integers(raw[:, at:at + 128], 2) - 1 for at in range(0, raw.shape[1] - 32, 128)]
    return np.concatenate(groups, axis=2).astype(np.float32) * scale


def block_own_table(raw, type_):
    """T4G64, T3G64, T2G32: the values of a table, a scale for all groups of a block."""
    bits, table = {T4G64: (4, FOUR_BIT_TABLE), T3G64: (3, THREE_BIT_TABLE), T2G32: (2, TWO_BIT_TABLE)}[type_]
    groups = [table[integers(raw[:, at:at + 64 * bits], bits)] for at in range(0, raw.shape[1] - 32, 64 * bits)]
    return np.concatenate(groups, axis=2) * half(raw[:, -32:])[:, :, None]


def block_nvfp4(raw):
    scale = by_halves(e4m3(raw[:, 256:272]), e4m3(raw[:, 272:]))
    return FOUR_BIT_FLOATS[nibbles(raw[:, :256])] / 2 * scale


def block_k(raw, bits, group_bytes):
    """Q4_K, Q5_K."""
    delta, min_delta = half(raw[:, -64:-32]), half(raw[:, -32:])
    high = raw[:, -128:-64].reshape(-1, 4, 16)
    groups = []
    for g in range(8):
        at = raw[:, g * group_bytes:(g + 1) * group_bytes]
        low, up = at[:, -16:], high[:, g // 2] >> (4 * (g % 2))
        scale = ((low & 15) | (up & 3) << 4).astype(np.float32) * delta
        least = (low >> 4 | (up >> 2 & 3) << 4).astype(np.float32) * min_delta
        groups.append(integers(at, bits).astype(np.float32) * scale[:, :, None] - least[:, :, None])
    return np.concatenate(groups, axis=2)


def block_q6_k(raw):
    delta = half(raw[:, 3328:])
    groups = []
    for g in range(8):
        at = raw[:, g * 416:(g + 1) * 416]
        scale = np.ascontiguousarray(at[:, 384:416]).view(np.int8).reshape(-1, 2, 16).astype(np.float32)
        scale = scale * delta[:, None, :]
        value = (integers(at, 6) - 32).astype(np.float32)
        groups.append(value * np.repeat(scale.transpose(0, 2, 1), 16, axis=2))
    return np.concatenate(groups, axis=2)


DECODE = {
    Q4_0: lambda r: block_scaled(r, 4, 8), Q5_0: lambda r: block_scaled(r, 5, 16), Q8_0: lambda r: block_scaled(r, 8, 0),
    Q4_1: lambda r: block_with_min(r, 4), Q5_1: lambda r: block_with_min(r, 5), Q6_K: block_q6_k,
    Q4_K: lambda r: block_k(r, 4, 272), Q5_K: lambda r: block_k(r, 5, 336),
    MXFP4: lambda r: block_table(r, MXFP4), IQ4_NL: lambda r: block_table(r, IQ4_NL),
    Q2_K: block_q2_k, Q3_K: block_q3_k, IQ4_XS: block_iq4_xs, IQ3_XXS: lambda r: block_codebook(r, IQ3_XXS),
    IQ3_S: lambda r: block_codebook(r, IQ3_S), IQ2_XXS: lambda r: block_codebook(r, IQ2_XXS),
    IQ1_S: lambda r: block_codebook(r, IQ1_S), IQ2_XS: lambda r: block_codebook_halves(r, GRID_2),
    IQ2_S: lambda r: block_codebook_halves(r, GRID_2), IQ1_M: lambda r: block_codebook_halves(r, GRID_1),
    TQ1_0: block_ternary, TQ2_0: block_ternary, Q1_0: block_ternary, Q2_0: block_ternary, NVFP4: block_nvfp4,
    MXFP8: block_mxfp8, **{n: lambda r, n=n: block_own_table(r, n) for n in (T4G64, T3G64, T2G32)},
    **{n: lambda r, n=n: block_affine(r, n) for n in range(32, 68)},
}


def unquantised(raw, type_):
    if type_ == F32:
        values = np.ascontiguousarray(raw).view("<f4")
    elif type_ == F16:
        values = half(raw)
    else:
        values = bfloat(raw)
    return values.reshape(-1, 32, 16).transpose(0, 2, 1)


def matrix(data, type_, rows, cols):
    """The values [rows, cols] of a matrix; also checks that rows beyond the last one are zero."""
    columns, size = GEOMETRY[type_]
    row_blocks, col_blocks = -(-rows // 16), cols // columns
    raw = np.frombuffer(data, np.uint8).reshape(row_blocks * col_blocks, size)
    decode = DECODE.get(type_) or (lambda r: unquantised(r, type_))
    values = decode(raw).reshape(row_blocks, col_blocks, 16, columns).transpose(0, 2, 1, 3).reshape(row_blocks * 16, cols)
    assert not values[rows:].any(), "padding rows are not zero"
    return values[:rows]
