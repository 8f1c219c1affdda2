#!/usr/bin/env python3
"""Checks that docs/internals.md names files and functions that exist.

    internals.py ROOT DOCUMENT   reports every reference that does not hold
    internals.py --self-test     shows that each kind of reference fails where it should

A reference is `NAME` (FILE), where the file contains NAME; a path with a folder in it exists, also without a name. Paths are
below include/lfm2 or below the root.
"""
import pathlib
import re
import sys
import tempfile

PATH = r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_.-]+)+\.(?:h|cc|c|S|py|cmake|txt|md|json)(?![A-Za-z])"
ROOT_PATH = r"CMakePresets\.json|CONTRIBUTING\.md|README\.md"
REFERENCE = re.compile(rf"`([A-Za-z_][A-Za-z0-9_:]*)`\s+\(({PATH})\)")
FOLDER = re.compile(r"`([a-z][a-z_/-]*/)`|(?<![\w/.])((?:tests|tools|programs|examples|docs)/[a-z_/-]*/)(?![\w.*])")


def find(root, path):
    for base in (root / "include" / "lfm2", root):
        if (base / path).exists():
            return base / path
    return None


def contains(text, name):
    """Whether a file has a function, type or constant: Owner::name by its definition, or in the body of its owner."""
    if re.search(rf"(?<![\w:]){re.escape(name)}\b", text):
        return True
    owner, _, member = name.rpartition("::")
    return bool(owner) and re.search(rf"\b(class|struct)\b[^;{{]*\b{re.escape(owner.split('::')[-1])}\b[^;{{]*\{{", text) is not None \
        and re.search(rf"\b{re.escape(member)}\b", text) is not None


def check(root, document):
    text = re.sub(r"```.*?```", lambda match: "\n" * match.group(0).count("\n"), document, flags=re.S)
    # Targets of links are below docs/.
    text = re.sub(r"\]\([^)]*\)", "]", text)
    findings = []

    def line_of(match):
        return text.count("\n", 0, match.start()) + 1

    for match in re.finditer(PATH, text):
        if find(root, match.group(0)) is None:
            findings.append((line_of(match), f"there is no file {match.group(0)}"))
    for match in re.finditer(ROOT_PATH, text):
        if not (root / match.group(0)).exists():
            findings.append((line_of(match), f"there is no file {match.group(0)}"))
    for match in FOLDER.finditer(text):
        folder = match.group(1) or match.group(2)
        if find(root, folder) is None:
            findings.append((line_of(match), f"there is no folder {folder}"))
    count = 0
    for match in REFERENCE.finditer(text):
        name, path = match.groups()
        file = find(root, path)
        count += 1
        if file is not None and not contains(file.read_text(encoding="utf-8"), name):
            findings.append((line_of(match), f"{path} does not contain {name}"))
    return sorted(findings), count


def self_test():
    cases = [
        ("`One::Two` (base/one.h)", 0), ("`One::Three` (base/one.h)", 1), ("`Free` (base/one.h)", 0), ("`Fre` (base/one.h)", 1),
        ("`One::Four` (base/one.h)", 0), ("`Two::Four` (base/one.h)", 1), ("`Free`\n  (base/one.h)", 0),
        ("`Free` (base/two.h)", 1), ("in base/two.h", 1), ("in tools/three.py, here", 0), ("in tools/four.py", 1),
        ("`base/`", 0), ("`bass/`", 1), ("a file in tests/data/", 1), ("README.md", 1), ("[a](gone.md)", 0), ("```\nbase/two.h\n```", 0),
    ]
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "include/lfm2/base").mkdir(parents=True)
        (root / "tools").mkdir()
        (root / "tools/three.py").write_text("", encoding="utf-8")
        (root / "include/lfm2/base/one.h").write_text(
            "class One : public Zero {\n  void Two();\n};\nvoid One::Four() {}\nint Free();\n", encoding="utf-8")
        for text, expected in cases:
            findings, _ = check(root, text)
            if len(findings) != expected:
                failures.append(f"{text!r}: {findings}, expected {expected}")
    print("\n".join(failures) if failures else f"{len(cases)} texts are judged as they should be")
    return 1 if failures else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    root, document = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    findings, count = check(root, document.read_text(encoding="utf-8"))
    for line, message in findings:
        print(f"{document}:{line}: {message}")
    if count == 0:
        print(f"{document}: has no reference")
        return 1
    if not findings:
        print(f"{count} functions and types are where {document.name} says")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
