#!/usr/bin/env python3
"""Checks the project rules that a compiler cannot check.

    architecture.py ROOT         checks the repository at ROOT
    architecture.py --self-test  shows that every rule fails on a tree that breaks it
"""
import pathlib
import re
import sys
import tempfile

# A folder of include/lfm2 and the folders or single files that its files may include, in addition to base and itself.
FOLDERS = {
    "base": set(),
    "storage": set(),
    "format": {"storage"},
    "text": {"format"},
    "model": {"kernels/kv_cache.h", "format", "storage"},
    "kernels": {"format"},
    "layers": {"kernels", "model", "format", "storage"},
    "runtime": {"layers", "kernels", "model", "text", "format", "storage"},
    "posix": {"storage"},
    "c": {"posix", "format", "kernels", "model", "runtime", "storage", "text"},
}
# The same for the shared folders of programs/. Every other folder there is a program, with a main.cc: its files, and the main.cc
# of a shared folder, may include all shared folders, and no program includes another.
SHARED = {
    "base": set(),
    "files": set(),
    "console": {"files"},
    "text": {"files"},
    "storage": {"files"},
    "measure": {"console", "files"},
    "session": {"console", "files"},
    "options": {"files", "session", "text"},
    "jinja": {"files"},
    "pack": {"console", "files", "jinja", "session", "text"},
    "quantize": {"console", "files", "pack", "session", "text"},
    "open": {"console", "files", "pack", "session", "storage"},
}
STANDARD_HEADERS = {"cstddef", "cstdint", "cstring", "string_view", "type_traits", "cmath"}
# Files that may include other headers, with the reason.
MORE_HEADERS = {
    "lfm2/c/types.h": {"stdbool.h", "stddef.h", "stdint.h", "string.h"},  # it is C
    "lfm2/base/assert.h": {"cassert"},
    "lfm2/base/crc32c.h": {"nmmintrin.h", "cpuid.h", "arm_acle.h"},  # the processor's own CRC-32C
    "lfm2/kernels/cpu_features.h": {"cpuid.h", "sys/auxv.h"},  # an instruction; what the C library provides
    "lfm2/kernels/tile_mve-inl.h": {"arm_mve.h"},  # instruction sets that Highway does not support
    "lfm2/kernels/tile_scalar-inl.h": {"arm_acle.h"},
}
# Code per target and Highway are only in the -inl.h files of this folder: everything else has the same types and
# functions in every unit of a program, whatever the compiler's flags.
TARGET_FOLDER = "kernels"
# Objects are constructed in memory of the caller: no allocation.
IN_PLACE = "lfm2/c/object.h"
# Includes the -inl.h files once for every target, so it cannot be one itself.
DISPATCH = "lfm2/runtime/dispatch.h"
FOREACH_TARGET = (DISPATCH, "hwy/foreach_target.h")
# Definitions (_impl.h, -inl.h), which units that define LFM2_SEPARATE_COMPILATION do not see: lfm2.h reaches them through this,
# and lfm2_c.h its own through the other.
IMPLEMENTATION = "lfm2/runtime/implementation.h"
C_IMPLEMENTATION = "lfm2/c/implementation.h"
MAX_LINES = 450
MAX_COLUMNS = 120

FORBIDDEN = [
    ("allocation", r"\b(malloc|calloc|realloc|free|aligned_alloc|posix_memalign|alloca)\s*\("),
    ("allocation", r"\bnew\b|\bdelete\b"),
    ("exceptions", r"\bthrow\b|\btry\b|\bcatch\b"),
    ("exceptions", r"\.(substr|at)\s*\("),  # std::string_view's, which throw; remove_prefix and data() + n do not
    ("rtti", r"\bdynamic_cast\b|\btypeid\b"),
    ("virtual-destructor", r"\bvirtual\s+~"),
    ("library-type", r"\bstd::(basic_string|string|vector|deque|list|map|set|unordered_\w+|function|any|optional|variant|"
                     r"shared_ptr|unique_ptr|thread|mutex|atomic|[io]?f?stream|[io]stringstream)\b"),
    ("thread-local", r"\bthread_local\b"),
    ("output", r"\b(f|s|sn)?printf\s*\(|\bstd::(cout|cerr)\b"),
]
EVERYWHERE = [
    ("unfinished", r"\b(TODO|FIXME|XXX|HACK)\b"),
    ("dead-code", r"^\s*#\s*if\s+0\b"),
]


