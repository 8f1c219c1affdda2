"""The single file that tools/amalgamate makes: the same bytes each time, no strict warnings for three standards and two
compilers, in two translation units of a program, with and without Highway inside, with kernels chosen at run time, with
the library compiled once, for C, here and on 64-bit Arm, and always the results of the split headers.

    dist.py --highway DIRECTORY --bin DIRECTORY [--flags FLAGS] [--bundle SET] [--aarch64 COMPILER --qemu PROGRAM] [TEST ...]

The programs' folder has lfm2-pack. A TEST is the name of one of the functions below, without test_; without any, all run.
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
# The types of the small model, which is tested here; the kernels of all types take most of a program's compile time.
TYPES = "-DLFM2_TENSOR_TYPES=0x29"
ANSWER = 'set_heating(room="hallway", celsius=17)'


class Failure(Exception):
    pass


def run(*command, fails=False):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if (result.returncode != 0) != fails:
        raise Failure(f"{' '.join(command)}\nended with {result.returncode}:\n{result.stdout[-3000:]}")
    return result.stdout


def expect_same(what, got, want):
    if got != want:
        raise Failure(f"{what}: {got!r} instead of {want!r}")


class Dist:
    def __init__(self, arguments, folder):
        self.arguments, self.folder = arguments, folder
        self.highway = ["-DHWY_HEADER_ONLY", "-isystem", arguments.highway]
        self.flags = arguments.flags.split()
        # The folder where a user keeps it; nothing else of the project is on the include path.
        self.single = self.make("single/lfm2.h")
        self.bundled = self.make("bundled/lfm2_bundled.h", "--bundle", arguments.bundle)
        # Next to each of them, as a C program needs it.
        self.for_c = [self.make(f"{name}/lfm2_c.h", "--c") for name in ("single", "bundled")]
        self.model = os.path.join(folder, "home.lfm2")
        run(os.path.join(arguments.bin, "lfm2-pack"), "--quiet", os.path.join(ROOT, "tests/data/home/Q4_0.gguf"), self.model)

    def make(self, name, *options):
        path = os.path.join(self.folder, name)
        run(sys.executable, AMALGAMATE, path, *options, *(["--highway", self.arguments.highway] if "--bundle" in options else []))
        return path

    def program(self, name, compiler, *options, first_unit=()):
        """Two translation units with the library in them."""
        path = os.path.join(self.folder, "program-" + name)
        run(compiler, "-std=c++17", "-O1", *options, *first_unit, "-c", os.path.join(HERE, "program.cc"), "-o", path + ".o")
        run(compiler, "-std=c++17", "-O1", *options, path + ".o", os.path.join(HERE, "other_unit.cc"), "-o", path, "-pthread")
        return path

    def separate(self, name, compiler, path, options, *once):
        """The same with declarations in both units, without options for Highway, and the definitions in a third.
        `once`: options of the third only."""
        program = os.path.join(self.folder, "program-separate-" + name)
        units = []
        for unit, more in (("program", []), ("other_unit", []), ("library", once)):
            units.append(f"{program}-{unit}.o")
            run(compiler, "-std=c++17", "-O1", *STRICT, "-DLFM2_SEPARATE_COMPILATION", *options, *more, *self.including(path), "-c",
                os.path.join(HERE, unit + ".cc"), "-o", units[-1])
        run(compiler, *units, "-o", program, "-pthread")
        return program

    def including(self, path):
        return ["-DLFM2_POSIX", TYPES, f'-DLFM2_HEADER="{os.path.basename(path)}"', "-I", os.path.dirname(path)]

    def test_same_bytes(self):
        again = self.make("again/lfm2.h")
        if not filecmp.cmp(self.single, again, shallow=False):
            raise Failure("made twice, the file is not the same")
        for path in (self.for_c[0], self.single, self.bundled):
            with open(path, encoding="utf-8") as file:
                text = file.read()
            for what, pattern in (("a #line", r"^\s*#\s*line\b"), ("a path of this machine", re.escape(ROOT)),
                                  ("an include of our own", r'^\s*#\s*include\s+"lfm2/'), ("a tab or a space at the end", r"[ \t]$")):
                if what.startswith("a tab") and path == self.bundled:
                    continue
                found = re.search(pattern, text, re.M)
                if found:
                    raise Failure(f"{os.path.basename(path)} has {what}: {text[found.start():found.start() + 80]!r}")
        for words in ("Google LLC", "END OF TERMS AND CONDITIONS"):
            if words not in text:
                raise Failure(f"Highway's copyright and licence have gone: no {words}")
        # Parts that do not depend on the instruction set are included once.
        for name in ("base.h", "highway.h", "ops/generic_ops-inl.h", "ops/x86_128-inl.h"):
            if text.count(f"// ---- hwy/{name} ") > 1:
                raise Failure(f"hwy/{name} comes more than once")

    def test_strict(self):
        scalar = self.make("scalar/lfm2_bundled.h", "--bundle", "scalar")
        neon = self.make("neon/lfm2_bundled.h", "--bundle", "neon")
        everything = self.make("all/lfm2_bundled.h", "--bundle", "all")
        run("g++", "-std=c++17", "-fsyntax-only", *STRICT, *self.flags, *self.including(everything),
            os.path.join(HERE, "other_unit.cc"))
        # For later standards, only the file that contains everything.
        files = {"c++17": ((self.single, [*self.flags, *self.highway]), (self.bundled, self.flags), (scalar, [])),
                 "c++20": ((self.bundled, self.flags),), "c++2b": ((self.bundled, self.flags),)}
        for standard, of_standard in files.items():
            compilers = [(compiler, *file) for compiler in ("g++", "clang++") for file in of_standard]
            for compiler, path, flags in [*compilers, (self.arguments.aarch64, neon, [])]:
                if not compiler or not shutil.which(compiler):
                    print(f"{compiler or 'a compiler for 64-bit Arm'} is not installed: not tested")
                    continue
                run(compiler, f"-std={standard}", "-fsyntax-only", *STRICT, *flags, *self.including(path),
                    os.path.join(HERE, "other_unit.cc"))

    def test_same_results(self):
        split = self.program("split", "g++", *self.flags, *self.highway, TYPES, "-DLFM2_SPLIT", '-DLFM2_HEADER="lfm2.h"', "-I",
                             os.path.join(ROOT, "include"))
        want = run(split, self.model)
        if ANSWER not in want:
            raise Failure(f"the split headers answer {want}")
        for name, options in (("single", [*self.flags, *self.highway, *self.including(self.single)]),
                              ("bundled", [*self.flags, *self.including(self.bundled)])):
            expect_same(name, run(self.program(name, "g++", *options), self.model), want)

    def test_dispatch(self):
        """Kernels chosen at run time: the file includes itself, also under another name than it was made with."""
        if "x86_64" not in run("g++", "-dumpmachine"):
            return
        dispatch = ["-DLFM2_DYNAMIC_DISPATCH"]
        single = self.program("dispatch", "g++", *self.highway, *self.including(self.single), first_unit=dispatch)
        want = run(single, self.model)
        if ANSWER not in want:
            raise Failure(f"lfm2.h with run-time dispatch answers {want}")
        renamed = os.path.join(self.folder, "bundled", "renamed.h")
        shutil.copy(self.bundled, renamed)
        bundled = self.program("dispatch-bundled", "g++", *self.including(renamed),
                               first_unit=[*dispatch, '-DLFM2_SELF="renamed.h"'])
        expect_same("with Highway inside and run-time dispatch", run(bundled, self.model), want)

    def compiled_apart(self, compiler):
        """LFM2_SEPARATE_COMPILATION in all files of a program, LFM2_IMPLEMENTATION in one."""
        if not shutil.which(compiler):
            print(f"{compiler} is not installed: not tested")
            return
        whole = self.program("whole-" + compiler, compiler, *self.flags, *self.highway, *self.including(self.single))
        want = run(whole, self.model)
        if ANSWER not in want:
            raise Failure(f"{compiler}'s program with lfm2.h in all files answers {want}")
        for name, path, once in (("single", self.single, self.highway), ("bundled", self.bundled, ["-DLFM2_TWICE"])):
            program = self.separate(f"{name}-{compiler}", compiler, path, self.flags, *once)
            expect_same(f"{compiler}, compiled apart, {name}", run(program, self.model), want)

    def test_separate_gcc(self):
        self.compiled_apart("g++")

    def test_separate_clang(self):
        self.compiled_apart("clang++")

    def test_separate_dispatch(self):
        """Only the file with the definitions has the option to choose kernels at run time."""
        if "x86_64" not in run("g++", "-dumpmachine"):
            return
        dispatch = "-DLFM2_DYNAMIC_DISPATCH"
        whole = self.program("whole-dispatch", "g++", *self.highway, *self.including(self.single), dispatch)
        want = run(whole, self.model)
        for name, path, once in (("single", self.single, self.highway), ("bundled", self.bundled, [])):
            program = self.separate("dispatch-" + name, "g++", path, [], dispatch, "-DLFM2_TWICE", *once)
            expect_same(f"compiled once with run-time dispatch, {name}", run(program, self.model), want)

    def test_c(self):
        """A C99 program and one file in C++, each with one of the headers."""
        for compiler, plus, path, options in (("gcc", "g++", self.single, self.highway), ("clang", "clang++", self.bundled, [])):
            if not shutil.which(compiler) or not shutil.which(plus):
                print(f"{compiler} is not installed: not tested")
                continue
            name = os.path.join(self.folder, f"c-{compiler}")
            run(compiler, "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-DLFM2_POSIX", "-I", os.path.dirname(path), "-c",
                os.path.join(HERE, "program.c"), "-o", name + ".o")
            run(plus, "-std=c++17", "-O1", TYPES, *STRICT, *self.flags, *options, "-DLFM2_SEPARATE_COMPILATION",
                '-DLFM2_C_HEADER="lfm2_c.h"', *self.including(path), "-c", os.path.join(HERE, "library.cc"), "-o", name + ".cc.o")
            # No part of the C++ library is needed.
            run(compiler, name + ".o", name + ".cc.o", "-o", name, "-pthread", "-lm")
            said = run(name, self.model)
            if ANSWER not in said:
                raise Failure(f"the C program with {os.path.basename(path)} answers {said!r}")

    def test_readme(self):
        """README.md's program, with the single file instead of its two includes."""
        with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
            program = re.search(r"^```cpp\n(.*?)^```$", file.read(), re.M | re.S)[1]
        program, posix = re.subn(r'^#include "lfm2/posix/\w+\.h"\n', "", program, flags=re.M)
        if posix == 0 or '#include "lfm2.h"' not in program:
            raise Failure("README.md's program includes other headers now")
        for name, header, options in (("single", self.single, self.highway), ("bundled", self.bundled, [])):
            source = os.path.join(self.folder, f"readme-{name}.cc")
            with open(source, "w", encoding="utf-8") as file:
                file.write(program.replace('"lfm2.h"', f'"{os.path.basename(header)}"'))
            binary = os.path.join(self.folder, "readme-" + name)
            run("g++", "-std=c++17", "-O1", TYPES, *self.flags, *options, "-DLFM2_POSIX", "-I", os.path.dirname(header), source, "-o",
                binary)
            answer = run(binary, self.model)
            if "[start_timer(minutes=21)]" not in answer:
                raise Failure(f"README.md's program with {os.path.basename(header)} prints {answer!r}")

    def test_aarch64(self):
        compiler = self.arguments.aarch64
        if not compiler or not self.arguments.qemu:
            print("the compiler or QEMU for 64-bit Arm is not installed: not tested")
            return
        bundled = self.make("neon_dotprod/lfm2_bundled.h", "--bundle", "neon_dotprod")
        emulate = [self.arguments.qemu, "-cpu", "cortex-a76"]
        a76 = ["-static", "-march=armv8.2-a+dotprod"]
        got = run(*emulate, self.program("a76", compiler, *a76, *self.including(bundled)), self.model)
        if ANSWER not in got:
            raise Failure(f"cortex-a76 answers {got}")
        split = self.program("a76-split", compiler, *a76, *self.highway, TYPES, "-DLFM2_SPLIT", '-DLFM2_HEADER="lfm2.h"', "-I",
                             os.path.join(ROOT, "include"))
        expect_same("cortex-a76", got, run(*emulate, split, self.model))

    def test_refusals(self):
        unit = os.path.join(HERE, "other_unit.cc")
        said = run("g++", "-std=c++17", "-fsyntax-only", *self.highway, "-DLFM2_IMPLEMENTATION", *self.including(self.single), unit,
                   fails=True)
        if "LFM2_IMPLEMENTATION is for one file of a program" not in said:
            raise Failure(f"LFM2_IMPLEMENTATION alone is not refused: {said[-1000:]}")
        rvv = self.make("rvv/lfm2_bundled.h", "--bundle", "rvv")
        said = run("g++", "-std=c++17", "-fsyntax-only", "-DHWY_COMPILE_ONLY_SCALAR", *self.including(rvv), unit, fails=True)
        if "was made without hwy/ops/scalar-inl.h" not in said:
            raise Failure(f"the wrong instruction set is not refused: {said[-1000:]}")
        out = os.path.join(self.folder, "x.h")
        said = run(sys.executable, AMALGAMATE, out, "--bundle", "neon", "--highway", self.folder, fails=True)
        if os.path.exists(out) or "Traceback" in said:
            raise Failure(f"a folder without Highway is not refused: {said}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--highway", required=True)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--flags", default="")
    parser.add_argument("--bundle", default="all")
    parser.add_argument("--aarch64", default="")
    parser.add_argument("--qemu", default="")
    all_tests = [name[len("test_"):] for name in dir(Dist) if name.startswith("test_")]
    parser.add_argument("tests", nargs="*", metavar="TEST", help=", ".join(all_tests))
    arguments = parser.parse_args()
    for name in arguments.tests:
        if name not in all_tests:
            parser.error(f"there is no test {name}: there are {', '.join(all_tests)}")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        try:
            dist = Dist(arguments, folder)
            for name in arguments.tests or all_tests:
                try:
                    getattr(dist, "test_" + name)()
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
