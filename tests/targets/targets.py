"""Runs the small model on other machines in QEMU and compares their answers with those of this one.

For a board (an example without an operating system), the sizes in sizes.json must match within 3 percent, and a
Cortex-M may use 4 KB of stack. Needs the packages of `tools/get-deps --targets`.
"""
import argparse
import json
import os
import re
import subprocess
import sys

import stack

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SIZES = os.path.join(ROOT, "tests", "targets", "sizes.json")
COMMANDS = os.path.join(ROOT, "tests", "data", "home", "commands.jsonl")
GREEDY = ["--temperature", "0", "--repetition-penalty", "1", "--max-tokens", "64", "--context", "256"]

# Boards: preset, extra flags, nanoseconds per tick of the board's clock, maximum bytes of stack, maximum bytes of the
# library's code. With -icount shift=0 an instruction takes a nanosecond.
BOARDS = {
    "mps2-an500": ("cortex-m7-bare", "", 40.0, 4096, None),
    "mps2-an500-small": ("cortex-m7-bare", "-Os", 40.0, 4096, 64000),
    "mps3-an547": ("cortex-m55-bare", "", 31.25, 4096, None),
    "virt-aarch64": ("aarch64-bare", "", 16.0, None, 200000),
    "raspi3b": ("aarch64-bare", "", 16.0, None, 200000),
    "virt-riscv64": ("riscv64-bare", "", 1.0, None, None),
    "virt-riscv32": ("riscv32-bare", "", 1.0, None, None),
}
# Linux: preset, QEMU's program, and processors with the kernels that they use. One program runs on all processors of a
# target.
LINUX = {
    "raspberry-pi": ("raspberry-pi", ["qemu-aarch64"], {
        "cortex-a53": "NEON", "cortex-a72": "NEON", "cortex-a76": "NEON_DOTPROD", "neoverse-n1": "NEON_DOTPROD", "a64fx": "NEON",
        "max,sve=off": "NEON_I8MM", "max,sve128=on,sve256=off,sve512=off": "NEON_I8MM", "max,sve256=on,sve512=off": "SVE2",
        "max": "SVE2"}),
    "aarch64-linux": ("aarch64-linux", ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"], {"cortex-a72": "NEON"}),
    "armv7-linux": ("armv7-linux", ["qemu-arm", "-L", "/usr/arm-linux-gnueabihf"], {"cortex-a7": "NEON"}),
    "riscv64-linux": ("riscv64-linux", ["qemu-riscv64", "-L", "/usr/riscv64-linux-gnu"], {"rv64,v=true,vext_spec=v1.0": "RVV"}),
}
TOLERANCE = 0.03
HEADS = ["target", "tokens", "text", "of it lfm2", "static", "stack", "instructions a token: prompt", "answer", "longest step"]


def run(command, **options):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT, **options)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)[:200]} ended with {result.returncode}:\n{result.stdout[-3000:]}")
    return result.stdout


class Release:
    """The build for this machine, which packs the model and gives the answers that others are compared with."""

    def __init__(self, folder):
        self.image = os.path.join(ROOT, folder, "models", "home.lfm2")
        self.chat = os.path.join(ROOT, folder, "bin", "chat")
        self.cache = os.path.join(ROOT, folder, "CMakeCache.txt")

    def exists(self):
        return os.path.exists(self.image) and os.path.exists(self.chat)

    def highway(self):
        """Where that build found Highway; all targets use the same copy."""
        with open(self.cache, encoding="utf-8") as file:
            found = re.search(r"^LFM2_HIGHWAY_DIR:PATH=(.+)$", file.read(), re.M)
        return [f"-DLFM2_HIGHWAY_DIR={found[1]}"] if found else []


def build(release, preset, folder, flags, targets, say):
    say(f"building {preset} {flags}")
    configure = ["cmake", "--preset", preset, "-B", folder, "-DLFM2_WERROR=ON"]
    if preset in (linux[0] for linux in LINUX.values()):
        configure += ["-DCMAKE_UNITY_BUILD=ON", "-DLFM2_TOOLS_OPTIONS=-O0"]
    if release is not None:
        configure += [f"-DLFM2_IMAGE={release.image}"] + release.highway()
    if flags:
        configure.append(f"-DCMAKE_CXX_FLAGS_RELEASE={flags} -DNDEBUG")
    run(configure)
    run(["cmake", "--build", folder] + (["--target"] + targets if targets else []))


