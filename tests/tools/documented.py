#!/usr/bin/env python3
"""docs/tools.md names every option of a tool, and no others; likewise the fields of its JSON.

    documented.py TOOLS.md MODEL PROGRAM...
"""
import json
import pathlib
import re
import subprocess
import sys

document, model, *programs = sys.argv[1:]
text = pathlib.Path(document).read_text(encoding="utf-8")
sections = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", text, re.M | re.S))
OPTION = r"(?<![\w-])--?[a-z][\w-]*"
EVERYWHERE = {"-h", "--help", "--version"}
# Every result of llama-bench has them too, and docs/tools.md refers to it.
LLAMA_BENCH = set("cpu_info model_filename model_type model_size model_n_params n_ubatch n_threads type_k type_v "
                  "n_prompt n_gen n_depth test_time avg_ns stddev_ns avg_ts stddev_ts samples_ns samples_ts".split())


def check(condition, *what):
    if not condition:
        sys.exit(f"failed: {what}")


def output(*command):
    r = subprocess.run(command, capture_output=True, text=True, check=False)
    check(r.returncode == 0, command, r)
    return r.stdout


def options_of(*command):
    """Sets of names that mean the same."""
    lines = re.findall(r"^  (-[^ ,]+(?:, -[^ ,]+)*)", output(*command, "--help"), re.M)
    check(lines, command, "no option found")
    return [set(line.split(", ")) for line in lines]


def keys_of(value):
    if isinstance(value, dict):
        return set(value).union(*map(keys_of, value.values()))
    return set().union(*map(keys_of, value)) if isinstance(value, list) else set()


def synopsis_of(section):
    return "\n".join(re.findall(r"^    .*", sections[section], re.M))


storage = set(re.findall(OPTION, synopsis_of("Storage")))
for program in programs:
    name = pathlib.Path(program).name
    text, synopsis = sections[name], synopsis_of(name)
    commands = sorted(set(re.findall(rf"^    {name} ([a-z-]+) ", text, re.M)))
    known = options_of(program)
    for command in commands:
        known += options_of(program, command)
    words = set(re.findall(OPTION, text)) | (storage if "STORAGE" in synopsis else set())
    for names in known:
        check(names & (words | EVERYWHERE), name, names, "is not in its section")
    unknown = set(re.findall(OPTION, synopsis)) - set().union(*known)
    check(not unknown, name, unknown, "is in its synopsis, and the program does not know it")
    if "STORAGE" in synopsis:
        check(storage <= set().union(*known), name, storage - set().union(*known), "is in Storage")

# The fields of two tools; those of a model image are docs/format.md's, those of cache-sim are its table's columns.
folder = pathlib.Path(programs[0]).parent
direct = ("--storage", "direct", "--json")
plan = json.loads(output(str(folder / "lfm2-inspect"), model, "--plan", *direct))["plan"]
missing = {key for key in keys_of(plan) if f"`{key}`" not in sections["lfm2-inspect"]}
check(not missing, "lfm2-inspect", missing)
for arguments in (("-p", "4", "-n", "4", "-r", "1"), ("-p", "4", "-n", "4", "-r", "1", *direct), ("--ttft", "4")):
    rows = json.loads(output(str(folder / "lfm2-bench"), model, "--json", *arguments))
    missing = {key for key in keys_of(rows) - LLAMA_BENCH if f"`{key}`" not in sections["lfm2-bench"]}
    check(not missing, "lfm2-bench", arguments, missing)
print("ok")
