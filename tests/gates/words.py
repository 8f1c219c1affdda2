#!/usr/bin/env python3
"""Finds phrases that CONTRIBUTING.md (Language) rules out, in documents, comments and messages.

    words.py ROOT         checks the repository at ROOT; a line per finding: file:line: phrase: write ...
    words.py --self-test  shows that every phrase is found where it counts, and only there
"""
import pathlib
import re
import sys

# phrase (a blank matches any white space, also the start of the next line of a comment), what to write instead
PHRASES = [
    (r"can not", "cannot"),
    (r"one behind the other", "one after another, consecutively"),
    (r"behind", "after, following"),
    (r"to be had", "is available, is not available"),
    (r"(map|rules?|folders?) of the house", "repository layout, project rules"),
    (r"anew", "again"),
    (r"once more(?! than)", "again"),
    (r"for want of", "because there is no"),
    (r"before ?hand", "in advance, before"),
    (r"at last", "finally"),
    (r"beside", "next to, with, in addition to"),
    (r"goes on", "continues"),
    (r"who(so)?ever", "callers that, code that"),
    (r"lies? in (memory|flash|RAM|the arena|one arena|the file|an? cache)", "is in"),
    (r"(is|are|was|were|be) handed", "is passed, is returned"),
    (r"hand(s|ed|ing)? (over|out)", "pass, return"),
    (r"taken? apart", "unpacked, separated"),
    (r"what (is there|there is)", "the existing, the available"),
    (r"as wide as", "of the same width as"),
    (r"in plain sight", "visibly"),
]
# A number without a leading zero, in documents and comments: literals hold input for parsers and names of files.
BARE_NUMBER = (re.compile(r"(?<![^\s(|±~])-?\.\d"), "a digit before the point")

# Where a phrase is right: files whose path starts so, and the words around it.
ALLOWED = [
    ("", r"(hid(es?|den)?|hiding|leav(es?|ing)|left) [^.]{0,60}behind"),
    ("", r"behind (an?|the|one|this|that|its) (\w+ )?(interface|function pointer|proxy|firewall)"),
    ("", r"falls? behind"),
    ("CONTRIBUTING.md", r"\| write \| not \|\n(\|[^\n]*\n)*"),
]
SKIPPED = {"tests/gates/words.py"}
SKIPPED_FOLDERS = {"tests/data"}
C_SUFFIXES = {".h", ".cc", ".c", ".cpp", ".S", ".ld", ".ino"}
HASH_SUFFIXES = {".py", ".sh", ".cmake", ".txt", ".yml", ".in"}

C_PARTS = re.compile(r"(?P<comment>//[^\n]*|/\*.*?\*/)"
                     r"""|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+'(?![0-9a-fA-F])""", re.S)
HASH_PARTS = re.compile(r"""(?P<comment>(?<![$\w{('"])#[^\n]*|\"{3}.*?\"{3})"""
                        r"""|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\\n])*'""", re.S)
MARKERS = re.compile(r"^([ \t]*)(?://+|/?\*+/?|#+)", re.M)
NOT_PROSE = "\x01"


def words_of(pattern):
    """A blank in a pattern matches any white space."""
    return pattern.replace(" ", r"\s+")


def key_of(phrase):
    """Letters that every match has, in lower case: text without them need not be searched for the phrase."""
    return max(re.findall(r"[a-z]+", re.sub(r"\([^)]*\)\??|\w\?", " ", phrase)), key=len)


PATTERNS = [(key_of(phrase), re.compile(rf"\b(?:{words_of(phrase)})\b", re.I), instead) for phrase, instead in PHRASES]
ALLOWED_PATTERNS = [(prefix, re.compile(words_of(words), re.I)) for prefix, words in ALLOWED]


def blank(text):
    return re.sub(r"\S+", lambda word: NOT_PROSE * len(word.group(0)), text)


def prose_of(text, parts):
    """Comments and literals with everything else blanked, and the same of comments alone. Offsets stay as they are."""
    both, comments, at = [], [], 0
    for match in parts.finditer(text):
        between, found = blank(text[at:match.start()]), match.group(0)
        at = match.end()
        if match.group("comment") is not None:
            found = MARKERS.sub(lambda marker: " " * len(marker.group(0)), found)
            comments += [between, found]
        else:
            comments += [between, blank(found)]
        both += [between, found]
    rest = blank(text[at:])
    return "".join(both + [rest]), "".join(comments + [rest])


def kind_of(path, text):
    if path.suffix == ".md":
        return "document"
    if path.suffix in C_SUFFIXES:
        return "c"
    if path.suffix in HASH_SUFFIXES or (not path.suffix and text.startswith("#!")):
        return "hash"
    return None


