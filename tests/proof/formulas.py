"""The library's size arithmetic as formulas over ranges of numbers.

A Range is all integers from low to high. Over ranges of one number each, a formula computes what the C++ computes, which
values.py compares. Over the ranges that CheckConfig allows, it shows that no step wraps: an operation raises Wraps where its
result may not fit its type."""

U32, U64 = 1 << 32, 1 << 64
ALIGNMENT, RECORD_ALIGNMENT = 64, 4096
HEADER_BYTES, ENTRY_BYTES, RECORD_ENTRY_BYTES = 512, 32, 24


class Wraps(Exception):
    pass


class Range:
    """What an expression of C++ may be; `limit` is 2^32 or 2^64, by its type."""

    def __init__(self, low, high=None, limit=U64):
        self.low, self.high, self.limit = low, low if high is None else high, limit
        if not 0 <= self.low <= self.high:
            raise Wraps(f"{low} to {high} is no range of unsigned numbers")
        if self.high >= limit:
            raise Wraps(f"{self.high} does not fit {limit.bit_length() - 1} bits")

    def __add__(self, other):
        other = of(other)
        return Range(self.low + other.low, self.high + other.high, max(self.limit, other.limit))
    __radd__ = __add__

    def __mul__(self, other):
        other = of(other)
        return Range(self.low * other.low, self.high * other.high, max(self.limit, other.limit))
    __rmul__ = __mul__

    def __sub__(self, other):
        other = of(other)
        return Range(self.low - other.high, self.high - other.low, max(self.limit, other.limit))

    def __floordiv__(self, n):
        return Range(self.low // n, self.high // n, self.limit)

    @property
    def value(self):
        assert self.low == self.high
        return self.low


def of(n):
    return n if isinstance(n, Range) else Range(n, n, U32)


def u64(n):
    return Range(of(n).low, of(n).high, U64)


def largest(a, b):
    a, b = of(a), of(b)
    return Range(max(a.low, b.low), max(a.high, b.high), max(a.limit, b.limit))


def least(a, b):
    a, b = of(a), of(b)
    return Range(min(a.low, b.low), min(a.high, b.high), max(a.limit, b.limit))


def round_up(n, step):
    return (n + (step - 1)) // step * step


def divide_up(n, step):
    return (n + (step - 1)) // step


# format/tensor_type.h, tensor_list.h

def matrix_bytes(columns, block_bytes, rows, cols):
    return u64(divide_up(of(rows), 16)) * (of(cols) // columns) * block_bytes


def plain_bytes(rows, cols):
    return u64(rows) * cols * 4


def layer_tensors(c, attention, moe):
    """(layout, rows, cols), in the order of the image."""
    hidden = c["hidden_size"]
    q, kv = c["heads"] * c["head_dim"], c["kv_heads"] * c["head_dim"]
    yield "plain", 1, hidden
    if attention:
        yield from (("matrix", q, hidden), ("matrix", kv, hidden), ("matrix", kv, hidden))
        yield from (("plain", 1, c["head_dim"]), ("plain", 1, c["head_dim"]), ("matrix", hidden, q))
    else:
        yield from (("matrix", 3 * hidden, hidden), ("plain", c["conv_kernel"], hidden), ("matrix", hidden, hidden))
    yield "plain", 1, hidden
    if moe:
        yield from (("matrix", c["experts"], hidden), ("plain", 1, c["experts"]))
        yield from (("expert", c["expert_ff_size"], hidden), ("expert", c["expert_ff_size"], hidden))
        yield "expert", hidden, c["expert_ff_size"]
    else:
        yield from (("matrix", c["dense_ff_size"], hidden), ("matrix", c["dense_ff_size"], hidden))
        yield "matrix", hidden, c["dense_ff_size"]


def tensor_bytes(tensor, columns, block_bytes):
    layout, rows, cols = tensor
    return plain_bytes(rows, cols) if layout == "plain" else matrix_bytes(columns, block_bytes, rows, cols)


def metadata(tensors, moe_layers, experts):
    """Offsets of directory, record table and record CRCs, bytes of metadata, offset of the pinned part."""
    directory = Range(HEADER_BYTES)
    records = directory + u64(tensors) * ENTRY_BYTES
    crcs = records + u64(moe_layers) * RECORD_ENTRY_BYTES
    size = crcs + u64(moe_layers) * experts * 4
    return [directory, records, crcs, size, round_up(size, RECORD_ALIGNMENT)]


# runtime/plan.h and what it calls

class Carver:
    """base/arena.h: carves in order, and remembers where."""

    def __init__(self):
        self.used, self.at = Range(0), []

    def carve(self, count, size):
        size_bytes = u64(count) * size
        self.at.append(self.used)
        self.used = self.used + round_up(size_bytes, ALIGNMENT)


def panel_bytes(tokens, cols):
    return u64(tokens) * (u64(cols) // 32) * 48


def workspace(c, chunk, context, arena):
    n, hidden = u64(chunk), u64(c["hidden_size"])
    q, kv = c["heads"] * c["head_dim"], c["kv_heads"] * c["head_dim"]
    for _ in range(3):
        arena.carve(n * hidden, 4)
    arena.carve(panel_bytes(n, hidden), 1)
    arena.carve(n * c["head_dim"], 4)
    arena.carve(n, 4)
    begin = end = arena.used
    in_parts = u64(part_rows(chunk, context))
    assignments = n * c["experts_per_token"]
    experts = c["experts"]
    for part in (
            [(n * 3 * hidden, 4), (n * hidden, 4), (panel_bytes(n, hidden), 1)],
            [(n * q, 4), (n * kv, 4), (n * kv, 4), (n * q, 4), (panel_bytes(n, q), 1), (n * c["heads"], 8),
             (in_parts * q, 4), (in_parts * c["heads"], 8)],
            [(n * c["dense_ff_size"], 4), (panel_bytes(n, c["dense_ff_size"]), 1)],
            [(n * experts, 4), (assignments, 2), (assignments, 4), (assignments, 4), (assignments, 4),
             (u64(experts) + 1, 4), (experts, 2), (experts, 2), (experts, 8), (panel_bytes(assignments, hidden), 1),
             (assignments * c["expert_ff_size"], 4), (panel_bytes(assignments, c["expert_ff_size"]), 1),
             (assignments * hidden, 4)]):
        arena.used = begin
        for count, size in part:
            arena.carve(count, size)
        end = largest(end, arena.used)
    arena.used = end


def attention_parts(context):
    """In 32 bits; without a sum that could wrap."""
    context = of(context)
    return Range(-(-context.low // 512), -(-context.high // 512), U32)


def part_rows(chunk, context):
    parts = attention_parts(context)
    rows = largest(chunk, parts)
    return Range(rows.low if parts.low > 1 else 0, rows.high if parts.high > 1 else 0, U32)


def kv_bytes(c, context, kv_cache, attention_layers):
    capacity = round_up(u64(context), 64)
    of_type = [2, 4, 1][kv_cache]
    layer = u64(c["kv_heads"]) * capacity * (u64(c["head_dim"]) * of_type + (4 if kv_cache == 2 else 0))
    return 2 * layer * attention_layers


def word_scratch(word_bytes):
    def of_one(n):
        nodes = level = Range(n)
        while level.value > 1:
            level = divide_up(level, 8)
            nodes = nodes + level
        return (Range(n) + nodes) * 4 + 3
    return Range(of_one(word_bytes.low).value, of_one(word_bytes.high).value)  # it grows with the word


def chat_scratch(max_word_bytes):
    window = least(u64(max_word_bytes), (1 << 30) - 16) + 16
    return window + word_scratch(window)


def sampler_scratch(vocab_size):
    return (divide_up(u64(vocab_size), 32) + vocab_size) * 4 + 3


def slot_plan(c, records, budget):
    """MakeSlotPlan, of numbers: own slots of each MoE layer, shared slots, bytes. records: bytes of each layer's."""
    chosen, own, shared, size = c["experts_per_token"], [0] * len(records), 0, Range(0)
    if budget >= sum((Range(r) * chosen for r in records), Range(0)).value:
        for m in [m for _ in range(c["experts"]) for m in range(len(records))]:
            if records[m] > budget - size.value:
                break
            size, own[m] = size + Range(records[m]), own[m] + 1
        return own, shared, size.value
    shared = max(1, min(chosen, budget // max(records)))
    size = Range(max(records)) * shared
    for m, record in enumerate(records):
        more = size + Range(record) * chosen
        if more.value > budget:
            break
        size, own[m] = more, chosen
    return own, shared, size.value


def table_bytes(c):
    """More than the tables of a cache of experts take: what they have for each expert, layer and session."""
    return u64(c["moe_layers"]) * c["experts"] * 128 + u64(c["moe_layers"]) * 4096 + u64(c["experts"]) * 64 + (1 << 16)


def plan_regions(c, o, sizes, streamed=()):
    """Bytes of each region, of options that are normalized. streamed: bytes of the image's front part, of the slots and
    of the experts' tables. A region of ranges is its end instead."""
    arena, regions = Carver(), []
    before = Range(0)

    def region():
        nonlocal before
        exact = arena.used.low == arena.used.high
        regions.append(arena.used - before if exact else arena.used)
        before = arena.used
    for size in streamed:
        arena.carve(size, 1)
        region()
    arena.carve(c["layers"], sizes["LayerWeights"])
    region()
    arena.carve(kv_bytes(c, o["context_length"], o["kv_cache"], c["attention_layers"]), 1)
    region()
    conv = (u64(c["conv_kernel"]) - 1) * c["hidden_size"] * c["conv_layers"]
    conv = Range(conv.low, conv.high, U32)  # the state keeps it in 32 bits
    drafted = of(0 if streamed else o["draft_tokens"])
    for count in (u64(1), u64(1), u64(drafted)):
        arena.carve(count * conv, 4)
    region()
    inner = Carver()
    workspace(c, o["prefill_chunk"], o["context_length"], inner)
    arena.carve(largest(inner.used, largest(chat_scratch(o["max_word_bytes"]), sampler_scratch(c["vocab_size"]))), 1)
    region()
    rows = u64(largest(o["logits_rows"], drafted + 1))
    arena.carve(rows * c["vocab_size"], 4)
    arena.carve(rows * c["hidden_size"], 4)
    region()
    arena.carve(o["context_length"], 4)
    if drafted.high > 0:
        arena.carve(2048, 4)
    region()
    return regions, arena


def normalized(c, o):
    """Options of one number each."""
    context = o["context_length"] or min(c["context_length"], 4096)
    chunk = max(1, min(o["prefill_chunk"], context))
    return {**o, "context_length": context, "prefill_chunk": chunk, "logits_rows": max(1, min(o["logits_rows"], chunk)),
            "draft_tokens": min(o["draft_tokens"], min(16, chunk - 1))}
