#!/usr/bin/env python3
"""Chat templates render random chats as jinja2 renders them.

    chats.py RENDER-PROGRAM ROUNDS [--skip-failing] TEMPLATE.jinja...
"""
import argparse
import pathlib
import random
import sys

from engines import Oracle, Program, difference

WORDS = ["hello", " ", "\n", "it's", '"so"', "C:\\new\\table", "café", "😀", "<think>", "</think>", "a\nb", "  two  ",
         "<|im_end|>", "{{ x }}", "{% if %}", "100%", "\t", "\u00a0", "日本語", "é\u0301", "<b>&</b>", "\r\n", "", "[1, 2]",
         '{"a": 1}', "None", "\x7f", "\u200b", "ǅ", "ß", "</tool_call>", "[INST]", "user"]
NUMBERS = [0, 1, -1, 3.5, 1e16, 1e-5, -0.0, 123456789012, 0.1, 1e22, 2**63 - 1, 2.0]


class Chats:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def text(self):
        return "".join(self.random.choice(WORDS) for _ in range(self.random.randrange(5)))

    def value(self, depth=0):
        kind = self.random.randrange(9 if depth < 3 else 6)
        if kind < 2:
            return self.text()
        if kind < 4:
            return self.random.choice(NUMBERS)
        if kind == 4:
            return self.random.choice([True, False])
        if kind == 5:
            return None
        if kind == 6:
            return [self.value(depth + 1) for _ in range(self.random.randrange(4))]
        return {self.name(): self.value(depth + 1) for _ in range(self.random.randrange(4))}

    def name(self):
        return self.random.choice(["city", "a", "name", "type", "items", "on", "value", "key with space", "größe"])

    def arguments(self):
        kind = self.random.randrange(12)
        if kind == 0:
            return self.random.choice(["{}", "", '{"city": "Bonn"}', "null"])
        if kind == 1:
            return None
        return {self.name(): self.value() for _ in range(self.random.randrange(4))}

    def content(self):
        kind = self.random.randrange(12)
        if kind == 0:
            return None
        if kind == 1:
            return [self.random.choice([{"type": "text", "text": self.text()}, {"type": "image"}, {"type": "json", "x": 1}])
                    for _ in range(self.random.randrange(4))]
        return self.text()

    def calls(self):
        return [{"id": f"call{i:05d}", "type": "function",
                 "function": {"name": self.random.choice(["f", "get_weather"]), "arguments": self.arguments()}}
                for i in range(1 + self.random.randrange(3))]

    def message(self, role):
        message = {"role": role, "content": self.content()}
        if role == "assistant":
            for field in ("thinking", "reasoning", "reasoning_content"):
                if self.random.random() < 0.15:
                    message[field] = self.text()
            if self.random.random() < 0.3:
                message["tool_calls"] = self.calls()
            if self.random.random() < 0.1:
                del message["content"]
        if role == "tool":
            message["tool_call_id"] = "call00000"
            message["name"] = "f"
        return message

    def tools(self):
        if self.random.random() < 0.5:
            return None
        return [{"type": "function", "function": {
            "name": self.random.choice(["f", "get_weather"]), "description": self.text(),
            "parameters": {"type": "object", "required": ["city"],
                           "properties": {self.name(): {"type": "string", "description": self.text()}
                                          for _ in range(self.random.randrange(3))}}}}
                for _ in range(self.random.randrange(3))]

    def values(self):
        roles = ["system"] if self.random.random() < 0.4 else []
        if self.random.random() < 0.7:  # the order that templates require
            for i in range(self.random.randrange(4)):
                roles += ["user", "assistant"]
            roles.append("user")
        else:
            roles += self.random.choices(["user", "assistant", "tool", "system", "developer"], k=self.random.randrange(6))
        values = {"messages": [self.message(role) for role in roles], "tools": self.tools(), "documents": None,
                  "add_generation_prompt": self.random.random() < 0.5, "bos_token": "<|startoftext|>",
                  "eos_token": "<|im_end|>", "pad_token": "<|pad|>", "unk_token": ""}
        for flag in ("preserve_thinking", "keep_past_thinking", "enable_thinking", "continue_final_message"):
            if self.random.random() < 0.2:
                values[flag] = self.random.random() < 0.5
        return values


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("rounds", type=int)
    parser.add_argument("--skip-failing", action="store_true", help="go on after a difference")
    parser.add_argument("templates", nargs="*")
    options = parser.parse_intermixed_args()
    program, oracle = Program(options.program), Oracle()
    templates = {path: pathlib.Path(path).read_bytes().decode("utf-8") for path in options.templates}
    if not templates:
        sys.exit("failed: no templates")
    failed = 0
    for path, template in templates.items():
        chats, rendered = Chats(path.rsplit("/", 1)[-1]), 0
        for _ in range(options.rounds):
            values = chats.values()
            expected = oracle.render(template, values)
            rendered += isinstance(expected, str)
            wrong = difference(expected, program.render(template, values))
            if wrong:
                failed += 1
                print(f"failed: {path} {wrong}, with {values!r}")
                if not options.skip_failing:
                    sys.exit(1)
                break
        if options.skip_failing:
            print(path, rendered, "of", options.rounds)
        elif 2 * rendered < options.rounds:
            sys.exit(f"failed: {path} renders {rendered} of {options.rounds} chats only, which shows little")
    print(f"{failed} of {len(templates)} templates differ" if failed else "ok")


if __name__ == "__main__":
    main()
