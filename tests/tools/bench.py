#!/usr/bin/env python3
"""lfm2-bench, compare-llama and plot-performance as programs: their measurements, their fields, and their refusals. No
time is checked.

    bench.py LFM2-BENCH LFM2-INSPECT MODEL MOE-MODEL.gguf LFM2-PACK TOOLS-FOLDER
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

bench, inspect, model, moe_gguf, pack, tools = sys.argv[1:]


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


def check(condition, *what):
    if not condition:
        sys.exit(f"failed: {what}")


def results(image, *arguments):
    """The results of lfm2-bench, which never exceed its limit of the machine by more than the tolerance."""
    r = run(bench, image, "--json", *arguments)
    check(r.returncode == 0 and not r.stderr, arguments, r)
    rows = json.loads(r.stdout)
    for row in rows:
        if "limit" in row:
            check(0 < row["fraction"] <= 1.02 and row["limit_exceeded"] is False, row)
    return rows


def refused(code, *command, saying):
    """The program ends with this code, reports it on standard error and prints no result."""
    r = run(*command)
    check(r.returncode == code and re.search(saying, r.stderr) and not r.stdout, command, r)


def tests_of(rows):
    return [(r["n_depth"], r["n_threads"], r["n_prompt"], r["n_gen"]) for r in rows]


def expected_work(image):
    """(bytes that a token reads besides keys and values, MACs of all layers, MACs of the head) from the directory."""
    facts = json.loads(run(inspect, image, "--json").stdout)
    per_token = facts["config"]["experts_per_token"]
    read = per_token * sum(r["bytes"] for r in facts["records"])
    layers = head = 0
    vectors = {"output_norm", "operator_norm", "ffn_norm", "attn_q_norm", "attn_k_norm", "conv_kernel", "expert_bias"}
    check(facts["config"]["tied_embedding"], "the test's models have a tied embedding, which is read as the head")
    for t in facts["tensors"]:
        macs = 0 if t["role"] in vectors else t["rows"] * t["cols"]
        if t["role"].startswith("expert_") and t["role"] != "expert_bias":
            layers += per_token * macs
            continue
        read += t["bytes"]
        if t["role"] == "token_embedding":
            head += macs
        else:
            layers += macs
    config = facts["config"]
    kv = 2 * config["kv_heads"] * config["head_dim"] * config["layer_kind"].count("attention")
    return read, layers, head, kv


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)

    # Every combination once, in llama-bench's order of prompts before generations, with the fields that it has too.
    rows = results(model, "-p", "16,40", "-n", "0,3", "-d", "0,32", "-t", "1", "-t", "2", "-r", "3")
    wanted = [(d, t, p, n) for d in (0, 32) for t in (1, 2) for p, n in ((16, 0), (40, 0), (0, 3))]
    check(tests_of(rows) == wanted, tests_of(rows))
    facts = json.loads(run(inspect, model, "--json").stdout)
    for r in rows:
        tokens = r["n_prompt"] + r["n_gen"]
        check(len(r["samples_ts"]) == len(r["samples_ns"]) == len(r["fraction_samples"]) == 3, r)
        check(all(abs(ts * ns - tokens * 1e9) <= ts for ts, ns in zip(r["samples_ts"], r["samples_ns"])), r)
        mean = sum(r["samples_ts"]) / 3
        check(abs(r["avg_ts"] - mean) < 1e-6 * mean, r)
        deviation = (sum((ts - mean) ** 2 for ts in r["samples_ts"]) / 2) ** 0.5
        check(abs(r["stddev_ts"] - deviation) < 1e-6 * mean, r)
        check(abs(r["avg_ns"] - sum(r["samples_ns"]) / 3) <= 1 and r["stddev_ns"] >= 0, r)
        # A limit before the first repetition and after each. The best of all samples counts, as it bounds the others.
        check(len(r["limit_samples_ts"]) >= 4 and r["limit_ts"] == max(r["limit_samples_ts"]), r)
        check(r["fraction"] == max(r["fraction_samples"]), r)
        check(abs(r["fraction"] - max(r["samples_ts"]) / r["limit_ts"]) < 1e-9, r)
        check(("limit_by" in r) == (r["limit"] == "memory reads"), r)
        check(r["model_filename"] == model and r["model_size"] == pathlib.Path(model).stat().st_size, r)
        check(r["type_k"] == r["type_v"] == "f16" and r["n_ubatch"] == 72 == r["context_length"], r)
        check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", r["test_time"]) and r["kernels"] and r["load_ms"] > 0, r)
        check(r["resident_peak_bytes"] >= r["resident_anonymous_bytes"] > 0, r)
        check(r["arena_bytes"] > 0 and r["model_n_params"] > facts["config"]["vocab_size"], r)

    # The limit counts the bytes and products of this model, whatever the machine.
    moe = str(folder / "moe.lfm2")
    check(run(pack, moe_gguf, moe).returncode == 0, moe_gguf)
    for image in (model, moe):
        read, layers, head, kv = expected_work(image)
        for kv_type, bits in (("f16", 16), ("f32", 32)):
            prefill, decode = results(image, "-p", "10", "-n", "5", "-d", "20", "-r", "1", "-t", "1", "--kv", kv_type)
            check(prefill["limit"] == "int8 multiply-adds" and decode["limit"] == "memory reads", prefill, decode)
            check(prefill["limit_gmacs_per_second"] > 0 and decode["limit_gbytes_per_second"] > 0, prefill, decode)
            check(abs(prefill["macs_per_token"] - (layers + head / 10)) < 1, prefill, layers, head)
            check(decode["bytes_per_token"] == read + 23 * kv * bits / 8, decode, read, kv)

    # A depth that is less than the one before, a chunk smaller than the prompt, no untimed run.
    rows = results(model, "-p", "9", "-n", "0", "-d", "30,7", "-r", "1", "-t", "1", "--chunk", "4", "--no-warmup",
                   "--kv", "int8")
    check(tests_of(rows) == [(30, 1, 9, 0), (7, 1, 9, 0)] and rows[0]["n_ubatch"] == 4, rows)
    check(rows[0]["type_k"] == "int8", rows)

    # With guesses: the same texts both ways, and no limit, which would be that of decoding one token at a time.
    prefill, drafted = results(model, "-p", "8", "-n", "60", "-d", "40", "-r", "4", "-t", "1", "--draft", "6",
                               "--repeat", "0.95")
    check("fraction" in prefill and "draft_tokens" not in prefill, prefill)
    check("limit" not in drafted and "fraction" not in drafted and drafted["draft_tokens"] == 6, drafted)
    check(len(drafted["samples_ts"]) == len(drafted["plain_samples_ts"]) == 4, drafted)
    check(0 <= drafted["accepted"] <= drafted["drafted"] <= 6 * drafted["draft_passes"], drafted)
    # Every token is either decoded in a pass of its own, or accepted; the gate has seen passes without guesses first.
    check(drafted["draft_passes"] + drafted["accepted"] <= 4 * 60, drafted)
    ratios = sorted(a / b for a, b in zip(drafted["samples_ts"], drafted["plain_samples_ts"]))
    check(abs(drafted["draft_speedup"] - (ratios[1] + ratios[2]) / 2) < 1e-6, drafted, ratios)
    text = run(bench, model, "-p", "0", "-n", "20", "-r", "1", "-t", "1", "--draft", "4")
    check(text.returncode == 0 and "up to 4 tokens guessed at a time" in text.stdout, text)

    # The first token: one run, and its time.
    first, = results(model, "--ttft", "12", "-t", "2")
    check(first["n_prompt"] == 12 and first["n_gen"] == 1 and first["ttft_ms"] > first["load_ms"] > 0, first)

    text = run(bench, model, "-p", "8", "-n", "4", "-d", "16", "-r", "2", "-t", "1")
    check(text.returncode == 0 and "| pp8 @ d16 |" in text.stdout and "| tg4 @ d16 |" in text.stdout, text)
    check("chunks of 24" in text.stdout and "loaded in" in text.stdout and "GMAC/s" in text.stdout, text)
    check("first token" in run(bench, model, "--ttft", "5").stdout, "--ttft")

    # Up to the model's last position and not beyond.
    context = facts["config"]["context_length"]
    last = ("-d", str(context - 3), "-n", "3", "-p", "0", "-r", "1", "-t", "2")
    check(tests_of(results(model, *last)) == [(context - 3, 2, 0, 3)], last)
    refused(1, bench, model, "-d", str(context - 3), "-n", "4", "-p", "0", saying=f"{context + 1}, limit {context}")
    refused(1, bench, model, "-p", str(context + 1), "-n", "0", saying=f"{context + 1}, limit {context}")
    refused(1, bench, model, "--ttft", str(context), saying=f"limit {context}")
    refused(1, bench, model, "-p", "0", "-n", "0", saying="no test")
    refused(1, bench, str(folder / "none.lfm2"), saying="cannot open .*none.lfm2: no such file")
    refused(1, bench, moe_gguf, "-p", "1", "--no-cache", saying="not a .lfm2 image")
    refused(2, bench, saying="(?i)model")
    refused(2, bench, model, "-p", "many", saying="many")
    refused(2, bench, model, "-t", "257", saying="257")
    refused(2, bench, model, "-r", "0", saying="repetitions")
    refused(2, bench, model, "--kv", "f64", saying="f64")
    refused(2, bench, model, "--chunk", "0", saying="chunk")
    refused(2, bench, model, "--draft", "17", saying="17")
    refused(2, bench, model, "--repeat", "0.5", saying="--draft")
    refused(2, bench, model, "--draft", "4", "--repeat", "1.5", saying="1.5")
    refused(2, bench, model, "--draft", "4", "--ttft", "5", saying="--draft")
    refused(1, bench, moe, "--draft", "4", "--storage", "direct", saying="--draft: tokens are not guessed")

    # compare-llama with a program that writes llama-bench's output.
    def fake(name, body):
        path = folder / name
        path.write_text(f"#!{sys.executable}\nimport json, sys\n{body}", encoding="utf-8")
        path.chmod(0o755)
        return str(path)

    llama = fake("llama-bench", """
