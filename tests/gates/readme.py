#!/usr/bin/env python3
"""Compiles and links the first C++ example of a README, as a reader who copies it would.

    readme.py README OUTPUT COMPILER ARGUMENT...
"""
import pathlib
import re
import subprocess
import sys


def main():
    if len(sys.argv) < 4:
        print(__doc__, file=sys.stderr)
        return 2
    readme, output, compiler = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    example = re.search(r"^```cpp\n(.*?)^```$", readme.read_text(encoding="utf-8"), re.M | re.S)
    if not example:
        print(f"{readme} has no ```cpp example")
        return 1
    result = subprocess.run([*compiler, "-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-x", "c++", "-", "-o", output],
                            input=example.group(1), text=True, check=False)
    print(f"{len(example.group(1).splitlines())} lines, {'compiled' if result.returncode == 0 else 'refused'}")
    return 1 if result.returncode != 0 else 0


if __name__ == "__main__":
    sys.exit(main())
