#!/usr/bin/env python3
"""Tools that take a published file or directory where they take an image: packed once, found again, never incomplete.

    model_cache.py CHAT INSPECT EVAL BENCH PACK MODEL.gguf COMMANDS.jsonl FOLDER
"""
import fcntl
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

chat, inspect, evaluate, bench, pack, gguf, commands, mlx = sys.argv[1:]
case = json.loads(pathlib.Path(commands).read_text(encoding="utf-8").splitlines()[0])


def check(condition, *what):
    if not condition:
        sys.exit(f"failed: {what}")


def run(cache, *command, text="", **options):
    environment = {k: v for k, v in os.environ.items() if k not in ("XDG_CACHE_HOME", "HOME")}
    environment.update(cache if isinstance(cache, dict) else {"XDG_CACHE_HOME": str(cache)})
    return subprocess.run(list(map(str, command)), input=text, capture_output=True, text=True, check=False,
                          env=environment, **options)


def answers(cache, model):
    """The program's standard error, with the right answer on standard output."""
    r = run(cache, chat, model, "--prompt", case["user"], "--temperature", "0", "--repetition-penalty", "1")
    check(r.returncode == 0 and r.stdout == case["call"] + "\n", r)
    return r.stderr


def refused(cache, *command, saying):
    r = run(cache, *command)
    check(r.returncode == 1 and not r.stdout and r.stderr.count("\n") == 1, command, r)
    for part in saying:
        check(part in r.stderr, part, r)


def names(cache, ending):
    return sorted(path.name for path in (pathlib.Path(cache) / "lfm2").iterdir() if path.name.endswith(ending))


