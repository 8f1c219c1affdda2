#!/usr/bin/env python3
"""--storage and related options, in every tool that runs a model: results that do not depend on where the weights
are, plans and figures that agree with each other, and refusals.

    streaming.py CHAT LFM2-BENCH LFM2-EVAL LFM2-INSPECT MODEL COMMANDS.jsonl
"""
import collections
import json
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

chat, bench, evaluate, inspect, model, commands = sys.argv[1:]
DIRECT = ("--storage", "direct")
EVERYTHING = 64 << 20  # bytes: more than all experts need
RATIOS = ("hit_rate", "bytes_per_token", "gbytes_per_second")
FLAGS = (("--no-read-ahead",), ("--throttle", "500MB"))


def run(*command):
    command = [str(word) for word in command]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def check(condition, *what):
    if not condition:
        sys.exit(f"failed: {what}")


def output(*command):
    r = run(*command)
    check(r.returncode == 0, command, r)
    return r.stdout


def refused(code, *command, saying):
    """The program ends with this code, prints no result, and reports the reason in one line on standard error."""
    r = run(*command)
    lines = r.stderr.splitlines()
    check(r.returncode == code and re.search(saying, lines[0]) and not r.stdout, command, saying, r)
    check(len(lines) == 1, command, r)


def least_arena(*command):
    """The smallest --arena that a run needs, from its message for a smaller one; verified."""
    said = run(*command, "--arena", "1K").stderr
    match = re.search(r"--arena 1024 is too small: this context needs (\d+) bytes", said)
    check(match and said.count("\n") == 1, command, said)
    least = int(match[1])
    check(run(*command, "--arena", least).returncode == 0, command, least)
    refused(1, *command, "--arena", least - 1, saying=f"--arena {least - 1} is too small: .* needs {least} bytes")
    return least


def arenas(least):
    """From one expert at a time to all of them."""
    return (least, least + 100000, least + 800000, EVERYTHING, 0)


