#!/usr/bin/env python3
"""Checks that a unit that defines LFM2_SEPARATE_COMPILATION sees declarations only: it compiles under strict warnings
without Highway on the include path, and reads none of the files that have definitions. Prints the compile time.

    separate.py COMPILER ARGUMENT... SOURCE

ARGUMENTs have -I for the library and not for Highway, which may still be found among the system's headers. The time is
for information: it never makes the gate fail.
"""
import re
import resource
import subprocess
import sys
import tempfile

FLAGS = ["-std=c++17", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Wdouble-promotion", "-Wshadow", "-Werror",
         "-DLFM2_SEPARATE_COMPILATION"]
DEFINITIONS = re.compile(r"/hwy/|-inl\.h$|_impl\.h$|/implementation\.h$|/dispatch\.h$")


def run(command, text):
    return subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def cpu_seconds():
    """Of the compilers so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main():
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    *command, source = sys.argv[1:]
    with open(source, encoding="utf-8") as file:
        units = {"a unit with lfm2.h alone": '#include "lfm2.h"\n', source: file.read()}
    failures = []
    with tempfile.NamedTemporaryFile(suffix=".o") as out:
        for name, text in units.items():
            start = cpu_seconds()
            result = run([*command, *FLAGS, "-x", "c++", "-", "-c", "-o", out.name], text)
            if result.returncode != 0:
                failures.append(f"{name} does not compile:\n{result.stdout}")
            print(f"{cpu_seconds() - start:.2f} s: {name}")
            read = run([*command, *FLAGS, "-x", "c++", "-", "-H", "-fsyntax-only"], text)
            included = re.findall(r"^\.+ (\S+)$", read.stdout, re.M)
            if not any(header.endswith("/lfm2.h") for header in included):
                failures.append(f"{name}: no header was seen to be read: the gate would prove nothing")
            failures += [f"{name} reads {header}" for header in included if DEFINITIONS.search(header)]
    for failure in failures:
        print(failure)
    print(f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
