#!/usr/bin/env python3
"""lfm2-eval table --arena: the bytes that decoding reads from the drive, against the plans and records of the same
images.

    eval_table_streamed.py LFM2-EVAL LFM2-PACK LFM2-INSPECT HOME-Q4_0.gguf MOE.gguf DENSE.gguf COMMANDS.jsonl

The three models have one vocabulary.
"""
import json
import pathlib
import sys
import tempfile
import xml.etree.ElementTree

from program import Program, check

evaluate, pack, inspect = map(Program, sys.argv[1:4])
home_gguf, moe_gguf, dense_gguf, commands = sys.argv[4:]
SVG = "{http://www.w3.org/2000/svg}"
COLUMNS = ("streamed, t/s", "hits", "drive/token, MB")
NOTHING = ("resident", "-", "-")


def facts_of(image, *arguments):
    return json.loads(inspect.output(image, *arguments, "--json"))


def plan_of(image, *arguments):
    return facts_of(image, "--plan", "--storage", "direct", *arguments)["plan"]


def table(*arguments):
    """The cells of streaming, by model, and the note on them."""
    text = evaluate.output("table", *images.values(), "--text", words, "--context", 64, "--threads", 1, "--markdown",
                           *arguments)
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line[:1] == "|"]
    rows = [dict(zip(lines[0], line)) for line in lines[2:]]
    check(all(float(row["decode, t/s"].split()[0]) > 0 for row in rows), text)
    return {row["model"]: tuple(row[column] for column in COLUMNS) for row in rows}, text


def numbers(cells):
    """(value, standard error) of each."""
    return [tuple(float(x) for x in cell.rstrip(" %").split(" \u00b1 ")) for cell in cells]


def in_words(size):
    return f"{size / 1e6:.2f} MB" if size < 9.995e6 else f"{size / 1e6:.1f} MB"


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    images, words = {}, folder / "words.txt"
    for model, source in (("home", home_gguf), ("moe", moe_gguf), ("dense", dense_gguf)):
        images[model] = folder / f"{model}.lfm2"
        pack.output(source, images[model], "--quiet")
    lines = pathlib.Path(commands).read_text(encoding="utf-8").splitlines()[:20]
    words.write_text("".join(json.loads(line)["user"] + "\n" for line in lines), encoding="utf-8")
    facts = facts_of(images["home"])
    per_token, experts = facts["config"]["experts_per_token"], facts["config"]["experts"]
    strides = [record["stride"] for record in facts["records"]]
    least = {model: plan_of(images[model])["least_bytes"] for model in ("home", "moe")}

    # A single slot never has the right expert: every expert of every token is read, and nothing else.
    rows, text = table("--arena", least["home"])
    (speed, speed_error), hits, read = numbers(rows["home"])
    check(hits == (0, 0) and abs(read[0] - per_token * sum(strides) / 1e6) < 0.51e-4 and read[1] == 0, rows, strides)
    check(speed > 0 and speed_error > 0, rows)
    check(f"in an arena of {in_words(least['home'])}, with experts read from this drive, " in text, text)
    check(rows["dense"] == NOTHING, rows)
    check(least["moe"] < least["home"] and rows["moe"][0] != "resident", rows, least)

    # More slots give more hits and fewer reads, never fewer than the missing experts; a slow drive limits the speed.
    picture = folder / "picture.svg"
    more = least["home"] + 40 * max(strides)
    slots = plan_of(images["home"], "--arena", more)["expert_slots"]
    check(len(strides) * per_token < slots < len(strides) * experts, slots)
    rows, text = table("--arena", more, "--throttle", "8MB", "--svg", picture)
    (speed, _), (hits, hits_error), (read, read_error) = numbers(rows["home"])
    check(10 < hits < 100 and hits_error > 0 and read_error > 0, rows)
    check((1 - hits / 100) * per_token * sum(strides) / 1e6 <= read * 1.001 < per_token * sum(strides) / 1e6, rows)
    check(speed * read < 1.5 * 8, rows)
    check("from a drive of 8.00 MB a second, " in text, text)
    labels = [element.text for element in xml.etree.ElementTree.parse(picture).getroot().iter(f"{SVG}text")]
    check(f"decode in {in_words(more)}, tokens a second, 1 thread" in labels, labels)

    # With room for all experts nothing is streamed, and with too little the table shows the required size.
    rows, _ = table("--arena", "64MB")
    check(set(rows.values()) == {NOTHING}, rows)
    rows, _ = table("--arena", min(least.values()) - 1, "--svg", picture)
    check(rows == {"dense": NOTHING, **{model: (f"needs {in_words(size)}", "-", "-") for model, size in least.items()}}, rows)
    labels = [element.text for element in xml.etree.ElementTree.parse(picture).getroot().iter(f"{SVG}text")]
    check(labels.count("moe") == 2 and labels.count("dense") == 3, labels)
print("ok")
