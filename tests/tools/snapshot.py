#!/usr/bin/env python3
"""lfm2-snapshot as a program: a chat that starts from the snapshot answers as one with the system text and tools.

    snapshot.py SNAPSHOT CHAT MODEL
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

snapshot, chat, model = sys.argv[1:]


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


def check(condition, *what):
    if not condition:
        sys.exit(f"failed: {what}")


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    tools = folder / "tools.json"
    tools.write_text(json.dumps([{"name": "set_light", "parameters": {"room": {"type": "string"}}}]), encoding="utf-8")
    words = ("--system", "You run a house.", "--tools", str(tools))
    for kv in ("f16", "f32", "int8"):
        out = folder / f"{kv}.state"
        r = run(snapshot, model, str(out), *words, "--kv", kv)
        check(r.returncode == 0 and re.search(r"state: \d+ tokens, .* " + kv + " keys", r.stdout), r)
        for prompt in ("Turn on the light in the hall.", "Tell me a tale."):
            ask = ("--prompt", prompt, "--temperature", "0", "--max-tokens", "24", "--kv", kv)
            copy = folder / "copy.state"
            copy.write_bytes(out.read_bytes())
            told, begun = run(chat, model, *words, *ask), run(chat, model, "--session", str(copy), *ask)
            check(told.returncode == 0 and told.stdout == begun.stdout != "", told, begun)
    before = out.read_bytes()
    for arguments, saying in (((model, str(out)), "nothing to compute"), ((model, str(out), "--tools", str(folder / "no")), "no"),
                              ((model, str(out), "--system", "word " * 5000), "context"), ((str(tools), str(out), *words), "tools.json")):
        r = run(snapshot, *arguments)
        check(r.returncode == 1 and saying in r.stderr and not r.stdout, arguments, r)
    check(out.read_bytes() == before, "a refusal changed the file")
