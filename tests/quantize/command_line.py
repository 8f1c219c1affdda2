#!/usr/bin/env python3
"""lfm2-pack --type as a program: options and refusals, the report, an interrupted calibration, and its memory.

    command_line.py LFM2-PACK UNQUANTISED.gguf QUANTISED.gguf LARGER-QUANTISED.gguf TEXT
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "tools"))
from program import Program, check  # noqa: E402

pack = Program(sys.argv[1])
model, quantised, larger, text = map(os.path.abspath, sys.argv[2:])


def types(*arguments):
    """{role: type} of the resulting image."""
    rows = re.findall(r"^(\w+) +(\w+) +\d+ +[\d ]+ +[\d.]+$", pack.output(model, image, *arguments), re.M)
    return dict(rows)


def peak_bytes(*arguments):
    """Peak memory of the program itself; ru_maxrss includes that of Python before the program was started."""
    # AddressSanitizer would keep up to 256 MB of freed memory.
    options = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=0:thread_local_quarantine_size_kb=0"
    process = subprocess.Popen([pack.path, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env=dict(os.environ, ASAN_OPTIONS=options))
    status, peak = pathlib.Path(f"/proc/{process.pid}/status"), 0
    while process.poll() is None:
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="utf-8"))
        peak = max(peak, int(found.group(1)) * 1024 if found else 0)
        time.sleep(0.001)
    check(process.returncode == 0, arguments, process.returncode)
    return peak


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    image, report, work = folder / "model.lfm2", folder / "report.json", folder / "model.lfm2.work"
    few = folder / "few.txt"

    # Wrong usage.
    for options, part in ((["--type", "q5"], "q5"), (["--type", "2"], "2"), (["--type"], "--type"),
                          (["--keep", "attn_q=q8"], "--type"), (["--calibrate", text], "--type"),
                          (["--requantize"], "--type"), (["--report", report], "--type"),
                          (["--threads", "1"], "--type"),
                          (["--budget", "much"], "much"), (["--for-arena", "-1"], "-1"), (["--budget"], "--budget"),
                          (["--type", "q4", "--calibrate-tokens", "100"], "--calibrate"),
                          (["--type", "q4", "--keep", "attn_q"], "attn_q is not of the form PATTERN=TYPE"),
                          (["--type", "q4", "--keep", "attn_q=q5"], "attn_q=q5 names no type"),
                          (["--type", "q4", "--calibrate", text, "--calibrate-tokens", "1"], "1"),
                          (["--type", "q4", "--calibrate", text, "--calibrate-tokens", "1048577"], "1048577"),
                          (["--type", "q4", "--threads", "257"], "257")):
        pack.refuses([model, image, *options], 2, part)
    # Refusals of valid usage.
    few.write_text("x", encoding="utf-8")
    for options, part in ((["--keep", "attn_z=q8"], "--keep attn_z=q8 matches no matrix"),
                          (["--calibrate", folder / "absent.txt"], "absent.txt: no such file"),
                          (["--calibrate", folder], name), (["--calibrate", few], "few.txt has 1 tokens"),
                          (["--report", folder / "no" / "report.json"], "no/report.json"),
                          (["--report", image], "model.lfm2 is the image"),
                          (["--report", model], "is the file to pack"),
                          (["--calibrate", text, "--report", text], "is the text of --calibrate"),
                          (["--budget", "1k"], "--budget 1024 is too small, of the smallest recipe, q4-s, the image takes "),
                          (["--for-arena", "1M"], "--for-arena is for models with experts, which this one has none of")):
        pack.refuses([model, image, "--type", "q4", *options], 1, part)
    copy = folder / "copy.txt"
    copy.write_bytes(pathlib.Path(text).read_bytes())
    pack.refuses([model, copy, "--type", "q4", "--calibrate", copy], 1, "copy.txt is the text of --calibrate")
    check(copy.read_bytes() == pathlib.Path(text).read_bytes(), "the text survives")
    copy.unlink()
    pack.refuses([quantised, image, "--type", "q8"], 1, "say --requantize")
    work.write_text("somebody's", encoding="utf-8")
    pack.refuses([model, image, "--type", "q4", "--calibrate", text], 1, "model.lfm2.work")
    check(work.read_text(encoding="utf-8") == "somebody's", "a file in the work's place survives")
    work.unlink()
    few.unlink()
    check(not list(folder.iterdir()), "a failure leaves nothing", list(folder.iterdir()))

    # Every type, rules before and after the model's name, and quantising again where it is allowed.
    for option, of_matrix, of_embedding in (("iq4_nl", "IQ4_NL", "Q6_K"), ("q4_0", "Q4_0", "Q6_K"),
                                            ("q6", "Q6_K", "Q6_K"), ("q8", "Q8_0", "Q8_0"), ("q3", "IQ4_NL", "Q8_0"),
                                            ("q2-s", "IQ4_NL", "Q6_K")):
        found = types("--type", option)
        check(found["attn_q"] == of_matrix and found["token_embedding"] == of_embedding, option, found)
        check(found["ffn_norm"] == "F32", found)
    pack.output("--type", "q3", "--keep", "attn_*=q8", "--keep", "ffn_down=source", model, folder / "kept.lfm2", "--verify")
    found = types("--type", "q3", "--keep", "attn_*=q8", "--keep", "ffn_down=source")
    check(found["attn_v"] == "Q8_0" and found["ffn_down"] == "BF16" and found["ffn_up"] == "T3G64", found)
    check(image.read_bytes() == (folder / "kept.lfm2").read_bytes(), "the same options in another order")
    (folder / "kept.lfm2").unlink()
    # A size that only one recipe fits: the recipe is named, and the image is the same as with its name.
    pack.output(model, image, "--type", "q2-s")
    size = image.stat().st_size
    wanted = image.read_bytes()
    check("recipe q2-s: " in pack.output(model, image, "--budget", size), "the smallest")
    check(image.read_bytes() == wanted, "a budget gives the same image as the recipe's name")
    pack.output(quantised, image, "--type", "q8", "--requantize")
    check(pack.run("--verify", image).returncode == 0, "the image is whole")

    # The report, with and without calibration.
    pack.output(model, image, "--type", "iq4_nl", "--report", report, "--threads", "2")
    plain = json.loads(report.read_text(encoding="utf-8"))
    names = {row["tensor"] for row in plain}
    check({"token_embedding", "layers.0.conv_in", "layers.1.attn_q", "layers.2.ffn_down"} <= names, names)
    check(not any("norm" in n for n in names), names)
    for row in plain:
        check(set(row) == {"tensor", "type", "weight_error"} and 0 < row["weight_error"] < 0.01, row)
    calibrated = (model, image, "--type", "iq4_nl", "--calibrate", text, "--calibrate-tokens", "3000")
    shown = pack.output(*calibrated, "--report", report, "--keep", "conv_out=source")
    check("3 000 tokens in 6 sequences" in shown, shown)
    # The gain of every step is shown: role, type, tensors, error of weights, of outputs, plain, by feedback alone,
    # correction.
    check(re.search(r"of outputs +rounded plainly +by feedback alone +correction\n", shown), shown)
    row = re.search(r"^ffn_up +IQ4_NL +3((?: +[\d.e-]+){5})$", shown, re.M)
    check(row is not None, shown)
    _, outputs, plainly, fed_back, correction = map(float, row.group(1).split())
    check(0 < outputs < fed_back < plainly and 0 < correction < 0.05, row.group(0))
    rows = {row.pop("tensor"): row for row in json.loads(report.read_text(encoding="utf-8"))}
    check(names - set(rows) == {"layers.0.conv_out", "layers.2.conv_out"}, set(rows))
    for name_of, row in rows.items():
        if name_of == "token_embedding":
            check(set(row) == {"type", "weight_error"}, row)
            continue
        check(row["inputs"] == 3000 and 0 < row["output_error"] < row["plain_output_error"] < 0.05, name_of, row)
        check(row["output_error"] < row["feedback_output_error"] < row["plain_output_error"], name_of, row)
        # The embedding has been rounded before the first matrix.
        check(0 < row["correction"] < 0.05, name_of, row)
    check({p.name for p in folder.iterdir()} == {"model.lfm2", "report.json"}, list(folder.iterdir()))

    # --quiet prints nothing, and the number of threads does not change the result.
    quiet = pack.run(*calibrated, "--quiet", "--threads", "1")
    check(quiet.returncode == 0 and not quiet.stdout and not quiet.stderr, quiet)
    wanted = image.read_bytes()
    pack.output(*calibrated, "--threads", "3")
    check(image.read_bytes() == wanted, "the same bytes on any number of threads")

    # Ctrl-C after the first layer: no image, and the same command continues the work.
    image.unlink()
    command = [pack.path, *map(str, calibrated), "--threads", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (work / "progress").exists() and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    said = process.communicate()[1]
    check(process.returncode == 128 + signal.SIGINT, process.returncode, said)
    layers = re.search(r"interrupted with (\d) of 3 layers done; run the same command to continue\n", said)
    check(layers is not None and layers.group(1) in "12", said)
    check({p.name for p in folder.iterdir()} == {"model.lfm2.work", "report.json"}, list(folder.iterdir()))
    shown = pack.output(*calibrated)
    check(f"{layers.group(1)} of 3 layers are in" in shown, shown)
    check(image.read_bytes() == wanted, "the bytes of a run that was not interrupted")
    check(not work.exists(), "the work is gone")

    # Memory depends on the widest and the largest matrix, one layer, the text and a sequence's activations, not on the
    # model's size. The model's nine million weights would be 36 MB as floats.
    tokens, hidden, widest, largest, layer = 2048, 192, 416, 3 * 192 * 192, 32 * 3 * 192 * 96 * 9 // 16 // 32
    bound = (4 * widest * (widest + hidden) + 16 * hidden ** 2 + 9 * largest + layer + 16 * hidden * tokens
             + 4 * 512 * 9 * hidden)
    base = peak_bytes(larger, image, "--type", "q8", "--requantize", "--threads", "2")
    peak = peak_bytes(larger, image, "--type", "q8", "--requantize", "--threads", "2", "--calibrate", text,
                      "--calibrate-tokens", tokens)
    print(f"peak of memory: {base / 1e6:.1f} MB, calibrated {peak / 1e6:.1f} MB; {bound / 1e6:.1f} MB for the work")
    # In addition: the threads' own buffers, and memory that the allocator keeps.
    check(peak <= base + bound + 8e6, base, peak, bound)
print("ok")
