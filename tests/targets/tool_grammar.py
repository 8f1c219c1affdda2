"""The cost of a grammar of tools in flash: examples/tool_grammar on a Cortex-M7 in QEMU, compiled for size.

Its calls are the expected ones for the small model's commands; its code is at most MOST_TEXT bytes larger than that of
the same firmware without the grammar, its stack at most that of the board's other firmware, and a mask takes at most
MOST_MASK of the instructions of a token. QEMU counts instructions, so that no clock is involved. Needs the packages of
`tools/get-deps --targets`.
"""
import argparse
import ast
import json
import os
import re
import sys

import targets

EXAMPLE = os.path.join(targets.ROOT, "examples", "tool_grammar")
BOARD = "mps2-an500"
FOLDER = os.path.join("build", "cortex-m7-bare-grammar")
MOST_TEXT = 16 * 1024
MOST_MASK = 0.02
MOST_STACK = targets.BOARDS[BOARD][3]
PROGRAMS = ("tool_grammar", "tool_grammar_free", "tool_grammar_masks", "bare_metal")
PREFIX = "arm-none-eabi-"
FIGURES = re.compile(r"# ticks: a token (\d+), a mask (\d+), the worst (\d+), the rest of the constraint (\d+), the worst (\d+)")


def shown(call):
    """The firmware's output for a call that the model writes: name argument=value..."""
    [call] = ast.parse(re.fullmatch(r"<\|tool_call_start\|>(.*)<\|tool_call_end\|>", call)[1], mode="eval").body.elts
    words = [call.func.id]
    for keyword in call.keywords:
        value = ast.literal_eval(keyword.value)
        words.append(f"{keyword.arg}={'on' if value is True else 'off' if value is False else value}")
    return " ".join(words)


def path_of(name):
    return os.path.join(targets.ROOT, FOLDER, "bin", f"{name}_{BOARD}")


def build(release, lines):
    grammar = os.path.join(targets.ROOT, FOLDER, "tools.grammar")
    os.makedirs(os.path.dirname(grammar), exist_ok=True)
    tool = os.path.join(os.path.dirname(release.chat), "lfm2-grammar")
    lines.append(targets.run([tool, grammar, "--tools", os.path.join(EXAMPLE, "tools.json")]).strip().replace(grammar, "grammar"))
    targets.run(["cmake", "--preset", "cortex-m7-bare", "-B", FOLDER, "-DLFM2_WERROR=ON", f"-DLFM2_IMAGE={release.image}",
                 f"-DLFM2_TOOLS_GRAMMAR={grammar}", "-DCMAKE_CXX_FLAGS_RELEASE=-Os -DNDEBUG"] + release.highway())
    targets.run(["cmake", "--build", FOLDER, "--target"] + [f"{name}_{BOARD}" for name in PROGRAMS])
    return os.path.getsize(grammar)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", default=os.path.join("build", "release"), metavar="FOLDER",
                        help="the build for this machine; built if it is missing (build/release)")
    parser.add_argument("--commands", type=int, default=12, help="how many commands it answers (12)")
    parser.add_argument("--record", action="store_true", help="writes the sizes to sizes.json")
    arguments = parser.parse_args()
    release = targets.Release(arguments.release)
    if not release.exists() or not os.path.exists(os.path.join(os.path.dirname(release.chat), "lfm2-grammar")):
        targets.build(None, "release", arguments.release, "", ["chat", "lfm2-grammar", "lfm2_models"], lambda text: None)
    with open(targets.COMMANDS, encoding="utf-8") as file:
        commands = [json.loads(line) for line in list(file)[:arguments.commands]]
    lines, problems = [], []
    grammar_bytes = build(release, lines)

    got = targets.start(path_of("tool_grammar"), [command["user"] for command in commands]).splitlines()
    want = [shown(command["call"]) for command in commands]
    if got != want:
        problems.append(f"the calls are {got} instead of {want}")

    (text, _, static), (free, _, free_static), (least, _, _) = [
        targets.sizes_of(path_of(name) + ".elf", PREFIX) for name in ("tool_grammar", "tool_grammar_free", "bare_metal")]
    depth = targets.depth_of(
        os.path.join(targets.ROOT, FOLDER, "examples", "tool_grammar", "CMakeFiles", f"tool_grammar_{BOARD}.dir"))
    code = text - grammar_bytes
    lines.append(f"{BOARD}: {code} bytes of text and {grammar_bytes} of grammar; {free} without the grammar, {least} of a "
                 f"firmware that does not read calls; {static - free_static} static bytes more, {depth} of stack")
    if code - free > MOST_TEXT:
        problems.append(f"the grammar costs {code - free} bytes of text, at most {MOST_TEXT}")
    if depth > MOST_STACK:
        problems.append(f"stack of {depth} bytes, at most {MOST_STACK}")

    figures = FIGURES.findall(targets.start(path_of("tool_grammar_masks"), [command["user"] for command in commands]))
    if len(figures) != len(commands):
        problems.append(f"there are {len(figures)} lines of ticks for {len(commands)} commands")
    token, mask, worst, rest, worst_rest = [[int(line[i]) for line in figures] for i in range(5)]
    mean = sum(mask) / sum(token)
    most = max(w / t for w, t in zip(worst, token))
    tick = targets.BOARDS[BOARD][2]
    lines.append(f"{BOARD}: {sum(token) / len(token) * tick / 1e6:.2f} M instructions a token; a mask {mean:.2%} of that, the "
                 f"worst {most:.2%}; the rest of the constraint {sum(rest) / sum(token):.2%}, at most "
                 f"{max(w / t for w, t in zip(worst_rest, token)):.2%}")
    if most > MOST_MASK:
        problems.append(f"a mask takes up to {most:.2%} of the instructions of a token, at most {MOST_MASK:.0%}")

    sizes = {"text": text, "without_grammar": free, "static": static, "stack": depth}
    with open(targets.SIZES, encoding="utf-8") as file:
        recorded = json.load(file)
    if arguments.record:
        recorded["tool_grammar"] = sizes
        targets.write_sizes(recorded)
    else:
        problems += targets.compare_sizes("tool_grammar", sizes, recorded)
    print("\n".join(lines))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
