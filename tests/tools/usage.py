#!/usr/bin/env python3
"""Every program, used wrongly: files that cannot be read or written, standard streams that are closed or full, and wrong
options give one sentence and an exit code. Their help fits a terminal.

    usage.py MODEL.lfm2 TRACE MODEL.gguf PROGRAM...
"""
import ctypes
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

image, trace, gguf, *paths = [os.path.abspath(path) for path in sys.argv[1:]]
programs = {pathlib.Path(path).name: path for path in paths}
LIBC = ctypes.CDLL(None, use_errno=True)
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2

# How each program is given a model, another input file, and an output file. FILE is the one that is tried.
FILE = object()
MODELS = [("chat", FILE, "--prompt", "x"), ("lfm2-inspect", FILE), ("lfm2-server", FILE, "--port", "0"),
          ("lfm2-bench", FILE, "-p", "1", "-n", "0"), ("lfm2-eval", "tokens", FILE), ("lfm2-export", FILE, "never.gguf"),
          ("lfm2-snapshot", FILE, "never.state", "--system", "x"), ("lfm2-pack", "--verify", FILE)]
INPUTS = [("lfm2-pack", FILE, "never.lfm2"), ("chat", image, "--prompt", "x", "--tools", FILE),
          ("lfm2-server", image, "--port", "0", "--api-key-file", FILE),
          ("lfm2-eval", "render", image, FILE), ("lfm2-eval", "perplexity", image, "--text", FILE),
          ("lfm2-grammar", "never.gram", "--grammar", FILE), ("lfm2-grammar", "never.gram", "--tools", FILE),
          ("lfm2-snapshot", image, "never.state", "--tools", FILE), ("lfm2-cache-sim", FILE)]
OUTPUTS = [("lfm2-pack", gguf, FILE, "--quiet"), ("lfm2-export", image, FILE, "--quiet"),
           ("lfm2-snapshot", image, FILE, "--system", "x"), ("chat", image, "--prompt", "x", "--session", FILE),
           ("lfm2-grammar", FILE, "--grammar", "good.gbnf"), ("lfm2-cache-sim", trace, "--svg", FILE)]
# What writes to standard output.
SHOWN = [("chat", image, "--prompt", "x"), ("lfm2-inspect", image), ("lfm2-inspect", image, "--json"),
         ("lfm2-pack", gguf, "shown.lfm2"), ("lfm2-export", image, "shown.gguf"),
         ("lfm2-snapshot", image, "shown.state", "--system", "x"), ("lfm2-grammar", "shown.gram", "--grammar", "good.gbnf"),
         ("lfm2-bench", image, "-p", "1", "-n", "0", "-r", "1"), ("lfm2-cache-sim", trace, "--slots", "4"),
         ("lfm2-eval", "render", image, "chat.json")]
NUMBERS = [("chat", image, "--prompt", "x", option) for option in
           ("--max-tokens", "--top-k", "--seed", "--threads", "--context", "--draft", "--arena")]
NUMBERS += [("lfm2-server", image, option) for option in ("--port", "--sessions", "--queue", "--threads", "--timeout")]
NUMBERS += [("lfm2-inspect", image, "--plan", "--context"), ("lfm2-snapshot", image, "x", "--system", "x", "--threads"),
            ("lfm2-pack", gguf, "x", "--budget"), ("lfm2-bench", image, "-p"), ("lfm2-cache-sim", trace, "--slots"),
            ("lfm2-eval", "generate", image, "--prompt", "x", "--seed")]
WRONG = [("chat", image, "--kv", "f8"), ("chat", image, "--storage", "tape"), ("chat", image, "--prompt", "x", "--prompt", "y"),
         ("chat", image, "--prompt"), ("chat", image, "--temperature", "nan"), ("chat", image, "--min-p", "2"), ("chat", image, "--top-p", "-1"),
         ("chat", image, "--prompt", " "), ("lfm2-pack", gguf), ("lfm2-pack", gguf, "x", "--type", "q5"),
         ("lfm2-pack", gguf, "x", "--keep", "a=b"), ("lfm2-grammar", "x"), ("lfm2-snapshot", image),
         ("lfm2-inspect", image, "--plan", "--header"), ("lfm2-inspect", image, "--context", "5"), ("lfm2-eval",),
         ("lfm2-eval", "nonsense"), ("lfm2-eval", "render", image, "chat.json", "--date", "today")]


