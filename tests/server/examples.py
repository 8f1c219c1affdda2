#!/usr/bin/env python3
"""The examples of docs/server.md do what the text says.

    examples.py curl|python|js LFM2-SERVER MODEL SERVER.md
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from server_program import check, running

kind, program, model, document = sys.argv[1:]
# How each kind is run, what it needs, and what its examples print, in their order.
LANGUAGES = {"curl": ("sh", ["sh", "-e"], "curl"), "python": ("python", [sys.executable, "-B"], None), "js": ("js", ["node"], "node")}
EXPECTED = {
    "curl": [r'"content":"<\|tool_call_start\|>\[start_timer\(minutes=21\)\]<\|tool_call_end\|>"', r'(?s)"delta":\{"content":.*\[DONE\]',
             r'"token_logprobs":\[null,-[0-9.]+,', r'"object":"list","data":\[\{"id":'],
    "python": [r"^start_timer \{'minutes': 21\}\n.+\n$"],
    "js": [r"^\S.*\S\n$"],
}
language, command, needed = LANGUAGES[kind]
if needed is not None and shutil.which(needed) is None:
    print(f"SKIPPED: {needed} was not found")
    sys.exit(0)
if kind == "python":
    try:
        import openai  # noqa: F401
    except ImportError:
        print("SKIPPED: Python's openai is missing (tools/get-deps --ci installs it)")
        sys.exit(0)

text = pathlib.Path(document).read_text(encoding="utf-8")
examples = re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)
if kind == "curl":
    examples = [example for example in examples if example.startswith("curl ")]
check(len(examples) == len(EXPECTED[kind]), kind, len(examples))
with tempfile.TemporaryDirectory() as folder:
    keys = pathlib.Path(folder, "keys")
    keys.write_text("of-the-house\n", encoding="utf-8")
    for example, expected in zip(examples, EXPECTED[kind]):
        options = ("--api-key-file", keys) if "LFM2_API_KEY" in example else ()
        with running(program, model, *options) as server:
            check("http://127.0.0.1:8080" in example, example)
            script = pathlib.Path(folder, "example.mjs" if kind == "js" else "example")
            script.write_text(example.replace("http://127.0.0.1:8080", server.url), encoding="utf-8")
            environment = dict(os.environ, LFM2_API_KEY="of-the-house")
            r = subprocess.run([*command, script], capture_output=True, text=True, env=environment, timeout=60, check=False)
            check(r.returncode == 0 and re.search(expected, r.stdout), example, expected, r)
print(f"ok: {len(examples)} examples")
