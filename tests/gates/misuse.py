#!/usr/bin/env python3
"""Shows that the compiler refuses mistakes. Each file in a folder compiles as it is, and not with -DLFM2_MISUSE, when the
compiler's message has to match the file's line `// Refused: REGULAR EXPRESSION`.

    misuse.py FOLDER COMPILER ARGUMENT...
"""
import pathlib
import re
import subprocess
import sys


def main():
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    files = sorted(pathlib.Path(sys.argv[1]).glob("*.cc"))
    failures = [] if files else [f"{sys.argv[1]} has no files"]
    for file in files:
        command = [*sys.argv[2:], "-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", str(file)]
        expected = re.search(r"^// Refused: (.+)$", file.read_text(encoding="utf-8"), re.M)
        if not expected:
            failures.append(f"{file.name} does not say what the compiler should refuse")
            continue
        right = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if right.returncode != 0:
            failures.append(f"{file.name} does not compile even without the mistake:\n{right.stdout}")
        wrong = subprocess.run([*command, "-DLFM2_MISUSE"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               check=False)
        if wrong.returncode == 0:
            failures.append(f"{file.name} compiles with the mistake in it")
        elif not re.search(expected.group(1), wrong.stdout):
            failures.append(f"{file.name} is refused for another reason:\n{wrong.stdout}")
    for failure in failures:
        print(failure)
    print(f"{len(files)} files, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