def check(condition, *what):
    if not condition:
        sys.exit(f"failed: {what}")


def run(command, **options):
    name, *arguments = command
    options = {"stdin": subprocess.DEVNULL, "capture_output": True, **options}
    return subprocess.run([programs[name], *arguments], text=True, check=False, timeout=120, **options)


def known(table):
    return [command for command in table if command[0] in programs]


def sentence(command, code, saying, **options):
    """The program ends with this code after one line on standard error, which names the program and has the words."""
    r = run(command, **options)
    check(r.returncode == code and not r.stdout, command, r)
    check(r.stderr.count("\n") == 1 and r.stderr.startswith(command[0] + ": "), command, r)
    for part in saying:
        check(part in r.stderr, command, part, r)


def obey_permissions():
    """Takes from root what lets it open every file. Another user might not reach the programs, in root's home directory."""
    if os.geteuid() == 0:
        for capability in CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH:
            if LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
                raise OSError(ctypes.get_errno(), "prctl(PR_CAPBSET_DROP)")


def with_file(table, path):
    return [tuple(path if part is FILE else part for part in command) for command in known(table)]


with tempfile.TemporaryDirectory() as name:
    os.chdir(name)
    os.chmod(name, 0o755)
    os.environ["XDG_CACHE_HOME"] = name + "/cache"
    folder = pathlib.Path(name)
    (folder / "good.gbnf").write_text('root ::= "yes" | "no"\n', encoding="utf-8")
    (folder / "chat.json").write_text('[{"role": "user", "content": "x"}]', encoding="utf-8")
    (folder / "directory").mkdir()
    (folder / "empty").touch()
    (folder / "text").write_text("Neither a model nor JSON.\n", encoding="utf-8")
    (folder / "secret").write_bytes(pathlib.Path(image).read_bytes())
    os.chmod("secret", 0)
    os.mkfifo("pipe")
    os.symlink("loop", "loop")
    for part in ("short.lfm2", "header.lfm2"):
        (folder / part).write_bytes(pathlib.Path(image).read_bytes()[:100000 if part == "short.lfm2" else 20])
    os.mkdir("locked", 0o555)

    # Inputs.
    long = "n" * 256
    for table in (MODELS, INPUTS):
        for path, why in (("none", "no such file"), ("", "no such file"), ("none/x", "no such file"),
                          ("text/x", "part of the path is not a directory"), (long, "the name is too long"),
                          ("loop", "too many symbolic links"), ("odd\x1b[2J\nname", "no such file")):
            # An option whose value is empty is as if it were not given.
            for command in with_file(table if path else [c for c in table if c in MODELS], path):
                shown = path.replace("\x1b", "\\x1b").replace("\n", "\\x0a") or '""'
                sentence(command, 1, ["cannot open " + shown + ": ", why])
        for command in with_file(table, "secret"):
            sentence(command, 1, ["cannot open secret: permission denied"], preexec_fn=obey_permissions)
    for command in with_file(MODELS, "empty"):
        sentence(command, 1, ["cannot open empty: it is empty"])
    for command in with_file(MODELS, "pipe") + with_file(INPUTS[:1], "pipe"):
        sentence(command, 1, ["cannot open pipe: it is a pipe"])
    for command in with_file(MODELS, "text"):
        sentence(command, 1, ["cannot open text: it is neither a .lfm2 image nor a GGUF file"])
    for command in with_file(MODELS, "short.lfm2") + with_file(MODELS, "header.lfm2"):
        sentence(command, 1, ["cannot open ", ".lfm2: "])
    for command in with_file(INPUTS[1:], "directory"):
        sentence(command, 1, ["cannot read directory: it is a directory"])
    for command in with_file(INPUTS, "text"):
        if "--text" not in command and "--api-key-file" not in command:
            sentence(command, 1, ["text"])

    # Outputs: nothing is left.
    before = sorted(os.listdir())
    for path, why in (("no/such/place", "cannot create no/such/place: no such directory (create it first)"),
                      ("directory", "cannot write directory: it is a directory"),
                      ("/dev/full", "cannot write /dev/full: it is a device"), (long, "the name is too long"),
                      ("text/x", "part of the path is not a directory")):
        for command in with_file(OUTPUTS, path):
            sentence(command, 1, [why])
    for command in with_file(OUTPUTS, "locked/x"):
        sentence(command, 1, ["cannot create locked/x: permission denied"], preexec_fn=obey_permissions)
    check(sorted(os.listdir()) == before, os.listdir())

    # Standard streams. What a closed one would have had goes nowhere: no file takes its place.
    for command in known(SHOWN):
        with open("/dev/full", "w", encoding="utf-8") as full:
            r = run(command, capture_output=False, stdout=full, stderr=subprocess.PIPE)
            check(r.returncode == 1 and "cannot write standard output: the drive is full" in r.stderr, command, r)
        r = run(command, capture_output=False, stderr=subprocess.PIPE, preexec_fn=lambda: os.close(1))
        check(r.returncode == 1 and "cannot write standard output: it is closed" in r.stderr, command, r)
        r = run(command, preexec_fn=lambda: os.close(2))
        check(r.returncode == 0 and r.stdout, command, r)
        # A reader that leaves ends the program, without a word.
        read, write = os.pipe()
        os.close(read)
        r = run(command, capture_output=False, stdout=write, stderr=subprocess.PIPE,
                preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_DFL))
        os.close(write)
        check(r.returncode == -signal.SIGPIPE and "rror" not in r.stderr, command, r)
    if "lfm2-pack" in programs:
        os.unlink("shown.lfm2")
        run(("lfm2-pack", gguf, "shown.lfm2"), capture_output=False, stderr=subprocess.DEVNULL, preexec_fn=lambda: os.close(1))
        check(not os.path.exists("shown.lfm2"), "nothing is packed where it cannot be told")
        r = run(("lfm2-pack", gguf, "shown.lfm2", "--quiet"), capture_output=False, preexec_fn=lambda: os.close(1))
        check(r.returncode == 0, "quiet needs no standard output", r)
        check(run(("lfm2-pack", "--verify", "shown.lfm2", "--quiet")).returncode == 0, "the image has only its own bytes")
    if "lfm2-eval" in programs:
        sentence(("lfm2-eval", "tokens", image), 1, ["cannot read standard input: it is closed"],
                 preexec_fn=lambda: os.close(0))

    # Options.
    for command in known(NUMBERS):
        for value in ("-1", "many", "99999999999999999999999", "1x", ""):
            option = command[-1]
            r = run((*command, value))
            check(r.returncode == 2 and not r.stdout and r.stderr.count("\n") == 1, command, value, r)
            check(r.stderr.startswith(command[0] + ": ") and option.lstrip("-") in r.stderr, command, value, r)
    for command in known(WRONG) + [(program, "--nonsense") for program in programs] + [(p,) for p in programs]:
        sentence(command, 2, [f"(see {command[0]} --help)"])

    for program in programs:
        r = run((program, "--version"))
        check(r.returncode == 0 and re.fullmatch(r"lfm2\.h \d+\.\d+\.\d+\n", r.stdout), program, r)
        text = run((program, "--help")).stdout
        commands = re.findall(r"^  ([a-z-]+) ", text.partition("\nCommands:\n")[2], re.M)
        for part in [text] + [run((program, command, "--help")).stdout for command in commands]:
            wide = [line for line in part.splitlines() if len(line) > 100]
            check(part.count("\n") > 5 and not wide, program, wide)
            # Every option says what it is for.
            check(not re.search(r"^  -[^ ]+(?: [A-Z.|]+)?$\n(?!  {20})", part, re.M), program, part)
        with open("/dev/full", "w", encoding="utf-8") as full:
            r = run((program, "--help"), capture_output=False, stdout=full, stderr=subprocess.PIPE)
            check(r.returncode == 1 and "the drive is full" in r.stderr, program, r)
print("ok")
