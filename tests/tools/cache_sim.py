#!/usr/bin/env python3
"""lfm2-cache-sim and --record-trace as programs: their numbers against a simulator of a few lines, and their refusals.

    cache_sim.py LFM2-CACHE-SIM LFM2-BENCH LFM2-EVAL MODEL TRACE
"""
import json
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

sim, bench, evaluate, model, recorded = sys.argv[1:]


def run(*command):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)


def check(condition, *what):
    if not condition:
        sys.exit(f"failed: {what}")


def refused(code, *command, saying):
    r = run(*command)
    check(r.returncode == code and re.search(saying, r.stderr) and not r.stdout, command, r)


def read_trace(path):
    """(experts, experts_per_token, [(kind, [[expert of each rank] of each layer])])"""
    data = pathlib.Path(path).read_bytes()
    check(data[:8] == b"LFM2ROUT", path)
    version, layers, first, experts, per_token, zero, count = struct.unpack_from("<6IQ", data, 8)
    check((version, zero) == (1, 0) and experts <= 256, path)
    at = 104 + 8 * layers
    tokens = []
    for _ in range(count):
        picks = data[at + 1:at + 1 + layers * per_token]
        tokens.append((data[at], [list(picks[l * per_token:][:per_token]) for l in range(layers)]))
        at += 1 + layers * per_token
    check(at == len(data), path)
    return experts, per_token, tokens


