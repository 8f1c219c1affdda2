#!/usr/bin/env python3
"""lfm2-eval generate at a high temperature: every answer within a constraint must be valid according to Python's
jsonschema.

    eval_generate.py LFM2-EVAL MODEL [SEED [ROUNDS [LEAST]]]

Each round has a random schema and a random list of tools: the answer is JSON valid under the schema, or calls of tools
whose arguments satisfy their parameters. LEAST percent of the answers of both kinds have to end by themselves.
"""
import json
import pathlib
import random
import subprocess
import sys
import tempfile

try:
    import jsonschema
except ImportError:
    print("SKIPPED: Python's jsonschema is missing (tools/get-deps --test installs it)")
    sys.exit(0)

program, model = sys.argv[1:3]
rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 40
least = int(sys.argv[5]) if len(sys.argv) > 5 else 33
folder = tempfile.TemporaryDirectory()
directory = pathlib.Path(folder.name)


def check(condition, *what):
    if not condition:
        sys.exit(f"failed: {what}")


def run(*options, text=None):
    return subprocess.run([program, *options], input=text, capture_output=True)


WORDS = ["room", "on", "celsius", "name", "a", "ab", "abc", "käse", "from", "x-y", "kitchen", "it's", 'say "no"', "\\", "日本"]


def scalar():
    kind = rng.randrange(9)
    if kind == 0:
        return {"enum": rng.sample(WORDS + [1, 2.5, True, None, -3], rng.randint(1, 4))}
    if kind == 1:
        return {"const": rng.choice(WORDS + [7, False, None])}
    if kind == 2:
        low = rng.randint(-50, 50)
        return {"type": "integer", "minimum": low, "maximum": low + rng.choice([0, 1, 5, 99, 1000])}
    if kind == 3:
        return rng.choice([{"type": "number", "minimum": 0.5, "exclusiveMaximum": 2.25}, {"type": "integer", "multipleOf": 7},
                           {"type": "number", "exclusiveMinimum": -1.5}, {"type": "integer"}, {"type": "number"}])
    if kind == 4:
        low = rng.randint(0, 3)
        return {"type": "string", "minLength": low, "maxLength": low + rng.randint(0, 5)}
    if kind == 5:
        return {"type": "string", "pattern": rng.choice(["^[a-c]{2,5}$", "^(ab|cd)+$", "^\\d{3}-\\d{2}$", "x", "^[^a-z\"]*$"]),
                "maxLength": 20}
    if kind == 6:
        return {"type": "string", "format": rng.choice(["date", "time", "date-time", "uuid", "ipv4"])}
    return {"type": rng.choice(["boolean", "null", ["boolean", "null"], ["integer", "boolean"]])}


def schema(depth):
    kind = rng.randrange(7) if depth > 0 else 6
    if kind < 3:
        names = rng.sample(WORDS, rng.randint(0, 4))
        made = {"type": "object", "properties": {n: schema(depth - 1) for n in names},
                "required": rng.sample(names, rng.randint(0, len(names)))}
        if rng.random() < 0.8:
            made["additionalProperties"] = rng.choice([False, False, scalar()])
        if rng.random() < 0.3 and made.get("additionalProperties") is False:
            made["maxProperties"] = max(len(made["required"]), rng.randint(1, 4))
        return made
    if kind == 3:
        low = rng.randint(0, 2)
        return {"type": "array", "items": schema(depth - 1), "minItems": low, "maxItems": low + rng.randint(0, 2)}
    if kind == 4:
        return {"anyOf": [schema(depth - 1) for _ in range(rng.randint(1, 3))]}
    if kind == 5:
        return {"type": "array", "prefixItems": [scalar(), scalar()], "minItems": 2, "items": False}
    return scalar()


def validator(of):
    return jsonschema.Draft202012Validator(of, format_checker=jsonschema.FormatChecker(["date", "ipv4"]))


def write(name, value):
    path = directory / name
    path.write_text(json.dumps(value), encoding="utf-8")
    return str(path)


def options(n):
    # Cut off after so many tokens: then it need not be valid.
    return ["--temperature", "1.5", "--seed", str(n), "--max-tokens", "200", "--context", "4096"]


def was_cut_off(n, *constraint):
    ids = json.loads(run("generate", model, "--prompt", "Turn on the light", *constraint, "--ids", *options(n)).stdout)
    return len(ids) == 200


ended = {"schema": 0, "calls": 0}


def check_schema(n):
    of = schema(3)
    path = write("schema.json", of)
    result = run("generate", model, "--prompt", "Turn on the light", "--json-schema", path, *options(n))
    if result.returncode != 0:
        # Nothing may satisfy it.
        check(b"allows no value" in result.stderr and result.stderr.count(b"\n") == 1, of, result)
        return
    if was_cut_off(n, "--json-schema", path):
        return
    try:
        value = json.loads(result.stdout.decode("utf-8"))
    except ValueError as error:
        check(False, of, result.stdout, error)
    for error in validator(of).iter_errors(value):
        check(False, of, value, error.message)
    ended["schema"] += 1


def check_calls(n):
    tools = []
    for name in rng.sample(["set_light", "f", "a.b", "start_timer", "g2"], rng.randint(1, 3)):
        names = rng.sample(WORDS[:8], rng.randint(0, 3))
        parameters = {"type": "object", "properties": {x: schema(1) for x in names},
                      "required": rng.sample(names, rng.randint(0, len(names)))}
        tools.append({"name": name, "description": "?", "parameters": parameters})
    names = [tool["name"] for tool in tools]
    choice = rng.choice(["required", rng.choice(names)])
    path = write("tools.json", tools)
    result = run("generate", model, "--prompt", "Turn on the light", "--tools", path, "--tool-choice", choice, *options(n))
    if result.returncode != 0:
        check(b"no call satisfies" in result.stderr and result.stderr.count(b"\n") == 1, tools, result)
        return
    text = result.stdout
    check(text.startswith(b"<|tool_call_start|>["), tools, text)
    if was_cut_off(n, "--tools", path, "--tool-choice", choice):
        return
    read = run("tool-calls", text=text)
    check(read.returncode == 0, tools, text, read.stderr)
    calls = json.loads(read.stdout)
    check(len(calls) > 0, tools, text)
    for call in calls:
        check(call["name"] in names and choice in ("required", call["name"]), tools, call)
        parameters = dict(tools[names.index(call["name"])]["parameters"], additionalProperties=False)
        for error in validator(parameters).iter_errors(call["arguments"]):
            check(False, tools, text, error.message)
    ended["calls"] += 1


for n in range(rounds):
    check_schema(n)
    check_calls(n)
check(min(ended.values()) * 100 >= rounds * least, ended)
print(f"{ended['schema']} answers by schemas and {ended['calls']} with calls of {rounds} each, all valid")