def answers_of(text):
    """The answers, without the lines of numbers, and the numbers of every command."""
    lines = text.splitlines()
    answers = [line for line in lines if line and not line.startswith("#")]
    figures = [[int(n) for n in re.findall(r"\d+", line)] for line in lines if line.startswith("# ticks")]
    return answers, figures


def chat(release, program, commands):
    """One chat for every command, in one process."""
    lines = "".join(command + "\n/reset\n" for command in commands)
    return [line for line in run(program + [release.image] + GREEDY, input=lines, timeout=3600).splitlines() if line]


def sizes_of(elf, prefix):
    """Bytes of read-only data and code, and of writable data; and the share of lfm2's own functions in the code."""
    sections = run([prefix + "size", "-A", elf])
    text = sum(int(size) for name, size in re.findall(r"^(\.\S+)\s+(\d+)", sections, re.M) if name in (".text", ".ARM.exidx"))
    static = sum(int(size) for name, size in re.findall(r"^(\.\S+)\s+(\d+)", sections, re.M) if name in (".data", ".bss"))
    symbols = run([prefix + "nm", "-S", "-C", elf])
    library = sum(int(size, 16) for size, name in re.findall(r"^[0-9a-f]+ ([0-9a-f]+) [TtWwVvRr] (.*)$", symbols, re.M)
                  if "lfm2::" in name)
    return text, library, static


# Symbols that no object of a board's program may need: a heap, exceptions, guards of local statics, software doubles.
FORBIDDEN = re.compile(r"^(malloc|calloc|realloc|free|_Zn[wa].*|_Zd[la].*|__cxa_.*|_Unwind_.*|__gxx_.*|__dynamic_cast|"
                       r"__aeabi_(d|f2d|i2d|ui2d|l2d|ul2d)\w*|__\w+df[23]?|__extendsfdf2)$")
# examples/c_firmware, on boards that have it: as bare_metal.
C_PROGRAMS = ("c_firmware", "c_firmware_blocks")
ASSISTED = ("Could you heat the hallway to 17 degrees, please", ["[hallway] heating: 17", "I set the hallway to 17 degrees."])


def start(program, lines):
    """The serial line's output of a program on its board."""
    with open(program + ".qemu", encoding="utf-8") as file:
        command = file.read().split("\n")[:-1] + ["-icount", "shift=0,sleep=off"]
    return run(command, input="".join(line + "\n" for line in lines) + "\n", timeout=3600).replace("\r", "")


def depth_of(objects):
    """The deepest stack of the program that is linked from these objects."""
    graphs = []
    for where, _, files in os.walk(objects):
        graphs += [os.path.join(where, file) for file in files if file.endswith(".ci")]
    return stack.deepest(graphs, "Main")[0]


