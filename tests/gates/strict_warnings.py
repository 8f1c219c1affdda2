#!/usr/bin/env python3
"""Compiles SOURCE, which has the library outside posix/ in it, to OBJECT under strict warnings, and headers alone.

    strict_warnings.py INCLUDE_DIRECTORY HEADERS OBJECT SOURCE COMPILER ARGUMENT...

HEADERS is a pattern of files below INCLUDE_DIRECTORY. Each is compiled alone, twice in one unit, with
LFM2_SEPARATE_COMPILATION, because the definitions of its declarations may be in other files. Missing includes do not
depend on the processor, so for other processors the headers of posix/ are enough. Other gates check OBJECT.
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
    if len(sys.argv) < 6:
        print(__doc__, file=sys.stderr)
        return 2
    include, (pattern, unit, source), compiler = pathlib.Path(sys.argv[1]), sys.argv[2:5], sys.argv[5:]
    headers = sorted(file.relative_to(include).as_posix() for file in include.glob(pattern))
    if not headers:
        print(f"{include} has no headers {pattern}", file=sys.stderr)
        return 2
    # The object code first: it takes longest. The optimiser finds problems that the front end alone does not, such as
    # the use of an uninitialised variable.
    jobs = [(source, [*compiler, *FLAGS, "-O2", "-DNDEBUG", "-c", "-o", unit, source], "")]
    jobs += [(f"#include \"{name}\"", [*compiler, *FLAGS, "-DLFM2_SEPARATE_COMPILATION", "-fsyntax-only", "-x", "c++", "-"],
              f'#include "{name}"\n#include "{name}"\n') for name in headers]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        failures = [failure for failure in pool.map(lambda job: compile_unit(*job), jobs) if failure]
    for failure in failures:
        print(failure)
    print(f"{len(jobs)} units, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
