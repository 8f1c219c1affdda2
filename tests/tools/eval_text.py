#!/usr/bin/env python3
"""lfm2-eval tokens, text and render as programs, against tokens and prompts made by the transformers package.

    eval_text.py LFM2-EVAL LFM2-PACK MODEL.gguf TEXT-FIXTURES
"""
import json
import random
import pathlib
import subprocess
import sys
import tempfile

evaluate, pack, source, fixtures = sys.argv[1:]


def check(condition, *what):
    if not condition:
        sys.exit(f"failed: {what}")


def run(*arguments, data=b"", code=0):
    result = subprocess.run([evaluate, *map(str, arguments)], input=data, capture_output=True)
    check(result.returncode == code, arguments, result)
    if code != 0:
        check(not result.stdout and result.stderr, arguments, result)
    if code == 1:
        check(result.stderr.count(b"\n") == 1, arguments, result)
    return result.stdout


def cases(name):
    return json.loads(pathlib.Path(fixtures, name).read_text())["cases"]


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    image = folder / "home.lfm2"
    subprocess.run([pack, source, image, "--quiet"], check=True)
    newer = folder / "home-2.5.lfm2"
    subprocess.run([pack, source, newer, "--quiet", "--template", "lfm2.5"], check=True)

    # One document a process: a sample of the cases, which the tokenizer's own tests cover all.
    for case in cases("home.json")[::7]:
        text = case["text"].encode()
        check(json.loads(run("tokens", image, data=text)) == case["plain"], case)
        check(json.loads(run("tokens", image, "--special", data=text)) == case["special"], case)
        check(json.loads(run("tokens", image, "--bos", data=text)) == [1] + case["plain"], case)
    everything = bytes(range(256)) * 3 + random.Random(1).randbytes(5000)
    check(run("text", image, data=run("tokens", image, data=everything)) == everything, "bytes come back")
    check(run("text", image, data=b"[1, 7]") == b"<|startoftext|><|im_end|>", "special tokens have their text")

    for model, name in ((image, "chat-lfm2.json"), (newer, "chat-lfm2.5.json")):
        for case in cases(name):
            (folder / "messages.json").write_text(json.dumps(case["messages"]))
            (folder / "tools.json").write_text(json.dumps(case["tools"]))
            arguments = ["render", model, folder / "messages.json"]
            if case["tools"] is not None:
                arguments += ["--tools", folder / "tools.json"]
            if not case["add_generation_prompt"]:
                arguments.append("--no-generation-prompt")
            check(run(*arguments).decode() == case["text"], case)

    run("tokens", folder / "absent.lfm2", code=1)
    run("tokens", source, "--no-cache", code=1)
    run("text", image, data=b"[1314]", code=1)
    run("text", image, data=b"[-1]", code=1)
    run("text", image, data=b"hello", code=1)
    run("render", image, folder / "absent.json", code=1)
    (folder / "messages.json").write_text("[{}]")
    run("render", image, folder / "messages.json", code=1)
    run("render", image, code=2)
    run(code=2)
    run("tokens", code=2)
    run("logits", image, code=2)
    run("perplexity", image, code=2)
    run("perplexity", image, "--ids", "a", "--text", "b", code=2)
    run("perplexity", image, "--ids", "a", "--special", code=2)

    # A text in the chat's own format: with --special its markers are tokens, and a begin token of its own the only one.
    chat = "<|im_start|>user\nTurn on the light.<|im_end|>\n<|im_start|>assistant\n"
    ids, text = folder / "ids.json", folder / "chat.txt"
    ids.write_bytes(run("tokens", image, "--special", "--bos", data=chat.encode()))
    marked = json.loads(ids.read_text())
    check(marked[0] == 1 and 6 in marked and 7 in marked, marked)
    want = run("perplexity", image, "--ids", ids)
    kl = run("kl", image, "--base", image, "--ids", ids)
    for written in (chat, "<|startoftext|>" + chat):
        text.write_text(written)
        check(run("perplexity", image, "--text", text, "--special") == want, want)
        check(run("kl", image, "--base", image, "--text", text, "--special") == kl, kl)
        table = run("table", image, "--text", text, "--special", "--markdown", "--threads", "1").decode()
        check(f"{len(marked) - 1} tokens predicted" in table, table)
    text.write_text(chat)
    plain = json.loads(run("tokens", image, "--bos", data=chat.encode()))
    check(len(plain) > len(marked) and f"({len(plain) - 1} tokens".encode() in run("perplexity", image, "--text", text), plain)
print("ok")