def temporaries(cache):
    return [path.name for path in (pathlib.Path(cache) / "lfm2").iterdir() if path.suffix not in (".lfm2", ".from")]


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    cache = folder / "cache"
    by_hand = folder / "by-hand.lfm2"
    subprocess.run([pack, gguf, by_hand, "--quiet"], check=True)

    # No image anywhere: the file itself can be used, and the program reports once where its image is, which is equal to
    # lfm2-pack's.
    said = answers(cache, gguf)
    image, = names(cache, ".lfm2")
    check(said == f"packed {gguf} into {cache}/lfm2/{image} (5.42 MB); later runs use it\n", said)
    check((cache / "lfm2" / image).read_bytes() == by_hand.read_bytes(), "another image than lfm2-pack's")
    check(answers(cache, gguf) == "" and names(cache, ".lfm2") == [image] and not temporaries(cache), os.listdir(cache))

    # The other tools use the same one. If XDG_CACHE_HOME is not set it is in ~/.cache.
    facts = json.loads(run(cache, inspect, gguf, "--json").stdout)
    check(facts == json.loads(run(cache, inspect, by_hand, "--json").stdout), facts)
    tokens = run(cache, evaluate, "tokens", gguf, text="Turn it on.")
    check(tokens.stdout == run(cache, evaluate, "tokens", by_hand, text="Turn it on.").stdout != "", tokens)
    r = run(cache, bench, gguf, "-p", "4", "-n", "0", "-r", "1", "--json")
    check(r.returncode == 0 and json.loads(r.stdout)[0]["model_filename"] == gguf and not r.stderr, r)
    home = {"HOME": str(folder / "home"), "XDG_CACHE_HOME": "not/absolute"}
    check("packed" in answers(home, gguf) and names(folder / "home/.cache", ".lfm2") == [image], home)
    text = folder / "text.txt"
    text.write_text("Turn the light on.", encoding="utf-8")
    r = run(cache, evaluate, "kl", gguf, "--base", by_hand, "--text", text)
    check(r.returncode == 0 and "mean 0 " in r.stdout, r)

    # A copy elsewhere has the same content: compared and not stored twice. So is the file after a touch.
    copy = folder / "copy.gguf"
    shutil.copy(gguf, copy)
    check(answers(cache, copy) == "" and names(cache, ".lfm2") == [image], os.listdir(cache / "lfm2"))
    os.utime(copy)
    check(answers(cache, copy) == "" and names(cache, ".lfm2") == [image], os.listdir(cache / "lfm2"))

    # Other weights under the same name, of the same size and with the same time: another image.
    before = copy.stat()
    changed = bytearray(copy.read_bytes())
    changed[-100] ^= 1
    copy.write_bytes(changed)
    os.utime(copy, ns=(before.st_atime_ns, before.st_mtime_ns))
    check("packed" in run(cache, inspect, copy).stderr and len(names(cache, ".lfm2")) == 2, os.listdir(cache / "lfm2"))
    check(answers(cache, gguf) == "", "the first image is still found")

    # A damaged image is made again.
    os.truncate(cache / "lfm2" / image, 1 << 20)
    check("packed" in answers(cache, gguf), "a damaged image was used")
    check((cache / "lfm2" / image).read_bytes() == by_hand.read_bytes(), "a damaged image was kept")

    # A process that is killed while it packs leaves nothing. A file that another one has left, where the file system has
    # no files without a name, goes with the next start; one that is being written stays.
    def die_after_a_megabyte():
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    def no_more_than_a_megabyte():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        die_after_a_megabyte()

    failed = folder / "failed"
    r = run(failed, chat, gguf, "--prompt", "x", preexec_fn=no_more_than_a_megabyte)
    check(r.returncode == 1 and "size limit" in r.stderr and r.stderr.count("\n") == 1, r)
    check(not os.listdir(failed / "lfm2"), "a failure left something")
    killed = folder / "killed"
    r = run(killed, chat, gguf, "--prompt", "x", preexec_fn=die_after_a_megabyte)
    check(r.returncode == -signal.SIGXFSZ and not names(killed, ".lfm2") and not temporaries(killed), r)
    left = killed / "lfm2" / "Other-0123456789abcdef.lfm2.AbC012"
    left.write_bytes(b"x")
    busy = killed / "lfm2" / "Other-0123456789abcdef.lfm2.XyZ123"
    with open(busy, "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        check("packed" in answers(killed, gguf) and temporaries(killed) == [busy.name], temporaries(killed))

    # Processes at the same time.
    many = folder / "many"
    started = [subprocess.Popen([inspect, gguf], env={"XDG_CACHE_HOME": str(many)}, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE) for _ in range(8)]
    shown = {process.communicate()[0] for process in started}
    check(all(process.returncode == 0 for process in started) and len(shown) == 1, shown)
    check(names(many, ".lfm2") == [image] and not temporaries(many), os.listdir(many / "lfm2"))

    # A directory of safetensors; files in it that are not part of the model do not matter.
    directory = folder / "moe-256"
    shutil.copytree(mlx, directory)
    (directory / "dangling").symlink_to("nowhere")
    subprocess.run([pack, directory, by_hand, "--quiet"], check=True)
    both = folder / "both"
    r = run(both, inspect, directory, "--json")
    check(r.returncode == 0 and "packed" in r.stderr, r)
    check(json.loads(r.stdout) == json.loads(run(both, inspect, by_hand, "--json").stdout), r)
    check(run(both, inspect, directory).stderr == "" and len(names(both, ".lfm2")) == 1, os.listdir(both / "lfm2"))
    (directory / "README.md").write_text("words", encoding="utf-8")
    check(run(both, inspect, directory).stderr == "" and len(names(both, ".lfm2")) == 1, os.listdir(both / "lfm2"))

    # Refusals: on request, without a folder, with one that cannot be created or has no room, and of files that are not
    # models.
    fresh = folder / "fresh"
    for command in ([chat, gguf, "--prompt", "x"], [inspect, gguf], [bench, gguf], [evaluate, "tokens", gguf],
                    [evaluate, "table", gguf, "--text", text], [chat, directory]):
        refused(fresh, *command, "--no-cache", saying=["not a .lfm2 image", "lfm2-pack"])
    check(not fresh.exists(), "--no-cache made a folder")
    check(run(fresh, inspect, by_hand, "--no-cache").returncode == 0, "an image needs no cache")
    refused({}, inspect, gguf, saying=["XDG_CACHE_HOME", "HOME"])
    refused(gguf, inspect, gguf, saying=[f"cannot create the cache directory {gguf}/lfm2", "lfm2-pack"])
    refused(cache, chat, folder, "--prompt", "x", saying=["config.json"])
    cut = folder / "cut.gguf"
    cut.write_bytes(pathlib.Path(gguf).read_bytes()[:1000])
    refused(fresh, chat, cut, "--prompt", "x", saying=["cut.gguf"])
    check(not fresh.exists(), "a refused model made a folder")

    # A full drive, if this process may mount one.
    small = folder / "small"
    small.mkdir()
    r = run(small, "unshare", "-rm", "sh", "-c",
            'mount -t tmpfs -o size=2m none "$1" || exit 77; "$2" "$3"; code=$?; ls -A "$1/lfm2"; exit $code', "sh", small,
            inspect, gguf)
    if r.returncode == 77 or "unshare" in r.stderr:
        print("no drive can be mounted here: a full one was not tried")
    else:
        check(r.returncode == 1 and "takes 5.42 MB" in r.stderr and "the drive has" in r.stderr and not r.stdout, r)
print("ok")