def run_board(release, name, commands, say):
    preset, flags, tick_ns, most_stack, most_text = BOARDS[name]
    board = name.replace("-small", "")
    folder = os.path.join("build", preset + ("-small" if flags else ""))
    build(release, preset, folder, flags, [], say)
    program = os.path.join(ROOT, folder, "bin", f"bare_metal_{board}")
    say(f"running {name}")
    answers, figures = answers_of(start(program, commands))
    assisted = start(os.path.join(ROOT, folder, "bin", f"firmware_assistant_{board}"), [ASSISTED[0]]).splitlines()
    in_c = [os.path.join(ROOT, folder, "bin", f"{program}_{board}") for program in C_PROGRAMS]
    in_c = [program for program in in_c if os.path.exists(program + ".elf")]
    c_answers = [answers_of(start(program, commands))[0] for program in in_c]
    prefix = {"cortex-m": "arm-none-eabi-", "aarch64-": "aarch64-linux-gnu-", "riscv64-": "riscv64-unknown-elf-",
              "riscv32-": "riscv64-unknown-elf-"}[preset[:8]]
    text_bytes, library_bytes, static_bytes = sizes_of(program + ".elf", prefix)
    depth = depth_of(os.path.join(ROOT, folder, "examples", "bare_metal", "CMakeFiles", f"bare_metal_{board}.dir"))
    problems = []
    for program, got in zip(in_c, c_answers):
        name_in_c = os.path.basename(program)
        c_text, _, c_static = sizes_of(program + ".elf", prefix)
        c_depth = depth_of(os.path.join(ROOT, folder, "examples", "c_firmware", "CMakeFiles", f"{name_in_c}.dir"))
        print(f"{name}: {name_in_c} has {c_text} bytes of text, {c_static} static, {c_depth} of stack")
        if got != answers:
            problems.append(f"{name_in_c} says {got} instead of {answers}")
        if most_stack and c_depth > most_stack:
            problems.append(f"{name_in_c} has a stack of {c_depth} bytes, at most {most_stack}")
    objects = os.path.join(ROOT, folder, "examples", "bare_metal", "CMakeFiles", f"bare_metal_{board}.dir")
    for file in sorted(os.listdir(objects)):
        if file.endswith((".o", ".obj")):
            wanted = run([prefix + "nm", "-u", os.path.join(objects, file)]).split()
            problems += [f"{file} calls {name}" for name in wanted if FORBIDDEN.match(name)]
    if assisted != ASSISTED[1]:
        problems.append(f"firmware_assistant says {assisted} instead of {ASSISTED[1]}")
    if most_stack and depth > most_stack:
        problems.append(f"stack of {depth} bytes, at most {most_stack}")
    if most_text and library_bytes > most_text:
        problems.append(f"library of {library_bytes} bytes, at most {most_text}")
    count = max(len(figures), 1)
    ticks = [max((f[0] for f in figures), default=0)] + [sum(f[i] for f in figures) / count for i in (1, 2)]
    longest, prompt, answer = (t * tick_ns for t in ticks)
    sizes = {"text": text_bytes, "library": library_bytes, "static": static_bytes, "stack": depth}
    row = [text_bytes, library_bytes, static_bytes, depth] + [f"{n / 1e6:.2f} M" for n in (prompt, answer, longest)]
    return answers, row, sizes, problems


def run_linux(release, name, commands, say):
    preset, emulator, processors = LINUX[name]
    build(release, preset, os.path.join("build", preset), "", ["chat"], say)
    program = os.path.join(ROOT, "build", preset, "bin", "chat")
    answers, problems = None, []
    for processor, kernels in processors.items():
        say(f"running {name} on {processor}")
        start = emulator + ["-cpu", processor, program]
        said = re.search(r"^kernels (\w+),", run(start + [release.image, "--stats"], input="", timeout=3600), re.M)
        if not said or said[1] != kernels:
            problems.append(f"{processor} computes with {said and said[1]}, not with {kernels}")
        more = chat(release, start, commands)
        if answers is not None and more != answers:
            problems.append(f"{processor} answers {more}, the first processor {answers}")
        answers = answers or more
    return answers, ["-"] * 7, None, problems


def check_freertos(release, kernel, command, want, say):
    """The problems of the example with a control loop, on a clock of 32 ns an instruction."""
    folder = os.path.join("build", "cortex-m7-bare")
    say("building freertos")
    run(["cmake", "--preset", "cortex-m7-bare", f"-DLFM2_FREERTOS_DIR={os.path.abspath(kernel)}",
         f"-DLFM2_IMAGE={release.image}"] + release.highway())
    run(["cmake", "--build", folder, "--target", "freertos"])
    with open(os.path.join(ROOT, folder, "bin", "freertos.qemu"), encoding="utf-8") as file:
        qemu = file.read().split("\n")[:-1] + ["-icount", "shift=5,sleep=off"]
    lines = run(qemu, input=command + "\n", timeout=3600).replace("\r", "").splitlines()
    print("\n".join(["freertos:"] + lines))
    figures = re.match(r"(\d+) ms, in which control ran (\d+) times, at most (\d+) us late, and status had (\d+) turns",
                       lines[1] if len(lines) > 1 else "")
    if not figures:
        return ["freertos: there are no figures"]
    milliseconds, periods, late, turns = map(int, figures.groups())
    problems = []
    if lines[0] != want:
        problems.append(f"freertos: {lines[0]} instead of {want}")
    if abs(periods - milliseconds / 10) > 1:
        problems.append(f"freertos: control ran {periods} times in {milliseconds} ms")
    if late > 100:
        problems.append(f"freertos: control was {late} us late")
    if turns < 100:
        problems.append(f"freertos: status had {turns} turns")
    return problems


