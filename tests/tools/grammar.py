#!/usr/bin/env python3
"""lfm2-grammar: its file follows docs/format-grammar.md, as read by code written from that page alone, and a bad source
leaves no file.

    grammar.py LFM2-GRAMMAR

A firmware reads the file from flash and has no other description of it.
"""
import json
import pathlib
import random
import re
import struct
import subprocess
import sys
import tempfile

program = sys.argv[1]
RULE, STATE, LITERAL = 1, 2, 3


def check(condition, *what):
    if not condition:
        sys.exit(f"failed: {what}")


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


class Compiled:
    """A grammar whose operations are all `none`."""

    def __init__(self, data):
        magic, version, header, total, count, self.start, crc = struct.unpack("<8s6I", data[:32])
        check(magic == b"LFM2GRA\n" and version == 1 and header == 32 and total == len(data), magic, version, header, total)
        check(total == 32 + 4 * (count + (count + 31) // 32), total, count)
        check(crc == crc32c(data[:28] + bytes(4) + data[32:]), "crc")
        words = struct.unpack(f"<{(total - 32) // 4}I", data[32:])
        self.words, bits = words[:count], words[count:]
        begins, at = set(), 1
        while at < count:
            begins.add(at)
            check(self.words[at] >> 8 > 0, at)
            at += self.words[at] >> 8
        check(at == count and begins == {i for i in range(count) if bits[i // 32] >> i % 32 & 1}, begins)
        check(self.start in begins and self.words[self.start] & 255 == RULE, self.start)

    def ends(self, text, at, position, seen):
        """The positions in a text after matching from `at` to the end of its rule."""
        if (at, position) in seen:
            return set()
        seen.add((at, position))
        words, kind, found = self.words, self.words[at] & 255, set()
        if kind == LITERAL:
            size = words[at + 2]
            literal = struct.pack(f"<{(size + 3) // 4}I", *words[at + 3:at + 3 + (size + 3) // 4])[:size]
            if text.startswith(literal, position):
                found |= self.ends(text, words[at + 1], position + len(literal), seen)
            return found
        check(kind == STATE, at, kind)
        edges, calls, flags = words[at + 1] & 0xFFF, words[at + 1] >> 12 & 0xFFF, words[at + 1] >> 24
        if flags & 1:
            found.add(position)
        for i in range(at + 3, at + 3 + 2 * edges, 2):
            low, high, operation = words[i] & 255, words[i] >> 8 & 255, words[i] >> 16
            check(operation == 0, operation)
            if position < len(text) and low <= text[position] <= high:
                found |= self.ends(text, words[i + 1], position + 1, seen)
        for i in range(at + 3 + 2 * edges, at + 3 + 2 * (edges + calls), 2):
            check(words[i] >> 24 == 0, words[i])
            for end in self.ends(text, words[(words[i] & 0xFFFFFF) + 1], position, set()):
                found |= self.ends(text, words[i + 1], end, seen)
        return found

    def has(self, text):
        return len(text) in self.ends(text, self.words[self.start + 1], 0, set())


# The same texts by a regular expression, if there is one.
GRAMMARS = [
    ('root ::= "yes" | "no" | "maybe"', "yes|no|maybe"),
    ('root ::= [a-c]+ "x"? | "é" [^é-ü]', "[a-c]+x?|é[^é-ü]"),
    ('root ::= item ("," item)*\nitem ::= "a" | "bc" | [0-9] [0-9]', r"(a|bc|\d\d)(,(a|bc|\d\d))*"),
    ('root ::= "(" ("a" | "b")* ")"', r"\([ab]*\)"),
]


def compile_to(folder, *options):
    out = folder / "grammar.bin"
    out.unlink(missing_ok=True)
    result = subprocess.run([program, out, *options], capture_output=True, text=True)
    check(result.returncode in (0, 1) and out.exists() == (result.returncode == 0), options, result)
    left = [path.name for path in folder.iterdir() if path.name.startswith("grammar.bin")]
    check(left == ["grammar.bin"] * out.exists(), options, left)
    return result, out.read_bytes() if out.exists() else None


with tempfile.TemporaryDirectory() as name:
    folder, rng = pathlib.Path(name), random.Random(1)
    source = folder / "source"
    for grammar, expression in GRAMMARS:
        source.write_text(grammar, encoding="utf-8")
        result, data = compile_to(folder, "--grammar", source)
        check(result.returncode == 0 and "rules" in result.stdout, grammar, result)
        check(data == compile_to(folder, "--grammar", source)[1], "other bytes the second time")
        compiled, accepted = Compiled(data), 0
        alphabet = "".join(sorted(set(re.sub(r"[^a-zé(),0-9]", "", grammar)))) + "xé(),07"
        for _ in range(3000):
            text = "".join(rng.choices(alphabet, k=rng.randrange(6)))
            if rng.random() < 0.3:
                text = rng.choice(["yes", "no", "maybe", "abx", "éa", "éé", "a,bc,07", "(ab)", "()"])
            wanted = re.fullmatch(expression, text, re.S) is not None
            accepted += wanted
            check(compiled.has(text.encode("utf-8")) == wanted, grammar, text, wanted)
        check(accepted > 100, grammar, accepted)

    # Nesting requires calls of rules.
    source.write_text('root ::= "[" root? "]"', encoding="utf-8")
    compiled = Compiled(compile_to(folder, "--grammar", source)[1])
    check(compiled.has(b"[[[[]]]]") and not compiled.has(b"[[[]]]]") and not compiled.has(b""), "nested")

    # Every kind of source, its options, and its errors: one sentence with the place.
    parameters = {"type": "object", "properties": {"n": {"type": "integer", "maximum": 9}, "s": {"type": "string"}}}
    tools = [{"name": name, "parameters": parameters} for name in ("first", "second")]
    source.write_text(json.dumps(tools), encoding="utf-8")
    sizes = []
    for options in ([], ["--only", "first"], ["--one-call"], ["--double-quotes"], ["--json"]):
        result, data = compile_to(folder, "--tools", source, *options)
        check(result.returncode == 0, options, result)
        sizes.append(data)
    check(len(set(sizes)) == 5 and b"second" not in sizes[1].replace(b"\0", b""), "options change nothing")
    result, _ = compile_to(folder, "--tools", source, "--only", "third")
    check(result.returncode == 1 and "third" in result.stderr, result)
    for option, text, where in (
            ("--grammar", "root := 'a'", "line 1, column 7"),
            ("--grammar", 'x ::= "a"\nroot ::= other', "line 2, column 10"),
            ("--grammar", 'root ::= root "a" | "b"', "line 1, column 1: .*begins with itself"),
            ("--json-schema", '{"type": "strin"}', "line 1, column 10"),
            ("--json-schema", '{"type": ', "line 1, column 10"),
            ("--json-schema", '{"$ref": "#/nowhere"}', "line 1, column 10"),
            ("--tools", "[1]", "tool 0"),
            ("--tools", "{}", "not a list")):
        source.write_text(text, encoding="utf-8")
        result, _ = compile_to(folder, option, source)
        check(result.returncode == 1 and result.stderr.count("\n") == 1 and re.search(where, result.stderr), option, text, result)
    result, _ = compile_to(folder, "--grammar", folder / "absent")
    check(result.returncode == 1 and "absent" in result.stderr, result)
print("ok")
