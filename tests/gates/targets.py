#!/usr/bin/env python3
"""Proves that run-time dispatch is safe: no instruction of a set is in a function that a processor without it may run.

    targets.py [--objdump PROGRAM] OBJECT COMPILER ARGUMENT... SOURCE
    targets.py [--objdump PROGRAM] --self-test COMPILER ARGUMENT...

The first checks SOURCE, with LFM2_DYNAMIC_DISPATCH, twice: as it compiles without optimisation, where no inline
function disappears into its caller, and OBJECT, what strict_warnings.py has made of it with optimisation, where the
compiler vectorises by itself.

Functions of a row of the kernel table have its namespace in their name (N_AVX2, N_NEON_I8MM ...); all others, above all
inline functions that the linker keeps one copy of, may only use the compiler's own flags' instructions: SSE2 or NEON.
x86-64 and 64-bit Arm.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

FLAGS = ["-std=c++17", "-DNDEBUG", "-fno-exceptions", "-fno-rtti"]
# Inline functions have sections of their own, which are merged into one: with thousands of them objdump takes minutes.
ONE_SECTION = "SECTIONS { .text 0 : { *(.text .text.*) } }\n"

SSE4 = re.compile(
    r"(p(shufb|h(add|sub)(d|w|sw)|maddubsw|sign[bwd]|abs[bwd]|mulhrsw|alignr|blendvb|blendw|cmpeqq|cmpgtq|extr[bdq]|insr[bdq]|"
    r"max(sb|sd|ud|uw)|min(sb|sd|ud|uw)|mov[sz]x\w+|muldq|mulld|test|ackusdw|hminposuw|cmp[ei]str[im])|blendv?p[sd]|"
    r"dpp[sd]|extractps|insertps|round[ps][sd]|movntdqa|mpsadbw|popcnt[lqw]?|crc32\w*)$")
AVX2 = re.compile(r"(v\w+|andn|bextr|bls(i|msk|r)|mulx|pdep|pext|rorx|s[ah][lr]x|[lt]zcnt)[lq]?$")
NOT_AVX = re.compile(r"ver[rw]$")


class X86:
    """objdump writes {vex} before instructions that AVX-VNNI shares with AVX-512."""
    rows = {"N_SSE4": {"SSE4"}, "N_AVX2": {"SSE4", "AVX2"}, "N_AVX2_VNNI": {"SSE4", "AVX2", "AVX-VNNI"},
            "N_AVX3_DL": {"SSE4", "AVX2", "AVX-512"}}
    exempt = re.compile("$^")
    must_be_seen = {"SSE4", "AVX2", "AVX-VNNI", "AVX-512"}

    @staticmethod
    def feature(prefix, mnemonic, operands):
        if AVX2.match(mnemonic) and not NOT_AVX.match(mnemonic):
            if mnemonic.startswith("vpdp") and "{vex}" in prefix:
                return "AVX-VNNI"
            return "AVX-512" if re.search(r"%zmm|%k[0-7]|%[xy]mm(1[6-9]|2\d|3[01])", operands) else "AVX2"
        return "SSE4" if SSE4.match(mnemonic) else None


ARM_8_1 = re.compile(r"(cas|swp|(ld|st)(add|clr|eor|set|[su]max|[su]min))p?[abhl]*$|sqrdml[as]h$")
ARM_SVE = re.compile(r"(cnt[bhwd]|rdvl|addvl|addpl|(inc|dec)[bhwd]|(sq|uq)(inc|dec)[bhwd]|whil\w+|ptrue|pfalse)$")
ARM_MORE = re.compile(r"(crc32\w*|aes\w+|sha\w+|pmull2?|bf\w+|fmlal2?|fmlsl2?)$")


class Arm:
    """The only function that reads the vector length does so only on processors with such vectors."""
    rows = {"N_NEON_DOTPROD": {"Armv8.1", "dot products"}, "N_NEON_I8MM": {"Armv8.1", "dot products", "int8 matrices"},
            "N_SVE2": {"Armv8.1", "dot products", "int8 matrices", "SVE"}}
    exempt = re.compile(r"\bSveVectorBytes\b")
    must_be_seen = {"dot products", "int8 matrices", "SVE"}

    @staticmethod
    def feature(_prefix, mnemonic, operands):
        if re.search(r"\bz\d+\b|\bp\d+[./]", operands) or ARM_SVE.match(mnemonic):
            return "SVE"
        if re.match(r"[su]dot$", mnemonic):
            return "dot products"
        if re.match(r"(s|u|us)mmla$|(us|su)dot$", mnemonic):
            return "int8 matrices"
        if ARM_8_1.match(mnemonic):
            return "Armv8.1"
        # bfi, bfxil and similar instructions are part of the base set.
        if ARM_MORE.match(mnemonic) and not re.match(r"bf(i|xil|c|m)$", mnemonic) and not (
                mnemonic.startswith("pmull") and ".8h" in operands):
            return "an extension that no row has"
        if mnemonic.startswith("f") and not mnemonic.startswith("fcvt") and re.search(r"\bh\d+\b|\.[48]h\b", operands):
            return "half floats"
        return None


def allowed_in(machine, name):
    if machine.exempt.search(name):
        return machine.must_be_seen
    # objdump does not demangle some names, which have digits before and after the namespace.
    return set().union(*(features for row, features in machine.rows.items() if re.search(rf"(?<![A-Za-z_]){row}(?![A-Za-z_])", name)))


def run(command, text=None):
    result = subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{result.stdout}failed with {result.returncode}")
    return result.stdout


def compile_unit(compiler, optimisation, source, unit):
    run([*compiler, *FLAGS, optimisation, "-DLFM2_DYNAMIC_DISPATCH", "-c", str(source), "-o", str(unit)])


def machine_of(compiler):
    return Arm if run([compiler[0], "-dumpmachine"]).startswith("aarch64") else X86


def judge(machine, objdump, driver, unit):
    """Returns (findings, all features seen). driver: a compiler, to link with."""
    findings = set()
    seen = set()
    with tempfile.TemporaryDirectory() as directory:
        script, joined = pathlib.Path(directory) / "script", str(pathlib.Path(directory) / "joined.o")
        script.write_text(ONE_SECTION, encoding="utf-8")
        run([driver, "-r", "-nostdlib", "-Wl,--force-group-allocation", f"-Wl,-T,{script}", str(unit), "-o", joined])
        name, allowed = "", set()
        for line in run([objdump, "-d", "-C", "--no-show-raw-insn", joined]).splitlines():
            function = re.match(r"[0-9a-f]+ <(.*)>:$", line)
            if function:
                name = function.group(1)
                allowed = allowed_in(machine, name)
                continue
            instruction = re.match(r"\s*[0-9a-f]+:\s+((?:(?:lock|rep\w*|data16|bnd|notrack|\{\w+\})\s+)*)([\w.]+)\s*(.*)", line)
            if not instruction:
                continue
            feature = machine.feature(*instruction.groups())
            if feature is None:
                continue
            seen.add(feature)
            if feature not in allowed:
                findings.add(f"{name}: has {instruction.group(2)} of {feature}, may have {', '.join(sorted(allowed)) or 'none such'}")
    return findings, seen


GOOD_X86 = """#include <immintrin.h>
inline float Shared(float x) { return x + 1; }
namespace N_AVX2 { __attribute__((target("avx2"))) void F(float* p) {
  _mm256_storeu_ps(p, _mm256_add_ps(_mm256_loadu_ps(p), _mm256_set1_ps(Shared(*p)))); } }