# Printed by lfm2-inspect --header, which does not depend on a path.
MADE_BY_TOOLS = {"examples/embedded_image/home_config.h"}


def strip(text):
    """Blanks comments and literals, so that line and column stay where they are."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'(?![0-9a-fA-F])', re.S)
    blank = lambda match: re.sub(r"[^\n]", " ", match.group(0))
    return pattern.sub(blank, text)


def guard_of(path):
    name = re.sub(r"[^A-Za-z0-9]", "_", path).upper() + "_"
    return name if name.startswith("LFM2_") else "LFM2_" + name


def check_guard(path, text):
    guard = guard_of(path)
    if path.endswith("-inl.h"):
        opening = rf"^#if defined\({guard}\) == \(defined\(HWY_TARGET_TOGGLE\) != defined\(LFM2_ROW_TOGGLE\)\)\n#ifdef {guard}\n#undef {guard}\n#else\n#define {guard}\n"
    else:
        opening = rf"^#ifndef {guard}\n#define {guard}\n"
    if not re.search(opening, text, re.M):
        yield 1, "guard", f"needs the include guard {guard}" + (" in its per-target form" if "-inl" in path else "")


def is_definitions(path):
    return path.endswith(("-inl.h", "_impl.h")) or path in (DISPATCH, IMPLEMENTATION, C_IMPLEMENTATION)


def check_includes(path, code, text):
    """path is relative to include/; lfm2.h itself, which includes everything, is not checked."""
    parts = path.split("/")
    folder = parts[1] if len(parts) == 3 else None
    if folder is not None and folder not in FOLDERS:
        yield 1, "folder", f"include/lfm2/{folder} is not a folder of the repository layout"
        return
    if path.endswith("-inl.h") and folder != TARGET_FOLDER:
        yield 1, "target", f"per-target code belongs in {TARGET_FOLDER}"
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+[<"]([^>"]+)[>"]', line)
        if not match or not code[number - 1].lstrip().startswith("#"):
            continue
        name = match.group(1)
        is_way_in = (path, name) in (("lfm2.h", IMPLEMENTATION), ("lfm2_c.h", C_IMPLEMENTATION))
        if is_definitions(name) and not is_definitions(path) and not is_way_in:
            yield number, "declarations", f"{path} is seen by units that declare only, and {name} has definitions"
        if name.startswith("lfm2/"):
            target = name[len("lfm2/"):]
            below = target.split("/")[0]
            if folder is None or below in {folder, "base"}:
                continue
            if below not in FOLDERS[folder] and target not in FOLDERS[folder]:
                yield number, "layering", f"{folder} may not include {name}"
        elif name.startswith("hwy/"):
            if (folder != TARGET_FOLDER or not path.endswith("-inl.h")) and (path, name) != FOREACH_TARGET:
                yield number, "highway", f"{name} belongs in -inl.h files of {TARGET_FOLDER}"
        elif folder == "c" and name == "lfm2.h":
            continue
        elif folder != "posix" and name not in STANDARD_HEADERS | MORE_HEADERS.get(path, set()):
            yield number, "header", f"<{name}> is not among the headers that the library may include"


def check_library_file(path, text):
    code = strip(text).splitlines()
    yield from check_guard(path, text)
    yield from check_includes(path, code, text)
    if path.startswith("lfm2/posix/"):
        return
    for number, line in enumerate(code, 1):
        line = re.sub(r"=\s*delete\b", "", line)
        for rule, pattern in FORBIDDEN:
            match = re.search(pattern, line)
            if match and not (path == IN_PLACE and match.group(0) == "new"):
                yield number, rule, f"'{match.group(0).strip()}' is not allowed in the library"
        if path.endswith("-inl.h") and re.search(r"\bdouble\b", line):
            yield number, "double", "per-target code uses float and integers only"


def check_program_file(root, path, text):
    """path is relative to root, and in programs/."""
    folder, name = path.split("/")[1], path.split("/")[-1]
    if folder not in SHARED and not (root / "programs" / folder / "main.cc").is_file():
        yield 1, "folder", f"programs/{folder} has no main.cc, and is not among the shared folders in architecture.py"
    allowed = SHARED[folder] if folder in SHARED and name != "main.cc" else set(SHARED)
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+"programs/([^/"]+)/', line)
        if match and match.group(1) not in allowed | {folder, "base"}:
            yield number, "layering", f"programs/{folder} may not include programs/{match.group(1)}"


def check_any_source(text):
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        yield len(lines), "length", f"{len(lines)} lines; a file has one responsibility and at most {MAX_LINES} lines"
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_COLUMNS:
            yield number, "columns", f"{len(line)} columns; at most {MAX_COLUMNS}"
        for rule, pattern in EVERYWHERE:
            if re.search(pattern, line):
                yield number, rule, f"'{line.strip()}'"


def check(root):
    findings = []
    for top in ("include", "programs", "tests", "examples"):
        for file in sorted((root / top).rglob("*")):
            if file.suffix not in {".h", ".cc", ".c"}:
                continue
            text = file.read_text(encoding="utf-8")
            path = file.relative_to(root).as_posix()
            results = list(check_any_source(text))
            if top == "include":
                results += check_library_file(file.relative_to(root / "include").as_posix(), text)
            elif file.suffix == ".h" and path not in MADE_BY_TOOLS:
                results += check_guard(path, text)
            if top == "programs":
                results += check_program_file(root, path, text)
            findings += [(f"{path}:{number}", rule, message) for number, rule, message in results]
    return findings


GOOD = """// A good file.
#ifndef LFM2_MODEL_GOOD_H_
#define LFM2_MODEL_GOOD_H_

