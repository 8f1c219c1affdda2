#!/usr/bin/env python3
"""Expressions and tags render as jinja2 renders them, one by one.

    expressions.py RENDER-PROGRAM
"""
import pathlib
import sys

from engines import Oracle, Program, difference

VALUES = {
    "s": "Hello, World", "e": "", "u": "Grüße, 日本 😀", "ws": " \t\u00a0two  words\n", "q": "it's \"so\"", "n": 7, "z": 0,
    "neg": -3, "f": 2.5, "big": 1e22, "small": 1e-7, "t": True, "no": False, "nil": None, "l": [3, 1, 2], "ls": ["b", "A", "c"],
    "el": [], "d": {"b": 1, "a": [1, {"x": None}], "items": "mine", "ä": "ö"}, "ed": {}, "ll": [[1, 2], [3, 4]],
    "people": [{"name": "Bo", "age": 30, "ok": True}, {"name": "al", "age": 25, "ok": False}, {"name": "Cy", "age": 30}],
    "odd": "\x00\x1f\x7f\x80\u00ad\u200b\u2028\ue000\U000e0001\\\t", "huge": 9223372036854775807, "ctl": "a\rb\r\nc\x0bd\x85e\u2028f",
    "cased": "ǆ ß İ Σας ΣΑΣ straße ŉ ﬁ Ⅷ ა 'x y'z", "tools": None,
}


def cases():
    """Every line of expressions.txt that is not empty: an expression, or a template if it starts with a tag."""
    text = pathlib.Path(__file__).with_name("expressions.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith("|"):
            yield line[1:].replace("⏎", "\n")
        elif line and not line.startswith("#"):
            yield "{{ " + line + " }}"


def main():
    program, oracle = Program(sys.argv[1]), Oracle()
    rendered = refused = failed = 0
    for template in cases():
        expected = oracle.render(template, VALUES)
        wrong = difference(expected, program.render(template, VALUES))
        rendered += isinstance(expected, str)
        refused += not isinstance(expected, str)
        if wrong:
            failed += 1
            print(f"failed: {template!r} {wrong}")
    if failed or rendered < 500 or refused < 50:
        sys.exit(f"failed: {failed} differ, {rendered} render, {refused} fail in jinja2")
    print("ok")


if __name__ == "__main__":
    main()
