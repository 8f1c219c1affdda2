#!/usr/bin/env python3
"""Checks on object code what the library guarantees: no allocation, exception, RTTI, static initialiser, lock or OS
call.

    symbols.py [OPTION]... OBJECT                                        what strict_warnings.py has compiled
    symbols.py [OPTION]... --every-inline OBJECT COMPILER ARGUMENT... SOURCE
    symbols.py [OPTION]... --self-test COMPILER ARGUMENT...

--prefix: the symbols that the object defines for others are named lfm2 something or in the namespace lfm2, so that it
cannot collide with a program that links it; inline functions of the standard library are allowed. --every-inline (GCC)
also compiles the inline functions that SOURCE does not call, checks everything that the library's own functions reach,
and refuses recursion. Templates are checked where SOURCE instantiates them. --nm and --readelf name the tools to use.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

FLAGS = ["-std=c++17", "-O2", "-DNDEBUG", "-fno-exceptions", "-fno-rtti"]

# The only external functions that the library may call: memory and string routines and the C library's mathematics.
MEMORY = {"memcpy", "memmove", "memset", "memcmp", "memchr", "bcmp", "strlen", "strcmp", "strncmp"}
MATHS = {
    stem + suffix
    for stem in ("exp", "exp2", "expm1", "log", "log2", "log1p", "pow", "sin", "cos", "sincos", "tan", "tanh", "sqrt",
                 "cbrt", "floor", "ceil", "round", "lround", "nearbyint", "rint", "lrint", "trunc", "fma", "fmod", "ldexp",
                 "scalbn", "frexp", "fabs", "fmin", "fmax", "copysign")
    for suffix in ("", "f")
}
# The compiler's own arithmetic, such as 64-bit division on 32-bit machines and half floats without hardware support.
RUNTIME = re.compile(r"^(__aeabi_(u?l?divmod|u?idivmod|u?idiv|[fdlu]\w*2\w+|l(sl|sr|asr|mul|cmp)|ulcmp|mem\w+|h2f\w*|[fd]2h\w*)"
                     r"|__(u?div|u?mod|u?divmod)[dst]i[34]|__popcount[dst]i2|__(extend|trunc)[hsdx]f[hsdx]f2"
                     r"|__float\w+|__fix\w+|_GLOBAL_OFFSET_TABLE_)$")
SECTIONS = re.compile(r"\.(init_array|fini_array|preinit_array|ctors|dtors|tbss|tdata|gcc_except_table)\b")


def run(command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{result.stdout}failed with {result.returncode}")
    return result.stdout


def is_allowed(name):
    return name in MEMORY or name in MATHS or RUNTIME.match(name)


def is_ours(name):
    return re.match(r"_ZN?[VKRO]*(St)?4lfm2|_ZZ+N[VKRO]*4lfm2", name)


def demangle(names):
    result = subprocess.run(["c++filt"], input="\n".join(names), stdout=subprocess.PIPE, text=True, check=False)
    return result.stdout.splitlines() if result.returncode == 0 else list(names)


def references(readelf, unit):
    """Returns (the sections that define each symbol, the symbols that each section refers to)."""
    sections = {}
    for line in run([readelf, "-S", "-W", unit]).splitlines():
        match = re.match(r"\s*\[\s*(\d+)\] (\S+)", line)
        if match:
            sections[match.group(1)] = match.group(2)
    defined = {}
    for line in run([readelf, "-s", "-W", unit]).splitlines():
        fields = line.split()
        if len(fields) >= 8 and fields[6] in sections:
            name = sections[fields[6]] if fields[3] == "SECTION" else fields[7]
            defined[name] = sections[fields[6]]
    refers = {}
    section = None
    for line in run([readelf, "-r", "-W", unit]).splitlines():
        match = re.match(r"Relocation section '\.rela?(\S*)'", line)
        if match:
            section = match.group(1)
        fields = line.split()
        if section and len(fields) >= 5 and re.match(r"[0-9a-f]+$", fields[0]):
            refers.setdefault(section, set()).add(fields[4])
    return defined, refers


def judge_every_inline(readelf, source, compiler):
    """Returns (findings, how many of the library's functions were seen)."""
    findings = set()
    flags = [*FLAGS, "-fkeep-inline-functions", "-ffunction-sections", "-fdata-sections"]
    with tempfile.TemporaryDirectory() as directory:
        unit = str(pathlib.Path(directory) / "unit.o")
        run([*compiler, *flags, "-c", str(source), "-o", unit])
        defined, refers = references(readelf, unit)
        ours = {name for name, section in defined.items() if is_ours(name) and section.startswith(".text")}
        came_from = {defined[name]: name for name in ours}
        todo = list(came_from)
        while todo:
            section = todo.pop()
            for name in refers.get(section, ()):
                target = defined.get(name)
                # A constructor of an abstract class that was not inlined refers to this; no optimised program does.
                if target is None and not is_allowed(name) and name != "__cxa_pure_virtual":
                    findings.add((came_from[section], name))
                elif target is not None and target not in came_from:
                    came_from[target] = came_from[section]
                    todo.append(target)
        # Without optimisation, every call is still present.
        run([*compiler, *flags, "-O0", "-c", str(source), "-o", unit])
        defined, refers = references(readelf, unit)
        calls = {name: {other for other in refers.get(defined[name], ()) if is_ours(other)}
                 for name, section in defined.items() if is_ours(name) and section.startswith(".text")}
        recursive = {name for name in calls if name in reached(calls, name)}
    pairs = sorted(findings)
    texts = [f"{user} needs {name}" for user, name in zip(demangle([user for user, _ in pairs]),
                                                          demangle([name for _, name in pairs]))]
    return texts + [f"{name} is recursive" for name in demangle(sorted(recursive))], len(ours)


def reached(calls, start):
    seen = set()
    todo = [start]
    while todo:
        for name in calls.get(todo.pop(), ()):
            if name not in seen:
                seen.add(name)
                todo.append(name)
    return seen


def is_named_ours(name):
    """Also tables, guards and local objects of names in the namespace, and templates in it."""
    return re.match(r"lfm2_|_Z+(T[VT]|GV)?(N[VKRO]*)?4lfm2", name)


def judge(nm, readelf, unit, wants_prefix=False):
    """Returns (findings, how many functions the object defines)."""
    findings = []
    functions = 0
    for line in run([nm, "-P", str(unit)]).splitlines():
        name, kind = line.split()[:2]
        if kind in "Uw":
            if not is_allowed(name):
                findings.append(f"needs {name}")
        elif name.startswith("_ZGV"):
            findings.append(f"guards a static object: {name}")
        elif re.match(r"_ZT[IS]", name):
            findings.append(f"carries run-time type information: {name}")
        elif kind in "tTwWvV":
            functions += 1
        is_standard = kind in "WV" and re.match(r"_ZN?[VKRO]*St", name)  # inline functions that are the same in every object
        if wants_prefix and kind not in "Uw" and (kind.isupper() or kind in "uv") and not is_named_ours(name) and not is_standard:
            findings.append(f"defines a global name that is not the library's: {name}")
    # .data.rel.ro is only written by the loader: tables of addresses.
    defined, _ = references(readelf, str(unit))
    findings += [f"has writable global state: {name}" for name, section in defined.items()
                 if re.match(r"\.(data|bss|sdata|sbss)(?!\.rel\.ro)|COM", section) and not name.startswith(("$", "."))]
    for match in sorted(set(SECTIONS.findall(run([readelf, "-S", "-W", str(unit)])))):
        findings.append(f"has a section .{match}")
    return demangle(findings), functions


BAD = {
    "operator new": "int* F() { return new int[4]; }",
    "malloc": "#include <cstdlib>\nvoid* F() { return std::malloc(8); }",
    "operator delete": "struct S { virtual ~S(); virtual void F(); };\nS::~S() {}\nvoid S::F() {}",
    "static initialiser": "#include <cmath>\nextern float g; float G();\nfloat g = G();\nfloat F() { return g; }",
    "guarded static": "float G();\nfloat F() { static const float x = G(); return x; }",
    "global state": "int counter = 1;\nint F() { return ++counter; }",
    "local state": "int F() { static int counter; return ++counter; }",
    "thread-local state": "int F() { static thread_local int counter; return ++counter; }",
    "system call": "#include <unistd.h>\nlong F(char* p) { return read(0, p, 1); }",
    "lock": "#include <pthread.h>\nvoid F(pthread_mutex_t* m) { pthread_mutex_lock(m); }",
    "output": "#include <cstdio>\nvoid F() { std::puts(\"x\"); }",
    "throwing library call": "#include <string_view>\nchar F(std::string_view s, unsigned i) { return s.at(i); }",
    "pure virtual": "struct S { virtual void F() = 0; S(); };\nS::S() {}",
}
GOOD = """#include <cmath>
#include <cstring>
#include <string_view>
struct S { virtual float F(float x) = 0; };
struct T final : S { float F(float x) override { return std::exp(x); } };
constexpr int kTable[3] = {1, 2, 3};
float F(S& s, char* p, std::string_view v, int i) {
  T t; std::memcpy(p, v.data(), v.size()); return s.F(1) + t.F(2) + static_cast<float>(kTable[i]); }
"""

# Cases that only --prefix detects. The attribute keeps functions out of line, as an optimiser may.
BAD_NAMES = {
    "function": "int Helper() { return 1; }",
    "inline function of another library": "namespace hwy { __attribute__((noinline)) inline int F() { return 1; } }\n"
                                          "namespace lfm2 { int F() { return hwy::F(); } }",
    "constant": "extern const int kConstant; const int kConstant = 3;",
    "C function": "extern \"C\" int open_session() { return 1; }",
    "template of another library": "namespace lfm2 { struct S { int x; }; }\n"
                                   "namespace hwy { template <class T> __attribute__((noinline)) int F(T t) { return t.x; } }\n"
                                   "namespace lfm2 { int F(S s) { return hwy::F(s); } }",
}
GOOD_NAMES = """#include <string_view>
namespace lfm2 { size_t Find(std::string_view s) { return s.rfind("abc"); } struct S { virtual int F() const; template <class T> T G(T t) const { return t; } };
int S::F() const { return 1; }
inline const char* Name() { static const char kName[2] = {'a', 0}; return kName; }
inline constexpr int kTable[2] = {1, 2}; const int* Table() { return kTable; }
namespace { int Local() { return 1; } }
template int S::G<int>(int) const;
const char* All() { return Local() == 1 ? Name() : nullptr; } }
static int Mine() { return 1; }
extern "C" int lfm2_open() { return Mine(); }
"""

# Cases that only --every-inline detects: functions without a caller.
BAD_INLINE = {
    "allocation without a caller": "#include <string>\nnamespace lfm2 { inline int F() { return (int)std::string(99, 'x').size(); } }",
    "recursion": "namespace lfm2 { inline int F(int n) { return n < 2 ? n : F(n - 1) + F(n - 2); } }",
    "mutual recursion": "namespace lfm2 { int G(int n); inline int F(int n) { return n < 2 ? n : G(n - 1); }\n"
                        "inline int G(int n) { return F(n) + F(n - 1); } }",
}


def self_test(nm, readelf, compiler, every_inline):
    failures = []
    with tempfile.TemporaryDirectory() as directory:
        source, unit = pathlib.Path(directory) / "unit.cc", pathlib.Path(directory) / "unit.o"
        for name, text in [*BAD.items(), (None, GOOD)]:
            source.write_text(text + "\n", encoding="utf-8")
            run([*compiler, *FLAGS, "-c", str(source), "-o", str(unit)])
            findings, _ = judge(nm, readelf, unit)
            if name is not None and not findings:
                failures.append(f"does not see: {name}")
            if name is None and findings:
                failures.append(f"refuses good code: {findings}")
        for name, text in [*BAD_NAMES.items(), (None, GOOD_NAMES)]:
            source.write_text(text + "\n", encoding="utf-8")
            run([*compiler, *FLAGS, "-c", str(source), "-o", str(unit)])
            findings, _ = judge(nm, readelf, unit, wants_prefix=True)
            if (name is not None) != bool(findings):
                failures.append(f"names for others: {name}: {findings}")
        for name, text in [*BAD_INLINE.items(), (None, GOOD)] if every_inline else []:
            source.write_text(text + "\n", encoding="utf-8")
            findings, _ = judge_every_inline(readelf, source, compiler)
            if (name is not None) != bool(findings):
                failures.append(f"with every inline function: {name}: {findings}")
    for failure in failures:
        print(failure)
    print(f"{len(failures)} failures")
    return 1 if failures else 0


def main():
    arguments = sys.argv[1:]
    tools = {"--nm": "nm", "--readelf": "readelf"}
    every_inline = wants_prefix = self_testing = False
    while arguments and arguments[0].startswith("--"):
        option = arguments.pop(0)
        if option in tools and arguments:
            tools[option] = arguments.pop(0)
        elif option == "--every-inline":
            every_inline = True
        elif option == "--prefix":
            wants_prefix = True
        elif option == "--self-test":
            self_testing = True
        else:
            arguments = []
    if len(arguments) < (3 if every_inline and not self_testing else 1):
        print(__doc__, file=sys.stderr)
        return 2
    nm, readelf = tools["--nm"], tools["--readelf"]
    if self_testing:
        return self_test(nm, readelf, arguments, every_inline)
    unit, *compiler = arguments
    findings, functions = judge(nm, readelf, unit, wants_prefix)
    if every_inline:
        more, ours = judge_every_inline(readelf, compiler[-1], compiler[:-1])
        findings += more
        print(f"{ours} of the library's functions")
        functions = min(functions, ours)
    if functions < 1:
        findings.append("no function was seen: the gate would prove nothing")
    for finding in findings:
        print(finding)
    print(f"{len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
