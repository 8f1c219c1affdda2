"""The deepest stack of a program, by its call graph: GCC's -fcallgraph-info=su lists the frame and the calls of each
function.

    stack.py FILE.ci... [--root NAME]     prints the depth and the chain of calls

For a call through a pointer, INDIRECT lists the possible callees by the name of the caller: a driver, a kernel, a task
of the executor, a reader of experts, a sink, or a virtual function. Functions outside the graph (the C library's memcpy
and elementary functions) count UNKNOWN bytes. Recursion is an error.
"""
import argparse
import re
import sys

INDIRECT = [
    # Opening calls no kernel.
    (re.compile(r"Session8OpenWith"), re.compile(r"BindExperts|MemoryStorage|BlockStorage|BlockQueue")),
    (re.compile(r"BlockQueue"), re.compile(r"ReadVirtioBlocks|CBlockDevice\w*4Read")),
    # Functions of a C program that uses lfm2_c.h.
    (re.compile(r"CBlockDevice"), re.compile(r"(^|:)ReadBlocks$")),
    (re.compile(r"4CallIZ\d+lfm2_"), re.compile(r"(^|:)Print$")),
    # Writes the tools of a chat as its tokens.
    (re.compile(r"ToolList|CheckTools|RenderChat|EncodeChat"), re.compile(r"8SpellOne|FunctionRefIFvSt\w*4Call")),
    # Without an executor, as in the boards' programs, tasks are called directly: FunctionRef<void(uint32_t, uint32_t)>.
    (re.compile(r"FunctionRefIFvjj|UljjE\d*_cl"), re.compile(r"SimdKernels|KeepReadingExperts|ChooseFromCache")),
    (re.compile(r"ParallelFor|ParallelRanges"), re.compile(r"_FUN|FunctionRefIFvjj\w*4Call")),
    (re.compile(r"(^|:)_ZN4lfm2(14MoeFeedForward|7Session)"),
     re.compile(r"SimdKernels|BindExperts|KeepReadingExperts|ChooseFromCache|ComputeStreamed|FunctionRefIFvjj\w*4Call|"
                r"MemoryStorage|BlockStorage|BlockQueue")),
    (re.compile(r"KernelTable|7Session"), re.compile(r"SimdKernels|KeepReadingExperts|FunctionRefIFvjj\w*4Call")),
    (re.compile(r"Conversation"), re.compile(r"FunctionRefIFb\w*4Call|9MessageAt|6TextAt|GrammarConstraint.*_FUN")),
    (re.compile(r""), re.compile(r"MemoryStorage|BlockStorage|BlockQueue")),
]
UNKNOWN = 128


def read(paths):
    sizes, calls, dynamic = {}, {}, set()
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for line in file:
                node = re.match(r'node: \{ title: "([^"]+)" label: "(.*?)"', line)
                if node:
                    size = re.search(r"(\d+) bytes \((\w+)", node[2])
                    if size:
                        sizes[node[1]] = int(size[1])
                        if size[2] != "static":
                            dynamic.add(node[1])
                    continue
                edge = re.match(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"', line)
                if edge:
                    calls.setdefault(edge[1], set()).add(edge[2])
    return sizes, calls, dynamic


def deepest(paths, root):
    """(bytes, [(function, bytes)...]); raises ValueError for recursion and for frames of unknown size."""
    sizes, calls, dynamic = read(paths)
    known, active = {}, []

    def visit(name):
        if name in known:
            return known[name]
        if name in active:
            raise ValueError("recursion: " + " -> ".join(active[active.index(name):] + [name]))
        if name in dynamic:
            raise ValueError(f"{name} has a frame whose size depends on its arguments")
        active.append(name)
        callees = set(calls.get(name, ()))
        if "__indirect_call" in callees:
            callees.remove("__indirect_call")
            reached = next(names for callers, names in INDIRECT if callers.search(name))
            callees.update(other for other in sizes if reached.search(other) and other not in active)
        best, chain = 0, []
        for callee in sorted(callees):
            depth, below = visit(callee)
            if depth > best:
                best, chain = depth, below
        active.pop()
        own = sizes.get(name, UNKNOWN)
        known[name] = own + best, [(name, own)] + chain
        return known[name]

    roots = [name for name in sizes if name == root or name.endswith(":" + root)]
    if not roots:
        raise ValueError(f"there is no function {root}")
    return visit(roots[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--root", default="Main")
    arguments = parser.parse_args()
    try:
        depth, chain = deepest(arguments.files, arguments.root)
    except ValueError as error:
        print(f"stack.py: {error}", file=sys.stderr)
        return 1
    print(f"{depth} bytes")
    for name, own in chain:
        print(f"{own:6} {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
