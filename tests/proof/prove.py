"""proof.prove: theorems about the library's size arithmetic, for every input. Needs z3 (PyPI: z3-solver).

    prove.py lfm2_proof_values

z3 proves statements about 64-bit sums that may wrap. That no step of a long formula wraps follows from ranges (formulas.py).
values.py compares the formulas with the code. Where an assumption matters, the statement without it is refuted as well, so
that a mistake in the model which makes everything provable is noticed."""
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import formulas as f

try:
    import z3
except ImportError:
    print("SKIPPED: z3 is not installed (tools/get-deps --test installs it)")
    sys.exit(0)

TOP = f.U64 - 1  # UINT64_MAX
proved = refuted = 0


def decide(claim, assumptions):
    solver = z3.Solver()
    solver.set("timeout", 120000)
    solver.add(*assumptions, z3.Not(claim))
    return solver.check(), solver


def prove(name, claim, *assumptions):
    """`claim` follows from the assumptions, and those do not contradict each other."""
    global proved
    result, solver = decide(claim, assumptions)
    if result != z3.unsat:
        sys.exit(f"proof.prove: {name}: not proved: {solver.model() if result == z3.sat else result}")
    if decide(z3.BoolVal(False), assumptions)[0] != z3.sat:
        sys.exit(f"proof.prove: {name}: the assumptions hold of nothing")
    proved += 1
    print(f"proved   {name}")


def refute(name, claim, *assumptions):
    """A statement that must have a counterexample."""
    global refuted
    result, _ = decide(claim, assumptions)
    if result != z3.sat:
        sys.exit(f"proof.prove: {name}: should have a counterexample, but {result}")
    refuted += 1
    print(f"refuted  {name}")


def numbers(names):
    """Variables, and that each is a uint64_t."""
    variables = z3.Ints(names)
    return variables, [z3.And(0 <= v, v <= TOP) for v in variables]


def up(n, step):
    return (n + step - 1) / step * step  # of integers: rounds down for n >= 0


def wrapped(n):
    return n % f.U64


def base_arithmetic():
    a, b, out = z3.BitVecs("a b out", 64)
    # As in base/numeric.h; z3's comparisons of bit vectors are signed without the U.
    fits = z3.Not(z3.UGT(b, TOP - a))
    wide = z3.ZeroExt(1, a) + z3.ZeroExt(1, b)
    prove("CheckedAdd is true exactly where the sum fits 64 bits", fits == z3.ULT(wide, z3.BitVecVal(f.U64, 65)))
    prove("CheckedAdd's sum is exact", z3.ZeroExt(1, a + b) == wide, fits)
    refute("a + b is exact unchecked", z3.ZeroExt(1, a + b) == wide)
    # Over integers: solvers are slow at 64-bit divisions. q and r are UINT64_MAX / x and its remainder.
    (x, y, q, r), are_u64 = numbers("x y q r")
    divided = [x > 0, q * x + r == TOP, r < x]
    prove("CheckedMul refuses no product that fits", z3.Implies(y > q, y * x >= (q + 1) * x), *are_u64, *divided)
    prove("CheckedMul accepts none that does not fit", z3.Implies(y <= q, y * x <= q * x), *are_u64, *divided)
    prove("... as q * x is UINT64_MAX at most, and (q + 1) * x is more", z3.And(q * x <= TOP, q * x + x > TOP), *are_u64,
          *divided)
    prove("a product is greatest where both factors are", x * y <= q * r, x <= q, y <= r, *are_u64)
    for step in (8, 16, 32, 64, 512, 4096):
        n = z3.BitVec("n", 64)
        rounded = z3.UDiv(n + (step - 1), z3.BitVecVal(step, 64)) * step
        no_wrap = z3.ULE(n, TOP - (step - 1))
        prove(f"RoundUp(n, {step}) is the least multiple that is not below n",
              z3.And(z3.UGE(rounded, n), z3.ULT(rounded - n, step), z3.URem(rounded, z3.BitVecVal(step, 64)) == 0), no_wrap)
        refute(f"RoundUp(n, {step}) is not below n for every n", z3.UGE(rounded, n))


def arena():
    (used, capacity, count, rounded), are_u64 = numbers("used capacity count rounded")
    for size in (4096, 32, 24, 12, 8, 4, 2, 1):
        size_bytes = count * size
        end = used + wrapped(size_bytes + 63) / 64 * 64
        within = z3.And(used + size_bytes <= end, end % 64 == 0, end >= used)
        # The four conditions of Arena::Carve, in its order; that CheckedMul and CheckedAdd mean this is proved above.
        product_fits, may_round, sum_fits = size_bytes <= TOP, size_bytes <= TOP - 64, z3.And(end <= TOP, end <= capacity)
        prove(f"what Carve gives, of {size} bytes a value, is aligned and within the arena, and nothing wraps", within,
              *are_u64, used % 64 == 0, product_fits, may_round, sum_fits)
    refute("... also without the check of `bytes > UINT64_MAX - kAlignment`", within, *are_u64, used % 64 == 0,
           product_fits, sum_fits)
    first, second, third = z3.Ints("first second third")
    prove("two regions, any number of others between them, do not overlap", first + second <= third,
          0 <= used, first == used, second >= 0, rounded >= up(second, 64), third >= used + rounded)


