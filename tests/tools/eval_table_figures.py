#!/usr/bin/env python3
"""lfm2-eval table, its figures and its chart, against numpy over logits and against the directories of images.

    eval_table_figures.py LFM2-EVAL LFM2-PACK BASE.gguf Q4_0.gguf MOE.gguf MOE-FOLDER IDS.json

BASE and Q4_0 are one dense model, MOE-FOLDER is a directory of safetensors; IDS has a "long_prompt". Needs numpy and gguf.
"""
import json
import os
import pathlib
import re
import sys
import tempfile
import xml.etree.ElementTree

from program import Program, check

sys.path.append(str(pathlib.Path(__file__).parents[1] / "pack"))
try:
    import gguf
    import numpy as np

    import read_image
    import variant_gguf
except ImportError as e:
    sys.exit(print(f"SKIPPED: {e} (tools/get-deps --test installs it)"))

evaluate, pack = map(Program, sys.argv[1:3])
base_gguf, q4_gguf, moe_gguf, moe_folder, golden = sys.argv[3:]
SVG = "{http://www.w3.org/2000/svg}"
WINDOW = 100
UNITS = {"B": 1, "kB": 1e3, "MB": 1e6}


def untied(source, path):
    """The same model with a separate output matrix: the computation is the same, and one more row is read."""
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(path, reader.fields["general.architecture"].contents())
    for key, (types, content) in variant_gguf.keys_of(reader).items():
        if key != "general.architecture":
            writer.add_key_value(key, content, gguf.GGUFValueType[types[0]],
                                 gguf.GGUFValueType[types[1]] if len(types) > 1 else None)
    for t in reader.tensors:
        for name in (t.name, "output.weight") if t.name == "token_embd.weight" else (t.name,):
            writer.add_tensor(name, t.data, raw_dtype=t.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def read_a_token(path):
    """Bytes of the weights that a token needs, from the directory of an image."""
    image = read_image.Image(path)
    config = image.config
    total = 0
    for role, _, _, rows, _, _, size in image.entries:
        name = read_image.ROLES[role]
        if name in read_image.EXPERT:
            total += config["experts_per_token"] * size
        elif name == "token_embedding" and not config["tied_embedding"]:
            total += size // (-(-rows // 16) * 16)  # one row of blocks of 16
        else:
            total += size
    return total


def size_of(path):
    return sum(file.stat().st_size for file in (path.glob("*.safetensors") if path.is_dir() else (path,)))


def logits_of(model, ids):
    (folder / "ids.json").write_text(json.dumps(ids))
    evaluate.output("logits", model, "--ids", folder / "ids.json", "--out", folder / "logits.npy")
    return np.load(folder / "logits.npy").astype(np.float64)[:-1]


def mean_and_error(values):
    return values.mean(), values.std(ddof=1) / np.sqrt(len(values))


def figures(g, x):
    """KL, error and flips of logits x from those of the base, g: [positions, vocabulary]. Each with its standard error."""
    log_p, log_q = (z - z.max(1, keepdims=True) for z in (g, x))
    log_p, log_q = (z - np.log(np.exp(z).sum(1, keepdims=True)) for z in (log_p, log_q))
    errors = ((x - g) ** 2).sum(1) / ((g - g.mean(1, keepdims=True)) ** 2).sum(1)
    log_mean, log_error = mean_and_error(np.log(errors))
    return {"KL, nats": mean_and_error((np.exp(log_p) * (log_p - log_q)).sum(1)),
            "error": (np.exp(log_mean), np.exp(log_mean) * log_error),
            "flips": [100 * v for v in mean_and_error((g.argmax(1) != x.argmax(1)).astype(float))]}


def rows_of(text):
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line[:1] == "|"]
    return {line[0]: dict(zip(lines[0], line)) for line in lines[2:]}


def is_size(cell, size):
    """Three digits and a unit."""
    number, unit = cell.split()
    return abs(float(number) * UNITS[unit] - size) <= 0.0051 * size


def axis(marks, logarithmic):
    """The line through places of numbers on an axis: from a place to its number."""
    places, values = (np.array(v, float) for v in zip(*marks))
    slope, start = np.polyfit(places, np.log(values) if logarithmic else values, 1)
    return lambda place: np.exp(slope * place + start) if logarithmic else slope * place + start


