#!/usr/bin/env python3
"""tools/get-model against a hub on this machine: its downloads and images, and its messages about names.

    get_model.py GET-MODEL LFM2-PACK CHAT MODEL.gguf MLX-DIRECTORY [TEST...]
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

from fake_hub import COMMIT
from get_model_setup import (GGUF, IMAGE, by_pack, chat, check, environment, gguf, hub, mlx_path, names, new_folder,
                             packer, refused, run, run_tests, scratch, script, works)


def a_good_download_packs_and_chats():
    folder = new_folder()
    out = works(folder, GGUF)
    check(names(folder) == ["home-Q4_0.lfm2"], names(folder))
    image = folder / "home-Q4_0.lfm2"
    check(image.read_bytes() == IMAGE, "the image is that of the file")
    check(re.search(r"^download +5.27 MB$", out, re.M) and re.search(r"^image +about 5\.\d+ MB$", out, re.M), out)
    check(COMMIT[:12] in out and "are free there" in out, out)
    # The command in its last message works as it is.
    command = re.search(r"is ready: (\S+) (\S+)$", out, re.M)
    check(command and os.path.realpath(command.group(1)) == os.path.realpath(chat), out)
    answer = subprocess.run([command.group(1), command.group(2), "--prompt", "What is the capital of France?",
                             "--temperature", "0"], cwd=folder, capture_output=True, text=True, check=True).stdout
    check("Paris" in answer, answer)
    refused(folder, [GGUF], "home-Q4_0.lfm2 exists already", left=["home-Q4_0.lfm2"])
    check(image.read_bytes() == IMAGE, "and stays")


def what_is_kept_is_the_file_of_the_hub():
    folder = new_folder()
    works(folder, GGUF, "home-Q4_0.gguf", "--keep", "-o", "model.lfm2")
    check(names(folder) == ["home-Q4_0.gguf", "model.lfm2"], names(folder))
    check((folder / "home-Q4_0.gguf").read_bytes() == gguf, "byte for byte")
    works(folder, GGUF + ":q4_0", "--no-pack", "-o", "other.gguf", packed_by=None)
    check((folder / "other.gguf").read_bytes() == gguf, "byte for byte")


def a_directory_has_what_lfm2_pack_reads():
    folder = new_folder()
    works(folder, "people/LFM2-mlx", "--no-pack")
    check(names(folder) == ["LFM2-mlx"], names(folder))
    check(names(folder / "LFM2-mlx") == names(pathlib.Path(mlx_path)), names(folder / "LFM2-mlx"))
    for path in pathlib.Path(mlx_path).iterdir():
        check((folder / "LFM2-mlx" / path.name).read_bytes() == path.read_bytes(), path)
    asked = {path for _, _, path, _ in hub.seen}
    check(not any("README" in path or "nested" in path or "adapter" in path for path in asked), asked)
    works(folder, "people/mlx-folders", "4bit", "--no-pack")
    check(names(folder / "mlx-folders-4bit") == names(pathlib.Path(mlx_path)), "a folder of several")
    refused(folder, ["people/mlx-folders", "5bit"], "no file 5bit .*nearest: [48]bit, [48]bit",
            left=["LFM2-mlx", "mlx-folders-4bit"])
    packed = works(folder, "people/LFM2-mlx")
    check((folder / "LFM2-mlx.lfm2").read_bytes() == by_pack(folder / "LFM2-mlx"), packed)


def all_parts_of_a_split_file():
    folder = new_folder()
    works(folder, "people/split", "--no-pack")
    check(names(folder) == ["home"], names(folder))
    parts = ["home-00001-of-00002.gguf", "home-00002-of-00002.gguf"]
    check(names(folder / "home") == parts, "both parts")
    # lfm2-pack gets the first part, next to the others.
    fake = folder / "fake-pack"
    fake.write_text('#!/bin/sh\n{ basename "$1"; cat "${1%/*}"/*.gguf; } > "$2"\n')
    fake.chmod(0o755)
    works(folder, "people/split", packed_by=fake)
    check((folder / "home.lfm2").read_bytes() == parts[0].encode() + b"\n" + gguf, "the first part")


def arguments_reach_lfm2_pack():
    folder = new_folder()
    log = folder / "log"
    fake = folder / "fake-pack"
    fake.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {log}\ncp "$1" "$2"\n')
    fake.chmod(0o755)
    works(folder, GGUF, "-o", "m.lfm2", "--type", "q4", "--template", "lfm2", "--", "--requantize", packed_by=fake)
    said = log.read_text().splitlines()
    check(said[1:] == ["m.lfm2", "--type", "q4", "--template", "lfm2", "--requantize"], said)


def every_recipe_can_be_asked_for():
    help_of = {command[-1]: subprocess.run([*command, "--help"], capture_output=True, text=True, check=True).stdout
               for command in ([packer], [sys.executable, "-B", script])}
    recipes = re.search(r"--type RECIPE .*?\((q4,[^)]*)\)", help_of[packer], re.S).group(1).split(", ")
    check(len(recipes) > 8, recipes)
    offered = re.search(r"quantise while packing: ([\w\s,-]+?)\n  -", help_of[script]).group(1)
    check(sorted(re.findall(r"[\w-]+", offered)) == sorted(recipes), offered, recipes)


def several_files_are_listed():
    folder = new_folder()
    hub.heal()
    hub.claim = {"LFM2-Q4_0.gguf": 4_730_000_000, "LFM2-UD-Q3_K_XL.gguf": 4_000_000_000, "LFM2-Q4_0_4_8.gguf": 4000,
                 "BF16/LFM2-BF16-00001-of-00002.gguf": 10 ** 15, "LFM2-new.gguf": 220_000_000}
    code, out, err = run(folder, "people/several")
    check(code == 2 and "people/several FILE" in err and err.count("\n") == 1, code, err)
    rows = [re.split(" {2,}", line) for line in out.splitlines()]
    check(rows[0] == ["file", "size", "packs", "memory", "here"], rows)
    check([row[:4] for row in rows[1:]] == [
        ["LFM2-Q4_0_4_8.gguf", "4 kB", "no", "0.5 GB"], ["LFM2-new.gguf", "220 MB", "unknown", "0.5 GB"],
        ["LFM2-UD-Q3_K_XL.gguf", "4 GB", "yes", "8 GB"], ["LFM2-Q4_0.gguf", "4.73 GB", "yes", "8 GB"],
        ["BF16/LFM2-BF16-00001-of-00002.gguf", "1000000 GB", "yes", "more"],
        ["safetensors", "2 bytes", "unknown", "0.5 GB"], ["4bit", "2 bytes", "unknown", "0.5 GB"]], rows)
    check(rows[5][4] == "does not fit" and rows[6][4] == "fits", rows)
    check(not names(folder), "nothing is downloaded")


def names_that_are_not_there():
    folder = new_folder()
    hub.heal()
    refused(folder, ["LiquidAI/LFM2-Home-GUFF"], f"no repository .*nearest: {GGUF}$")
    refused(folder, ["LFM2-Home-GUFF"], f"no repository .*nearest: {GGUF}$|no repository")
    refused(folder, ["LiquidAI/LFM2-Home-GUFF"], f"token in use; the nearest: {GGUF}$", env={"HF_TOKEN": "hf_good"})
    refused(folder, [GGUF, "home-Q4_O.gguf"], "no file home-Q4_O.gguf .*nearest: home-Q4_0.gguf$")
    refused(folder, [GGUF, "Q8_0"], "no file Q8_0")
    refused(folder, [GGUF, "README.md"], "no file README.md that lfm2-pack reads")
    refused(folder, [GGUF, "--revision", "v9"], "no revision v9")
    refused(folder, ["people/empty"], "no file that lfm2-pack reads: neither a GGUF file nor")
    refused(folder, ["people/other"], "architecture llama")
    refused(folder, ["people/twice", "Q4_0"], "2 files of the type Q4_0: ")
    hub.repositories[GGUF].files["gone-Q8_0.gguf"] = b"x"
    hub.status["head"] = (404, {"X_Error_Code": "EntryNotFound"})
    refused(folder, [GGUF, "gone-Q8_0.gguf"], "answers 404|does not have it")
    del hub.repositories[GGUF].files["gone-Q8_0.gguf"]


def hostile_names_and_answers():
    folder = new_folder()
    hub.heal()
    for name in ("../../etc", "a/../b", "/etc/passwd", "a/b/c", "-x/y", "a--b", "a/b\nc", "file:///etc", "a/b?c=d"):
        code, _, err = run(folder, name)
        check(code == 2 and not names(folder), name, code, err)
    # Such names in a repository are ignored, and no escape sequence reaches the terminal.
    for wanted in ("../../evil.gguf", "/tmp/evil.gguf", "x/../../evil.gguf", "..\\evil.gguf", ".evil.gguf",
                   "a\x1b[31m.gguf"):
        err = refused(folder, ["people/evil", wanted], "no file ")
        check("\x1b" not in err, err)
    code, out, _ = run(folder, "people/evil")
    check(code == 2 and "evil" not in out and "\x1b" not in out, out)
    check(not list(scratch.glob("**/evil.gguf")) and not os.path.exists("/tmp/evil.gguf"), "nothing got out")
    for answer in (b"", b"[]", b"{}", b"<html>", b'{"siblings": 7}', b'{"id": "a/b", "siblings": [{"x": 1}]}',
                   b'{"id": "a/b", "siblings": [{"rfilename": 5}]}', b"[" * 5000):
        hub.json = answer
        refused(folder, [GGUF], "does not answer like a hub|neither a GGUF file")
    hub.heal()
    hub.no_hash = True
    refused(folder, [GGUF], "does not state the hash")


def tokens():
    folder = new_folder()
    hub.heal()
    refused(folder, [GGUF], "token.*not accepted.*401.*HF_TOKEN", env={"HF_TOKEN": "hf_bad"})
    refused(folder, ["people/gated"], f"gated: accept its terms at {hub.url}/people/gated, and .*HF_TOKEN")
    refused(folder, ["people/private"], "no repository people/private .*needs HF_TOKEN")
    for name in ("gated", "private"):
        hub.heal()
        works(folder, f"people/{name}", "--no-pack", "-o", name + ".gguf", env={"HF_TOKEN": "hf_good"})
        check((folder / (name + ".gguf")).read_bytes() == gguf, "byte for byte")
        sent = {server for server, _, _, headers in hub.seen if "Authorization" in headers}
        check(sent == {"hub"}, "the token is the hub's only", sent)


def without_lfm2_pack():
    folder = new_folder()
    hub.heal()
    refused(folder, [GGUF], "lfm2-pack was not found at nowhere; build it: cmake .*--target lfm2-pack",
            packed_by="nowhere")
    check(not hub.seen, "before anything is asked")


def with_an_old_client():
    """One that this Python has, and no other can be installed."""
    folder = new_folder()
    tools, old = folder / "tools", folder / "old"
    shutil.copytree(pathlib.Path(script).parent / "get_model", tools / "get_model")
    shutil.copy(script, tools / "get-model")
    (tools / "get-deps").write_text('#!/bin/sh\necho "get-deps $*"\nexit 1\n')
    (tools / "get-deps").chmod(0o755)
    (old / "huggingface_hub-0.36.0.dist-info").mkdir(parents=True)
    (old / "huggingface_hub-0.36.0.dist-info" / "METADATA").write_text("Name: huggingface_hub\nVersion: 0.36.0\n")
    result = subprocess.run([sys.executable, "-B", tools / "get-model", GGUF, "--no-pack"], cwd=folder, text=True,
                            env=environment(PYTHONPATH=str(old)), capture_output=True, check=False)
    said = result.stderr.splitlines()
    check(result.returncode == 1 and said[:2] == [
        "get-model: huggingface_hub has version 0.36.0, but 1.0 is needed", "get-deps --hub"], result)
    check(len(said) == 3 and "pip install -U huggingface_hub" in said[2], said)


def without_a_hub():
    folder = new_folder()
    refused(folder, [GGUF], "http://127.0.0.1:9 cannot be reached", env={"HF_ENDPOINT": "http://127.0.0.1:9"})
    refused(folder, [GGUF], "HF_HUB_OFFLINE", env={"HF_HUB_OFFLINE": "1"})
    refused(folder, [GGUF, "-o", "no/such/folder.lfm2"], "no such directory")


run_tests(a_good_download_packs_and_chats, what_is_kept_is_the_file_of_the_hub, a_directory_has_what_lfm2_pack_reads,
          all_parts_of_a_split_file, arguments_reach_lfm2_pack, every_recipe_can_be_asked_for, several_files_are_listed,
          names_that_are_not_there, hostile_names_and_answers, tokens, without_lfm2_pack, with_an_old_client, without_a_hub)
