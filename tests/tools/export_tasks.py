#!/usr/bin/env python3
"""tools/export-tasks.py and lfm2-eval choices, against lm-evaluation-harness itself: its prompts, its split into
tokens, its accuracies and their standard errors, on tasks made here.

    export_tasks.py EXPORT-TASKS LFM2-EVAL MODEL
"""
import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

script, evaluate, model = sys.argv[1:]


def check(condition, *what):
    if not condition:
        sys.exit(f"failed: {what}")


def refused(code, *arguments, saying):
    result = subprocess.run([sys.executable, script, *map(str, arguments)], capture_output=True, text=True)
    check(result.returncode == code and re.search(saying, result.stderr), arguments, result)


if importlib.util.find_spec("lm_eval") is None:
    refused(1, "piqa", "--out", "nowhere", saying="^export-tasks: lm_eval was not found; .*pip install lm_eval")
    check(not pathlib.Path("nowhere").exists(), "nothing is made")
    print("SKIPPED: lm_eval is not installed (pip install lm_eval)")
    sys.exit()

os.environ.update(HF_DATASETS_OFFLINE="1", HF_HUB_OFFLINE="1")

# As arc_easy: choices after a question, examples before it. As winogrande: an ending after either of two beginnings.
QUESTIONS = """task: local_questions
dataset_path: json
dataset_kwargs: {{data_files: {{train: "{0}/train.jsonl", test: "{0}/questions.jsonl"}}}}
output_type: multiple_choice
training_split: train
test_split: test
fewshot_split: train
description: "Answer.\\n\\n"
doc_to_text: "Question: {{{{question}}}}\\nAnswer:"
doc_to_target: "{{{{answer}}}}"
doc_to_choice: "{{{{choices}}}}"
metric_list:
  - {{metric: acc}}
  - {{metric: acc_bytes}}
"""
ENDINGS = """task: local_endings
dataset_path: json
dataset_kwargs: {{data_files: {{test: "{0}/endings.jsonl"}}}}
output_type: multiple_choice
test_split: test
doc_to_text: "{{{{label}}}}"
doc_to_target: "{{{{ending}}}}"
doc_to_choice: "{{{{[start + one, start + two]}}}}"
metric_list:
  - {{metric: acc}}
"""
GENERATED = """task: local_generated
dataset_path: json
dataset_kwargs: {{data_files: {{test: "{0}/endings.jsonl"}}}}
output_type: generate_until
test_split: test
doc_to_text: "{{{{start}}}}"
doc_to_target: "{{{{ending}}}}"
metric_list:
  - {{metric: exact_match}}
"""
rooms, colors = ("kitchen", "hallway", "garden", "attic", "caf\u00e9"), ("red", "blue", "deep orange", "gr\u00fcn")
questions = [{"question": f"Which colour has the light of the {room}?" + " " * (i % 2), "choices": list(colors),
              "answer": (i * 7 + len(room)) % 4} for i in range(8) for room in rooms]
