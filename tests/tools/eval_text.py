#!/usr/bin/env python3
"""lfm2-eval tokens, text and render as programs, against tokens and prompts made by the transformers package.

    eval_text.py LFM2-EVAL LFM2-PACK MODEL.gguf TEXT-FIXTURES
"""
import datetime
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
    subprocess.run([pack, source, newer, "--quiet", "--template", "lfm2_5"], check=True)

    # One document per process: a sample of the cases; the tokenizer's own tests cover all.
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

    # Every published template, by name and from an image; the day is the chats'.
    names = "lfm2", "lfm2_v2", "lfm2_5", "lfm2_5_raw", "lfm2_5_date", "lfm2_5_keep_past", "lfm2_5_think"
    for name in names:
        variant = json.loads(pathlib.Path(fixtures, "chat-variants", name + ".json").read_text())
        lines = "".join(json.dumps(case) + "\n" for case in variant["cases"]).encode()
        subprocess.run([pack, source, newer, "--quiet", "--template", name], check=True)
        own = run("render", newer, "--lines", "--date", variant["date"], data=lines)
        check(own == run("render", image, "--lines", "--date", variant["date"], "--template", name, data=lines), name)
        check([json.loads(line)["text"] for line in own.splitlines()] == [case["text"] for case in variant["cases"]], name)
        case = variant["cases"][0]
        (folder / "messages.json").write_text(json.dumps(case["messages"]))
        (folder / "tools.json").write_text(json.dumps(case["tools"]))
        options = [] if case["add_generation_prompt"] else ["--no-generation-prompt"]
        check(run("render", newer, folder / "messages.json", "--tools", folder / "tools.json", "--date", variant["date"],
                  *options).decode() == case["text"], name)
    # Without a date it is today; an invalid line does not end the others.
    chat = {"messages": [{"role": "user", "content": "x"}], "tools": [{"name": "f"}]}
    lines = json.dumps(chat).encode() + b"\n{}\nnonsense\n" + json.dumps({**chat, "date": "2001-02-03"}).encode() + b"\n"
    for _ in range(2):  # midnight may pass in between
        today = datetime.date.today().isoformat()
        first, second, third, last = map(json.loads, run("render", image, "--lines", "--template", "lfm2_5_date",
                                                         data=lines).splitlines())
        if f"Today's date: {today}\n" in first["text"]:
            break
    check(f"Today's date: {today}\n" in first["text"] and "2001-02-03" in last["text"], first, last)
    check("error" in second and "error" in third, second, third)
    # Pieces of a template that is not one of these.
    (folder / "pieces.json").write_text(json.dumps({"like": "lfm2_5_date", "default_system": "Be.", "answer": "<think>"}))
    described = run("render", image, "--lines", "--template", folder / "pieces.json", data=json.dumps(chat).encode() + b"\n")
    check(json.loads(described)["text"].startswith("<|startoftext|><|im_start|>system\nBe.\n\nToday's date: "), described)
    check(json.loads(described)["text"].endswith("assistant\n<think>"), described)
    for wrong in ("lfm2.5", "chatml", folder / "absent.json", folder / "messages.json"):
        run("render", image, folder / "messages.json", "--template", wrong, code=2)
    run("render", image, folder / "messages.json", "--date", "2026-02-30", code=2)
    run("render", image, folder / "messages.json", "--lines", code=2)

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

    # A text in the chat's own format: with --special its markers are tokens, and it has no second begin token.
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
