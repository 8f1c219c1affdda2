"""The single file that tools/amalgamate makes: the same bytes each time, clean under strict warnings for three standards and
two compilers, in two translation units of a program, with and without Highway inside, here and on 64-bit Arm, and
always the results of the split headers.

    dist.py --highway DIRECTORY --model MODEL.lfm2 [--flags FLAGS] [--bundle SET] [--aarch64 COMPILER --qemu PROGRAM]
"""
import argparse
import filecmp
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
AMALGAMATE = os.path.join(ROOT, "tools", "amalgamate")
HERE = os.path.join(ROOT, "tests", "dist")
STRICT = ["-Wall", "-Wextra", "-Wconversion", "-Wdouble-promotion", "-Wshadow", "-Werror", "-fno-exceptions", "-fno-rtti"]


class Failure(Exception):
    pass


def run(*command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode != 0:
        raise Failure(f"{' '.join(command)}\nended with {result.returncode}:\n{result.stdout[-3000:]}")
    return result.stdout


class Dist:
    def __init__(self, arguments, folder):
        self.arguments, self.folder = arguments, folder
        self.highway = ["-DHWY_HEADER_ONLY", "-isystem", arguments.highway]
        self.flags = arguments.flags.split()
        # Where a user keeps it; nothing else of ours is on the include path.
        self.single = self.make("single/lfm2.h")
        self.bundled = self.make("bundled/lfm2_bundled.h", "--bundle", arguments.bundle)

    def make(self, name, *options):
        path = os.path.join(self.folder, name)
        run(sys.executable, AMALGAMATE, path, *options, *(["--highway", self.arguments.highway] if options else []))
        return path

    def program(self, name, compiler, *options):
        path = os.path.join(self.folder, "program-" + name)
        run(compiler, "-std=c++17", "-O1", *options, os.path.join(HERE, "program.cc"), os.path.join(HERE, "other_unit.cc"), "-o",
            path, "-pthread")
        return path

    def including(self, path):
        return ["-DLFM2_POSIX", f'-DLFM2_HEADER="{os.path.basename(path)}"', "-I", os.path.dirname(path)]

    def test_same_bytes(self):
        again = self.make("again/lfm2.h")
        if not filecmp.cmp(self.single, again, shallow=False):
            raise Failure("made twice, the file is not the same")
        for path in (self.single, self.bundled):
            with open(path, encoding="utf-8") as file:
                text = file.read()
            for what, pattern in (("a #line", r"^\s*#\s*line\b"), ("a path of this machine", re.escape(ROOT)),
                                  ("an include of our own", r'^\s*#\s*include\s+"lfm2/'), ("a tab or a space at the end", r"[ \t]$")):
                if what.startswith("a tab") and path == self.bundled:
                    continue
                found = re.search(pattern, text, re.M)
                if found:
                    raise Failure(f"{os.path.basename(path)} has {what}: {text[found.start():found.start() + 80]!r}")
        with open(self.bundled, encoding="utf-8") as file:
            if "Google LLC" not in file.read():
                raise Failure("Highway's copyright has gone")

    def test_strict(self):
        for compiler in ("g++", "clang++"):
            if not shutil.which(compiler):
                print(f"{compiler} is not there: not tried")
                continue
            for standard in ("c++17", "c++20", "c++2b"):
                for path, more in ((self.single, self.highway), (self.bundled, [])):
                    # Highway's own part may warn where a compiler is newer than it.
                    if path == self.bundled and standard != "c++17":
                        continue
                    run(compiler, f"-std={standard}", "-fsyntax-only", *STRICT, *self.flags, *more, *self.including(path),
                        os.path.join(HERE, "other_unit.cc"))

    def test_same_results(self):
        model = self.arguments.model
        split = self.program("split", "g++", *self.flags, *self.highway, "-DLFM2_SPLIT", '-DLFM2_HEADER="lfm2.h"', "-I",
                             os.path.join(ROOT, "include"))
        want = run(split, model)
        if 'set_heating(room="hallway", celsius=17)' not in want:
            raise Failure(f"the split headers answer {want}")
        for name, options in (("single", [*self.flags, *self.highway, *self.including(self.single)]),
                              ("bundled", [*self.flags, *self.including(self.bundled)])):
            got = run(self.program(name, "g++", *options), model)
            if got != want:
                raise Failure(f"{name}: {got!r} instead of {want!r}")
        if "x86_64" in run("g++", "-dumpmachine"):
            # Other kernels, other rounding: the same words.
            got = run(self.program("dispatch", "g++", "-DLFM2_DYNAMIC_DISPATCH", *self.highway, *self.including(self.single)), model)
            if got.split("\n")[0] != want.split("\n")[0]:
                raise Failure(f"with run-time dispatch: {got!r} instead of {want!r}")

    def test_aarch64(self):
        if not self.arguments.aarch64 or not self.arguments.qemu:
            print("there is no compiler or no QEMU for 64-bit Arm: not tried")
            return
        bundled = self.make("neon/lfm2_bundled.h", "--bundle", "neon_dotprod")
        for name, flags in (("a72", []), ("a76", ["-march=armv8.2-a+dotprod"])):
            program = self.program(name, self.arguments.aarch64, "-static", *flags, *self.including(bundled))
            got = run(self.arguments.qemu, "-cpu", f"cortex-{name}", program, self.arguments.model)
            if 'set_heating(room="hallway", celsius=17)' not in got:
                raise Failure(f"cortex-{name} answers {got}")

    def test_refusals(self):
        unit = os.path.join(HERE, "other_unit.cc")
        for what, words, options in (
                ("the wrong instruction set", "was made without hwy/ops/",
                 ["-DHWY_COMPILE_ONLY_SCALAR", *self.including(self.make("sse/lfm2_bundled.h", "--bundle", "rvv"))]),
                ("run-time dispatch with Highway inside", "LFM2_DYNAMIC_DISPATCH",
                 ["-DLFM2_DYNAMIC_DISPATCH", *self.including(self.bundled)])):
            result = subprocess.run(["g++", "-std=c++17", "-fsyntax-only", *options, unit], stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, text=True, check=False)
            if result.returncode == 0 or words not in result.stdout:
                raise Failure(f"{what} is not refused: {result.stdout[-1000:]}")
        result = subprocess.run([sys.executable, AMALGAMATE, os.path.join(self.folder, "x.h"), "--bundle", "neon", "--highway",
                                 self.folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if result.returncode != 1 or os.path.exists(os.path.join(self.folder, "x.h")):
            raise Failure(f"a folder without Highway is not refused: {result.stdout}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--highway", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--flags", default="")
    parser.add_argument("--bundle", default="all")
    parser.add_argument("--aarch64", default="")
    parser.add_argument("--qemu", default="")
    arguments = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        try:
            dist = Dist(arguments, folder)
            for name in [name for name in dir(dist) if name.startswith("test_")]:
                try:
                    getattr(dist, name)()
                    print(f"{name}: good")
                except Failure as failure:
                    print(f"{name}: {failure}")
                    failed += 1
        except Failure as failure:
            print(failure)
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
