"""The two engines that these tests compare: jinja2 as transformers configures it, and the program under test."""
import datetime
import json
import subprocess
import sys

try:
    import jinja2
    import jinja2.ext
    import jinja2.sandbox
except ImportError as e:
    sys.exit(print(f"SKIPPED: {e} (tools/get-deps --test installs it)"))

DATE = "2026-11-05"


class Generation(jinja2.ext.Extension):
    """The tag that marks what an assistant wrote; training reads it, rendering does not."""
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_written"), [], [], body).set_lineno(line)

    def _written(self, caller):
        return caller()


def environment():
    engine = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])

    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    def strftime_now(form):
        return datetime.datetime.fromisoformat(DATE).strftime(form)

    engine.filters["tojson"] = tojson
    engine.globals["raise_exception"] = raise_exception
    engine.globals["strftime_now"] = strftime_now
    return engine


class Oracle:
    def __init__(self):
        self.engine = environment()
        self.compiled = {}

    def render(self, template, values):
        """The text, or the exception."""
        try:
            if template not in self.compiled:
                self.compiled[template] = self.engine.from_string(template)
            return self.compiled[template].render(**values)
        except Exception as e:  # any exception: the values are hostile
            return e


class Program:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def render(self, template, values):
        """A dict that has text or error."""
        json.dump({"template": template, "values": values, "date": DATE}, self.process.stdin)
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"failed: the program ended with {self.process.wait()} at {template!r} with {values!r}")
        return json.loads(answer)


def difference(expected, answer):
    """The difference between two answers, or None. What fails in one engine has to fail in the other."""
    if isinstance(expected, Exception):
        return None if "error" in answer else f"gives {answer['text']!r}, but jinja2 {expected!r}"
    if "error" in answer:
        return f"fails with {answer['error']!r}, but jinja2 gives {expected!r}"
    return None if answer["text"] == expected else f"gives {answer['text']!r}, but jinja2 {expected!r}"