def check_picture(path, wanted, published, decode):
    """Points are at their numbers, those of published files are hollow, and the line is the Pareto front."""
    root = xml.etree.ElementTree.parse(path).getroot()
    texts = [(float(t.get("x")), float(t.get("y")), t.get("text-anchor"), t.text) for t in root.iter(f"{SVG}text")]
    lines = [[float(line.get(k)) for k in ("x1", "y1", "x2", "y2")] + [line.get("class")] for line in root.iter(f"{SVG}line")]
    legend = [t[3] for t in texts]
    check({"images", "published files", "images that no other file beats in both"} <= set(legend), legend)
    plots = sorted((x1, min(y1, y2), max(y1, y2)) for x1, y1, x2, y2, kind in lines if kind == "axis" and x1 == x2)
    check(len(plots) == 3, plots)
    numbers = [(x, y, anchor, float(text)) for x, y, anchor, text in texts if re.fullmatch(r"\d+(\.\d+)?", text)]
    vertical = axis([(y - 4, value) for x, y, anchor, value in numbers if anchor == "end"], True)
    for panel, (left, top, bottom) in enumerate(plots):
        right = plots[panel + 1][0] - 5 if panel < 2 else float(root.get("width"))
        horizontal = axis([(x, v) for x, y, anchor, v in numbers if anchor == "middle" and left - 5 < x < right], False)
        dots = [(float(c.get("cx")), float(c.get("cy")), c.get("class")) for c in root.iter(f"{SVG}circle")]
        dots = [dot for dot in dots if left <= dot[0] < right and top <= dot[1] <= bottom]
        check([kind for _, _, kind in dots] == ["hollow" if name in published else "full" for name in wanted], panel, dots)
        points = {}
        for (x, y, _), (name, row) in zip(dots, wanted.items()):
            # Places are rounded to a tenth of a pixel, and the numbers at the marks are exact.
            check(abs(np.log(vertical(y) / row["KL, nats"][0])) < 0.01, panel, name, vertical(y), row)
            want = (row["file"] / 1e6, row["read"] / 1e6, decode[name])[panel]
            check(abs(horizontal(x) - want) < 0.006 * want, panel, name, horizontal(x), want)
            points[name] = (-x if panel == 2 else x, -y)
            bars = [line for line in lines if "error" in line[4].split() and abs(line[0] - x) < 0.06]
            mean, error = row["KL, nats"]
            check(any(abs(np.log(vertical(min(b[1], b[3])) / (mean + error))) < 0.01 for b in bars), panel, name, bars)
        front = [name for name, (x, y) in points.items() if name not in published and not any(
            a <= x and b <= y and (a, b) != (x, y) for a, b in points.values())]
        front.sort(key=lambda name: abs(points[name][0]))
        drawn = [line[:4] for line in lines if line[4] == "front" and left <= line[0] < right and line[1] >= top]
        ends = [(abs(points[name][0]), -points[name][1]) for name in front]
        check(len(drawn) == len(front) - 1, panel, front, drawn)
        for line, start, end in zip(drawn, ends, ends[1:]):
            check(np.abs(np.array(line) - np.array(start + end)).max() < 0.11, panel, line, start, end)


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    base = folder / "base.lfm2"
    pack.output(base_gguf, base, "--quiet")
    images = {kind: folder / f"{kind}.lfm2" for kind in ("q8", "q6")}
    for kind, image in images.items():
        pack.output(base_gguf, image, "--type", kind, "--quiet")
    # The image of a GGUF file is a little larger, so that file beats it; no other image does.
    for model, source in (("moe", moe_gguf), ("of-gguf", q4_gguf)):
        images[model] = folder / f"{model}.lfm2"
        pack.output(source, images[model], "--quiet")
    own = folder / "untied.gguf"
    untied(q4_gguf, own)
    files = {"q8": images["q8"], "q6": images["q6"], "of-gguf": images["of-gguf"], "moe": images["moe"],
             pathlib.Path(q4_gguf).stem: pathlib.Path(q4_gguf), "untied": own,
             pathlib.Path(moe_folder).name: pathlib.Path(moe_folder)}
    published = {pathlib.Path(q4_gguf).stem: folder / "q4_0.lfm2", "untied": folder / "untied.lfm2",
                 pathlib.Path(moe_folder).name: folder / "folder.lfm2"}
    for given, image in published.items():
        pack.output(files[given], image, "--quiet")
        images[given] = image
    ids = json.loads(pathlib.Path(golden).read_text(encoding="utf-8"))["long_prompt"]
    windows = [ids[i:i + WINDOW] for i in range(0, len(ids), WINDOW)]
    exact = [logits_of(base, window) for window in windows]
    wanted = {}
    for model, image in ((model, images[model]) for model in files):
        wanted[model] = figures(np.concatenate(exact), np.concatenate([logits_of(image, window) for window in windows]))
        wanted[model].update(file=size_of(files[model]), read=read_a_token(image))
    row = wanted["untied"]["read"] - wanted[pathlib.Path(q4_gguf).stem]["read"]
    check(0 < row < 1000, "one row of the embedding", row)

    (folder / "long.json").write_text(json.dumps(ids))
    picture = folder / "picture.svg"
    rows = rows_of(evaluate.output("table", *files.values(), "--base", base, "--ids", folder / "long.json", "--context",
                                   WINDOW, "--threads", 1, "--markdown", "--svg", picture))
    check(list(rows) == ["base", *files], rows)
    for model, want in wanted.items():
        got = rows[model]
        check(is_size(got["size"], want["file"]) and is_size(got["read/token"], want["read"]), model, got, want)
        for column in ("KL, nats", "error", "flips"):
            mean, error = (cell for cell in got[column].rstrip(" %").split(" \u00b1 "))
            digit = 0.51 * 10.0 ** -len(mean.partition(".")[2])
            check(abs(float(mean) - want[column][0]) <= digit + 1e-4 * want[column][0], model, column, got, want)
            check(abs(float(error) - want[column][1]) <= digit + 1e-4 * want[column][1], model, column, got, want)
            check(want[column][1] > 0 or model.startswith("moe"), model, column, want)
    check_picture(picture, wanted, published, {name: float(row["decode, t/s"].split()[0]) for name, row in rows.items()})
print("ok")
