#!/usr/bin/env python3
"""lfm2-eval tool-calls against Python's own parser: its ast for calls as Python writes them, its json for the others.

    eval_tool_calls.py LFM2-EVAL [SEED [ROUNDS]]
"""
import ast
import concurrent.futures
import json
import keyword
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import tokenize
import io
import warnings

program = sys.argv[1]
rng = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 1
warnings.simplefilter("ignore")  # about invalid escapes
BEGIN, END = "<|tool_call_start|>", "<|tool_call_end|>"


def check(condition, *what):
    if not condition:
        sys.exit(f"failed: {what}")


def run(text, *options):
    """Its output, or None if it refuses the text with one sentence that names a byte."""
    data = text.encode("utf-8", "surrogatepass")
    result = subprocess.run([program, "tool-calls", *options], input=data, capture_output=True)
    if result.returncode == 0:
        check(result.stdout.count(b"\n") == 1 and not result.stderr, text, result)
        return json.loads(result.stdout)
    byte = re.search(rb"byte: (\d+)\n$", result.stderr)
    check(result.returncode == 1 and not result.stdout and result.stderr.count(b"\n") == 1 and byte, text, result)
    check(int(byte[1]) <= len(data), text, result)
    return None


class Outside(Exception):
    """Valid Python that is not in the grammar of calls."""


def joined(text):
    """Two escapes of one character count as that character."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise Outside("half of a surrogate pair") from None


class Source:
    def __init__(self, text):
        self.data = text.encode()
        self.lines = [0]
        for line in self.data.split(b"\n"):
            self.lines.append(self.lines[-1] + len(line) + 1)

    def span(self, node):
        return self.lines[node.lineno - 1] + node.col_offset, self.lines[node.end_lineno - 1] + node.end_col_offset

    def between(self, first, second):
        return self.data[self.span(first)[1]:self.span(second)[0]]

    def around(self, node):
        """The characters before and after a node, without white space; '' at the ends."""
        begin, end = self.span(node)
        return self.data[:begin].rstrip()[-1:].decode(), self.data[end:].lstrip()[:1].decode()


def value_of(node, source):
    if isinstance(node, ast.Constant) and type(node.value) in (str, int, float, bool, type(None)):
        begin, end = source.span(node)
        if type(node.value) is int and abs(node.value) >= 2**64 and source.data[begin + 1:begin + 2] in (b"x", b"X", b"o", b"O", b"b", b"B"):
            raise Outside("a long number that is not decimal")
        return joined(node.value) if isinstance(node.value, str) else node.value
    if isinstance(node, ast.Name) and node.id in ("true", "false", "null"):
        return {"true": True, "false": False, "null": None}[node.id]
    if isinstance(node, (ast.List, ast.Tuple)):
        return [value_of(item, source) for item in node.elts]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.UAdd, ast.USub)) and isinstance(node.operand, ast.Constant):
        number = value_of(node.operand, source)
        begin = source.span(node)[0] + 1
        if type(number) in (int, float) and not source.data[begin:source.span(node.operand)[0]].strip():
            return -number if isinstance(node.op, ast.USub) else number
    if isinstance(node, ast.Dict):
        for key in node.keys:
            if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
                raise Outside("a key that is not a text")
            before, after = source.around(key)
            if before not in "{," or after != ":":
                raise Outside("a key in parentheses")
        return {joined(key.value): value_of(value, source) for key, value in zip(node.keys, node.values)}
    raise Outside(ast.dump(node))


def check_tokens(text):
    previous = None
    for token in tokenize.generate_tokens(io.StringIO("(" + text + "\n)").readline):
        if token.type == tokenize.COMMENT:
            raise Outside("a comment")
        if token.type == tokenize.STRING:
            if previous == tokenize.STRING or token.string[0] not in "'\"" or token.string[:3] in ("'''", '"""'):
                raise Outside("side by side, with a prefix, or in triple quotes")
            if "\\N{" in token.string:
                raise Outside("a character by its name")
        if token.type != tokenize.NL:
            previous = token.type
    without = re.sub(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"", "", text, flags=re.S)
    if "\\" in without:
        raise Outside("a line that is continued")


