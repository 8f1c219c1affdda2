"""proof.values: the formulas that tests/proof/prove.py reasons about give what the library's code gives.

    values.py lfm2_proof_values [MODELS]

A proof about formulas holds for the code only if both compute the same. Random models and sessions, and those with fields at
their bounds, go through both."""
import itertools
import json
import pathlib
import random
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import formulas as f

FIELDS = ("hidden_size", "heads", "kv_heads", "head_dim", "dense_layers", "dense_ff_size", "experts", "experts_per_token",
          "expert_ff_size", "vocab_size", "context_length", "conv_kernel", "tied_embedding")
OPTIONS = ("context_length", "prefill_chunk", "kv_cache", "logits_rows", "max_word_bytes", "draft_tokens", "arena_bytes")
EDGES = sorted({n for e in (0, 1, 5, 6, 9, 12, 16, 31, 32, 33, 47, 58, 63, 64) for n in (2**e - 1, 2**e, 2**e + 1)
                if n < f.U64} | {f.U64 - n for n in (2, 64, 65, 4095, 4096, 4097)})


class Program:
    """Sends all lines, then reads all answers."""

    def __init__(self, path):
        self.path, self.lines, self.checks = path, [], []

    def ask(self, line, check):
        self.lines.append(line)
        self.checks.append(check)

    def run(self):
        done = subprocess.run([self.path], input="\n".join(self.lines) + "\n", capture_output=True, text=True, check=True)
        answers = done.stdout.splitlines()
        assert len(answers) == len(self.lines), f"{len(answers)} answers to {len(self.lines)} lines"
        for line, check, answer in zip(self.lines, self.checks, answers):
            try:
                check(json.loads(answer))
            except AssertionError as error:
                sys.exit(f"proof.values: {line}: {error}")
        return len(answers)


def same(what, got, want):
    assert got == want, f"{what}: the library gives {got}, the formula {want}"


def value(n):
    return n.value if isinstance(n, f.Range) else n


def ask_arithmetic(program, a, b):
    fits_sum, fits_product = a + b < f.U64, a * b < f.U64
    want = [int(fits_sum), a + b if fits_sum else 42, int(fits_product), a * b if fits_product else 43]
    if a <= f.U64 - 4096:
        rounded = [n for step in (1, 8, 16, 32, 64, 512, 4096)
                   for n in (f.round_up(f.Range(a), step).value, f.divide_up(f.Range(a), step).value)]
        program.ask(f"arithmetic {a} {b}", lambda got: same("arithmetic", got, want + rounded))
    else:
        program.ask(f"arithmetic {a} {b}", lambda got: same("arithmetic", got[:4], want))


def ask_carve(program, capacity, counts):
    used, want, overflowed = 0, [], 0
    for count in counts:
        try:
            end = (f.Range(used) + f.round_up(f.Range(count) * 4, f.ALIGNMENT)).value
        except f.Wraps:
            end = f.U64
        if end <= capacity:
            want += [used, end]
            used = end
        else:
            want += [f.U64 - 1, used]
            overflowed = 1
    program.ask(f"carve {capacity} {counts[0]} {counts[1]}", lambda got: same("arena", got, want + [overflowed]))