def compare_sizes(name, sizes, recorded):
    for what, bytes_now in sizes.items():
        before = recorded.get(name, {}).get(what)
        if before is None:
            yield f"{what} is not recorded: run with --record"
        elif abs(bytes_now - before) > TOLERANCE * before:
            yield f"{what} is {bytes_now} bytes, recorded {before}: more than 3 % apart; run with --record if that is intended"


def write_sizes(recorded):
    with open(SIZES + ".new", "w", encoding="utf-8") as file:
        json.dump(recorded, file, indent=1, sort_keys=True)
        file.write("\n")
    os.replace(SIZES + ".new", SIZES)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="of: " + ", ".join([*BOARDS, *LINUX]))
    parser.add_argument("--commands", type=int, default=10, help="how many commands each target answers (10)")
    parser.add_argument("--freertos", metavar="DIRECTORY", help="also examples/freertos, with the kernel in that folder")
    parser.add_argument("--record", action="store_true", help="writes the sizes of the targets that ran to sizes.json")
    parser.add_argument("--release", default=os.path.join("build", "release"), metavar="FOLDER",
                        help="the build for this machine; built if it is missing (build/release)")
    arguments = parser.parse_args()
    unknown = [t for t in arguments.targets if t not in BOARDS and t not in LINUX]
    if unknown:
        parser.error(f"no target is called {unknown[0]}; there are: " + ", ".join([*BOARDS, *LINUX]))
    if not 1 <= arguments.commands <= 300:
        parser.error(f"--commands is {arguments.commands}; it must be from 1 to 300")

    def say(text):
        if sys.stderr.isatty():
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    with open(COMMANDS, encoding="utf-8") as file:
        commands = [json.loads(line)["user"] for line in list(file)[:arguments.commands]]
    release = Release(arguments.release)
    if not release.exists():
        build(None, "release", arguments.release, "", ["chat", "lfm2_models"], say)
    want = chat(release, [release.chat], commands)
    if len(want) != len(commands):
        raise RuntimeError(f"this machine gave {len(want)} answers to {len(commands)} commands")
    recorded = {}
    if os.path.exists(SIZES):
        with open(SIZES, encoding="utf-8") as file:
            recorded = json.load(file)

    rows, problems = [], []
    for name in arguments.targets or [*BOARDS, *LINUX]:
        answers, row, sizes, found = (run_board if name in BOARDS else run_linux)(release, name, commands, say)
        problems += [f"{name}: {problem}" for problem in found]
        equal = sum(a == b for a, b in zip(answers, want)) if len(answers) == len(want) else 0
        if equal != len(want):
            problems.append(f"{name}: {equal} of {len(want)} answers are equal to this machine's")
            problems += [f"  here: {w}\n  there: {a}" for a, w in zip(answers, want) if a != w][:3]
        rows.append([name, f"{equal}/{len(want)} equal"] + row)
        if sizes is not None and arguments.record:
            recorded[name] = sizes
        elif sizes is not None:
            problems += [f"{name}: {problem}" for problem in compare_sizes(name, sizes, recorded)]
    if arguments.freertos:
        problems += check_freertos(release, arguments.freertos, commands[0], want[0], say)
    say("")
    widths = [max(len(str(row[i])) for row in [HEADS] + rows) for i in range(len(HEADS))]
    for row in [HEADS] + rows:
        print("  ".join(str(cell).ljust(width) if i < 2 else str(cell).rjust(width)
                        for i, (cell, width) in enumerate(zip(row, widths))))
    if arguments.record:
        write_sizes(recorded)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RuntimeError, ValueError, subprocess.TimeoutExpired) as error:
        print(f"test-targets: {error}", file=sys.stderr)
        sys.exit(1)
