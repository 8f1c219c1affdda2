#!/usr/bin/env python3
"""lfm2-eval kl, against the same figures computed here from the logits of both models.

    eval_kl.py LFM2-EVAL LFM2-PACK BASE.gguf BASE-GOLDEN MODEL.gguf MODEL-GOLDEN

GOLDEN: path of .json and .logits.npy, logits of that very file by transformers in float32.
LFM2_GOLDEN_DIR: a folder with tokenizer-64k/Q8_0.gguf, a model with a larger vocabulary.
"""
import array
import json
import math
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

evaluate, pack, base_gguf, base_golden, model_gguf, model_golden = sys.argv[1:]


def check(condition, *what):
    if not condition:
        sys.exit(f"failed: {what}")


def run(*arguments):
    result = subprocess.run([evaluate, *map(str, arguments)], capture_output=True, text=True)
    check(result.returncode == 0, arguments, result)
    return result.stdout


def refused(code, *arguments, saying):
    result = subprocess.run([evaluate, "kl", *map(str, arguments)], capture_output=True, text=True)
    check(result.returncode == code and re.search(saying, result.stderr) and not result.stdout, arguments, result)


def read_npy(path):
    data = pathlib.Path(path).read_bytes()
    end = 10 + int.from_bytes(data[8:10], "little")
    rows, cols = map(int, re.search(rb"\((\d+), (\d+)\)", data[:end]).groups())
    values = array.array("f", data[end:])
    return [values[r * cols:(r + 1) * cols] for r in range(rows)]


def log_softmax(row):
    most = max(row)
    log_sum = most + math.log(math.fsum(math.exp(x - most) for x in row))
    return [x - log_sum for x in row]


def mean_and_error(values):
    return statistics.fmean(values), statistics.stdev(values) / math.sqrt(len(values))


def quantile(values, share):
    return statistics.quantiles(values, n=100, method="inclusive")[round(share * 100) - 1]


def figures(base, model, ids):
    """The output of kl, from rows of logits: one for each token of a window, of which the last predicts nothing."""
    kl, same, error, change, nll = [], [], [], [], ([], [])
    for p, q, target in zip(base, model, ids[1:]):
        log_p, log_q = log_softmax(p), log_softmax(q)
        kl.append(math.fsum(math.exp(a) * (a - b) for a, b in zip(log_p, log_q)))
        same.append(float(max(range(len(p)), key=p.__getitem__) == max(range(len(q)), key=q.__getitem__)))
        mean = statistics.fmean(p)
        error.append(math.fsum((a - b) ** 2 for a, b in zip(p, q)) / math.fsum((a - mean) ** 2 for a in p))
        change.append(log_q[target] - log_p[target])
        nll[0].append(-log_p[target])
        nll[1].append(-log_q[target])
    return kl, same, error, change, *nll


def printed(text):
    """Numbers of a line by its name."""
    number = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"
    lines = {line.split("  ")[0]: line.split("  ", 1)[-1] for line in text.splitlines()}
    return {name: [float(x) for x in re.findall(number, line.replace("99 %", "").replace("+-", " "))]
            for name, line in lines.items()}


def near(got, want, tolerance):
    return abs(got - want) <= tolerance * abs(want) + 1e-9


def compare(text, parts, tolerance):
    """Figures are printed with two digits of their errors, and three of quantiles."""
    kl, same, errors, change, base_nll, model_nll = parts
    got = printed(text)
    for name, values, scale in (("KL(base || model)", kl, 1), ("same likeliest token", same, 100),
                                ("log likelihood", change, 1)):
        mean, error = mean_and_error(values)
        slack = 0.006 if scale == 100 else 0
        check(abs(got[name][0] - scale * mean) <= tolerance * (abs(scale * mean) + error) + slack, name, text, mean)
        check(abs(got[name][1] - scale * error) <= max(0.05, tolerance) * scale * error + slack, name, text, error)
    for place, share in ((2, 0.5), (3, 0.99)):
        want = quantile(kl, share)
        check(near(got["KL(base || model)"][place], want, max(0.006, tolerance)), share, text, want)
    check(near(got["KL(base || model)"][4], max(kl), max(0.006, tolerance)), text, max(kl))
    mean, error = mean_and_error([math.log(x) for x in errors])
    got_mean, got_error = got["error of the logits"]
    check(near(got_mean, math.exp(mean), max(1e-5, tolerance)), text, math.exp(mean))
    check(near(got_error, math.exp(mean) * error, 0.06), text, math.exp(mean) * error)
    for name, nll in (("perplexity of the base", base_nll), ("perplexity of the model", model_nll)):
        mean, error = mean_and_error(nll)
        check(near(got[name][0], math.exp(mean), max(1e-5, tolerance)), name, text, math.exp(mean))
        check(near(got[name][1], math.exp(mean) * error, max(0.006, tolerance)), name, text)


