#!/usr/bin/env python3
"""Proves that run-time dispatch is safe: no instruction of a set is in a function that a processor without it may run.

    targets.py [--objdump PROGRAM] OBJECT COMPILER ARGUMENT... SOURCE
    targets.py [--objdump PROGRAM] --self-test COMPILER ARGUMENT...

The first judges SOURCE, with LFM2_DYNAMIC_DISPATCH, twice: as it compiles without optimisation, where no inline function
disappears into its caller, and OBJECT, what strict_warnings.py has made of it with optimisation, where the compiler
vectorises on its own.

Functions of a target have its namespace in their name (N_SSE4, N_AVX2, N_AVX3_DL); all others, above all inline functions
that the linker keeps one copy of, may only use the compiler's own flags' instructions: SSE2. x86-64 only.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

FLAGS = ["-std=c++17", "-DNDEBUG", "-fno-exceptions", "-fno-rtti"]
# Inline functions have sections of their own, which are put into one: with thousands of them objdump takes minutes.
ONE_SECTION = "SECTIONS { .text 0 : { *(.text .text.*) } }\n"
LEVEL_OF = {"N_SSE4": 1, "N_AVX2": 2, "N_AVX3_DL": 3}
NAMES = ["SSE2", "SSE4", "AVX2", "AVX-512"]

SSE4 = re.compile(
    r"(p(shufb|h(add|sub)(d|w|sw)|maddubsw|sign[bwd]|abs[bwd]|mulhrsw|alignr|blendvb|blendw|cmpeqq|cmpgtq|extr[bdq]|insr[bdq]|"
    r"max(sb|sd|ud|uw)|min(sb|sd|ud|uw)|mov[sz]x\w+|muldq|mulld|test|ackusdw|hminposuw|cmp[ei]str[im])|blendv?p[sd]|"
    r"dpp[sd]|extractps|insertps|round[ps][sd]|movntdqa|mpsadbw|popcnt[lqw]?|crc32\w*)$")
AVX2 = re.compile(r"(v\w+|andn|bextr|bls(i|msk|r)|mulx|pdep|pext|rorx|s[ah][lr]x|[lt]zcnt)[lq]?$")
NOT_AVX = re.compile(r"ver[rw]$")


def level_of_instruction(mnemonic, operands):
    if AVX2.match(mnemonic) and not NOT_AVX.match(mnemonic):
        return 3 if re.search(r"%zmm|%k[0-7]|%[xy]mm(1[6-9]|2\d|3[01])", operands) else 2
    return 1 if SSE4.match(mnemonic) else 0


def level_of_function(name):
    return max((level for target, level in LEVEL_OF.items() if re.search(rf"\b{target}\b", name)), default=0)


def run(command, text=None):
    result = subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{result.stdout}failed with {result.returncode}")
    return result.stdout


def compile_unit(compiler, optimisation, source, unit):
    run([*compiler, *FLAGS, optimisation, "-DLFM2_DYNAMIC_DISPATCH", "-c", str(source), "-o", str(unit)])


def judge(objdump, driver, unit):
    """Returns (findings, the highest level seen). driver: a compiler, to link with."""
    findings = set()
    seen = 0
    with tempfile.TemporaryDirectory() as directory:
        script, joined = pathlib.Path(directory) / "script", str(pathlib.Path(directory) / "joined.o")
        script.write_text(ONE_SECTION, encoding="utf-8")
        run([driver, "-r", "-nostdlib", "-Wl,--force-group-allocation", f"-Wl,-T,{script}", str(unit), "-o", joined])
        name, allowed = "", 0
        for line in run([objdump, "-d", "-C", "--no-show-raw-insn", joined]).splitlines():
            function = re.match(r"[0-9a-f]+ <(.*)>:$", line)
            if function:
                name = function.group(1)
                allowed = level_of_function(name)
                continue
            instruction = re.match(r"\s*[0-9a-f]+:\s+(?:(?:lock|rep\w*|data16|bnd|notrack)\s+)*(\w+)\s*(.*)", line)
            if not instruction:
                continue
            level = level_of_instruction(*instruction.groups())
            seen = max(seen, level)
            if level > allowed:
                findings.add(f"{name}: has {instruction.group(1)} of {NAMES[level]}, may have {NAMES[allowed]}")
    return findings, seen


GOOD = """#include <immintrin.h>
inline float Shared(float x) { return x + 1; }
namespace N_AVX2 { __attribute__((target("avx2"))) void F(float* p) {
  _mm256_storeu_ps(p, _mm256_add_ps(_mm256_loadu_ps(p), _mm256_set1_ps(Shared(*p)))); } }
