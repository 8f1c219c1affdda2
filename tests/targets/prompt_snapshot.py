"""The gain of a prompt snapshot: examples/prompt_snapshot on a Cortex-M7 in QEMU, from reset to the first token of the
answer.

The same firmware needs at least LEAST times as many instructions if it computes system text and tools, and both give
the answer of this machine, which differs without system text and tools. QEMU counts instructions, so that no clock is
involved. Needs the packages of `tools/get-deps --targets`.
"""
import argparse
import os
import re
import shutil
import sys

import targets

EXAMPLE = os.path.join(targets.ROOT, "examples", "prompt_snapshot")
BOARD = "mps2-an500"
FOLDER = os.path.join("build", "cortex-m7-bare-prompt")
TICK_NS = targets.BOARDS[BOARD][2]
LEAST = 8
MOST_STACK = targets.BOARDS[BOARD][3]
PROGRAMS = ("prompt_snapshot", "prompt_from_text")
GREEDY = ["--temperature", "0", "--repetition-penalty", "1", "--max-tokens", "64", "--context", "512"]


def answer_and_instructions(name):
    output = targets.start(os.path.join(targets.ROOT, FOLDER, "bin", f"{name}_{BOARD}"), [])
    figures = re.search(r"^# ticks until the first token: (\d+)$", output, re.M)
    if not figures:
        raise RuntimeError(f"{name} says {output!r}")
    return output.splitlines()[0], int(figures[1]) * TICK_NS


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", default=os.path.join("build", "release"), metavar="FOLDER",
                        help="the build for this machine; built if it is missing (build/release)")
    arguments = parser.parse_args()
    release = targets.Release(arguments.release)
    tool = os.path.join(arguments.release, "bin", "lfm2-snapshot")
    if not release.exists() or not os.path.exists(tool):
        targets.build(None, "release", arguments.release, "", ["chat", "lfm2-snapshot", "lfm2_models"], lambda text: None)
    with open(os.path.join(EXAMPLE, "main.cc"), encoding="utf-8") as file:
        command = re.search(r'kCommand = "(.+)";', file.read())[1]
    with open(os.path.join(EXAMPLE, "system.txt"), encoding="utf-8") as file:
        system = file.readline().strip()
    told = ["--system", system, "--tools", os.path.join(EXAMPLE, "tools.json")]
    state = os.path.join(targets.ROOT, FOLDER, "prompt.state")
    os.makedirs(os.path.dirname(state), exist_ok=True)
    print(targets.run([tool, release.image, state] + told).strip().replace(state, "prompt.state"))

    def ask(more):
        lines = targets.run([release.chat, release.image, "--prompt", command] + GREEDY + more).splitlines()
        return [line for line in lines if not line.startswith(state)][0]

    kept = shutil.copy(state, state + ".chat")  # chat writes its answer there
    want = {ask(told), ask(["--session", kept])}
    configure = ["cmake", "--preset", "cortex-m7-bare", "-B", FOLDER, "-DLFM2_WERROR=ON", f"-DLFM2_IMAGE={release.image}",
                 f"-DLFM2_PROMPT_STATE={state}"] + release.highway()
    targets.run(configure)
    targets.run(["cmake", "--build", FOLDER, "--target"] + [f"{name}_{BOARD}" for name in PROGRAMS])
    (loaded, with_snapshot), (computed, without) = [answer_and_instructions(name) for name in PROGRAMS]
    print(f"{BOARD}: {with_snapshot / 1e6:.1f} M instructions from reset to the first token with a snapshot, "
          f"{without / 1e6:.1f} M without: {without / with_snapshot:.1f} times as many")
    problems = []
    if want != {loaded} or want != {computed}:
        problems.append(f"the answers are {loaded!r} with a snapshot and {computed!r} without; on this machine {want}")
    if ask([]) in want:
        problems.append(f"{command!r} has the same answer without system text and tools: it shows nothing")
    if without < LEAST * with_snapshot:
        problems.append(f"a snapshot has to save more: at least {LEAST} times as many instructions are expected without")
    for name in PROGRAMS:
        objects = os.path.join(targets.ROOT, FOLDER, "examples", "prompt_snapshot", "CMakeFiles", f"{name}_{BOARD}.dir")
        depth = targets.depth_of(objects)
        if depth > MOST_STACK:
            problems.append(f"{name} has a stack of {depth} bytes, at most {MOST_STACK}")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
