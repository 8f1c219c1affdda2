"""What a prompt snapshot saves: examples/prompt_snapshot on a Cortex-M7 in QEMU, from reset to the first token of the answer.

The same firmware that computes system text and tools needs at least LEAST times as many instructions, and both give the answer
of this machine. QEMU counts instructions, so that no clock is involved. Needs what `tools/get-deps --targets` installs.
"""
import argparse
import os
import re
import shutil
import sys
import tempfile

import targets

EXAMPLE = os.path.join(targets.ROOT, "examples", "prompt_snapshot")
BOARD = "mps2-an500"
FOLDER = os.path.join("build", "cortex-m7-bare-prompt")
TICK_NS = targets.BOARDS[BOARD][2]
LEAST = 8


def answer_and_instructions(name):
    output = targets.start(os.path.join(targets.ROOT, FOLDER, "bin", f"{name}_{BOARD}"), [])
    figures = re.search(r"^# ticks until the first token: (\d+)$", output, re.M)
    if not figures:
        raise RuntimeError(f"{name} says {output!r}")
    return output.splitlines()[0], int(figures[1]) * TICK_NS


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", default=os.path.join("build", "release"), metavar="FOLDER",
                        help="the build for this machine; made where it is missing (build/release)")
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
    greedy = ["--temperature", "0", "--repetition-penalty", "1", "--max-tokens", "64", "--context", "512"]
    with tempfile.TemporaryDirectory() as folder:
        state = os.path.join(folder, "prompt.state")
        print(targets.run([tool, release.image, state] + told).strip().replace(state, "prompt.state"))
        kept = shutil.copy(state, os.path.join(folder, "chat.state"))
        said = [targets.run([release.chat, release.image, "--prompt", command] + greedy + more).splitlines()
                for more in (told, ["--session", kept])]
        want = {next(line for line in lines if not line.startswith(kept)) for lines in said}
        configure = ["cmake", "--preset", "cortex-m7-bare", "-B", FOLDER, "-DLFM2_WERROR=ON", f"-DLFM2_IMAGE={release.image}",
                     f"-DLFM2_PROMPT_STATE={state}"] + release.highway()
        targets.run(configure)
        targets.run(["cmake", "--build", FOLDER, "--target", f"prompt_snapshot_{BOARD}", f"prompt_from_text_{BOARD}"])
    loaded, with_snapshot = answer_and_instructions("prompt_snapshot")
    computed, without = answer_and_instructions("prompt_from_text")
    print(f"{BOARD}: {with_snapshot / 1e6:.1f} M instructions from reset to the first token with a snapshot, "
          f"{without / 1e6:.1f} M without: {without / with_snapshot:.1f} times as many")
    problems = []
    if want != {loaded} or want != {computed}:
        problems.append(f"the answers are {loaded!r} with a snapshot and {computed!r} without; on this machine {want}")
    if without < LEAST * with_snapshot:
        problems.append(f"a snapshot has to save more: at least {LEAST} times as many instructions are expected without")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
