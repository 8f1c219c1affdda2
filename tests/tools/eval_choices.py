#!/usr/bin/env python3
"""lfm2-eval choices, against log likelihoods that transformers computed in float32 from the unquantised model.

    eval_choices.py LFM2-EVAL LFM2-PACK HOME-Q4_0.gguf CHOICES.json

LFM2_GOLDEN_DIR: a folder with home/hf, that model itself. Without it, its log likelihoods are only known as precisely
as four bits a weight allow.
"""
import array
import json
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile

evaluate, pack, source, tasks = sys.argv[1:]
golden = os.environ.get("LFM2_GOLDEN_DIR")
want = json.loads(pathlib.Path(tasks).read_text())


def check(condition, *what):
    if not condition:
        sys.exit(f"failed: {what}")


def run(*arguments, data=b"", code=0):
    result = subprocess.run([evaluate, *map(str, arguments)], input=data, capture_output=True)
    check(result.returncode == code, arguments, result)
    return result.stdout.decode()


def differences(got, items):
    return [a - b for x, y in zip(got["items"], items) for a, b in zip(x["loglikelihood"], y["loglikelihood"])]


def choices(model, file, *arguments):
    """What is printed, and what is written."""
    line = run("choices", model, file, "--out", out, *arguments)
    match = re.fullmatch(r"acc (\S+) \+- (\S+), acc_norm (\S+) \+- (\S+) \((\d+) items\)\n", line)
    check(match, line)
    got = json.loads(out.read_text())
    for name, text in zip(("acc", "acc_stderr", "acc_norm", "acc_norm_stderr"), match.groups()):
        check(abs(got[name] - float(text)) <= 5e-5, name, line, got[name])
    check(len(got["items"]) == int(match[5]), line)
    return got


def binomial(items, name):
    """Mean and standard error of a sample of 0 and 1, as lm-evaluation-harness computes them: sqrt(sample variance /
    n)."""
    values = [float(item[name] == item["gold"]) for item in items]
    mean = sum(values) / len(values)
    variance = sum((v - mean) ** 2 for v in values) / (len(values) - 1)
    return mean, math.sqrt(variance / len(values))


def read_row(data, row, cols):
    begin = 10 + int.from_bytes(data[8:10], "little") + 4 * cols * row
    return array.array("f", data[begin:begin + 4 * cols])


def by_hand(model, context, choice, *arguments):
    """The sum over the tokens after the context's, from the logits of the whole text."""
    encode = lambda text: json.loads(run("tokens", model, "--special", data=text.encode()))
    whole, before = encode(context + choice), len(encode(context.rstrip()))
    ids = folder / "ids.json"
    ids.write_text(json.dumps(whole))
    run("logits", model, "--ids", ids, "--out", folder / "logits.npy", *arguments)
    data, total = (folder / "logits.npy").read_bytes(), 0.0
    for position in range(before, len(whole)):
        row = read_row(data, position - 1, 1314)
        most = max(row)
        total += row[whole[position]] - most - math.log(math.fsum(math.exp(x - most) for x in row))
    return total, len(whole) - before


