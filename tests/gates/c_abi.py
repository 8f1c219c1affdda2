#!/usr/bin/env python3
"""The binary interface of lfm2_c.h: sizes and alignment of its structures, offsets and sizes of their fields, values of its
enumerators and constants, and functions, held against c_abi.txt, which records them for the version that it names.

    c_abi.py RECORD INCLUDE [--cc64 COMPILER] [--cc32 COMPILER] [--record]
    c_abi.py --self-test COMPILER

--record writes RECORD; it refuses a changed interface for a version that has been released (a git tag vVERSION).
"""
import argparse
import difflib
import os
import re
import subprocess
import sys
import tempfile

HEADERS = ["lfm2_c.h", "lfm2/c/posix.h"]


class Failure(Exception):
    pass


def run(*command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if result.returncode != 0:
        raise Failure(f"{' '.join(command)} failed:\n{result.stderr[-2000:]}")
    return result.stdout


def source():
    return "".join(f'#include "{header}"\n' for header in HEADERS)


def declarations(compiler, include, folder):
    """The declarations of our headers, each as one line."""
    path = os.path.join(folder, "headers.c")
    with open(path, "w", encoding="utf-8") as file:
        file.write(source())
    ours, text = False, []
    for line in run(compiler, "-std=c99", "-E", "-I", include, path).split("\n"):
        marker = re.match(r'# \d+ "(.*?)"', line)
        if marker:
            ours = os.path.abspath(marker[1]).startswith(os.path.abspath(include) + os.sep)
        elif ours:
            text.append(line)
    text = re.sub(r"__attribute__\s*\(\(.*?\)\)(?=[\s;])", " ", " ".join(text)).replace("_Bool", "bool")
    text = re.sub(r"\bstatic inline [^{]*\{(?:[^{}]|\{[^{}]*\})*\}", " ", text)
    found, depth, begin = [], 0, 0
    for at, char in enumerate(text):
        depth += {"{": 1, "}": -1}.get(char, 0)
        if char == ";" and depth == 0:
            line = re.sub(r"\s+", " ", text[begin:at]).strip()
            found.append(re.sub(r"\s*([*(),])\s*", r"\1", line).replace(",", ", ").replace("*", "* "))
            begin = at + 1
    return found


def fields(body):
    for field in filter(None, (part.strip() for part in body.split(";"))):
        pointer = re.match(r"[^(]*\(\* ?(\w+)\)", field)
        yield pointer[1] if pointer else re.search(r"(\w+)(?:\[[^\]]*\])*$", field)[1]


def constants(include):
    """Macros that are numbers."""
    folder = os.path.join(include, "lfm2", "c")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            yield from re.findall(r"^#define (LFM2_\w+ \(?-?[0-9]\S*)$", file.read(), re.M)


def questions(found):
    """[(what, C expression)] that a compiler has to answer."""
    asked = []
    for line in found:
        struct = re.match(r"typedef struct (\w+) ?\{(.*)\} ?(\w+)$", line)
        if struct:
            name = struct[3]
            asked += [(f"{name} bytes", f"sizeof({name})"), (f"{name} alignment", f"__alignof__({name})")]
            for field in fields(struct[2]):
                asked += [(f"{name}.{field} offset", f"__builtin_offsetof({name}, {field})"),
                          (f"{name}.{field} bytes", f"sizeof((({name}*)0)->{field})")]
        enum = re.match(r"enum ?\w* ?\{(.*)\}$", line)
        if enum:
            asked += [(name, name) for name in re.findall(r"\b(LFM2_\w+)", re.sub(r"=[^,]*", "", enum[1]))]
    return asked


def answers(compiler, include, asked, folder):
    """{what: number}, from assembly, which every compiler for any machine writes."""
    path = os.path.join(folder, "questions.c")
    with open(path, "w", encoding="utf-8") as file:
        file.write(source() + "void f(void) {\n")
        file.writelines(f'  __asm__ volatile(".ascii \\"@@{number} %c0\\"" : : "i"(({expression})));\n'
                        for number, (_, expression) in enumerate(asked))
        file.write("}\n")
    text = run(compiler, "-std=gnu99", "-S", "-O1", "-I", include, path, "-o", "-")
    return {asked[int(number)][0]: int(value) & 0xffffffff for number, value in re.findall(r"@@(\d+) (-?\d+)", text)}


def interface(include, compilers):
    """Lines of a record. compilers: {column: compiler}."""
    with tempfile.TemporaryDirectory() as folder:
        first = next(iter(compilers.values()))
        found = declarations(first, include, folder)
        asked = questions(found)
        of = {column: answers(compiler, include, asked, folder) for column, compiler in compilers.items()}
    lines = []
    for what, _ in asked:
        numbers = {column: values.get(what) for column, values in of.items()}
        if None in numbers.values():
            raise Failure(f"no compiler's answer was found for {what}")
        lines.append(f"{what}: " + ", ".join(f"{number} ({column})" for column, number in numbers.items()))
    others = [line for line in found if not re.match(r"(typedef struct|enum|struct)\b.*\{", line)]
    return lines + sorted(constants(include)) + sorted(others)


def version_of(include):
    with open(os.path.join(include, "lfm2", "base", "version.h"), encoding="utf-8") as file:
        return re.search(r'LFM2_VERSION_STRING "([^"]+)"', file.read())[1]


def is_released(include, version):
    result = subprocess.run(["git", "-C", include, "tag", "--list", f"v{version}"], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True, check=False)
    return bool(result.stdout.strip())


def only(lines, columns):
    """A record's lines with some of its columns."""
    return [re.sub(r"-?\d+ \(([\w-]+)\)(?:, )?", lambda one: one[0] if one[1] in columns else "", line).rstrip(", ")
            for line in lines]


def check(record, include, compilers, must_record):
    version, now = version_of(include), interface(include, compilers)
    recorded, before = None, []
    if os.path.exists(record):
        with open(record, encoding="utf-8") as file:
            recorded, *before = file.read().rstrip("\n").split("\n")
    same = only(before, compilers) == now
    if must_record:
        if not same and recorded == f"version {version}" and is_released(include, version):
            raise Failure(f"the C interface has changed, and version {version} has been released: "
                          "raise the version in include/lfm2/base/version.h first (docs/versions.md)")
        with open(record, "w", encoding="utf-8") as file:
            file.write("\n".join([f"version {version}", *now]) + "\n")
        return
    if not same:
        changes = [line for line in difflib.unified_diff(only(before, compilers), now, lineterm="", n=0) if line[:1] in "+-"][2:]
        raise Failure("the C interface is not the recorded one:\n  " + "\n  ".join(changes[:20]) +
                      f"\nUndo the change, or raise the version if {version} has been released (docs/versions.md), "
                      "and write the record with c_abi.py --record")
    if recorded != f"version {version}":
        raise Failure(f"the record is of {recorded}, and this is version {version}: write it with c_abi.py --record")


def self_test(compiler):
    """A field that moves, a function that goes and a version that is not recorded are found."""
    with tempfile.TemporaryDirectory() as folder:
        record, include = os.path.join(folder, "record.txt"), os.path.join(folder, "include")
        os.makedirs(os.path.join(include, "lfm2", "c"))
        os.makedirs(os.path.join(include, "lfm2", "base"))

        def write(header, version="1.0.0"):
            for name, text in (("lfm2_c.h", header), ("lfm2/c/posix.h", ""),
                               ("lfm2/base/version.h", f'#define LFM2_VERSION_STRING "{version}"\n')):
                with open(os.path.join(include, name), "w", encoding="utf-8") as file:
                    file.write(text)

        def expect(wrong, words):
            try:
                check(record, include, {"64-bit": compiler}, False)
                said = ""
            except Failure as failure:
                said = str(failure)
            if bool(said) != wrong or words not in said:
                raise Failure(f"self-test: expected {words!r}, got {said!r}")

        good = "typedef struct a { int x; void (*f)(int); } a;\nenum { LFM2_ONE = 1, LFM2_TWO };\nint lfm2_f(a* b);\n"
        write(good)
        check(record, include, {"64-bit": compiler}, True)
        expect(False, "")
        for bad, words in ((good.replace("int x", "int y[4]; int x"), "+a.x offset: 16"),
                           (good.replace("LFM2_ONE = 1", "LFM2_ONE"), "+LFM2_TWO: 1"),
                           (good.replace("int lfm2_f(a* b);", ""), "-int lfm2_f(a* b)"),
                           (good.replace("lfm2_f(a*", "lfm2_f(const a*"), "+int lfm2_f(const a* b)")):
            write(bad)
            expect(True, words)
        write(good, "1.1.0")
        expect(True, "this is version 1.1.0")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--self-test", metavar="COMPILER")
    parser.add_argument("record_file", nargs="?", metavar="RECORD")
    parser.add_argument("include", nargs="?", metavar="INCLUDE")
    parser.add_argument("--cc64", metavar="COMPILER", help="a C compiler for a 64-bit machine")
    parser.add_argument("--cc32", metavar="COMPILER", help="a C compiler for 32-bit Arm")
    parser.add_argument("--record", action="store_true", help="write RECORD; needs both compilers")
    arguments = parser.parse_args()
    compilers = {"64-bit": arguments.cc64, "32-bit-Arm": arguments.cc32}
    compilers = {column: compiler for column, compiler in compilers.items() if compiler}
    if not arguments.self_test and (not arguments.include or not compilers):
        parser.error("RECORD, INCLUDE and a compiler are needed")
    if arguments.record and len(compilers) < 2:
        parser.error("--record needs --cc64 and --cc32")
    try:
        if arguments.self_test:
            self_test(arguments.self_test)
        else:
            check(arguments.record_file, arguments.include, compilers, arguments.record)
    except (OSError, Failure) as failure:
        print(f"c_abi.py: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