def python_calls(text):
    """Python's reading of the text as calls: SyntaxError if it is not valid, Outside if it is something else."""
    text = text.strip(" \n\t\f")
    tree = ast.parse(text, mode="eval")
    compile(text, "", "eval")  # duplicate arguments
    check_tokens(text)
    source, body = Source(text), tree.body
    brackets = isinstance(body, ast.List) and source.span(body)[0] == 0
    nodes = body.elts if isinstance(body, ast.List) or (isinstance(body, ast.Tuple) and text[0] != "(") else [body]
    calls = []
    if not brackets and text.endswith(","):
        raise Outside("a tuple")
    for node in nodes:
        if not isinstance(node, ast.Call):
            raise Outside("no call")
        before, after = source.around(node)
        if before not in "[," or after not in "],":
            raise Outside("a call in parentheses")
        begin, end = source.span(node.func)
        name = source.data[begin:end].decode()
        if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*", name) or source.data[end:].lstrip()[:1] != b"(":
            raise Outside("no name")
        if name.split(".")[0] in ("True", "False", "None"):
            raise Outside("no name")
        arguments = {}
        for i, argument in enumerate(node.args):
            arguments[str(i)] = value_of(argument, source)
        for argument in node.keywords:
            if argument.arg is None:
                raise Outside("**")
            arguments[argument.arg] = value_of(argument.value, source)
        calls.append({"name": name, "arguments": arguments})
    return calls


def same(a, b):
    """Equal, and of the same types."""
    return json.dumps(a) == json.dumps(b)


# Texts of calls.
TEXTS = ["", "a", "hello world", "a, b) c", "[x]", "it's", 'say "hi"', "\\", "C:\\new\\dir\\", "one\ntwo", "tab\t", "é", "日本", "😀",
         "\x00\x1f\x7f\x85\u200b\ufeff\U0010ffff", "#no comment", "{'a': 1}", "<|tool_call_end|>", "</think>", "None", "0x10", "a=1"]
NAMES = ["f", "say", "set_light", "home.lights.set", "a.b", "_x1", "print"]
ARGUMENTS = ["a", "b2", "_c", "text", "celsius", "Nonesuch", "true_", "name", "arguments"]


def random_value(depth=0):
    kind = rng.randrange(9 if depth < 4 else 6)
    if kind == 0:
        return rng.choice([0, 1, -1, 17, -(2**63), 2**63 - 1, 2**63, 10**30, rng.randrange(-1000, 1000)])
    if kind == 1:
        return rng.choice([0.5, -0.0, 1e22, 1e-7, 1.7976931348623157e308, 5e-324, rng.uniform(-100, 100)])
    if kind in (2, 3):
        return "".join(rng.choice(TEXTS) for _ in range(rng.randrange(3)))
    if kind in (4, 5):
        return rng.choice([True, False, None])
    if kind == 6:
        return [random_value(depth + 1) for _ in range(rng.randrange(4))]
    if kind == 7:
        return tuple(random_value(depth + 1) for _ in range(rng.randrange(4)))
    return {rng.choice(TEXTS): random_value(depth + 1) for _ in range(rng.randrange(4))}


def space():
    return rng.choice(["", "", "", " ", "\n", " \t "])


def spelled_text(text):
    quote, out = rng.choice("'\""), ""
    for c in text:
        point, ways = ord(c), []
        if c not in quote + "\\\n\0\r":
            ways += [c] * 8
        if point < 256:
            ways += [f"\\x{point:02x}"]
        if point < 0x10000:
            ways += [f"\\u{point:04X}"]
        ways += [f"\\U{point:08x}"]
        ways += {"\\": ["\\\\"], "\n": ["\\n"], "\t": ["\\t"], "'": ["\\'"], '"': ['\\"'], "\0": ["\\000"]}.get(c, [])
        out += rng.choice(ways)
    return quote + out + quote


def spelled(value):
    """A value in one of the many notations of Python."""
    if rng.randrange(8) == 0:
        return f"({space()}{spelled(value)}{space()})"
    if isinstance(value, str):
        return rng.choice([repr, spelled_text])(value).replace("\r", "")
    if isinstance(value, bool) or value is None:
        return repr(value) if rng.randrange(3) else {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int):
        ways = [str(value), f"{value:+d}", f"{value:_d}", f"- {-value}" if value < 0 else f"+ {value}"]
        return rng.choice(ways + ([hex(value), oct(value), bin(value)] if abs(value) < 2**64 else []))
    if isinstance(value, float):
        return rng.choice([repr(value), f"{value:e}", f"{value:+.20f}" if abs(value) < 1e20 else repr(value), repr(value).replace("0.", ".")])
    separator = lambda: space() + "," + space()
    if isinstance(value, dict):
        items = [f"{space()}{spelled_text(k)}{space()}:{space()}{spelled(v)}{space()}" for k, v in value.items()]
        return "{" + ",".join(items) + ("," if items and rng.randrange(3) == 0 else "") + "}"
    items = separator().join(map(spelled, value)) + (separator() if value and rng.randrange(3) == 0 else "")
    if isinstance(value, tuple):
        return f"({items}{',' if len(value) == 1 and not items.rstrip().endswith(',') else ''})"
    return f"[{space()}{items}{space()}]"


def random_call(plain):
    spell = repr if plain else spelled
    arguments = [spell(random_value()) for _ in range(rng.choice([0, 0, 0, 1, 2]))]
    names = rng.sample(ARGUMENTS, rng.randrange(4))
    gap = (lambda: "") if plain else space
    arguments += [f"{name}{gap()}={gap()}{spell(random_value())}" for name in names]
    return f"{rng.choice(NAMES)}{gap().strip(chr(10))}({gap()}{(gap() + ',' + gap()).join(arguments)}{gap()})"


def random_calls(plain=None):
    plain = rng.randrange(2) == 0 if plain is None else plain
    calls = [random_call(plain) for _ in range(rng.choice([1, 1, 1, 2, 3]))]
    if rng.randrange(4) == 0:
        return calls[0]
    return "[" + ", ".join(calls) + rng.choice(["]", "]", ",]"])


def random_json():
    def listed(value):
        if isinstance(value, dict):
            return {k: listed(v) for k, v in value.items()}
        return [listed(v) for v in value] if isinstance(value, (list, tuple)) else value
    calls = []
    for _ in range(rng.choice([1, 1, 2])):
        call = {"name": rng.choice(NAMES), "arguments": listed({rng.choice(TEXTS): random_value() for _ in range(rng.randrange(4))})}
        if rng.randrange(5) == 0:
            call["id"] = listed(random_value())
        if rng.randrange(8) == 0:
            call["arguments"] = None
        calls.append(dict(rng.sample(list(call.items()), len(call))))
    what = calls[0] if len(calls) == 1 and rng.randrange(2) else calls
    return json.dumps(what, ensure_ascii=rng.randrange(2) == 0, indent=rng.choice([None, None, 2]))


def json_calls(text):
    """As python_calls: ValueError if it is not JSON, Outside if it is not a call."""
    def constant(_):
        raise ValueError("no JSON")
    body = json.loads(text, strict=False, parse_constant=constant)
    calls = []
    for call in body if isinstance(body, list) else [body]:
        if not isinstance(call, dict) or not isinstance(call.get("name"), str) or not call["name"]:
            raise Outside("no name")
        if not isinstance(call.get("arguments"), (dict, type(None))):
            raise Outside("no arguments")
        calls.append({"name": call["name"], "arguments": call.get("arguments") or {}})
    joined(json.dumps(body, ensure_ascii=False))
    return calls


WORDS = ["'", '"', "\\", "(", ")", "[", "]", "{", "}", ",", ":", "=", " ", "\n", "-", "+", ".", "_", "0", "1", "e", "x", "True", "null",
         "\\u00e9", "\\ud83d", "\\x4", "\\N{DASH}", "f(", "a=", "#", "*", "''", "0x1f", "1_0", "r'a'", "if", "lambda", END]


def mutated(text):
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        at = rng.randrange(len(text) + 1)
        kind = rng.randrange(4)
        if kind == 0:
            text = text[:at] + text[at + 1:]
        elif kind == 1:
            text = text[:at] + rng.choice(WORDS) + text[at:]
        elif kind == 2:
            text = text[:at] + rng.choice(WORDS) + text[at + 1:]
        else:
            text = text[:at]
    return text.replace("\r", "").replace("\0", "")


def beyond_python(text):
    """Whether it contains something that is valid in calls but not in Python, or an end marker, after which text may
    follow."""
    words = "|".join(keyword.kwlist)
    return "\n" in text or END in text or re.search(rf"\w[-/:.]\w|\b({words})\b|(true|false|null)\b", text)


def judge(text):
    """One text that may be malformed, between markers."""
    got = run(BEGIN + text + END)
    in_json = re.match(r"\s*(\[\s*)?\{", text) is not None
    try:
        want = json_calls(text) if in_json else python_calls(text)
    except Outside:
        want = None
    except (SyntaxError, ValueError, tokenize.TokenError, RecursionError, MemoryError):
        check(got is None or END in text or (not in_json and beyond_python(text)), text, got)
        return "refused" if got is None else "extended"
    if in_json and '"name"' in text and want is not None and got is None:
        # A name with escapes or control characters, which is refused.
        check(re.search(r'"name"\s*:\s*"[^"]*[\\\x00-\x1f]', text) or "\\u" in text, text)
        return "refused"
    if want is None:
        check(got is None or beyond_python(text), text, got)
        return "refused" if got is None else "extended"
    check(got is not None and same(got, want), text, got, want)
    return "equal"


# Well-formed ones, many in a text.
total = 0
for _ in range(6 * rounds):
    texts = [random_calls() if rng.randrange(3) else random_json() for _ in range(100)]
    want = []
    for text in texts:
        want += json_calls(text) if text[0] == "{" or text[:2] == "[{" or re.match(r"\[\s*\{", text) else python_calls(text)
    got = run("".join(rng.choice(["", "And "]) + BEGIN + space() + text + space() + END for text in texts))
    if got is None:  # which
        check(False, [text for text in texts if run(BEGIN + text + END) is None][:3])
    check(len(got) == len(want), len(got), len(want))
    for g, w in zip(got, want):
        check(same(g, w), g, w)
    total += len(want)

# One by one: damaged ones.
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    texts = [mutated(random_calls() if rng.randrange(3) else random_json()) for _ in range(1200 * rounds)]
    outcomes = list(pool.map(judge, texts))
counts = {outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))}
check(counts["equal"] > len(texts) // 20 and counts["refused"] > len(texts) // 4, counts)

# The forms that engines report.
check(run("[say(text='a, b) c', n=-1)]") == [{"name": "say", "arguments": {"text": "a, b) c", "n": -1}}])
check(run("The light is on.") == [] and run("") == [])
check(run(f"Yes.{BEGIN} [f(a=1), g()]{END} And {BEGIN}h('x'){END}") == [
    {"name": "f", "arguments": {"a": 1}}, {"name": "g", "arguments": {}}, {"name": "h", "arguments": {"0": "x"}}])
check(run(f"{BEGIN}[f(a=1){END}") is None and run(f"{BEGIN}[f(a='") is None and run("[f(a=1") is None)
with tempfile.TemporaryDirectory() as folder:
    tools = pathlib.Path(folder, "tools.json")
    schema = {"type": "object", "properties": {"room": {"type": "string"}, "on": {"type": "boolean"}}}
    tools.write_text(json.dumps([{"type": "function", "function": {"name": "set_light", "parameters": schema}}, {"name": "g"}]))
    check(run("[set_light('attic', True), g(1)]", "--tools", tools) == [
        {"name": "set_light", "arguments": {"room": "attic", "on": True}}, {"name": "g", "arguments": {"0": 1}}])
    for wrong in ("{}", "[1]", "[{}]", "["):
        tools.write_text(wrong)
        result = subprocess.run([program, "tool-calls", "--tools", tools], input=b"f()", capture_output=True)
        check(result.returncode == 1 and not result.stdout and result.stderr.count(b"\n") == 1, wrong, result)
    tools.write_text(json.dumps([{"name": "f", "parameters": schema}]))
    result = subprocess.run([program, "tool-calls", "--tools", tools], input=b"f('attic', room='x')", capture_output=True)
    check(result.returncode == 1 and b"by its name and by its position" in result.stderr, result)
print(f"{total} calls, {len(texts)} damaged: {counts}\nok")
