#!/usr/bin/env python3
"""MaskBench by llguidance, for comparison with `maskbench` in the same run: pip install llguidance.

    maskbench_llguidance.py TOKENIZER.json DIRECTORY

TOKENIZER.json is the tokenizer of the model that maskbench is given, DIRECTORY its folder of schemas. Times are of this
thread on the processor, with what Python adds to a call.
"""
import json
import pathlib
import sys
import time

from llguidance import LLMatcher, LLTokenizer


def microseconds():
    return time.thread_time_ns() / 1e3


def spread(name, values):
    values.sort()
    at = lambda share: values[min(len(values) - 1, int(share * len(values)))]
    parts = ", ".join(f"p{100 * share:g} {at(share):.0f}" for share in (0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1))
    print(f"{name:15} {len(values)}, mean {sum(values) / len(values):.1f}, {parts}")


class Runner:
    def __init__(self, tokenizer):
        self.tokenizer = LLTokenizer(tokenizer)
        self.first, self.masks, self.refused = [], [], 0

    def takes(self, grammar, text):
        """Whether a text is one of the grammar, with a mask before each of its tokens."""
        matcher = LLMatcher(self.tokenizer, grammar)
        for token in self.tokenizer.tokenize_str(text):
            begin = microseconds()
            mask = matcher.compute_bitmask()
            after_mask = microseconds()
            if not mask[token >> 3] >> (token & 7) & 1:
                return False
            before_token = microseconds()
            matcher.consume_token(token)
            self.masks.append(after_mask - begin + microseconds() - before_token)
        return matcher.is_accepting()

    def handles(self, case):
        """Whether a schema compiles and tells its texts apart."""
        begin = microseconds()
        try:
            grammar = LLMatcher.grammar_from_json_schema(case["schema"])
            matcher = LLMatcher(self.tokenizer, grammar)
            matcher.compute_bitmask()
        except ValueError:
            self.refused += 1
            return False
        self.first.append(microseconds() - begin)
        if matcher.is_error():
            self.refused += 1
            return False
        return all(self.takes(grammar, json.dumps(test["data"], ensure_ascii=False)) == test["valid"] for test in case["tests"])


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    runner = Runner(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    files = sorted(pathlib.Path(sys.argv[2]).glob("*.json"))
    right = sum(runner.handles(json.loads(file.read_text(encoding="utf-8"))) for file in files)
    print(f"{len(files)} schemas, {right} handled right, {runner.refused} refused")
    spread("first mask, us", runner.first)
    spread("mask, us", runner.masks)


if __name__ == "__main__":
    main()
