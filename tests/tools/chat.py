#!/usr/bin/env python3
"""chat as a program: one answer, a piped chat with a tool call, statistics, and a clear refusal of everything else.

    chat.py CHAT MODEL COMMANDS.jsonl
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

chat, model, commands = sys.argv[1:]


def run(*arguments, text=""):
    return subprocess.run([chat, *arguments], input=text, capture_output=True, text=True, check=False)


def check(condition, *what):
    if not condition:
        sys.exit(f"failed: {what}")


def refused(code, *arguments, saying):
    """The program ends with this code, reports it on standard error and prints no answer."""
    r = run(*arguments)
    check(r.returncode == code and re.search(saying, r.stderr) and not r.stdout, arguments, r)


# Commands that the model answers well (of 300 it gets 296 right), each with its exact call.
cases = [json.loads(line) for line in pathlib.Path(commands).read_text(encoding="utf-8").splitlines()[:3]]
for case in cases:
    for threads in ("1", "2"):
        r = run(model, "--prompt", case["user"], "--temperature", "0", "--repetition-penalty", "1", "--threads", threads)
        check(r.returncode == 0 and r.stdout == case["call"] + "\n" and not r.stderr, case, r)

# Standard input that is not a terminal: each line a turn, and the answer of a tool.
r = run(model, "--temperature", "0", text=cases[0]["user"] + "\n/tool {\"ok\": true}\n\n/reset\n" + cases[1]["user"] + "\n/quit\nmore\n")
lines = r.stdout.splitlines()
check(r.returncode == 0 and len(lines) == 3 and lines[0] == cases[0]["call"] and lines[2] == cases[1]["call"], r)
check("<|tool_call_start|>" not in lines[1], r)

# Empty lines are no turns. An unknown command ends the program, which has not sent it; // sends a line that begins with /.
r = run(model, "--temperature", "0", text=f"\n  \n\t\n{cases[0]['user']}\n/nonsense\n{cases[1]['user']}\n")
check(r.returncode == 1 and r.stdout == cases[0]["call"] + "\n" and "unknown command /nonsense" in r.stderr, r)
check(r.stderr.count("\n") == 1, r)
r = run(model, "--temperature", "0", text="//help\n/quit\n")
check(r.returncode == 0 and r.stdout.strip() and "/regenerate" not in r.stderr, r)
check("/regenerate" in run(model, text="/help\n").stderr, "/help")

# Equal seeds, equal answers; the system prompt and tools are part of the prompt.
with tempfile.TemporaryDirectory() as folder:
    tools = pathlib.Path(folder) / "tools.json"
    tools.write_text('[{"name": "set_light", "description": "Light"}]', encoding="utf-8")
    ask = (model, "--prompt", "Tell me a tale.", "--seed", "5", "--temperature", "1", "--max-tokens", "20")
    check(run(*ask).stdout == run(*ask).stdout != "", ask)
    plain, more = run(*ask, "--stats"), run(*ask, "--stats", "--system", "Be kind.", "--tools", str(tools))
    prompt_tokens = [int(re.search(r"prefill (\d+) tokens, [\d.]+ tokens/s; decode (\d+) tokens", x.stderr).group(1))
                     for x in (plain, more)]
    check(prompt_tokens[1] > prompt_tokens[0] + 10, prompt_tokens)
    guessing = run(*ask, "--stats", "--draft", "8")
    check(guessing.stdout == plain.stdout and re.search(r"guessed \d+ tokens, \d+ of them right", guessing.stderr), guessing)
    check("guessed" not in plain.stderr, plain)
    check(re.search(r"KV cache +\d", plain.stderr) and re.search(r"arena [\d.]+ MB", plain.stderr), plain)
    tools.write_text("[", encoding="utf-8")
    refused(1, model, "--prompt", "x", "--tools", str(tools), saying="tools.json")
    refused(1, model, "--prompt", "x", "--tools", folder + "/none.json", saying="none.json")
    refused(1, folder + "/none.lfm2", "--prompt", "x", saying="cannot open .*none.lfm2: no such file")
    refused(1, str(tools), "--prompt", "x", saying="tools.json")

# The arena: the exact size is enough, one byte less is refused with the size that is needed.
needed = re.search(r"needs (\d+) bytes", run(model, "--prompt", "x", "--arena", "1K").stderr).group(1)
check(run(model, "--prompt", "x", "--arena", needed).returncode == 0, needed)
refused(1, model, "--prompt", "x", "--arena", str(int(needed) - 1), saying=needed)
check(run(model, "--prompt", "x", "--arena", "64M").returncode == 0, "64M")

refused(1, model, "--prompt", "x", "--context", "5000", saying="5000, limit 4096")
refused(1, model, "--prompt", "word " * 100, "--context", "64", saying="context full")
refused(1, model, "--prompt", "x" * 100000, saying="arena too small|context full")
refused(2, model, "--prompt", "x", "--temperature", "-1", saying="temperature")
refused(2, model, "--prompt", "x", "--top-p", "2", saying="top_p")
refused(2, model, "--prompt", "x", "--threads", "100000", saying="--threads")
refused(2, model, "--prompt", "x", "--seed", "-1", saying="--seed: -1 is not a whole number")
refused(2, model, "--prompt", "x", "--seed", str(2**64), saying="--seed")
for nothing in ("", "  ", "\t\n"):
    refused(2, model, "--prompt", nothing, saying="--prompt: the text is empty")
refused(2, saying="(?i)model")
refused(2, model, "--no-such-option", saying="no-such-option")
refused(2, model, "--max-tokens", "many", saying="max-tokens")
help_text = run("--help")
check(help_text.returncode == 0 and "--arena" in help_text.stdout, help_text)

# A chat in a file: one process per turn gives the same as a single process, including the random sequence; a file that
# is damaged, or has another beginning, is refused and stays as it is.
with tempfile.TemporaryDirectory() as folder:
    file = pathlib.Path(folder) / "evening.session"
    turns = [cases[0]["user"], "Tell me a tale.", "What is the capital of France?"]
    options = ("--temperature", "1.2", "--min-p", "0", "--max-tokens", "24", "--seed", "11")
    whole = run(model, *options, text="\n".join(turns) + "\n")
    pieces = [run(model, *options, "--session", str(file), "--prompt", turn) for turn in turns]
    check(whole.returncode == 0 and whole.stdout == "".join(r.stdout for r in pieces), whole, pieces)
    check("evening.session: a chat of" in pieces[1].stderr and not pieces[0].stderr, pieces)
    good = file.read_bytes()
    refused(1, model, "--session", str(file), "--system", "Be kind.", "--prompt", "x", saying="leave out --system")
    refused(1, model, "--session", str(file), "--kv", "f32", "--prompt", "x", saying="evening.session: .*kv_cache|evening.session: .*KV")
    check(file.read_bytes() == good, "a refusal changed the file")
    # A place that no file can be written to is found before the answer, not after it.
    refused(1, model, "--session", folder + "/no/such/place", "--prompt", "x", saying="no such directory")
    file.write_bytes(good[:-5])
    refused(1, model, "--session", str(file), "--prompt", "x", saying="evening.session")
    file.write_bytes(good[:200] + bytes([good[200] ^ 1]) + good[201:])
    refused(1, model, "--session", str(file), "--prompt", "x", saying="evening.session: .*CRC")
