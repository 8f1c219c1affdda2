#!/usr/bin/env python3
"""chat while its file is damaged, truncated, repaired or replaced: a turn that needs missing
data reports it in one sentence, and when the file is whole again the same question has the right answer.

    damaged_file.py CHAT LFM2-INSPECT MODEL COMMANDS.jsonl
"""
import json
import os
import pathlib
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import termios

chat, inspect, model, commands = sys.argv[1:]
whole = pathlib.Path(model).read_bytes()
cases = [json.loads(line) for line in pathlib.Path(commands).read_text(encoding="utf-8").splitlines()[:2]]
record = json.loads(subprocess.run([inspect, model, "--json"], capture_output=True, check=True).stdout)["records"][0]
front = record["offset"]
CUT = r"I/O error: expert record \[\d+\] ends too early \(was the file cut short\?\); bytes missing: \d+, at byte \d+"
DAMAGED = r"corrupt: expert record \[\d+\] has the wrong CRC-32C: \d+, expected \d+"
KEPT = "The chat so far is kept; /reset starts a new one."


def check(condition, *what):
    if not condition:
        sys.exit(f"failed: {what}")


def command(image, *arguments):
    return [chat, str(image), "--temperature", "0", "--repetition-penalty", "1", "--storage", "direct", *arguments]


def write(image, data, offset=0):
    """Overwrites the file in place: it stays the one that the chat has open."""
    with open(image, "r+b") as file:
        file.seek(offset)
        file.write(data)


def damage_records(image):
    """A bit of each expert record."""
    records = bytearray(whole[front:])
    for begin in range(0, len(records), record["stride"]):
        records[begin + 1000] ^= 4
    write(image, records, front)


class Terminal:
    """A chat on a terminal. The end of the block ends it."""

    def __init__(self, *arguments):
        self.pid, self.screen = pty.fork()
        if self.pid == 0:
            # What is typed is not shown again.
            settings = termios.tcgetattr(0)
            settings[3] &= ~termios.ECHO
            termios.tcsetattr(0, termios.TCSANOW, settings)
            os.execv(chat, command(*arguments))
        self.shown = b""
        self.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.screen)
        os.waitpid(self.pid, 0)

    def read(self):
        try:
            more = os.read(self.screen, 4096)
        except OSError:  # the other side is gone
            more = b""
        check(more, "chat ended", self.shown)
        self.shown += more

    def wait(self):
        """Reads until chat asks for the next line, and returns the lines before that."""
        while not (self.shown == b"> " or self.shown.endswith(b"\n> ")):
            self.read()
        return self.shown[:-2].decode().splitlines()

    def type(self, line):
        self.shown = b""
        os.write(self.screen, line.encode() + b"\n")

    def say(self, line):
        """The lines of its answer."""
        self.type(line)
        return self.wait()

    def answers(self, case):
        lines = self.say(case["user"])
        check(lines == [case["call"]], case, lines)

    def fails(self, case, sentence):
        lines = self.say(case["user"])
        check(len(lines) == 2 and re.fullmatch(sentence, lines[0]) and lines[1] == KEPT, case, lines)


def check_terminal(image, *arguments):
    with Terminal(image, *arguments) as terminal:
        # Failed turns leave no trace in the chat: the answer is that to a first question.
        for spoil, sentence in ((lambda: os.truncate(image, front + 100), CUT),
                                (lambda: os.truncate(image, 0), CUT),
                                (lambda: damage_records(image), DAMAGED)):
            spoil()
            for case in cases:
                terminal.fails(case, sentence)
            write(image, whole)
            terminal.answers(cases[0])
            # Nor does one that had started.
            before = terminal.say("And the other one?")
            terminal.say("/reset")
            terminal.answers(cases[0])
            spoil()
            terminal.fails(cases[1], sentence)
            write(image, whole)
            check(terminal.say("And the other one?") == before, before)
            terminal.say("/reset")
        # Data that is read once is not needed again; a file that replaces this one has no effect.
        write(image, bytes(front))
        terminal.answers(cases[1])
        other = image.with_suffix(".other")
        other.write_bytes(b"no image")
        os.replace(other, image)
        terminal.say("/reset")
        terminal.answers(cases[0])
    image.write_bytes(whole)


def check_all_in_memory(image):
    """With room for all experts nothing is needed twice."""
    with Terminal(image, "--arena", "64M") as terminal:
        terminal.answers(cases[0])
        terminal.say("/reset")
        os.truncate(image, 0)
        terminal.answers(cases[0])
    image.write_bytes(whole)


def check_broken_answer(image, least):
    """One place for all experts, and a drive that takes its time: the file is cut in the middle of an answer."""
    with Terminal(image, "--arena", least, "--throttle", "2MB") as terminal:
        terminal.type(cases[0]["user"])
        while b"<|tool_call_start|>" not in terminal.shown:
            terminal.read()
        os.truncate(image, front)
        lines = terminal.wait()
        check(len(lines) == 3 and cases[0]["call"].startswith(lines[0]) and lines[0] != cases[0]["call"], lines)
        check(re.fullmatch(CUT, lines[1]) and lines[2] == KEPT, lines)
        write(image, whole)
        terminal.say("/reset")
        terminal.answers(cases[0])


def check_pipe(image):
    for spoil, sentence in ((lambda: os.truncate(image, front + 100), CUT), (lambda: damage_records(image), DAMAGED)):
        # The first error ends the program; earlier answers are kept.
        with subprocess.Popen(command(image), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True) as process:
            process.stdin.write(cases[0]["user"] + "\n")
            process.stdin.flush()
            check(process.stdout.readline() == cases[0]["call"] + "\n", cases[0])
            spoil()
            rest, errors = process.communicate(f"/reset\n{cases[1]['user']}\n{cases[0]['user']}\n")
        check(process.returncode == 1 and not rest and re.fullmatch(f"chat: {sentence}\n", errors), rest, errors)
        # A chat that starts with such a file: also one sentence.
        r = subprocess.run(command(image, "--prompt", "x"), capture_output=True, text=True, check=False)
        check(r.returncode == 1 and not r.stdout and r.stderr.count("\n") == 1, r)
        write(image, whole)
        r = subprocess.run(command(image, "--prompt", cases[0]["user"]), capture_output=True, text=True, check=False)
        check(r.returncode == 0 and r.stdout == cases[0]["call"] + "\n" and not r.stderr, r)


with tempfile.TemporaryDirectory() as name:
    copy = pathlib.Path(name) / "model.lfm2"
    shutil.copyfile(model, copy)
    too_small = command(copy, "--prompt", "x", "--arena", "1K")
    refusal = subprocess.run(too_small, capture_output=True, text=True, check=False)
    smallest = re.search(r"needs (\d+) bytes", refusal.stderr)[1]
    check_terminal(copy)
    check_terminal(copy, "--arena", smallest, "--no-read-ahead")
    check_all_in_memory(copy)
    check_broken_answer(copy, smallest)
    check_pipe(copy)
print("ok")
