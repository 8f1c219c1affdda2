#!/usr/bin/env python3
"""lfm2-eval commands, against calls that the model was trained to make and tokens that transformers chose.

    eval_commands.py LFM2-EVAL MODEL CHAT COMMANDS.jsonl
"""
import json
import math
import pathlib
import re
import subprocess
import sys
import tempfile

evaluate, model, chat, commands = sys.argv[1:]
lines = pathlib.Path(commands).read_text(encoding="utf-8").splitlines()
cases = [json.loads(line) for line in lines]


def check(condition, *what):
    if not condition:
        sys.exit(f"failed: {what}")


def run(*arguments):
    result = subprocess.run([evaluate, "commands", *map(str, arguments)], capture_output=True, text=True)
    check(result.returncode == 0, arguments, result)
    return result.stdout


def refused(text, *saying, code=1, arguments=()):
    file = folder / "bad.jsonl"
    file.write_text(text)
    result = subprocess.run([evaluate, "commands", model, file, *map(str, arguments)], capture_output=True, text=True)
    check(result.returncode == code and not result.stdout, text, result)
    for word in saying:
        check(word in result.stderr, word, result.stderr)


def share(count, total):
    p = count / total
    return rf"{count} of {total} \S[^,]*, {100 * p:.2f} \+- {100 * math.sqrt(p * (1 - p) / (total - 1)):.2f} %\n"


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    out = folder / "out.json"
    text = run(model, commands, "--out", out)
    got = json.loads(out.read_text())
    exact = sum(item["answer"] == case["call"] for item, case in zip(got["items"], cases))
    same = sum(item["tokens"] == case["greedy"] for item, case in zip(got["items"], cases))
    check(len(got["items"]) == len(cases) and exact == got["exact"], exact, got["exact"])
    check(re.fullmatch(share(exact, len(cases)) + share(same, len(cases)), text), text, exact, same)
    # The unquantised model gives 297 of the 300 right answers, and four bits a weight change almost nothing.
    check(exact >= 0.98 * len(cases) and same >= 0.98 * len(cases), text)
    for item, case in zip(got["items"], cases):
        check(item["user"] == case["user"] and item["call"] == case["call"], item)
        check(item["exact"] == (item["answer"] == item["call"]), item)

    # One answer, as chat gives it, also with a system prompt and tools.
    tools = folder / "tools.json"
    tools.write_text('[{"name": "set_light", "description": "Light"}]')
    for more in ((), ("--system", "Be kind.", "--tools", tools)):
        run(model, commands, "--limit", 3, "--out", out, *more)
        for item in json.loads(out.read_text())["items"]:
            ask = (chat, model, "--prompt", item["user"], "--temperature", "0", "--repetition-penalty", "1", *more)
            answer = subprocess.run(ask, capture_output=True, text=True, check=True).stdout
            check(item["answer"] + "\n" == answer, item, answer)

    # Answers that are cut short, by --max-tokens or by the context, count as wrong and end nothing.
    check(run(model, commands, "--limit", 5, "--max-tokens", 2).startswith("0 of 5 exact"), "--max-tokens")
    check(run(model, commands, "--limit", 5, "--context", 20).startswith("0 of 5 exact"), "--context")
    (folder / "few.jsonl").write_text('{"user": "x", "call": "y"}')
    check(run(model, folder / "few.jsonl") == "0 of 1 exact, 0.00 +- 0.00 %\n", "without greedy")

    good = lines[0] + "\n"
    refused("", "bad.jsonl has no line")
    refused(good + "\n", "bad.jsonl: line 2: it is not valid JSON")
    refused(good + "[]\n", "bad.jsonl: line 2: it is not a JSON object")
    refused(good + '{"call": "x"}', "line 2: the key user is missing")
    refused('{"user": "x"}\n', "line 1: the key call is missing")
    refused('{"user": "", "call": "x"}\n', "line 1: the key user is empty")
    refused('{"user": 5, "call": "x"}\n', "line 1: the key user is 5")
    refused('{"user": "x", "call": "x", "call": "y"}\n', 'line 1: the key "call" occurs twice')
    refused('{"user": "x", "call": "x", "greedy": 5}\n', "line 1: the key greedy is 5")
    refused('{"user": "x", "call": "x", "greedy": [1, -2]}\n', "line 1: greedy[1] is -2")
    refused('{"user": "' + "word " * 5000 + '", "call": "x"}', "line 1: ")
    refused(good, "none.json", arguments=("--tools", folder / "none.json"))
    refused(good, "--limit", code=2, arguments=("--limit", "many"))
print("ok")