def random_model(choose, edge):
    """edge: every field at one of its bounds, as often as not."""
    def pick(low, high, multiple=1):
        low, high = low // multiple, high // multiple
        if edge and choose.random() < 0.7:
            return choose.choice((low, high)) * multiple
        return choose.randint(low, min(high, low + 2 ** choose.randint(0, high.bit_length()))) * multiple
    layers = pick(1, 128)
    dense = choose.choice((0, layers, pick(0, layers)))
    moe = dense < layers
    kv_heads = choose.choice((1, 2, 8, 256))
    experts = pick(1, 1024) if moe else 0
    c = {"hidden_size": pick(32, 1 << 16, 32), "kv_heads": kv_heads, "heads": kv_heads * pick(1, 256 // kv_heads),
         "head_dim": pick(32, 256, 32), "dense_layers": dense, "dense_ff_size": pick(32, 1 << 18, 32) if dense else 0,
         "experts": experts, "experts_per_token": pick(1, min(experts, 16)) if moe else 0,
         "expert_ff_size": pick(32, 1 << 18, 32) if moe else 0, "vocab_size": pick(1, 1 << 22),
         "context_length": pick(1, 1 << 24), "conv_kernel": pick(2, 8), "tied_embedding": choose.randint(0, 1)}
    kinds = "".join(choose.choice("ac") for _ in range(layers)) if not edge else choose.choice("ac") * layers
    o = {"context_length": choose.choice((0, c["context_length"], choose.choice(EDGES) % f.U32)),
         "prefill_chunk": choose.choice((128, 1, choose.choice(EDGES) % f.U32)), "kv_cache": choose.randint(0, 2),
         "logits_rows": choose.choice((1, choose.choice(EDGES) % f.U32)),
         "max_word_bytes": choose.choice((1024, choose.choice(EDGES) % f.U32)),
         "draft_tokens": choose.choice((0, 4, f.U32 - 1)), "arena_bytes": 0}
    return c, kinds, o


def ask_model(program, choose, constants, edge):
    c, kinds, o = random_model(choose, edge)
    types = [t for t in range(len(constants["types"])) if constants["types"][t][0] == 32]
    if c["hidden_size"] % 256 == 0 and c["expert_ff_size"] % 256 == 0 and c["dense_ff_size"] % 256 == 0 \
            and c["heads"] * c["head_dim"] % 256 == 0:
        types = range(len(constants["types"]))
    kind = choose.choice(types)
    vocab_bytes = choose.choice((0, choose.randrange(1 << 24), 1 << 32))
    streamed = choose.random() < 0.5 and c["dense_layers"] < len(kinds)
    front, record = (4096 * choose.randint(1, 1 << 20), 4096 * choose.randint(1, 1 << 12)) if streamed else (0, 0)
    if streamed:
        o["arena_bytes"] = choose.choice((0, 1 << 20, 1 << 32, 1 << 44, f.U64 - 1))
    fields = [c[n] for n in FIELDS] + [kinds, vocab_bytes, kind] + [o[n] for n in OPTIONS] + [front, record]
    c.update(layers=len(kinds), attention_layers=kinds.count("a"), conv_layers=kinds.count("c"),
             moe_layers=len(kinds) - c["dense_layers"])
    columns, block_bytes = constants["types"][kind]

    def check(got):
        assert got["accepted"], "CheckConfig refuses a model within its bounds"
        check_layout(got, c, kinds, columns, block_bytes, vocab_bytes)
        check_plan(got, c, o, constants, front, [record * (1 + m % 3) for m in range(c["moe_layers"])] if streamed else [])
    program.ask("model " + " ".join(map(str, fields)), check)


def check_layout(got, c, kinds, columns, block_bytes, vocab_bytes):
    groups = [[("matrix", c["vocab_size"], c["hidden_size"])]]
    groups += [list(f.layer_tensors(c, kind == "a", layer >= c["dense_layers"])) for layer, kind in enumerate(kinds)]
    groups += [[("plain", 1, c["hidden_size"])] + [groups[0][0]] * (1 - c["tied_embedding"])]
    pinned, entries, records = f.Range(vocab_bytes), [], []
    for tensors in groups:
        record = f.Range(0)
        for tensor in tensors:
            size = f.tensor_bytes(tensor, columns, block_bytes)
            offset = f.round_up(record if tensor[0] == "expert" else pinned, f.ALIGNMENT)
            entries += [offset.value, size.value]
            if tensor[0] == "expert":
                record = offset + size
            else:
                pinned = offset + size
        records += [record.value] if record.value else []
    same("entries", got["entries"], entries)
    same("records", got["records"], records)
    same("pinned_bytes", got["pinned_bytes"], pinned.value)
    same("metadata", got["metadata"], [n.value for n in f.metadata(len(entries) // 2, c["moe_layers"], c["experts"])])


def check_plan(got, c, o, constants, front, records):
    n = f.normalized(c, o)
    streamed = ()
    if records:
        regions = dict(zip(got["names"], got["regions"]))
        own, shared, size = got["own"], got["shared"], got["slot_bytes"]
        same("bytes of slots", size, sum(k * r for k, r in zip(own, records)) + shared * max(records))
        same("front part and slots", [regions["image, front part"], regions["expert slots"]], [front, size])
        if not o["arena_bytes"]:
            each = c["experts_per_token"] * sum(records)
            same("slots", (own, shared, size), f.slot_plan(c, records, max(each, max(records))))
        elif got["total_bytes"] != got["least_bytes"]:
            assert got["total_bytes"] <= o["arena_bytes"], "the plan takes more than the arena"
        assert regions["expert cache"] <= f.table_bytes(c).value, "tables larger than the formula's bound"
        streamed = tuple(map(f.Range, (front, size, regions["expert cache"])))
    want, arena = f.plan_regions(c, n, constants["sizes"], streamed)
    same("regions", got["regions"], [r.value for r in want])
    same("total_bytes", got["total_bytes"], arena.used.value)
    same("total_bytes and the regions' sum", got["total_bytes"], sum(got["regions"]))
    if got["arena_bytes"] and not records:
        same("ArenaBytes", got["arena_bytes"], arena.used.value)
    inner = f.Carver()
    f.workspace(c, n["prefill_chunk"], n["context_length"], inner)
    same("workspace", got["workspace"], [at.value for at in inner.at] + [inner.used.value])


def constants_of(program):
    lines = subprocess.run([program], input="constants\nbounds\n", capture_output=True, text=True, check=True).stdout
    numbers, bounds = map(json.loads, lines.splitlines())
    same("fixed sizes", numbers[2:7], [f.HEADER_BYTES, f.ENTRY_BYTES, f.RECORD_ENTRY_BYTES, f.ALIGNMENT, f.RECORD_ALIGNMENT])
    types = list(zip(numbers[7::2], numbers[8::2]))
    return {"sizes": {"LayerWeights": numbers[0]}, "types": types, "bounds": bounds}


def main():
    program, models = Program(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    constants = constants_of(sys.argv[1])
    choose = random.Random(1)
    for a, b in itertools.product(EDGES, EDGES):
        ask_arithmetic(program, a, b)
        ask_carve(program, min(a, f.U64 // 4), (b, 3))
        ask_carve(program, f.U64 - 1 - 64, (a, b))
    for _ in range(models):
        ask_arithmetic(program, choose.getrandbits(choose.randint(1, 64)), choose.getrandbits(choose.randint(1, 64)))
        ask_model(program, choose, constants, edge=choose.random() < 0.5)
    print(f"{program.run()} inputs: the formulas give what the library gives")


if __name__ == "__main__":
    main()