words = [word for word in sys.argv[1:] if word != "--no-warmup"]
a = {"-d": "0", **dict(zip(words[::2], words[1::2]))}
assert a["-o"] == "jsonl" and a["--poll"] == "0"
speed, name = {"folder/model.gguf": (1.0, "lfm2 Q4_0"), "folder/peer.gguf": (2.0, "qwen3 Q4_0")}[a["-m"]]
for depth in a["-d"].split(","):
    for fa in a["-fa"].split(","):
        for threads in a["-t"].split(","):
            for p, n in [(a["-p"], 0), (0, a["-n"])]:
                if int(p) + int(n) > 0:
                    print(json.dumps({"build_commit": "abc", "model_type": name, "n_prompt": int(p), "n_gen": int(n),
                                      "n_depth": int(depth), "n_threads": int(threads), "flash_attn": int(fa),
                                      "avg_ns": 1000,
                                      "samples_ts": [speed + int(fa), 2 * speed + int(fa), 9.0]}), flush=True)
""")
    compare = pathlib.Path(tools) / "compare-llama"
    alone = (sys.executable, "-B", str(compare), "--lfm2-bench", bench, "--image", model)
    command = (*alone, "--gguf", "folder/model.gguf")
    out = folder / "compared.json"
    tests = ("-p", "6", "-n", "2", "-d", "0,8", "-t", "1,2", "-r", "1", "--rounds", "2", "--first-token-runs", "1",
             "--first-token", "6", "--llama-options", "--poll 0", "--lfm2-options", "--kv int8")
    r = run(*command, "--llama-bench", llama, *tests, "--json", str(out))
    check(r.returncode == 0, r)
    compared = json.loads(out.read_text(encoding="utf-8"))
    wanted = [(d, t, p, n) for d in (0, 8) for t in (1, 2) for p, n in ((6, 0), (0, 2))]
    check(tests_of(compared["rows"]) == wanted, compared)
    for row in compared["rows"]:
        # The better of the two settings, the median of its samples; of lfm2-bench: two runs in each of two rounds.
        check(row["llama_flash_attn"] == 1 and row["llama_ts"] == 3.0, row)
        check(len(row["lfm2_samples_ts"]) == 4 and len(row["paired_ratios"]) == 2, row)
        check(abs(row["ratio"] - row["lfm2_ts"] / 3.0) < 1e-9, row)
        check(abs(row["fraction"] - max(row["lfm2_samples_ts"]) / row["limit_ts"]) < 1e-9, row)
        check(0 < row["fraction"] <= 1.02 and not row["limit_exceeded"], row)
    check(compared["llama_model_type"] == "lfm2 Q4_0" and "peer" not in compared, compared)
    check(compared["first_token"]["lfm2_seconds"] > 0 and compared["first_token"]["ratio"] > 0, compared)
    check(min(compared["peak_resident_bytes"].values()) > 0, compared)
    check("| pp6 @ d8 | 2 |" in r.stdout and "First token" in r.stdout, r)
    check(f"{compared['model_type']} in lfm2.h against lfm2 Q4_0 (model.gguf) in llama.cpp" in r.stdout, r)

    # Another model in llama.cpp, in addition to the image's own and instead of it: separate results, by its name.
    other = folder / "other.json"
    r = run(*command, "--llama-bench", llama, *tests, "--json", str(other), "--peer-gguf", "folder/peer.gguf")
    check(r.returncode == 0, r)
    compared = json.loads(other.read_text(encoding="utf-8"))
    peer = compared["peer"]
    check((compared["llama_model_type"], compared["llama_model_filename"]) == ("lfm2 Q4_0", "model.gguf"), compared)
    check((peer["llama_model_type"], peer["llama_model_filename"]) == ("qwen3 Q4_0", "peer.gguf"), compared)
    check(tests_of(compared["rows"]) == tests_of(peer["rows"]) == wanted, compared)
    check(all(row["llama_ts"] == 3.0 for row in compared["rows"]), compared)
    check(all(row["llama_ts"] == 5.0 and len(row["lfm2_samples_ts"]) == 4 for row in peer["rows"]), compared)
    check(all(abs(row["ratio"] - row["lfm2_ts"] / 5.0) < 1e-9 for row in peer["rows"]), compared)
    check(peer["first_token"]["ratio"] > 0 and min(peer["peak_resident_bytes"].values()) > 0, compared)
    at_same, at_peer = (r.stdout.index(f"against {name} in llama.cpp")
                        for name in ("lfm2 Q4_0 (model.gguf)", "qwen3 Q4_0 (peer.gguf)"))
    check(at_same < at_peer and r.stdout.count("| pp6 @ d8 | 2 |") == 2 and r.stdout.count("First token") == 2, r)
    # In each round both, one after the other.
    rounds = re.findall(r"round (\d) of 2: .*folder/(\w+)\.gguf", r.stderr)
    check(rounds == [("1", "model"), ("1", "peer"), ("2", "model"), ("2", "peer")], r.stderr)

    r = run(*alone, "--llama-bench", llama, *tests, "--json", str(other), "--peer-gguf", "folder/peer.gguf",
            "-d", "0", "--first-token", "0")
    check(r.returncode == 0 and "model.gguf" not in r.stdout + r.stderr and "First token" not in r.stdout, r)
    compared = json.loads(other.read_text(encoding="utf-8"))
    check(compared["rows"] == [] and tests_of(compared["peer"]["rows"]) == wanted[:4], compared)
    check("first_token" not in compared["peer"] and compared["llama_build_commit"] == "abc", compared)

    refused(2, *alone, "--llama-bench", llama, saying="--gguf .* --peer-gguf")
    refused(1, *alone, "--llama-bench", llama, *tests, "--peer-gguf", "none.gguf", saying="(?s)ended with 1.*none.gguf")
    quiet = fake("quiet", f"import os\nif 'folder/peer.gguf' not in sys.argv: os.execv({llama!r}, sys.argv)")
    refused(1, *command, "--llama-bench", quiet, *tests, "--peer-gguf", "folder/peer.gguf",
            saying="ran no test of folder/peer.gguf")

    # A limit that lfm2-bench exceeds is not valid. The results are kept; both programs report it and fail.
    fast = fake("fast-bench", f"""
