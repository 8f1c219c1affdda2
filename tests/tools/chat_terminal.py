#!/usr/bin/env python3
"""chat with a person in front of it: the commands, Ctrl-C at each moment, and lines in UTF-8.

    chat_terminal.py CHAT MODEL COMMANDS.jsonl
"""
import json
import os
import pathlib
import pty
import re
import select
import signal
import sys
import tempfile
import termios
import time

chat, model, commands = sys.argv[1:]
cases = [json.loads(line) for line in pathlib.Path(commands).read_text(encoding="utf-8").splitlines()[:2]]
GREEDY = ("--temperature", "0", "--repetition-penalty", "1")
# Every token waits for its experts, so that there is time to stop it.
SLOW = ("--storage", "direct", "--throttle", "300K")


def check(condition, *what):
    if not condition:
        sys.exit(f"failed: {what}")


class Terminal:
    """A chat on a pseudo terminal. The end of the block ends it."""

    def __init__(self, *arguments, locale="C.UTF-8"):
        self.pid, self.screen = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm", LC_ALL=locale, HOME="/nonexistent")
            os.execv(chat, [chat, model, *arguments])
        self.shown = ""
        self.code = None
        self.expect("> ")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.screen)

    def read(self, seconds):
        """Whether more came."""
        if not select.select([self.screen], [], [], seconds)[0]:
            return False
        try:
            more = os.read(self.screen, 65536)
        except OSError:  # the other side is gone
            return False
        self.shown += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\a]*\a", "", more.decode("utf-8", "replace"))
        return bool(more)

    def expect(self, part, seconds=60):
        """Reads until `part` is shown, returns what was shown up to it, and forgets that."""
        end = time.monotonic() + seconds
        while part not in self.shown:
            check(self.read(max(0.0, end - time.monotonic())), "not shown", part, self.shown)
        before, _, self.shown = self.shown.partition(part)
        return before

    def key(self, text, edits=True):
        """Types when the program edits a line, which it begins to do after it has shown the prompt; or when it does not."""
        end = time.monotonic() + 60
        while bool(termios.tcgetattr(self.screen)[3] & termios.ISIG) == edits:
            check(time.monotonic() < end, "the terminal does not change", self.shown)
            time.sleep(0.01)
        os.write(self.screen, text.encode("utf-8"))

    def say(self, line):
        """Types a line, and returns what is shown after it until the next prompt."""
        self.key(line + "\r")
        self.expect("\n")
        self.shown = "\n" + self.shown.lstrip("\r")  # where nothing is said the prompt follows at once
        return self.expect("\n> ").replace("\r", "") + "\n"

    def ends(self, code):
        while self.read(60):
            pass
        _, status = os.waitpid(self.pid, 0)
        self.code = os.waitstatus_to_exitcode(status)
        check(self.code == code, self.code, self.shown)


with Terminal(*GREEDY) as terminal, tempfile.TemporaryDirectory() as folder:
    # Commands are listed, also the way to send what looks like one; what is unknown is refused and not sent.
    text = terminal.say("/help")
    for command in ("/tool TEXT", "/regenerate", "/continue", "/reset", "/system TEXT", "/save FILE", "/load FILE",
                    "/stats", "/quit", "/exit", "//TEXT", "Ctrl-C", "Ctrl-D"):
        check(command in text, command, text)
    for line, said in (("/nonsense", "unknown command /nonsense: /help lists the commands"), ("/save", "/save FILE"),
                       ("/reset now", "/reset takes nothing after it"), ("/load " + folder + "/none", "no such file"),
                       ("/save " + folder + "/no/where", "no such directory"), ("/continue", "no answer"),
                       ("/regenerate", "no answer")):
        text = terminal.say(line)
        check(said in text and text.count("\n") <= 2, line, text)
    check("/nonsense" not in terminal.say("   "), "white space is not sent")

    # A turn; the same again by /regenerate, which is greedy here; the context is that of one turn.
    check(cases[0]["call"] in terminal.say(cases[0]["user"]), cases[0])
    before = re.search(r"context (\d+) of", terminal.say("/stats")).group(1)
    check(cases[0]["call"] in terminal.say("/regenerate"), cases[0])
    check(re.search(r"context (\d+) of", terminal.say("/stats")).group(1) == before, before)
    # A chat that is saved and loaded continues with the same context.
    file = folder + "/a.session"
    check("saved in" in terminal.say("/save " + file), file)
    terminal.say("/reset")
    check(f"a chat of {before} of" in terminal.say("/load " + file), before)
    terminal.say("/new")
    check("new chat" in terminal.say("/system Be kind.") and "Be kind." in terminal.say("/system"), "/system")
    # What begins with // is sent: the model answers.
    answer = terminal.say("//tmp is full").strip()
    check(answer and "unknown" not in answer, answer)
    # A line of two bytes a character, with one taken back.
    check("unknown command /grüße" in terminal.say("/grüßee\x7f"), "UTF-8")
    terminal.key("/bye\r")
    terminal.ends(0)

with Terminal(*GREEDY, locale="C") as terminal:
    check("unknown command /grüße" in terminal.say("/grüße"), "UTF-8 in a locale without it")
    # Ctrl-C discards what is typed. At an empty prompt the first one says how to leave, the second leaves.
    terminal.key("/nonsense")
    terminal.expect("/nonsense")
    terminal.key("\x03")
    text = terminal.expect("> ")
    check("unknown" not in text and "Press" not in text, text)
    terminal.key("\x03")
    terminal.expect("Press Ctrl-C again or Ctrl-D to leave.")
    terminal.expect("> ")
    check("unknown" in terminal.say("/x"), "another line is typed in between")
    terminal.key("\x03")
    terminal.expect("Press Ctrl-C again or Ctrl-D to leave.")
    terminal.expect("> ")
    terminal.key("\x03")
    terminal.ends(0)

with Terminal(*GREEDY) as terminal:
    terminal.key("\x04")
    terminal.ends(0)

with Terminal(*GREEDY, *SLOW, "--max-tokens", "200") as terminal:
    # While the model reads, Ctrl-C takes the message back; while it answers, the answer stops, and can continue.
    terminal.key("word " * 100 + "\r")
    terminal.key("\x03", edits=False)
    terminal.expect("Stopped before the model had read the message")
    terminal.expect("> ")
    check("no answer" in terminal.say("/continue"), "a message that was taken back has no answer")
with Terminal(*GREEDY, "--max-tokens", "2") as terminal:
    text = terminal.say(cases[0]["user"])
    check("--max-tokens 2" in text and "/continue" in text and cases[0]["call"] not in text, text)
    pieces = re.search(r"(<\|.*)\nCut off", text).group(1)
    while "Cut off" in text:
        text = terminal.say("/continue")
        pieces += text.strip("\n").split("\n")[0]
    check(pieces == cases[0]["call"], pieces)
print("ok")
