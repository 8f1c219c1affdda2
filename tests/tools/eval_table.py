#!/usr/bin/env python3
"""lfm2-eval table, against the results of the single commands for the same models, and against their files.

    eval_table.py LFM2-EVAL LFM2-PACK LFM2-INSPECT HOME-Q4_0.gguf MOE.gguf DENSE.gguf CHOICES.json COMMANDS.jsonl

The three models have one vocabulary.
"""
import json
import pathlib
import re
import sys
import tempfile
import xml.etree.ElementTree

from program import Program, check

evaluate, pack, inspect = map(Program, sys.argv[1:4])
home_gguf, moe_gguf, dense_gguf, tasks, commands = sys.argv[4:]
SVG = "{http://www.w3.org/2000/svg}"


def refused(code, *arguments, saying):
    result = evaluate.run("table", *arguments)
    check(result.returncode == code and re.search(saying, result.stderr) and not result.stdout, arguments, result)


def rows_of(text):
    """[{column: cell}] of the Markdown."""
    lines = [re.split(r" (?<!\\)\| ?", line.strip("| ") + " |")[:-1] for line in text.splitlines() if line[:1] == "|"]
    check(all(len(line) == len(lines[0]) for line in lines), text)
    return [dict(zip(lines[0], line)) for line in lines[2:]]


def number(cell):
    return float(re.match(r"[-+.\d]+", cell)[0])


def same(cell, value, error, percent=False):
    """A cell has as many decimals as its error with two digits."""
    got, deviation = (float(x) for x in cell.rstrip(" %").split(" \u00b1 "))
    digit = 0.51 * 10.0 ** -len(cell.rstrip(" %").partition(".")[2].split(" ")[0])
    factor = 100 if percent else 1
    return abs(got - factor * value) <= digit and abs(deviation - factor * error) <= digit