def refused(content, *saying, model=None, text=None, code=1):
    file = folder / "bad.json"
    file.write_text(json.dumps(content) if text is None else text)
    result = subprocess.run([evaluate, "choices", model or image, file], capture_output=True, text=True)
    check(result.returncode == code and not result.stdout and result.stderr.count("\n") == 1, content, result)
    for word in ("bad.json", *saying):
        check(word in result.stderr, word, result.stderr)


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    image, out = folder / "home.lfm2", folder / "out.json"
    subprocess.run([pack, source, image, "--quiet"], check=True)

    if golden:
        exact = folder / "bf16.lfm2"
        subprocess.run([pack, pathlib.Path(golden, "home/hf"), exact, "--quiet"], check=True)
        got = choices(exact, tasks, "--reference")
        check(max(map(abs, differences(got, want["items"]))) < 1e-3, max(map(abs, differences(got, want["items"]))))
        check((got["acc"], got["acc_norm"]) == (want["acc"], want["acc_norm"]), got["acc"], got["acc_norm"])

    # Four bits a weight move a log likelihood of some -12 nats by 0.3 (root mean square); a choice that starts at
    # another token, or after another context, is moved by several times that.
    got = choices(image, tasks)
    rounding = differences(got, want["items"])
    check(math.sqrt(math.fsum(d * d for d in rounding) / len(rounding)) < 0.5, rounding)
    check((got["acc"], got["acc_norm"]) == (want["acc"], want["acc_norm"]), got["acc"], got["acc_norm"])

    # The same bit for bit in every way of computing it; --limit takes the first items.
    first = choices(image, tasks, "--limit", 24)
    check(first["items"] == got["items"][:24], "--limit")
    for arguments in (("--chunk", 3), ("--threads", 2), ("--storage", "direct"), ("--storage", "memory")):
        check(choices(image, tasks, "--limit", 24, *arguments) == first, arguments)

    # Contexts of which one is the start of the other, a context for each choice, white space at a context's end, and a
    # right answer that is not always the likeliest.
    bos, odd = "<|startoftext|>", []
    for i, item in enumerate(want["items"][:4]):
        texts = [item["context"] + c for c in item["choices"]]
        cut = len(item["context"]) + 3
        odd.append({"contexts": [t[:cut + 4 * c] for c, t in enumerate(texts)],
                    "choices": [t[cut + 4 * c:] for c, t in enumerate(texts)], "gold": i % 4})
        odd.append({"context": bos + item["question"] + " \n ", "choices": item["choices"], "gold": item["gold"]})
    odd_file = folder / "odd.json"
    odd_file.write_text(json.dumps({"items": odd}))
    for arguments in ((), ("--reference",)):
        got = choices(image, odd_file, *arguments)
        for item, scores in zip(odd, got["items"]):
            contexts = item.get("contexts") or [item["context"]] * 4
            for c, choice in enumerate(item["choices"]):
                total, tokens = by_hand(image, contexts[c], choice, *arguments)
                check(abs(scores["loglikelihood"][c] - total) < 1e-6 * max(1, abs(total)), item, c, scores, total)
                check(scores["tokens"][c] == tokens, item, c, scores, tokens)
            best = max(range(4), key=lambda c: scores["loglikelihood"][c])
            norm = max(range(4), key=lambda c: scores["loglikelihood"][c] / len(item["choices"][c].encode()))
            check((scores["best"], scores["best_per_byte"]) == (best, norm), item, scores)
        for name, error, which in (("acc", "acc_stderr", "best"), ("acc_norm", "acc_norm_stderr", "best_per_byte")):
            mean, deviation = binomial(got["items"], which)
            check(0 < mean < 1 and abs(got[name] - mean) < 1e-12 and abs(got[error] - deviation) < 1e-12, name, got)

    good = {"context": bos + "one", "choices": [" two", " three"], "gold": 1}
    refused(None, "not valid JSON", text="{")
    refused([], "not a JSON object")
    refused({}, "items")
    refused({"items": {}}, "items")
    refused({"items": []}, "items is empty")
    refused({"items": [good, 7]}, "items[1]", "7, not an object")
    refused(None, "items", "twice", text='{"items": [], "items": []}')
    refused(None, "choices", "twice", text='{"items": [{"choices": [], "choices": []}]}')
    refused(None, "32 levels", text='{"items": ' + "[" * 10000 + "]" * 10000 + "}")
    for change, saying in (({"gold": 2}, "gold is 2, and the last choice is 1"), ({"gold": -1}, "gold is -1"),
                           ({"gold": "1"}, 'gold is "1"'), ({"gold": None}, "gold is missing"),
                           ({"gold": 1e300}, "gold is 1e+300"), ({"choices": "ab"}, 'choices is "ab", not a list'),
                           ({"choices": None}, "choices is missing"), ({"choices": []}, "choices has 0"),
                           ({"choices": [" two"], "gold": 0}, "choices has 1"),
                           ({"choices": ["a", 5]}, "choices[1] is 5"), ({"choices": ["a", ""]}, "choices[1] is empty"),
                           ({"context": ""}, "context is empty"),
                           ({"context": 3}, "context is 3"), ({"context": None}, "context is missing"),
                           ({"context": " \n\u3000"}, "choices[0] has a context of white space"),
                           ({"contexts": ["a", "b"]}, "both a context and contexts"),
                           ({"context": None, "contexts": ["a"]}, "contexts has 1 elements, and choices has 2"),
                           ({"context": None, "contexts": ["a", ""]}, "contexts[1] is empty"),
                           ({"question": []}, "question is []"),
                           ({"context": bos + "word " * 5000}, "positions, and the model has 4096")):
        refused({"items": [good, {**good, **change}]}, "items[1]", saying)
    # " the" is one token, as is " t": no token of the choice follows the context's.
    encode = lambda text: json.loads(run("tokens", image, data=text))
    check(len(encode(b" the")) == len(encode(b" t")) == 1, encode(b" the"), encode(b" t"))
    refused({"items": [{**good, "context": " t", "choices": ["he", "o"]}]}, "choices[0] has no token after")
    run("choices", image, folder / "absent.json", code=1)
    run("choices", folder / "absent.lfm2", tasks, code=1)
    run("choices", image, tasks, "--out", folder / "no/such/place", "--limit", 1, code=1)
    run("choices", image, code=2)
    run("choices", image, tasks, "--reference", "--kv", "f16", code=2)
print("ok")