#include <cstdint>

#include "lfm2/format/image.h"

struct Good {
  Good(const Good&) = delete;  // new in a comment, "throw" in a string
  const char* text = "malloc(1) new throw";
};

#endif  // LFM2_MODEL_GOOD_H_
"""

# rule, path, replacement for "struct Good {" (or the whole text of the file)
BAD = [
    ("layering", "include/lfm2/model/good.h", '#include "lfm2/layers/feed_forward.h"\nstruct Good {'),
    ("layering", "include/lfm2/model/good.h", '#include "lfm2/text/tokenizer.h"\nstruct Good {'),
    ("layering", "include/lfm2/model/good.h", '#include "lfm2/posix/mapped_file.h"\nstruct Good {'),
    ("header", "include/lfm2/model/good.h", "#include <vector>\nstruct Good {"),
    ("header", "include/lfm2/model/good.h", "#include <sys/mman.h>\nstruct Good {"),
    ("highway", "include/lfm2/model/good.h", '#include "hwy/highway.h"\nstruct Good {'),
    ("highway", "include/lfm2/runtime/good.h", '#include "hwy/foreach_target.h"\nstruct Good {'),
    ("target", "include/lfm2/layers/good-inl.h", "struct Good {"),
    ("declarations", "include/lfm2/runtime/good.h", '#include "lfm2/runtime/session_impl.h"\nstruct Good {'),
    ("declarations", "include/lfm2/kernels/good.h", '#include "lfm2/kernels/kernels-inl.h"\nstruct Good {'),
    ("declarations", "include/lfm2/runtime/good.h", '#include "lfm2/runtime/implementation.h"\nstruct Good {'),
    ("declarations", "include/lfm2/runtime/good.h", '#include "lfm2/c/implementation.h"\nstruct Good {'),
    ("declarations", "include/lfm2.h", '#include "lfm2/runtime/dispatch.h"\nstruct Good {'),
    ("allocation", "include/lfm2/model/good.h", "void* p = std::malloc(1);\nstruct Good {"),
    ("allocation", "include/lfm2/model/good.h", "int* p = new int;\nstruct Good {"),
    ("allocation", "include/lfm2/c/object.h", "void* p = std::malloc(1);\nstruct Good {"),
    ("layering", "include/lfm2/c/good.h", '#include "lfm2/layers/router.h"\nstruct Good {'),
    ("header", "include/lfm2/model/good.h", '#include "lfm2.h"\nstruct Good {'),
    ("columns", "tests/c/good.c", "// " + "x" * 120 + "\nstruct Good {"),
    ("exceptions", "include/lfm2/model/good.h", "void F() { throw 1; }\nstruct Good {"),
    ("exceptions", "include/lfm2/model/good.h", "auto F(std::string_view s) { return s.substr(1); }\nstruct Good {"),
    ("rtti", "include/lfm2/model/good.h", "auto* b = dynamic_cast<B*>(a);\nstruct Good {"),
    ("virtual-destructor", "include/lfm2/model/good.h", "struct Good {\n  virtual ~Good() = default;"),
    ("library-type", "include/lfm2/model/good.h", "std::string s;\nstruct Good {"),
    ("thread-local", "include/lfm2/model/good.h", "thread_local int x;\nstruct Good {"),
    ("output", "include/lfm2/model/good.h", "void F() { printf(); }\nstruct Good {"),
    ("unfinished", "include/lfm2/model/good.h", "// TO" "DO: more\nstruct Good {"),
    ("dead-code", "include/lfm2/model/good.h", "#if 0\n#endif\nstruct Good {"),
    ("columns", "include/lfm2/model/good.h", "// " + "x" * 120 + "\nstruct Good {"),
    ("length", "include/lfm2/model/good.h", "\n" * 450 + "struct Good {"),
    ("guard", "include/lfm2/model/other.h", "struct Good {"),
    ("guard", "programs/files/other.h", "struct Good {"),
    ("layering", "programs/files/good.h", '#include "programs/console/console.h"\nstruct Good {'),
    ("layering", "programs/pack/good.cc", '#include "programs/quantize/quantize.h"\nstruct Good {'),
    ("layering", "programs/bench/good.h", '#include "programs/eval/table.h"\nstruct Good {'),
    ("layering", "programs/bench/main.cc", '#include "programs/eval/table.h"\nstruct Good {'),
    ("folder", "programs/elsewhere/good.h", "struct Good {"),
    ("guard", "include/lfm2/model/good-inl.h", "struct Good {"),
    ("folder", "include/lfm2/elsewhere/good.h", "struct Good {"),
    ("double", "include/lfm2/kernels/good-inl.h", "double x;\nstruct Good {"),
]


def self_test():
    def findings_for(path, text):
        with tempfile.TemporaryDirectory() as directory:
            file = pathlib.Path(directory) / path
            file.parent.mkdir(parents=True)
            file.write_text(text, encoding="utf-8")
            return check(pathlib.Path(directory))

    failures = [f"a good file is refused: {finding}" for finding in findings_for("include/lfm2/model/good.h", GOOD)]
    for rule, path, replacement in BAD:
        found = {name for _, name, _ in findings_for(path, GOOD.replace("struct Good {", replacement))}
        if rule not in found:
            failures.append(f"rule {rule} does not see a bad {path}; it found {sorted(found)}")
    for failure in failures:
        print(failure)
    print(f"{len(BAD) + 1} trees, {len(failures)} failures")
    return 1 if failures else 0


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    if sys.argv[1] == "--self-test":
        return self_test()
    root = pathlib.Path(sys.argv[1])
    if not (root / "include" / "lfm2").is_dir():
        print(f"{root} has no include/lfm2", file=sys.stderr)
        return 2
    findings = check(root)
    for place, rule, message in findings:
        print(f"{place}: {rule}: {message}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