def texts(root):
    return [element.text for element in root.iter(f"{SVG}text")]


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    home, moe, dense = folder / "home <&|>.lfm2", folder / "moe.lfm2", folder / "dense.lfm2"
    for source, image in ((home_gguf, home), (moe_gguf, moe), (dense_gguf, dense)):
        pack.output(source, image, "--quiet")
    few_tasks, few_commands, words = folder / "tasks.json", folder / "commands.jsonl", folder / "words.txt"
    few_tasks.write_text(json.dumps({"items": json.loads(pathlib.Path(tasks).read_text())["items"][:12]}))
    few_commands.write_text("".join(pathlib.Path(commands).read_text().splitlines(keepends=True)[:20]))
    words.write_text("".join(json.loads(line)["user"] + "\n" for line in few_commands.read_text().splitlines()))
    picture = folder / "table.svg"
    arguments = (home, moe, dense, "--text", words, "--context", 64, "--threads", 1)

    text = evaluate.output("table", *arguments, "--choices", few_tasks, "--commands", few_commands, "--svg", picture,
                           "--markdown")
    rows = rows_of(text)
    check([row["model"] for row in rows] == [r"home <&\|>", "moe", "dense"], rows)
    check("(base || model)" in text and "12 multiple choice items" in text and "of 20 commands" in text, text)
    for row, image in zip(rows, (home, moe, dense)):
        line = evaluate.output("perplexity", image, "--text", words, "--context", 64)
        perplexity = re.match(r"perplexity (\S+) \+- (\S+) ", line)
        check(same(row["perplexity"], float(perplexity[1]), float(perplexity[2])), row, perplexity)
        scores = folder / "scores.json"
        evaluate.output("choices", image, few_tasks, "--out", scores)
        scores = json.loads(scores.read_text())
        for column in ("acc", "acc_norm"):
            check(same(row[column], scores[column], scores[f"{column}_stderr"], percent=True), column, row, scores)
        exact = re.match(r".* (\S+) \+- (\S+) %", evaluate.output("commands", image, few_commands))
        check(same(row["exact calls"], float(exact[1]), float(exact[2])), row, exact)
        check(number(row["prefill, t/s"]) > 0 and number(row["decode, t/s"]) > 0, row)
        if image is home:
            check(row["KL, nats"] == row["error"] == row["flips"] == "base", row)
            continue
        kl = evaluate.output("kl", image, "--base", home, "--text", words, "--context", 64)
        mean = re.search(r"mean (\S+) \+- (\S+) nats", kl)
        top = re.search(r"same likeliest token +(\S+) \+- (\S+) %", kl)
        check(same(row["KL, nats"], float(mean[1]), float(mean[2])), row, kl)
        # One is a whole minus the other, both rounded to the same digit.
        check(same(row["flips"], 100 - float(top[1]), float(top[2])), row, kl)
        error = re.search(r"error of the logits +(\S+) \+- (\S+) of the base's variance", kl)
        check(same(row["error"], float(error[1]), float(error[2])), row, kl)

    # Sizes are those of the file, and of the plan that lfm2-inspect shows.
    for row, image in zip(rows, (home, moe, dense)):
        plan = json.loads(inspect.output(image, "--plan", "--json"))["plan"]
        direct = json.loads(inspect.output(image, "--plan", "--storage", "direct", "--json"))["plan"]
        bits = re.search(r"^all +(?:[\d ]+) (\d+\.\d+)$", inspect.output(image), re.M)[1]
        check(row["bits/weight"] == bits, row, bits)
        unit = {"kB": 1e3, "MB": 1e6}[row["size"].split()[1]]
        check(abs(number(row["size"]) * unit - image.stat().st_size) <= 0.006 * image.stat().st_size, row)
        memory = plan["total_bytes"] + direct["front_bytes"]
        check(abs(number(row["RAM"]) * {"kB": 1e3, "MB": 1e6}[row["RAM"].split()[1]] - memory) <= 0.006 * memory, row)

    # The chart: a point and a label in every panel for each model except the base, and no scripts.
    root = xml.etree.ElementTree.parse(picture).getroot()
    labels = texts(root)
    check(labels.count("moe") == labels.count("dense") == 3 and any("home <&|>" in label for label in labels), labels)
    check("published files" not in labels and "images" in labels, labels)
    check(len(list(root.iter(f"{SVG}circle"))) == 7, "points, and one of the legend")
    width, height = float(root.get("width")), float(root.get("height"))
    for circle in root.iter(f"{SVG}circle"):
        check(0 < float(circle.get("cx")) < width and 0 < float(circle.get("cy")) < height, circle.attrib)
    elements = {element.tag.replace(SVG, "") for element in root.iter()}
    check(elements == {"svg", "style", "rect", "text", "line", "circle"}, elements)
    check("prefers-color-scheme: dark" in picture.read_text(), "dark")

    # Another base, listed or not, comes first; a model that is listed twice is measured once; a single one has no KL.
    for listed in ((home, dense), (home, moe, dense, dense)):
        rows = rows_of(evaluate.output("table", *listed, "--base", moe, *arguments[3:], "--markdown"))
        check([row["model"] for row in rows] == ["moe", r"home <&\|>", "dense"], rows)
        check(rows[0]["KL, nats"] == "base" and number(rows[1]["KL, nats"]) > 0, rows)
        check("acc" not in rows[0] and "exact calls" not in rows[0], rows)
    plain = evaluate.output("table", dense, *arguments[3:], "--svg", picture)
    columns = r"model +size +bits/weight +read/token +RAM +perplexity +prefill, t/s +decode, t/s\ndense "
    check(re.match(columns, plain), plain)
    check(sum(label == "dense" for label in texts(xml.etree.ElementTree.parse(picture).getroot())) == 3, "one model")
    # Two files with the same name are listed by their paths.
    other = folder / "of a name that fits into no picture"
    other.mkdir()
    twin = other / "dense.lfm2"
    twin.write_bytes(dense.read_bytes())
    rows = rows_of(evaluate.output("table", dense, twin, *arguments[3:], "--svg", picture, "--markdown"))
    check([row["model"] for row in rows] == [str(dense), str(twin)], rows)
    labels = [text for text in texts(xml.etree.ElementTree.parse(picture).getroot()) if text.endswith("dense.lfm2")]
    check(labels == ["..." + str(twin)[-37:]] * 3, labels)
    check(all(set(re.findall(r"[\d.]+", rows[1][name])) <= {"0", "0.00"} for name in ("KL, nats", "error", "flips")), rows)

    refused(1, dense, folder / "none.lfm2", "--text", words, saying="none.lfm2")
    refused(1, dense, "--text", folder / "none.txt", saying="none.txt")
    refused(1, dense, "--text", words, "--choices", folder / "none.json", saying="none.json")
    refused(1, dense, "--text", words, "--commands", few_tasks, saying="tasks.json: line 1: ")
    refused(1, dense, "--text", words, "--svg", folder / "no/such/place", saying="no/such/place")
    refused(2, dense, "--text", words, "--throttle", "1MB", saying="--arena")
    refused(2, dense, "--text", words, "--arena", "much", saying="much is not a number of bytes")
    refused(2, dense, saying="--text|--ids|input")
    refused(2, "--text", words, saying="MODEL")
print("ok")
