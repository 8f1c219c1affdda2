#!/usr/bin/env python3
"""Compiles each public header alone, twice in one unit, and then SOURCE to object code, under strict warnings.

    strict_warnings.py INCLUDE_DIRECTORY SOURCE COMPILER ARGUMENT...
"""
import concurrent.futures
import os
import pathlib
import subprocess
import sys

FLAGS = ["-std=c++17", "-Wall", "-Wextra", "-Wconversion", "-Wdouble-promotion", "-Wshadow", "-Werror", "-fno-exceptions",
         "-fno-rtti"]


def compile_unit(name, command, text):
    result = subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return None if result.returncode == 0 else f"{name}:\n{result.stdout}"


def main():
    if len(sys.argv) < 4:
        print(__doc__, file=sys.stderr)
        return 2
    include, source, compiler = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    headers = sorted(file.relative_to(include).as_posix() for file in include.rglob("*.h"))
    if not headers:
        print(f"{include} has no headers", file=sys.stderr)
        return 2
    # The object code first: it takes longest. The optimiser sees what the front end alone does not, such as a use of what
    # was never set.
    jobs = [(source, [*compiler, *FLAGS, "-O2", "-DNDEBUG", "-c", "-o", os.devnull, source], "")]
    jobs += [(f"#include \"{name}\"", [*compiler, *FLAGS, "-fsyntax-only", "-x", "c++", "-"],
              f'#include "{name}"\n#include "{name}"\n') for name in headers]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        failures = [failure for failure in pool.map(lambda job: compile_unit(*job), jobs) if failure]
    for failure in failures:
        print(failure)
    print(f"{len(headers)} headers, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