namespace N_AVX3_DL { __attribute__((target("avx512f"))) void F(float* p) {
  _mm512_storeu_ps(p, _mm512_add_ps(_mm512_loadu_ps(p), _mm512_set1_ps(Shared(*p)))); } }
namespace N_AVX2_VNNI { __attribute__((target("avx2,avxvnni"))) void F(__m256i* p) {
  *p = _mm256_dpbusd_avx_epi32(*p, *p, *p); } }
namespace N_SSE4 { __attribute__((target("sse4.1"))) __m128i F(__m128i a) { return _mm_mullo_epi32(a, a); } }
namespace N_SSE2 { float F(float x) { return Shared(x); } }
"""
BAD_X86 = {
    "AVX-VNNI in a function for AVX2":
        "#include <immintrin.h>\nnamespace N_AVX2 { __attribute__((target(\"avx2,avxvnni\"))) void F(__m256i* p) {\n"
        "*p = _mm256_dpbusd_avx_epi32(*p, *p, *p); } }",
    "AVX-512 in a function for AVX-VNNI":
        "#include <immintrin.h>\nnamespace N_AVX2_VNNI { __attribute__((target(\"avx512f\"))) void F(float* p) {\n"
        "_mm512_storeu_ps(p, _mm512_sqrt_ps(_mm512_loadu_ps(p))); } }",
    "AVX-VNNI in a function for AVX-512":
        "#include <immintrin.h>\nnamespace N_AVX3_DL { __attribute__((target(\"avx2,avxvnni\"))) void F(__m256i* p) {\n"
        "*p = _mm256_dpbusd_avx_epi32(*p, *p, *p); } }",
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

GOOD_ARM = """#include <arm_neon.h>
#pragma GCC push_options
#pragma GCC target("arch=armv8.2-a+dotprod")
namespace N_NEON_DOTPROD { int32x4_t F(int32x4_t s, int8x16_t a) { return vdotq_s32(s, a, a); } }
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("arch=armv8.2-a+dotprod+i8mm")
namespace N_NEON_I8MM { int32x4_t F(int32x4_t s, int8x16_t a) { return vmmlaq_s32(vdotq_s32(s, a, a), a, a); } }
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("arch=armv8.2-a+sve2")
#include <arm_sve.h>
namespace N_SVE2 { svint32_t F(svint32_t a) { return svadd_s32_x(svptrue_b32(), a, a); } }
#pragma GCC pop_options
__attribute__((noinline)) unsigned long SveVectorBytes() {
  register unsigned long n __asm__("x0"); __asm__ volatile(".inst 0x0420e3e0" : "=r"(n)); return n; }
