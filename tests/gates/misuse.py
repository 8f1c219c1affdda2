#!/usr/bin/env python3
"""Shows that the compiler refuses mistakes. Each file in a folder compiles as it is, and not with -DLFM2_MISUSE=1; the
compiler's message has to match the file's line `// Refused: REGULAR EXPRESSION`. A file with several such lines makes as
many mistakes, the nth with -DLFM2_MISUSE=n.

    misuse.py FOLDER COMPILER ARGUMENT...
"""
import pathlib
import re
import subprocess
import sys


def compile_with(command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def main():
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    files = sorted(pathlib.Path(sys.argv[1]).glob("*.cc"))
    failures = [] if files else [f"{sys.argv[1]} has no files"]
    mistakes = 0
    for file in files:
        command = [*sys.argv[2:], "-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", str(file)]
        refused = re.findall(r"^// Refused: (.+)$", file.read_text(encoding="utf-8"), re.M)
        if not refused:
            failures.append(f"{file.name} does not say what the compiler should refuse")
            continue
        right = compile_with(command)
        if right.returncode != 0:
            failures.append(f"{file.name} does not compile even without the mistake:\n{right.stdout}")
        for number, expected in enumerate(refused, 1):
            mistakes += 1
            wrong = compile_with([*command, f"-DLFM2_MISUSE={number}"])
            if wrong.returncode == 0:
                failures.append(f"{file.name} compiles with mistake {number} in it")
            elif not re.search(expected, wrong.stdout):
                failures.append(f"{file.name} is refused for another reason with mistake {number}:\n{wrong.stdout}")
    for failure in failures:
        print(failure)
    print(f"{mistakes} mistakes in {len(files)} files, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
