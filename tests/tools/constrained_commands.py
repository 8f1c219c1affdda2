#!/usr/bin/env python3
"""Commands of the small model at a high temperature: every answer is a call of its tools, by Python's own parser.

    constrained_commands.py LFM2-EVAL MODEL TOOLS.json COMMANDS.jsonl [COUNT]

The calls that a device acts on are well-formed however tokens are sampled.
"""
import ast
import json
import pathlib
import re
import subprocess
import sys

try:
    import jsonschema
except ImportError:
    print("SKIPPED: Python's jsonschema is missing (tools/get-deps --test installs it)")
    sys.exit(0)

program, model, tools_file, commands = sys.argv[1:5]
count = int(sys.argv[5]) if len(sys.argv) > 5 else 40
tools = {tool["name"]: tool["parameters"] for tool in json.loads(pathlib.Path(tools_file).read_text(encoding="utf-8"))}
cases = [json.loads(line) for line in pathlib.Path(commands).read_text(encoding="utf-8").splitlines()[:count]]
CALLS = re.compile(r"<\|tool_call_start\|>\[(.*)\]<\|tool_call_end\|>", re.S)


def check(condition, *what):
    if not condition:
        sys.exit(f"failed: {what}")


def answer(case, temperature, seed):
    result = subprocess.run([program, "generate", model, "--prompt", case["user"], "--tools", tools_file, "--tool-choice", "required",
                             "--temperature", str(temperature), "--seed", str(seed), "--max-tokens", "200", "--context", "2048"],
                            capture_output=True, text=True, check=False)
    check(result.returncode == 0, case, result)
    return result.stdout


ended = calls = 0
for seed, case in enumerate(cases):
    text = answer(case, 1.5, seed)
    found = CALLS.fullmatch(text)
    if found is None:
        # Cut off at 200 tokens: the list of calls continues.
        check(text.startswith("<|tool_call_start|>[") and len(text) > 400, case, text)
        continue
    ended += 1
    for call in ast.parse("[" + found[1] + "]", mode="eval").body.elts:
        check(not call.args and call.func.id in tools, case, text)
        arguments = {keyword.arg: ast.literal_eval(keyword.value) if not isinstance(keyword.value, ast.Name) else
                     {"true": True, "false": False, "null": None}[keyword.value.id] for keyword in call.keywords}
        check(len(arguments) == len(call.keywords), case, text)
        for error in jsonschema.Draft202012Validator(tools[call.func.id]).iter_errors(arguments):
            check(False, case, text, error.message)
        check(set(arguments) <= set(tools[call.func.id].get("properties", {})), case, text)
        calls += 1
check(ended >= len(cases) * 0.9, ended)
print(f"{ended} of {len(cases)} answers ended, all calls of tools: {calls}")