namespace N_NEON_WITHOUT_AES { float F(float x) { return x * 3; } }
"""


def arm_unit(flags, namespace, text):
    return f'#include <arm_neon.h>\n#pragma GCC target("arch={flags}")\nnamespace {namespace} {{ {text} }}'


BAD_ARM = {
    "dot products in a function for NEON": arm_unit(
        "armv8.2-a+dotprod", "N_NEON_WITHOUT_AES", "int32x4_t F(int32x4_t s, int8x16_t a) { return vdotq_s32(s, a, a); }"),
    "int8 matrices in a function for dot products": arm_unit(
        "armv8.2-a+i8mm", "N_NEON_DOTPROD", "int32x4_t F(int32x4_t s, int8x16_t a) { return vmmlaq_s32(s, a, a); }"),
    "SVE in a function for int8 matrices": arm_unit(
        "armv8.2-a+sve", "N_NEON_I8MM", "unsigned long F() { unsigned long n; __asm__(\"rdvl %0, 1\" : \"=r\"(n)); return n; }"),
    "atomics of Armv8.1 in a function for all": arm_unit(
        "armv8.1-a", "shared", "int F(int* p) { return __atomic_fetch_add(p, 1, __ATOMIC_SEQ_CST); }"),
    "arithmetic of half floats in a function for dot products": arm_unit(
        "armv8.2-a+fp16", "N_NEON_DOTPROD", "float16x8_t F(float16x8_t a) { return vaddq_f16(a, a); }"),
    "CRC32 in a function for all": arm_unit(
        "armv8-a+crc", "shared", "unsigned F(unsigned a) { return __builtin_aarch64_crc32w(a, a); }"),
}


def self_test(objdump, compiler):
    machine = machine_of(compiler)
    bad, good = (BAD_ARM, GOOD_ARM) if machine is Arm else (BAD_X86, GOOD_X86)
    failures = []
    with tempfile.TemporaryDirectory() as directory:
        source, unit = pathlib.Path(directory) / "unit.cc", pathlib.Path(directory) / "unit.o"
        for name, text in [*bad.items(), (None, good)]:
            source.write_text(text + "\n", encoding="utf-8")
            findings, seen = set(), set()
            for optimisation in ("-O0", "-O2"):
                compile_unit(compiler, optimisation, source, unit)
                more, features = judge(machine, objdump, compiler[0], unit)
                findings, seen = findings | more, seen | features
            if name is not None and not findings:
                failures.append(f"does not see: {name}")
            if name is None and (findings or not machine.must_be_seen <= seen):
                failures.append(f"refuses good code: {findings}, or saw only {seen} in it")
    for failure in failures:
        print(failure)
    print(f"{len(bad) + 1} units, {len(failures)} failures")
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
    machine = machine_of(compiler)
    with tempfile.TemporaryDirectory() as directory:
        unit = pathlib.Path(directory) / "unit.o"
        compile_unit(compiler, "-O0", source, unit)
        judged = {"without optimisation": judge(machine, objdump, compiler[0], unit),
                  "optimised": judge(machine, objdump, compiler[0], optimised)}
    findings = [f"{finding} ({how})" for how, (found, _) in judged.items() for finding in sorted(found)]
    for how, (_, seen) in judged.items():
        findings += [f"no {feature} was seen ({how}): the gate would prove nothing" for feature in machine.must_be_seen - seen]
    for finding in findings:
        print(finding)
    print(f"{len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