def logits(model, ids, *arguments):
    (folder / "ids.json").write_text(json.dumps(ids))
    run("logits", model, "--ids", folder / "ids.json", "--out", folder / "logits.npy", *arguments)
    return read_npy(folder / "logits.npy")


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    base, model, other = folder / "base.lfm2", folder / "model.lfm2", folder / "other.lfm2"
    renamed = pathlib.Path(model_gguf).read_bytes()
    check(renamed.count(b"<|reserved_4|>") == 1, "reserved token")
    (folder / "other.gguf").write_bytes(renamed.replace(b"<|reserved_4|>", b"<|different|>."))
    for source, image in ((base_gguf, base), (model_gguf, model), (folder / "other.gguf", other)):
        subprocess.run([pack, source, image, "--quiet"], check=True)
    golden = json.loads(pathlib.Path(base_golden + ".json").read_text())
    prompt, long_prompt = folder / "prompt.json", folder / "long.json"
    prompt.write_text(json.dumps(golden["prompt"]))
    long_prompt.write_text(json.dumps(golden["long_prompt"]))

    # Against transformers' own logits. The scalar reference differs from those by a ten thousandth; a divergence is a
    # difference of two of them, and small.
    parts = figures(read_npy(base_golden + ".logits.npy"), read_npy(model_golden + ".logits.npy"), golden["prompt"])
    compare(run("kl", model, "--base", base, "--ids", prompt, "--reference"), parts, 2e-3)

    # Against logits of the same kernels, in windows of which the last is short.
    ids, window = golden["long_prompt"], 128
    parts = [[] for _ in range(6)]
    for begin in range(0, len(ids), window):
        piece = ids[begin:begin + window]
        for all_values, values in zip(parts, figures(logits(base, piece), logits(model, piece), piece)):
            all_values.extend(values)
    text = run("kl", model, "--base", base, "--ids", long_prompt, "--context", window)
    compare(text, parts, 1e-5)
    check(text.endswith(f"\n{len(parts[0])} tokens predicted in windows of {window}\n"), text)
    for arguments in (("--chunk", 7), ("--chunk", 1), ("--threads", 2), ("--storage", "memory")):
        again = run("kl", model, "--base", base, "--ids", long_prompt, "--context", window, *arguments)
        check(again == text, arguments, again)

    # The perplexities are those of lfm2-eval perplexity; the direction matters; a model compared with itself gives
    # zero.
    for file, line in ((base, "base"), (model, "model")):
        alone = run("perplexity", file, "--ids", long_prompt, "--context", window).split()[1:4]
        got = re.search(rf"perplexity of the {line} +(\S+) (\S+) (\S+)\n", text).groups()
        check(tuple(alone) == got, line, alone, got)
    check(run("kl", base, "--base", model, "--ids", long_prompt, "--context", window) != text, "direction")
    equal = printed(run("kl", model, "--base", model, "--ids", long_prompt))
    check(equal["KL(base || model)"] == [0] * 5 and equal["same likeliest token"] == [100, 0], equal)
    check(equal["error of the logits"] == [0, 0], equal)
    words = folder / "words.txt"
    words.write_text("Could you remind me in 21 minutes please.")
    check("tokens predicted in windows of" in run("kl", model, "--base", base, "--text", words), "--text")

    against = (other, "--base", base, "--ids", prompt)
    refused(1, *against, saying=r"the vocabularies differ: token \d+ of \S*other.lfm2 is not that of \S*base.lfm2\n")
    if "LFM2_GOLDEN_DIR" in os.environ:
        larger = pathlib.Path(os.environ["LFM2_GOLDEN_DIR"], "tokenizer-64k/Q8_0.gguf")
        subprocess.run([pack, larger, other, "--quiet"], check=True)
        refused(1, *against, saying="other.lfm2 has 65536 tokens, and .*base.lfm2 has 1314\n")
    # A mapped file is used as it is: all bits set are a weight that is NaN, and so is every prediction.
    broken = bytearray(base.read_bytes())
    broken[len(broken) // 2:len(broken) // 2 + 4096] = b"\xff" * 4096
    (folder / "broken.lfm2").write_bytes(broken)
    (folder / "tasks.json").write_text(json.dumps({"items": [{"context": "a", "choices": [" b", " c"], "gold": 0}]}))
    broken_file, says = folder / "broken.lfm2", r"broken.lfm2: not finite: .*layer \[\d+\] gave a NaN or an infinity"
    refused(1, broken_file, "--base", base, "--ids", prompt, saying=says)
    refused(1, base, "--base", broken_file, "--ids", prompt, saying=says)
    for command in (("perplexity", broken_file, "--ids", prompt), ("choices", broken_file, folder / "tasks.json")):
        result = subprocess.run([evaluate, *map(str, command)], capture_output=True, text=True)
        says = says if command[0] == "perplexity" else r"tasks.json: items\[0\]: not finite: .*layer \[\d+\]"
        check(result.returncode == 1 and re.search(says, result.stderr) and not result.stdout, command, result)

    refused(1, folder / "none.lfm2", "--base", base, "--ids", prompt, saying="none.lfm2")
    refused(1, model, "--base", folder / "none.lfm2", "--ids", prompt, saying="none.lfm2")
    (folder / "ids.json").write_text("[1]")
    refused(1, model, "--base", base, "--ids", folder / "ids.json", saying="fewer than two tokens")
    (folder / "ids.json").write_text("[1, 1e9]")
    refused(1, model, "--base", base, "--ids", folder / "ids.json", saying="element 1 of .*ids.json is not a token id")
    refused(2, model, "--ids", prompt, saying="--base")
    refused(2, model, "--base", base, saying="--text|--ids|input")
    refused(2, model, "--base", base, "--ids", prompt, "--context", 1, saying="--context")
print("ok")