def simulate(tokens, slots, rule, decode):
    """(hits, misses) of caches with that many slots. rule: LRU, LFU or Belady."""
    chunks = []
    for kind, picks in tokens:
        if kind == 2 and not decode:
            chunks[-1].append(picks)
        else:
            chunks.append([picks])
    hits = misses = 0
    for layer in range(len(tokens[0][1])):
        needs = [{e for token in chunk for e in token[layer]} for chunk in chunks]
        resident, last, uses, clock = set(), {}, {}, 0
        for c, chunk in enumerate(chunks):
            for token in chunk:
                for e in reversed(token[layer]):
                    clock += 1
                    last[e] = clock
                    uses[e] = uses.get(e, 0) + 1

            def worth(e):
                if rule == "Belady":
                    return -next((n for n in range(c + 1, len(chunks)) if e in needs[n]), len(chunks))
                return (uses[e] if rule == "LFU" else 0, last[e])

            hits += len(needs[c] & resident)
            misses += len(needs[c] - resident)
            kept = needs[c] if len(chunk) == 1 else set()
            others = sorted((resident | needs[c]) - kept, key=worth, reverse=True)
            resident = kept | set(others[:slots - len(kept)])
    return hits, misses


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)

    # Traces of the programs themselves: decode and prefill; runs that are not timed are not recorded.
    tests = ("-t", "1", "-d", "5", "-r", "2", "--chunk", "24")
    mixed = folder / "mixed.trace"
    r = run(bench, model, "-p", "60", "-n", "30", *tests, "--record-trace", mixed)
    check(r.returncode == 0 and "| tg30 @ d5 |" in r.stdout, r)
    experts, per_token, tokens = read_trace(mixed)
    kinds = [kind for kind, _ in tokens]
    check(kinds == ([1] + [2] * 23 + [1] + [2] * 23 + [1] + [2] * 11) * 2 + [0] * 60, kinds)

    # The same text decoded and prefilled, in chunks of any length, has the same routing.
    ids = folder / "ids.json"
    ids.write_text(json.dumps([(37 * i) % 1000 for i in range(50)]))
    by_chunk = []
    for chunk in (1, 7, 50):
        path = folder / f"{chunk}.trace"
        r = run(evaluate, "logits", model, "--ids", ids, "--out", folder / "x.npy", "--chunk", chunk, "--record-trace", path)
        check(r.returncode == 0, r)
        by_chunk.append([picks for _, picks in read_trace(path)[2]])
    check(by_chunk[0] == by_chunk[1] == by_chunk[2] and len(by_chunk[0]) == 50, "chunks are routed differently")
    windows = folder / "windows.trace"
    r = run(evaluate, "perplexity", model, "--ids", ids, "--context", "20", "--record-trace", windows)
    check(r.returncode == 0 and [k for k, _ in read_trace(windows)[2]] == ([1] + [2] * 18) * 2 + [1] + [2] * 8, r)

    # Every rule with a simple definition, at several sizes.
    for path, decode in ((mixed, False), (mixed, True), (windows, False), (recorded, True)):
        experts, per_token, tokens = read_trace(path)
        if path == recorded:
            tokens = tokens[:300]
            head = bytearray(pathlib.Path(recorded).read_bytes())
            layers = len(tokens[0][1])
            struct.pack_into("<Q", head, 32, len(tokens))
            path = folder / "short.trace"
            path.write_bytes(head[:104 + 8 * layers + len(tokens) * (1 + layers * per_token)])
        sizes = (per_token, per_token + 1, 7, experts // 2, experts)
        r = run(sim, path, "--json", "--slots", ",".join(map(str, sizes)), *(["--decode"] if decode else []))
        check(r.returncode == 0 and not r.stderr, r)
        report, = json.loads(r.stdout)
        check(report["tokens"] == len(tokens) and report["experts"] == experts, report)
        check([row["slots"] for row in report["results"]] == list(sizes), report)
        for row in report["results"]:
            for rule in ("LRU", "LFU", "Belady"):
                got = row["policies"][rule]
                check((got["hits"], got["misses"]) == simulate(tokens, row["slots"], rule, decode), path, row, rule)
            best, ours = row["policies"]["Belady"], row["policies"]["lfm2"]
            check(ours["hits"] + ours["misses"] == best["hits"] + best["misses"] and ours["hits"] <= best["hits"], row)
            check(abs(ours["of_belady"] - (ours["hits"] / best["hits"] if best["hits"] else 1)) < 1e-9, row)
            check(abs(ours["misses_per_token"] - ours["misses"] / len(tokens)) < 1e-9, row)
            # All experts of the model are of one size.
            size = ours["bytes_per_token"] / ours["misses_per_token"]
            check(size % 4096 < 1e-6 or size % 4096 > 4096 - 1e-6, row)

    # A chunk that needs every expert does not evict the most frequent ones.
    flood = [(0, [[0, 1]])] * 20 + [(1, [[2, 3]]), (2, [[4, 5]]), (2, [[6, 7]])] + [(0, [[0, 1]])]
    path = folder / "flood.trace"
    data = b"LFM2ROUT" + struct.pack("<6IQ64sQ", 1, 1, 0, 8, 2, 0, len(flood), b"flood <&>", 4096)
    data += b"".join(bytes([kind, *picks[0]]) for kind, picks in flood)
    path.write_bytes(data)
    report, = json.loads(run(sim, path, "--slots", "2", "--json").stdout)
    got = report["results"][0]["policies"]
    check((got["lfm2"]["hits"], got["LFU"]["hits"], got["LRU"]["hits"]) == (40, 40, 38), got)

    # Table and chart; one panel for each trace.
    svg = folder / "x.svg"
    text = run(sim, mixed, path, "--svg", svg)
    check(text.returncode == 0 and "lfm2" in text.stdout and "of Belady" in text.stdout, text)
    check(text.stdout.count("LRU") == (experts - per_token + 1) + (8 - 2 + 1), text)
    drawn = xml.etree.ElementTree.fromstring(svg.read_text(encoding="utf-8"))
    lines = drawn.findall(".//{*}polyline")
    check(len(lines) == 8 and {len(line.get("points").split()) for line in lines} == {29, 7}, len(lines))
    words = " ".join(t.text for t in drawn.findall(".//{*}text"))
    check(all(w in words for w in ("hit rate", "slots", "lfm2.h", "optimum", "LRU", "LFU", "flood <&>")), words)

    refused(1, sim, folder / "none.trace", saying="cannot open .*none.trace: no such file")
    refused(1, sim, model, saying="not a routing trace")
    refused(1, sim, mixed, "--slots", "3", saying="--slots 3: .* has 4 slots at least and 32 at most")
    refused(1, sim, mixed, "--slots", "33", saying="--slots 33")
    refused(1, sim, mixed, "--svg", folder / "no/x.svg", saying="no/x.svg")
    refused(2, sim, saying="(?i)trace")
    refused(2, sim, mixed, "--slots", "many", saying="many")
    refused(2, bench, model, "--ttft", "4", "--record-trace", mixed, saying="--record-trace")
    refused(1, bench, model, "-p", "1", "-n", "0", "-r", "1", "--record-trace", folder / "no/x", saying="no/x")
print("ok")