import subprocess
r = subprocess.run([{bench!r}, *sys.argv[1:]], stdout=subprocess.PIPE, text=True)
rows = json.loads(r.stdout)
for row in rows:
    if "limit" in row:
        row["limit_samples_ts"] = [max(row["samples_ts"]) / 1.1]
print(json.dumps(rows))
sys.exit(1 if "limit" in rows[0] else 0)
""")
    r = run(*command, "--llama-bench", llama, *tests, "--lfm2-bench", fast, "-d", "0", "-t", "1", "--json", str(other))
    check(r.returncode == 1 and "pp6, tg2: faster than the limit" in r.stderr and "| pp6 |" in r.stdout, r)
    compared = json.loads(other.read_text(encoding="utf-8"))
    check(all(row["limit_exceeded"] and row["fraction"] > 1.02 for row in compared["rows"]), compared)

    refused(1, *command, "--llama-bench", str(folder / "none"), saying="none cannot be started")
    refused(1, *command, "--llama-bench", fake("broken", "print('{', flush=True)"), saying="not JSON")
    refused(1, *command, "--llama-bench", fake("other", "print('{}', flush=True)"), saying="n_prompt")
    refused(1, *command, "--llama-bench", fake("silent", ""), saying="ran no test")
    refused(1, *command, "--llama-bench", fake("dying", "sys.exit('no memory')"), saying="ended with 1: no memory")
    refused(1, *command, "--llama-bench", llama, "-n", "2", "--image", str(folder / "none.lfm2"),
            "--llama-options", "--poll 0", saying="none.lfm2")
    refused(2, *command, saying="--llama-bench")

    # When interrupted, it ends the process that it started: a stopped llama-bench would keep its memory.
    endless = fake("endless", "import os, time\n"
                              f"open({str(folder / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)")
    with subprocess.Popen((*command, "--llama-bench", endless), stderr=subprocess.PIPE, text=True) as process:
        while not (folder / "pid").exists() or not (folder / "pid").read_text():
            check(process.poll() is None, "compare-llama ended by itself")
            time.sleep(0.01)
        process.terminate()
        process.communicate()
    check(process.returncode == 1, process.returncode)
    check(not pathlib.Path("/proc", (folder / "pid").read_text(), "stat").exists(), "the other program still runs")

    # plot-performance, if matplotlib is installed.
    plot = (sys.executable, "-B", str(pathlib.Path(tools) / "plot-performance"), "--out", str(folder))
    refused(1, *plot, str(folder / "none.json"), saying="none.json")
    refused(1, *plot, moe, saying="moe.lfm2 is not a result")
    r = run(*plot, str(out))
    if "matplotlib was not found" not in r.stderr:
        check(r.returncode == 0, r)
        for name in ("performance-depth.svg", "performance-threads.svg"):
            drawn = (folder / name).read_text(encoding="utf-8")
            check(all(word in drawn for word in ("<svg", "lfm2.h", "llama.cpp", "tokens/s")), name)
