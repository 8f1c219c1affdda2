"""stack.py on graphs whose depth is known: it adds up frames, follows pointers, and refuses graphs without a depth.
Also tests the names that no object of a board may call."""
import os
import sys
import tempfile

import stack
import targets


def graph(functions, calls):
    lines = [f'node: {{ title: "{name}" label: "{name}\\nfile.cc:1:1\\n{size} bytes ({kind})" }}'
             for name, size, kind in functions]
    lines += [f'edge: {{ sourcename: "{caller}" targetname: "{callee}" }}' for caller, callee in calls]
    return "\n".join(lines) + "\n"


def depth_of(functions, calls):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "graph.ci")
        with open(path, "w", encoding="utf-8") as file:
            file.write(graph(functions, calls))
        try:
            return stack.deepest([path], "Main")[0]
        except ValueError as error:
            return str(error)


def main():
    plain = [("Main", 100, "static"), ("file.cc:A", 40, "static"), ("B", 60, "static"), ("C", 8, "static")]
    cases = [
        ("the deepest of two ways", 168, plain, [("Main", "file.cc:A"), ("Main", "B"), ("B", "C"), ("file.cc:A", "C")]),
        ("a function of the C library", 100 + stack.UNKNOWN, plain, [("Main", "memcpy")]),
        ("a driver behind a function pointer", 100 + 30 + 500,
         plain + [("BlockQueue::Submit", 30, "static"), ("ReadVirtioBlocks", 500, "static")],
         [("Main", "BlockQueue::Submit"), ("BlockQueue::Submit", "__indirect_call")]),
        ("a kernel", 100 + 20 + 700, plain + [("f(KernelTable)", 20, "static"), ("SimdKernels::MatMul", 700, "static")],
         [("Main", "f(KernelTable)"), ("f(KernelTable)", "__indirect_call")]),
        ("a reader of experts", 100 + 20 + 800,
         plain + [("_ZN4lfm214MoeFeedForward", 20, "static"), ("ComputeStreamed", 800, "static")],
         [("Main", "_ZN4lfm214MoeFeedForward"), ("_ZN4lfm214MoeFeedForward", "__indirect_call")]),
        ("a sink", 100 + 20 + 300, plain + [("Conversation::Emit", 20, "static"), ("FunctionRefIFbE4Call", 300, "static")],
         [("Main", "Conversation::Emit"), ("Conversation::Emit", "__indirect_call")]),
        ("a task, and the kernel that it calls", 100 + 16 + 40 + 700,
         plain + [("_ZN4lfm214ParallelRanges", 16, "static"),
                  ("_ZN4lfm211FunctionRefIFvjjEE4CallIZNS_9PackInputERKNS_11KernelTable", 40, "static"),
                  ("SimdKernels::PackPanel", 700, "static")],
         [("Main", "_ZN4lfm214ParallelRanges"), ("_ZN4lfm214ParallelRanges", "__indirect_call"),
          ("_ZN4lfm211FunctionRefIFvjjEE4CallIZNS_9PackInputERKNS_11KernelTable", "__indirect_call")]),
        ("a tool of a chat", 100 + 16 + 24 + 300,
         plain + [("_ZN4lfm210EncodeChat", 16, "static"), ("_ZN4lfm28ToolList8SpellOneE", 24, "static"),
                  ("_ZN4lfm211FunctionRefIFvSt17basic_string_viewEE4CallI", 300, "static")],
         [("Main", "_ZN4lfm210EncodeChat"), ("_ZN4lfm210EncodeChat", "__indirect_call"),
          ("_ZN4lfm28ToolList8SpellOneE", "__indirect_call")]),
        ("a virtual function", 100 + 24, plain + [("MemoryStorage::Map", 24, "static")], [("Main", "__indirect_call")]),
        ("recursion", "recursion: Main -> B -> Main", plain, [("Main", "B"), ("B", "Main")]),
        ("a frame of any size", "D has a frame whose size depends on its arguments", plain + [("D", 16, "dynamic")],
         [("Main", "D")]),
        ("no such program", "there is no function Main", [("Other", 1, "static")], []),
    ]
    failed = 0
    for what, want, functions, calls in cases:
        got = depth_of(functions, calls)
        if got != want:
            print(f"{what}: {got} instead of {want}")
            failed += 1
    for name in ("malloc", "_Znwj", "_ZdlPvj", "__cxa_guard_acquire", "__aeabi_dmul", "__aeabi_f2d", "__adddf3", "__extendsfdf2"):
        if not targets.FORBIDDEN.match(name):
            print(f"{name} is let through")
            failed += 1
    for name in ("memcpy", "expf", "__aeabi_ldivmod", "__aeabi_uldivmod", "__udivdi3", "_Z5Ticksv", "_ZN4lfm25ImageC1Ev"):
        if targets.FORBIDDEN.match(name):
            print(f"{name} is refused")
            failed += 1
    print(f"{len(cases) - failed} of {len(cases)} graphs judged right")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