endings = [{"start": f"Turn the light of the {room} ", "one": one, "two": two, "ending": "now, please.", "label": i % 2}
           for i, room in enumerate(rooms) for one, two in (("on", "off"), ("red", "blue"))]


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def scorer(folder, files):
    """An LM with the log likelihoods of lfm2-eval choices, looked up by text; the requests
    and the split into tokens are lm_eval's own."""
    from lm_eval.api.model import TemplateLM
    known = {}
    for file, scores in files:
        for item, score in zip(json.loads(file.read_text())["items"], scores["items"]):
            for c, choice in enumerate(item["choices"]):
                context = (item.get("contexts") or [item["context"]] * len(item["choices"]))[c]
                known[context + choice] = (score["loglikelihood"][c], score["tokens"][c])

    class Scorer(TemplateLM):
        asked = 0
        eot_token_id = property(lambda self: 7)

        def tok_encode(self, string, **_):
            return json.loads(subprocess.run([evaluate, "tokens", model, "--special"], input=string.encode(),
                                             capture_output=True, check=True).stdout)

        def loglikelihood(self, requests, disable_tqdm=False):
            answers = []
            for request in requests:
                context, continuation = request.args
                begun = "<|startoftext|>" + context
                check(begun + continuation in known, "not exported", request.args)
                value, tokens = known[begun + continuation]
                if Scorer.asked % 7 == 0:
                    split = self._encode_pair(begun, continuation)
                    check(len(split[1]) == tokens, "tokens", request.args, split, tokens)
                Scorer.asked += 1
                answers.append((value, False))
            return answers

        def _loglikelihood_tokens(self, requests, **_):
            raise NotImplementedError

        def loglikelihood_rolling(self, requests, disable_tqdm=False):
            raise NotImplementedError

        def generate_until(self, requests, disable_tqdm=False):
            raise NotImplementedError

    return Scorer()


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    for file, content in (("train.jsonl", lines(questions[:6])), ("questions.jsonl", lines(questions)),
                          ("endings.jsonl", lines(endings)), ("questions.yaml", QUESTIONS.format(name)),
                          ("endings.yaml", ENDINGS.format(name)), ("generated.yaml", GENERATED.format(name))):
        (folder / file).write_text(content, encoding="utf-8")
    out = folder / "out"
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager
    for shots in (0, 2):
        more = ("--num-fewshot", str(shots)) if shots else ()
        subprocess.run([sys.executable, script, "local_questions", "local_endings", "--include-path", name,
                        "--out", out, *more], check=True, capture_output=True)
        files = []
        for task in ("local_questions", "local_endings"):
            scores = folder / "scores.json"
            subprocess.run([evaluate, "choices", model, out / f"{task}.json", "--out", scores], check=True,
                           capture_output=True)
            files.append((out / f"{task}.json", json.loads(scores.read_text())))
        lm = scorer(folder, files)
        result = simple_evaluate(model=lm, tasks=["local_questions", "local_endings"], num_fewshot=shots or None,
                                 task_manager=TaskManager(include_path=name), bootstrap_iters=1000)["results"]
        for (file, ours), metrics in zip(files, ({"acc": "acc", "acc_norm": "acc_bytes"}, {"acc": "acc"})):
            for mine, theirs in metrics.items():
                wanted = result[file.stem][f"{theirs},none"], result[file.stem][f"{theirs}_stderr,none"]
                check(0 < wanted[0] < 1, "a score that tells nothing", file.stem, wanted)
                got = ours[mine], ours[f"{mine}_stderr"]
                check(max(abs(a - b) for a, b in zip(got, wanted)) < 1e-12, file.stem, mine, got, wanted)
        exported = json.loads(files[0][0].read_text())
        check(exported["num_fewshot"] == shots and len(exported["items"]) == len(questions), shots)
        check(all(item["context"].count("Question:") == shots + 1 for item in exported["items"]), shots)
    check(type(lm).asked > 0, "nothing was asked")
    exported = json.loads((out / "local_endings.json").read_text())
    check(all("contexts" in item for item in exported["items"]), exported)

    local = ("--include-path", name, "--out", out)
    few = (sys.executable, script, "local_questions", *local, "--limit", "3", "--bos", "")
    subprocess.run(few, check=True, capture_output=True)
    few = json.loads((out / "local_questions.json").read_text())["items"]
    check(len(few) == 3 and few[0]["context"].startswith("Answer.\n\nQuestion: "), few)
    refused(1, "local_generated", *local, saying="local_generated is a task of type generate_until, not")
    refused(1, "no_such_task", *local, saying="no_such_task is no task or group")
    refused(2, "local_questions", saying="--out")
    refused(2, "local_questions", *local, "--limit", "0", saying="0 is no whole number from 1 on")
    (folder / "questions.jsonl").write_text(lines([questions[0], {**questions[1], "answer": 4}]))
    refused(1, "local_questions", *local, saying="local_questions, document 1: the right answer is 4, no number of")
print("ok")