def findings_in(path, text, kind):
    """path: relative, with /. Yields (line, phrase, what to write)."""
    lower = text.lower()
    patterns = [(pattern, instead, False) for key, pattern, instead in PATTERNS if key in lower]
    if BARE_NUMBER[0].search(text):
        patterns.append((*BARE_NUMBER, True))
    if not patterns:
        return
    if kind == "document":
        both = comments = text
    else:
        both, comments = prose_of(text, C_PARTS if kind == "c" else HASH_PARTS)
    taken = [match.span() for prefix, words in ALLOWED_PATTERNS if path.startswith(prefix) for match in words.finditer(both)]
    for pattern, instead, in_comments in patterns:
        for match in pattern.finditer(comments if in_comments else both):
            if all(end <= match.start() or match.end() <= begin for begin, end in taken):
                taken.append(match.span())
                yield text.count("\n", 0, match.start()) + 1, " ".join(match.group(0).split()), instead


def files_of(root):
    folders = [root]
    while folders:
        folder = folders.pop()
        for entry in sorted(folder.iterdir()):
            relative = entry.relative_to(root).as_posix()
            if entry.is_symlink():
                continue
            if entry.is_dir():
                hidden = entry.name.startswith(".") and entry.name != ".ci"
                if not hidden and relative not in SKIPPED_FOLDERS and not relative.startswith("build") \
                        and entry.name != "__pycache__":
                    folders.append(entry)
            elif relative not in SKIPPED and (not entry.suffix or entry.suffix in C_SUFFIXES | HASH_SUFFIXES | {".md"}):
                yield relative, entry


def check(root):
    findings = []
    for relative, file in files_of(root):
        if not file.suffix and file.stat().st_size > 1 << 20:
            continue
        text = file.read_bytes().decode("utf-8", errors="replace")
        kind = kind_of(file, text)
        if kind is not None:
            findings += [(f"{relative}:{line}", phrase, instead) for line, phrase, instead in findings_in(relative, text, kind)]
    return sorted(findings)


# file, text, phrases that are found
CASES = [
    ("docs/a.md", "It can not work.\n", ["can not"]),
    ("docs/a.md", "It can\nnot work.\n", ["can not"]),
    ("docs/a.md", "It cannot work.\n", []),
    ("docs/a.md", "a share of .92 (.5) | .3 |\n", [".9", ".5", ".3"]),
    ("docs/a.md", "0.92, v1.2, ./file, file .txt, a.5\n", []),
    ("docs/a.md", "records behind the table\n", ["behind"]),
    ("docs/a.md", "one behind the other\n", ["one behind the other"]),
    ("docs/a.md", "The driver is hidden behind it. Ctrl-C leaves nothing behind.\n", []),
    ("docs/a.md", "behind an interface; behind a reverse proxy\n", []),
    ("a/b.cc", "// it was taken\n  // apart\nint x;\n", ["taken apart"]),
    ("a/b.cc", "int can; int not_x; bool b = can not_x;\n", []),
    ("a/b.cc", 'f("the file can not be read", .5f);\n', ["can not"]),
    ("a/b.cc", "double x = .5; g(.5);\n", []),
    ("a/b.cc", "int x;  // .5 of it\n", [".5"]),
    ("a/b.cc", 'parse(" .5");\n', []),
    ("a/b.h", "/* Begins\n * anew. */\n", ["anew"]),
    ("a/b.py", '"""Written once\nmore."""\nanew = 1\n', ["once more"]),
    ("a/b.py", "x = 1  # for want of better\n", ["for want of"]),
    ("a/b.sh", "echo 'not to be had'\n# whoever\n", ["to be had", "whoever"]),
    ("a/b.cmake", 'message("beside it")\n', ["beside"]),
    ("a/script", "#!/bin/sh\n# goes on\n", ["goes on"]),
    ("a/data", "goes on\n", []),
    ("CONTRIBUTING.md", "| write | not |\n|---|---|\n| again | anew |\n\nanew\n", ["anew"]),
]


def self_test():
    failures = []
    for name, text, expected in CASES:
        path = pathlib.PurePosixPath(name)
        kind = kind_of(path, text)
        found = sorted(phrase for _, phrase, _ in findings_in(name, text, kind)) if kind else []
        if found != sorted(expected):
            failures.append(f"{name}: {text!r}: {found} in place of {expected}")
    for failure in failures:
        print(failure)
    print(f"{len(CASES)} texts, {len(failures)} failures")
    return 1 if failures else 0


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    if sys.argv[1] == "--self-test":
        return self_test()
    findings = check(pathlib.Path(sys.argv[1]))
    for place, phrase, instead in findings:
        print(f"{place}: {phrase}: write {instead}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