def check_plans():
    facts = json.loads(output(inspect, model, "--json"))
    stride = facts["records"][0]["stride"]
    experts, per_token = facts["config"]["experts"], facts["config"]["experts_per_token"]
    layers = len(facts["records"])
    check(all(r["stride"] == stride for r in facts["records"]), "this model's experts are of one size")

    def plan(*arguments):
        return json.loads(output(inspect, model, "--json", "--plan", *arguments))["plan"]

    mapped = plan()
    check(mapped["front_bytes"] == mapped["expert_slots"] == mapped["read_bytes_per_token"] == 0, mapped)
    check(mapped == plan("--storage", "mapped") == plan("--storage", "memory"), mapped)
    check(mapped["total_bytes"] == mapped["least_bytes"], mapped)
    least = least_arena(inspect, model, "--plan", *DIRECT)
    slots = []
    for arena in (least, least + stride, least + 3 * stride, least + 30 * stride, least + 300 * stride):
        p = plan(*DIRECT, "--arena", arena)
        regions = {r["name"]: r["bytes"] for r in p["regions"]}
        check(p["least_bytes"] == least and p["total_bytes"] <= arena, arena, p)
        check(sum(regions.values()) == p["total_bytes"], p)
        check(p["front_bytes"] == facts["records"][0]["offset"] == regions["image, front part"], p)
        check(regions["expert slots"] == p["expert_slots"] * stride, p)
        # The tables of a slot are small: the remaining memory would not hold another one.
        check(arena - p["total_bytes"] < 2 * stride or p["expert_slots"] == layers * experts, arena, p)
        slots.append(p["expert_slots"])
    check(slots[0] == 1 and slots[-1] == layers * experts and slots == sorted(slots), slots)
    check(p["read_bytes_per_token"] == 0, p)
    default = plan(*DIRECT)
    check(default["expert_slots"] == layers * per_token, default)
    check(default["read_bytes_per_token"] == layers * per_token * stride * (experts - per_token) // experts, default)
    text = output(inspect, model, "--plan", *DIRECT, "--arena", least)
    check("1 expert slots: 4 layers without slots of their own share 1" in text, text)
    check("smallest possible arena" in text and "smallest possible" not in output(inspect, model, "--plan"), text)
    refused(2, inspect, model, *DIRECT, saying="--storage requires --plan")
    refused(2, inspect, model, "--arena", "8M", saying="--arena requires --plan")
    return stride


def check_logits(folder):
    ids, out = folder / "ids.json", folder / "out.npy"
    ids.write_text(json.dumps([(37 * i) % 1000 for i in range(150)]))
    logits = (evaluate, "logits", model, "--ids", ids, "--out", out)

    def values(*arguments):
        output(*logits, *arguments)
        return out.read_bytes()

    wanted = values()
    check(len(wanted) > 150 * 1000 * 4, len(wanted))
    check(values("--storage", "memory") == wanted == values("--storage", "mapped", "--arena", EVERYTHING), "memory")
    least = least_arena(*logits, *DIRECT)
    for arena in arenas(least):
        for more in ((), ("--chunk", 1), ("--chunk", 150, "--threads", 2), *FLAGS, ("--chunk", 1, "--no-read-ahead")):
            # A larger chunk needs a larger arena.
            if "--chunk" in more and arena not in (0, EVERYTHING):
                more = [word if word != 150 else 100 for word in more]
            check(values(*DIRECT, "--arena", arena, *more) == wanted, arena, more)
    other = values("--kv", "int8")
    check(other != wanted and values("--kv", "int8", *DIRECT) == other, "--kv int8")
    ids.write_text(json.dumps([(37 * i) % 1000 for i in range(20)]))
    other = values("--reference")
    check(values("--reference", *DIRECT) == other == values("--reference", "--storage", "memory"), "--reference")


def check_perplexity(folder):
    text = folder / "text.txt"
    lines = pathlib.Path(commands).read_text(encoding="utf-8").splitlines()[:25]
    text.write_text("".join(json.loads(line)["user"] + "\n" for line in lines), encoding="utf-8")
    perplexity = (evaluate, "perplexity", model, "--text", text, "--context", 100)
    wanted = output(*perplexity)
    check(wanted.count("\n") == 1 and output(*perplexity, "--storage", "memory") == wanted, wanted)
    figures = r"(\S+) % of the experts were in memory; (\S+) (kB|B) a token were read\n"
    for arena in arenas(least_arena(*perplexity, *DIRECT)):
        for more in ((), ("--chunk", 1), *FLAGS):
            first, second = output(*perplexity, *DIRECT, "--arena", arena, *more).splitlines(keepends=True)
            check(first == wanted and re.fullmatch(figures, second), arena, more, first, wanted)
    # Token by token, more memory means fewer reads; a single slot never has the right expert.
    hits, read = [], []
    by_token = (*perplexity, *DIRECT, "--chunk", 1, "--no-read-ahead")
    for arena in arenas(least_arena(*by_token))[:4]:
        match = re.match(figures, output(*by_token, "--arena", arena).split("\n", 1)[1])
        hits.append(float(match[1]))
        read.append(float(match[2]) * (1000 if match[3] == "kB" else 1))
    check(hits == sorted(hits) and hits[0] == 0 and hits[-1] > 90, hits)
    check(read == sorted(read, reverse=True) and read[0] > 10 * read[-1], read)
    # Options that change results do so, read less, and have a small error; with room for all experts they change
    # nothing.
    exact = output(*by_token)
    for more in (("--prefer-resident", 0.1), ("--drop-below", 0.2)):
        got = output(*by_token, *more)
        check(got.splitlines()[0] != exact.splitlines()[0], more, got)
        perplexities = [float(re.search(r"perplexity (\S+)", text)[1]) for text in (exact, got)]
        sizes = [float(re.search(r"memory; (\S+) kB", text)[1]) for text in (exact, got)]
        check(sizes[1] < sizes[0] and abs(perplexities[1] / perplexities[0] - 1) < 0.2, more, exact, got)
        off = output(*by_token, more[0], 0)
        check(off == exact, more[0], off)


def needs(path, tests):
    """The needs of tests of (tokens, repetitions, tokens of a chunk) according to a trace: of each, a list with a
    Counter of experts for every layer. An expert counts once for each chunk that uses it."""
    data = path.read_bytes()
    layers, _, _, per_token, _, count = struct.unpack_from("<5IQ", data, 12)
    at, size = 104 + 8 * layers, 1 + layers * per_token
    records = (data[at + i * size + 1:at + (i + 1) * size] for i in range(count))
    result = []
    for tokens, repetitions, chunk in tests:
        uses = [collections.Counter() for _ in range(layers)]
        for _ in range(repetitions):
            for first in range(0, tokens, chunk):
                picks = [next(records) for _ in range(min(chunk, tokens - first))]
                for layer in range(layers):
                    uses[layer].update({e for p in picks for e in p[layer * per_token:(layer + 1) * per_token]})
        result.append(uses)
    check(next(records, None) is None, "the trace is longer than the tests")
    return result


def check_stream(r, stride, uses, *what):
    """The figures of one test agree with each other, and with the trace."""
    s, layers, ns = r["stream"], r["stream_layers"], sum(r["samples_ns"])
    what = (*what, r["n_prompt"], s, uses)
    check([layer["hits"] + layer["misses"] for layer in layers] == [sum(u.values()) for u in uses], *what)
    for name in s:
        check(name in RATIOS or s[name] == sum(layer[name] for layer in layers), name, *what)
    for one in (s, *layers):
        check(abs(one["hit_rate"] - one["hits"] / (one["hits"] + one["misses"])) < 1e-12, *what)
        check(abs(one["bytes_per_token"] - one["bytes"] / ((r["n_prompt"] + r["n_gen"]) * 3)) < 1e-6, *what)
        # Guessed experts of a layer may all have been read in the time of the layer before.
        rate = one["bytes"] / one["read_ns"] if one["read_ns"] > 0 else 0
        check(abs(one["gbytes_per_second"] - rate) <= 1e-9 * rate, *what)
        check(one["misses"] * stride <= one["bytes"] and one["wasted_bytes"] <= one["bytes"], *what)
        check(one["ahead"] <= one["misses"] and one["stall_ns"] <= ns, *what)
    check(s["retries"] == 0, *what)
    check(r["storage"] == "direct" and ("limit" not in r or r["n_prompt"] > 0), *what)


def check_bench(folder, stride):
    trace = folder / "trace"

    def rows(*arguments):
        r = run(bench, model, "--json", "-t", 1, "-r", 3, "--no-warmup", "--record-trace", trace, *arguments)
        check(r.returncode == 0 and not r.stderr, arguments, r)
        return json.loads(r.stdout)

    for chunk in (512, 50):
        tests = ("-p", 120, "-n", 60, "--chunk", chunk, *DIRECT)
        for arena in arenas(least_arena(bench, model, "-r", 1, *tests)):
            for more in FLAGS:
                both = rows(*tests, "--arena", arena, *more)
                prefill, decode = needs(trace, ((120, 3, chunk), (60, 3, 1)))
                for r, uses in zip(both, (prefill, decode)):
                    check_stream(r, stride, uses, chunk, arena, more)
                    check(arena == 0 or r["arena_bytes"] <= arena, r)
                    if more == ("--no-read-ahead",):
                        s = r["stream"]
                        check(s["bytes"] == s["misses"] * stride and s["ahead"] == s["wasted_bytes"] == 0, s)
                        check(s["stall_ns"] <= s["read_ns"] <= sum(r["samples_ns"]), r)
                if arena == EVERYTHING and more == ("--no-read-ahead",):
                    # Nothing is ever evicted: each expert is read when it is first used, and never again.
                    check(both[0]["expert_slots"] == 32 * 4, both)
                    for r, first in zip(both, (prefill, [d - p for p, d in zip(map(set, prefill), map(set, decode))])):
                        check([layer["misses"] for layer in r["stream_layers"]] == [len(f) for f in first], r, first)

    # A warm cache that holds everything reads nothing.
    warm = json.loads(output(bench, model, "--json", "-p", 2000, "-n", 50, "-r", 3, *DIRECT, "--arena", EVERYTHING))
    s = warm[1]["stream"]
    check(s["hits"] == 50 * 3 * 4 * 4 and s["hit_rate"] == 1, s)
    check(not any(s[key] for key in s if key not in ("hits", "hit_rate")), s)

    # The routing of the same tokens does not depend on where the experts are read from.
    traces = set()
    for storage in ("mapped", "memory", "direct"):
        for r in rows("-p", 20, "-n", 10, "--storage", storage):
            check(r["storage"] == storage and ("stream" in r) == ("expert_slots" in r) == (storage == "direct"), r)
        traces.add(trace.read_bytes())
    check(len(traces) == 1, "the routing depends on the storage")

    text = output(bench, model, "-p", 8, "-n", 4, "-r", 1, "-t", 1, *DIRECT)
    check(re.search(r"tg4, 1 threads: \S+ % of the experts were in 16 slots; .* a token read at", text), text)
    check("not measured" in text and "% of the experts" not in output(bench, model, "-p", 8, "-n", 4, "-r", 1), text)
    first, = json.loads(output(bench, model, "--ttft", 9, "--json", *DIRECT))
    check(first["ttft_ms"] > 0 and first["storage"] == "direct" and "stream" not in first, first)


def check_chat():
    cases = [json.loads(line) for line in pathlib.Path(commands).read_text(encoding="utf-8").splitlines()[:4]]
    talk = (chat, model, "--temperature", 0, "--repetition-penalty", 1)
    least = least_arena(*talk, "--prompt", "x", *DIRECT)
    for case in cases:
        ask = (*talk, "--prompt", case["user"])
        check(output(*ask, "--storage", "memory") == case["call"] + "\n", case)
        for arena in arenas(least):
            for more in ((), *FLAGS) if case is cases[0] else ((),):
                r = run(*ask, *DIRECT, "--arena", arena, *more)
                check(r.returncode == 0 and r.stdout == case["call"] + "\n" and not r.stderr, arena, more, case, r)
    # The figures after an answer: of this turn alone, and only if experts are read.
    line = r"experts in memory (\d+) %; read (\S+) (k?B|MB) a token at \S+ GB/s; waited \d+ % of the time"
    lines = "\n".join(case["user"] for case in cases[:2]) + "\n"
    for arena, low, high in ((least, 0, 60), (EVERYTHING, 90, 100)):
        command = [*map(str, talk), *DIRECT, "--arena", str(arena), "--stats"]
        r = subprocess.run(command, input=lines, capture_output=True, text=True, check=False)
        figures = re.findall(rf"^{line}$", r.stderr, re.M)
        check(r.returncode == 0 and len(figures) == 2 and low <= int(figures[1][0]) <= high, arena, r)
        check("expert slots" in r.stderr and "\x1b" not in r.stderr, r)
    plain = run(*talk, "--prompt", "x", "--stats").stderr
    check("in memory" not in plain and "expert slots" not in plain, plain)


def check_refusals(folder):
    (folder / "ids.json").write_text("[1, 2, 3]")
    runs = ((chat, model, "--prompt", "x"), (bench, model, "-p", 4, "-n", 1, "-r", 1),
            (evaluate, "logits", model, "--ids", folder / "ids.json", "--out", folder / "refused.npy"),
            (evaluate, "perplexity", model, "--ids", folder / "ids.json"))
    for command in (*runs, (inspect, model, "--plan")):
        refused(2, *command, "--storage", "tape", saying="--storage: tape not in {direct,mapped,memory}")
        refused(2, *command, "--storage", saying="--storage")
        for text in ("-1", "-4096K", "1X", "many", "1300 M", "1,3G", "0x10", "1.5", "M", "nan"):
            refused(2, *command, "--arena", text, saying=f"--arena: {text} is not a number of bytes, such as 4096, 1300M")
        for text in ("18446744073709551616", "16777216T"):
            refused(2, *command, "--arena", text, saying=f"--arena: {text} exceeds 64 bits")
        for storage in ("mapped", "memory", "direct"):
            refused(1, *command, "--storage", storage, "--arena", "0.01M", saying="--arena 10485 is too small")
    for command in runs:
        refused(1, *command, *DIRECT, "--arena", 2**64 - 1, saying=f"no {2**64 - 1} bytes of memory")
        streaming = (("--throttle", "85MB"), ("--no-read-ahead",), ("--prefer-resident", 0.1), ("--drop-below", 0.1))
        for storage in ((), ("--storage", "mapped"), ("--storage", "memory")):
            for option in streaming:
                refused(2, *command, *storage, *option, saying=f"{option[0]}: needs --storage direct")
        for name in ("--prefer-resident", "--drop-below"):
            for value in ("1.01", "-0.01", "inf", "much"):
                refused(2, *command, *DIRECT, name, value, saying=f"{name}: Value {value} not in range 0.* to 1")
            refused(1, *command, *DIRECT, name, "nan", saying="is not between 0 and 1")
            check(run(*command, *DIRECT, name, 1).returncode == 0, command, name)
        refused(2, *command, *DIRECT, "--throttle", "-1", saying="--throttle: -1 is not a number of bytes")
        check(run(*command, *DIRECT, "--throttle", 0).returncode == 0, command, "--throttle 0")
    check(not (folder / "refused.npy.partial").exists(), list(folder.iterdir()))


with tempfile.TemporaryDirectory() as name:
    temporary = pathlib.Path(name)
    record_stride = check_plans()
    check_logits(temporary)
    check_perplexity(temporary)
    check_bench(temporary, record_stride)
    check_chat()
    check_refusals(temporary)
print("ok")
