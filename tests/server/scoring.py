#!/usr/bin/env python3
"""Log likelihoods of given texts, asked for as lm-evaluation-harness's local-completions does, are those of
`lfm2-eval choices`; and what it takes for greedy is what the model would have written.

    scoring.py LFM2-SERVER LFM2-EVAL MODEL CHOICES.json
"""
import json
import pathlib
import subprocess
import sys
import tempfile

from server_program import check, running

program, evaluate, model, tasks = sys.argv[1:]

with tempfile.TemporaryDirectory() as folder:
    out = pathlib.Path(folder, "scores.json")
    subprocess.run([evaluate, "choices", model, tasks, "--out", out, "--threads", "1"], check=True, capture_output=True)
    expected = json.loads(out.read_text(encoding="utf-8"))["items"]
items = json.loads(pathlib.Path(tasks).read_text(encoding="utf-8"))["items"]
check(len(items) == len(expected) > 20, len(items), len(expected))


def ids_of(texts):
    """The tokens of texts as text. Harnesses send ids, of their own tokenizer; these texts have every begin token in them."""
    reply = server.complete(texts, max_tokens=0, echo=True, logprobs=0)
    check([choice["text"] for choice in reply["choices"]] == texts, texts)
    return [choice["logprobs"]["tokens"] for choice in reply["choices"]]


worst = 0.0
with running(program, model) as server:
    for item, scores in zip(items[:40], expected):
        texts = [item["context"] + choice for choice in item["choices"]]
        context = len(ids_of([item["context"].rstrip()])[0])
        reply = server.complete(texts, max_tokens=1, logprobs=1, echo=True, seed=1234)
        check([choice["index"] for choice in reply["choices"]] == list(range(len(texts))), reply)
        for choice, text, likelihood in zip(reply["choices"], texts, scores["loglikelihood"]):
            logprobs = choice["logprobs"]
            # The last token is the model's own.
            total = sum(logprobs["token_logprobs"][context:-1])
            check("".join(logprobs["tokens"][:-1]) == text, logprobs["tokens"], text)
            worst = max(worst, abs(total - likelihood))
            # What would have come by itself: a completion of what stands before has the same tokens.
            greedy = all(max(top, key=top.get) == token
                         for token, top in zip(logprobs["tokens"][context:-1], logprobs["top_logprobs"][context:-1]))
            own = server.complete(text[:logprobs["text_offset"][context]], max_tokens=len(logprobs["tokens"]) - context - 1)
            check(greedy == (own["choices"][0]["text"] == text[logprobs["text_offset"][context]:]), text, own)
check(worst < 1e-3, worst)
print(f"ok: {worst:.1e}")
