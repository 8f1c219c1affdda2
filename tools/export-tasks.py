#!/usr/bin/env python3
"""Writes multiple choice tasks of lm-evaluation-harness as JSON for `lfm2-eval choices`.

    tools/export-tasks.py --out FOLDER arc_challenge arc_easy boolq hellaswag openbookqa piqa winogrande

Each task becomes FOLDER/TASK.json, with exactly the texts that lm_eval would pass to a model: prompts, few-shot
examples and right answers come from its own task objects. Needs the package lm_eval (pip install lm_eval) and the
tasks' data, which it downloads unless they are cached. docs/tools.md describes the format.
"""
import argparse
import json
import os
import pathlib
import sys
import warnings


def load_task_manager(folder):
    try:
        from lm_eval.tasks import TaskManager
    except ImportError as error:
        sys.exit(f"export-tasks: {error.name} was not found; lm_eval is installed by: pip install lm_eval")
    # The replacement of load_task_or_group is not in every version.
    warnings.simplefilter("ignore", DeprecationWarning)
    return TaskManager(include_path=folder)


def leaf_tasks(loaded):
    """(name, task) of everything that the manager has loaded: groups have their tasks in a dictionary."""
    for name, task in loaded.items():
        if isinstance(task, dict):
            yield from leaf_tasks(task)
        else:
            yield str(name), task


def gold_of(task, doc, choices):
    """The index of the right choice, determined as in lm_eval's process_results."""
    gold = task.doc_to_text(doc) if task.multiple_input else task.doc_to_target(doc)
    if isinstance(gold, str) and gold in choices:
        gold = choices.index(gold)
    if isinstance(gold, bool) or not isinstance(gold, int) or not 0 <= gold < len(choices):
        raise ValueError(f"the right answer is {gold!r}, not an index of the {len(choices)} choices")
    return gold


def item_of(task, doc, requests, begin):
    """One item. requests: (context, continuation) of each choice. White space between the two belongs to the context:
    lm_eval scores it with the choice, but does not count it among the choice's characters; nor does lfm2-eval."""
    choices = list(task.doc_to_choice(doc))
    gold = gold_of(task, doc, choices)
    contexts, texts = [], []
    for (context, continuation), choice in zip(requests, choices):
        text = task.doc_to_target(doc) if task.multiple_input else choice
        between = continuation[:len(continuation) - len(text)]
        if not text or between.strip() or not continuation.endswith(text):
            text, between = continuation, ""
        if not text:
            raise ValueError("a choice is empty")
        contexts.append(begin + context + between)
        texts.append(text)
    same = all(context == contexts[0] for context in contexts)
    return {**({"context": contexts[0]} if same else {"contexts": contexts}), "choices": texts, "gold": gold}


def export(name, task, arguments):
    """All items of a task, and a description of its settings."""
    if task.OUTPUT_TYPE != "multiple_choice":
        sys.exit(f"export-tasks: {name} is a task of type {task.OUTPUT_TYPE}, not multiple_choice")
    # A task with num_fewshot 0 is meant to have no examples, which lm_eval's own evaluator respects too.
    own = task.get_config("num_fewshot")
    if own is None or (arguments.num_fewshot is not None and own != 0):
        task.set_config("num_fewshot", arguments.num_fewshot or 0)
    task.set_fewshot_seed(seed=1234)  # lm_eval's default
    task.build_all_requests(limit=arguments.limit, rank=0, world_size=1)
    requests = {}
    for instance in task.instances:
        requests.setdefault(instance.doc_id, (instance.doc, []))[1].append(instance.args[:2])
    items = []
    for doc_id, (doc, pairs) in sorted(requests.items()):
        try:
            items.append(item_of(task, doc, pairs, arguments.bos))
        except ValueError as error:
            sys.exit(f"export-tasks: {name}, document {doc_id}: {error}")
    shots = task.get_config("num_fewshot")
    what = f"{name} of lm-evaluation-harness, {shots} examples before each"
    return {"what": what, "task": name, "num_fewshot": shots, "items": items}


def write(path, value):
    """Writes the file completely or not at all, as all tools do."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def at_least(least):
    def parse(text):
        if not text.isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text} is no whole number from {least} on")
        return int(text)
    return parse


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="+", metavar="TASK", help="name of a task or group of lm_eval")
    parser.add_argument("--out", required=True, metavar="FOLDER", help="folder for TASK.json; created if missing")
    parser.add_argument("--limit", type=at_least(1), metavar="N", help="only the first N documents of each task")
    parser.add_argument("--num-fewshot", type=at_least(0), metavar="N",
                        help="examples before each document; default: the task's own")
    parser.add_argument("--bos", default="<|startoftext|>", metavar="TEXT",
                        help="prefix of every context (default: %(default)s); empty: none")
    parser.add_argument("--include-path", metavar="FOLDER", help="a folder with additional tasks")
    arguments = parser.parse_args()
    manager = load_task_manager(arguments.include_path)
    unknown = [task for task in arguments.tasks if not manager.match_tasks([task])]
    if unknown:
        sys.exit(f"export-tasks: {unknown[0]} is no task or group of lm_eval")
    folder = pathlib.Path(arguments.out)
    folder.mkdir(parents=True, exist_ok=True)
    for name, task in leaf_tasks(manager.load_task_or_group(arguments.tasks)):
        value = export(name, task, arguments)
        path = folder / f"{name}.json"
        write(path, value)
        print(f"{path}: {len(value['items'])} items")


if __name__ == "__main__":
    main()