def growth(bounds, block):
    """The most that all tensors of a model add to a cursor, padding included: of the pinned part, of all records."""
    names = ("layers", "hidden_size", "dense_ff_size", "heads", "head_dim", "experts", "experts_per_token", "conv_kernel",
             "vocab_size", "context_length")
    c = {name: f.Range(0, bound, f.U32) for name, bound in zip(names, bounds)}
    c["conv_kernel"] = f.Range(2, c["conv_kernel"].high, f.U32)
    c["expert_ff_size"], c["kv_heads"] = c["dense_ff_size"], c["heads"]
    # Of the type with the most bytes for a number of columns.
    columns, block_bytes = block
    pinned, records = f.Range(0), f.Range(0)
    most = {"pinned": f.Range(0), "record": f.Range(0)}
    for attention in (False, True):
        for moe in (False, True):
            layer, record = f.Range(0), f.Range(0)
            for tensor in f.layer_tensors(c, attention, moe):
                size = f.tensor_bytes(tensor, columns, block_bytes) + 63
                if tensor[0] == "expert":
                    record = record + size
                else:
                    layer = layer + size
            most = {"pinned": f.largest(most["pinned"], layer), "record": f.largest(most["record"], record)}
    ends = 2 * (f.matrix_bytes(columns, block_bytes, c["vocab_size"], c["hidden_size"]) + 63) + \
        f.plain_bytes(1, c["hidden_size"]) + 63
    pinned = most["pinned"] * c["layers"] + ends
    stride = most["record"] + 4095
    records = (stride * c["experts"] + 4095) * c["layers"]
    f.metadata(c["layers"] * 13 + 3, c["layers"], c["experts"])
    return c, pinned.high, stride.high, records.high


def image(pinned_growth, stride_most, records_growth):
    names = "storage file metadata pinned_offset pinned vocab before size after"
    (storage, file, metadata, pinned_offset, pinned, vocab, before, size, after), are_u64 = numbers(names)
    # What OpenHeader has checked, in its order. The metadata's size is 32 KiB and 528 KiB of CRCs at most.
    header = [file <= storage, metadata >= 512, metadata <= 1 << 20, pinned_offset == up(metadata, 4096),
              pinned_offset <= file, pinned <= file - pinned_offset, vocab <= pinned]
    bounded_storage = storage < 1 << 63  # Storage::size() promises it, CheckBlockDevice sees to it
    # CheckDirectory: the cursor grows by `before`, is rounded up, grows by this tensor's `size`, and by `after`.
    at = vocab + before
    offset = up(at, 64)
    end = offset + size + after
    tensors = [before + 63 + size + after <= pinned_growth, wrapped(end) == pinned]
    prove("directory: no offset of an accepted image wraps", end <= TOP, *are_u64, *header, *tensors)
    prove("directory: offset + bytes of every tensor is within the pinned part, after the vocabulary, and aligned",
          z3.And(vocab <= offset, offset + size <= pinned, offset % 64 == 0, (pinned_offset + offset) % 64 == 0),
          *are_u64, *header, *tensors)
    prove("directory: a tensor begins where no earlier one is", offset >= vocab + before, *are_u64, *header, *tensors)
    prove("pinned part: it is within the file, and its end does not wrap", pinned_offset + pinned <= file, *are_u64, *header)

    # CheckRecords: layers before take `earlier`; this one has `experts` records of `stride`; then `later`, then a trie.
    (earlier, record, stride, experts, all_of_layer, later, trie_bytes, e, place), more = numbers(
        "earlier record stride experts all_of_layer later trie_bytes e place")
    start = pinned_offset + pinned + earlier
    first = up(start, 4096)
    last = first + all_of_layer + later
    trie = z3.If(trie_bytes < file, trie_bytes, file)
    whole = z3.If(trie > 0, up(last, 4096) + trie, last)
    # all_of_layer = experts * stride and place = e * stride, of which only this is needed: e < experts.
    records = [record >= 1, stride == up(record, 4096), stride <= stride_most, e < experts, place + stride <= all_of_layer,
               place % 4096 == 0, earlier + 4095 + all_of_layer + later + 4095 <= records_growth + 4095, place >= e]
    accepted = [*are_u64, *more, *header, *records, wrapped(whole) == file]
    prove("records: no offset of an accepted image wraps", whole <= TOP, *accepted, bounded_storage)
    prove("records: every expert's is within the file, after the pinned part, and aligned",
          z3.And(first + place + record <= file, first + place >= pinned_offset + pinned, (first + place) % 4096 == 0),
          *accepted, bounded_storage)
    prove("token trie: it begins at a multiple of 4096 bytes after all records",
          z3.And(file - trie_bytes >= last, (file - trie_bytes) % 4096 == 0, trie == trie_bytes), *accepted,
          bounded_storage, trie_bytes > 0)
    refute("records: the same of a storage of any size", whole <= TOP, *accepted)
    prove("... where a multiple of the stride is meant: e * stride + stride <= experts * stride",
          e * stride + stride <= experts * stride, *more, e + 1 <= experts)
    prove("records: two of one layer do not overlap", e * stride + record <= (e + 1) * stride, *more, stride == up(record, 4096))

    # Image::OpenRead: what is read to the arena, in whole blocks of the device.
    (arena_bytes, offset, n), of_read = numbers("arena_bytes offset n")
    for alignment in (1, 512, 1024, 2048, 4096):
        within = z3.And(offset + up(n, alignment) <= arena_bytes, offset % alignment == 0)
        read = [*of_read, offset % alignment == 0, offset + n <= TOP - 4096, up(offset + n, 4096) <= arena_bytes]
        prove(f"what is read in blocks of {alignment} bytes stays within the arena", within, *read)
    refute("... also where offset + bytes may wrap", offset + n <= arena_bytes, *of_read,
           wrapped(wrapped(offset + n) + 4095) / 4096 * 4096 <= arena_bytes)
    for what, offset, n in (("metadata", up(512, 4096), metadata - up(512, 4096)), ("pinned part", pinned_offset, pinned)):
        prove(f"... and its condition holds of the {what}", offset + n <= TOP - 4096, *are_u64, *header, bounded_storage,
              n > 0)