namespace N_AVX3_DL { __attribute__((target("avx512f"))) void F(float* p) {
  _mm512_storeu_ps(p, _mm512_add_ps(_mm512_loadu_ps(p), _mm512_set1_ps(Shared(*p)))); } }
namespace N_SSE2 { float F(float x) { return Shared(x); } }
"""
BAD = {
    "a shared function compiled for AVX2":
        "__attribute__((target(\"avx2\"))) inline float Shared(float x) { return x * 3; }\n"
        "namespace N_AVX2 { __attribute__((target(\"avx2\"))) float F(float x) { return Shared(x); } }\n"
        "float (*pointer)(float) = Shared;",
    "AVX-512 in a function for AVX2":
        "#include <immintrin.h>\nnamespace N_AVX2 { __attribute__((target(\"avx512f\"))) void F(float* p) {\n"
        "_mm512_storeu_ps(p, _mm512_sqrt_ps(_mm512_loadu_ps(p))); } }",
    "AVX in a function for SSE4":
        "namespace N_SSE4 { __attribute__((target(\"avx\"))) float F(float x) { return x * x; } }",
    "SSE4 in a function for all":
        "#include <immintrin.h>\n__attribute__((target(\"sse4.1\"))) __m128i F(__m128i a) { return _mm_mullo_epi32(a, a); }",
    "POPCNT in a function for all":
        "__attribute__((target(\"popcnt\"))) int F(unsigned a) { return __builtin_popcount(a); }",
    "BMI2 in a function for all":
        "__attribute__((target(\"bmi2\"))) unsigned F(unsigned a, unsigned n) { return a << (n & 31); }",
}


def self_test(objdump, compiler):
    failures = []
    with tempfile.TemporaryDirectory() as directory:
        source, unit = pathlib.Path(directory) / "unit.cc", pathlib.Path(directory) / "unit.o"
        for name, text in [*BAD.items(), (None, GOOD)]:
            source.write_text(text + "\n", encoding="utf-8")
            findings, seen = set(), 0
            for optimisation in ("-O0", "-O2"):
                compile_unit(compiler, optimisation, source, unit)
                more, level = judge(objdump, compiler[0], unit)
                findings, seen = findings | more, max(seen, level)
            if name is not None and not findings:
                failures.append(f"does not see: {name}")
            if name is None and (findings or seen < 3):
                failures.append(f"refuses good code: {findings}, or saw no AVX-512 in it ({seen})")
    for failure in failures:
        print(failure)
    print(f"{len(BAD) + 1} units, {len(failures)} failures")
    return 1 if failures else 0


def main():
    arguments = sys.argv[1:]
    objdump = "objdump"
    self_testing = False
    while arguments and arguments[0].startswith("--"):
        option = arguments.pop(0)
        if option == "--objdump" and arguments:
            objdump = arguments.pop(0)
        elif option == "--self-test":
            self_testing = True
        else:
            arguments = []
    if len(arguments) < (1 if self_testing else 3):
        print(__doc__, file=sys.stderr)
        return 2
    if self_testing:
        return self_test(objdump, arguments)
    optimised, *compiler, source = arguments
    with tempfile.TemporaryDirectory() as directory:
        unit = pathlib.Path(directory) / "unit.o"
        compile_unit(compiler, "-O0", source, unit)
        judged = {"without optimisation": judge(objdump, compiler[0], unit), "optimised": judge(objdump, compiler[0], optimised)}
    findings = [f"{finding} ({how})" for how, (found, _) in judged.items() for finding in sorted(found)]
    if any(seen < 3 for _, seen in judged.values()):
        findings.append("no AVX-512 was seen: the gate would prove nothing")
    for finding in findings:
        print(finding)
    print(f"{len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
