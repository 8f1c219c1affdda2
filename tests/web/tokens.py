"""The page's module under Node.js answers the small model's commands with the same tokens as scalar code on this
machine, most of which are those that transformers chose.

    tokens.py ANSWER NODE COMMANDS.jsonl BUILD

ANSWER is tests/web/answer.cc as a program, with scalar code. BUILD has the page and the module without SIMD.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
# Without SIMD the module is five times as slow: only some of the commands.
SCALAR_STEP = 6


def answers(commands, *program):
    given = "".join(command["user"] + "\n" for command in commands)
    result = subprocess.run(program, input=given, stdout=subprocess.PIPE, text=True, check=False)
    lines = result.stdout.splitlines()
    if result.returncode != 0 or len(lines) != len(commands):
        sys.exit(f"{len(lines)} answers to {len(commands)} commands, ended with {result.returncode}: {program}")
    return [json.loads(line) for line in lines]


def main():
    native, node, commands_file, build = sys.argv[1:]
    with open(commands_file, encoding="utf-8") as file:
        commands = [json.loads(line) for line in file]
    model = os.path.join(build, "web", "model.lfm2")
    expected = answers(commands, native, model)
    # The model's file has four bits a weight, and transformers computed with the original weights.
    same = sum(tokens[:-1] == command["greedy"] for tokens, command in zip(expected, commands))
    print(f"{same} of {len(commands)} answers have the tokens of transformers")
    if same < 0.98 * len(commands):
        sys.exit("which is too few")
    with tempfile.TemporaryDirectory() as folder:
        # Node.js treats a .js file as CommonJS.
        engine = shutil.copy(os.path.join(build, "web", "engine.js"), os.path.join(folder, "engine.mjs"))
        for name, step in (("web", 1), ("web_scalar", SCALAR_STEP)):
            module = os.path.join(build, name, "assistant.wasm")
            got = answers(commands[::step], node, os.path.join(HERE, "answer.mjs"), engine, module, model)
            for command, tokens, wanted in zip(commands[::step], got, expected[::step]):
                if tokens != wanted:
                    sys.exit(f"{name}: {command['user']}: {tokens} instead of {wanted}")
            print(f"{name}: {len(got)} answers have the tokens of scalar code")


if __name__ == "__main__":
    main()