def plan(c, records_growth, sizes):
    """No step of MakePlan wraps, for any config that CheckConfig accepts."""
    c = {**c, "attention_layers": c["layers"], "conv_layers": c["layers"], "moe_layers": c["layers"]}
    ends = {}
    for what, context in (("a session that CheckOptions accepts", c["context_length"]),
                          ("a plan of any options", f.Range(0, f.U32 - 1, f.U32))):
        for kv_cache in range(3):
            o = {"context_length": context, "prefill_chunk": context, "kv_cache": kv_cache, "logits_rows": context,
                 "max_word_bytes": f.Range(0, f.U32 - 1, f.U32), "draft_tokens": f.Range(0, 16, f.U32)}
            # The front part is memory, of which there are less than 2^63 bytes; slots are all records at most.
            streamed = (f.Range(0, (1 << 63) - 1), f.Range(0, records_growth), f.table_bytes(c))
            for parts in ((), streamed):
                ends[what] = f.plan_regions(c, o, sizes, parts)[1].used.high
        print(f"ranges   {what}: no step wraps; the total is below 2^{ends[what].bit_length()}")
    # The state of all convolutions and every panel's width are kept in 32 bits.
    assert (f.u64(c["conv_kernel"]) * c["hidden_size"] * c["layers"]).high < f.U32


def ranges_refuse(bounds, block):
    """The same with one bound of CheckConfig a thousand times as large wraps: the ranges see it."""
    global refuted
    names = "layers hidden_size feed_forward heads head_dim experts experts_per_token conv_kernel vocab_size".split()
    for i in (0, 1, 3):
        try:
            growth([b << (20 if i == n else 0) for n, b in enumerate(bounds)], block)
            sys.exit(f"proof.prove: {names[i]} << 20 should wrap")
        except f.Wraps as error:
            refuted += 1
            print(f"refuted  nothing wraps with {names[i]} << 20: {error}")


def main():
    answers = subprocess.run([sys.argv[1]], input="constants\nbounds\n", capture_output=True, text=True, check=True).stdout
    constants, bounds = map(json.loads, answers.splitlines())
    types = list(zip(constants[7::2], constants[8::2]))
    block = (32, max(size * 32 // columns for columns, size in types))  # F32: the most bytes for 32 columns
    assert all(size * 32 <= columns * block[1] for columns, size in types)
    base_arithmetic()
    arena()
    c, pinned, stride, records = growth(bounds, block)
    print(f"ranges   tensors of any config: pinned part below 2^{pinned.bit_length()}, records below 2^{records.bit_length()}")
    image(pinned, stride, records)
    plan(c, records, {"LayerWeights": constants[0]})
    ranges_refuse(bounds, block)
    print(f"{proved} theorems proved, {refuted} weaker ones refuted")


if __name__ == "__main__":
    main()
