#!/usr/bin/env python3
"""Writes programs/pack/codebook_tables.h: the codebooks of ggml's IQ types, from the gguf package that llama.cpp's authors
publish.

Usage: tools/generate/codebooks.py [--check]. Needs gguf (tools/get-deps --test installs it).
"""
import pathlib
import sys

import gguf.quants
import numpy as np

TARGET = pathlib.Path(__file__).resolve().parent.parent.parent / "programs/pack/codebook_tables.h"
# The levels of a type's entries in ascending order, and the bits of a level's index.
BOOKS = {"IQ2_XXS": ([8, 25, 43], 2), "IQ2_XS": ([8, 25, 43], 2), "IQ2_S": ([8, 25, 43], 2), "IQ1_S": ([-1, 0, 1], 2),
         "IQ3_XXS": ([4, 12, 20, 28, 36, 44, 52, 62], 3), "IQ3_S": ([1, 3, 5, 7, 9, 11, 13, 15], 3)}
HEAD = """// Written by tools/generate/codebooks.py: the codebooks of ggml's IQ types. An entry has the levels of its columns, the
// first in the lowest bits: eight levels of two bits, 0 to 2 for 8, 25 and 43 (of IQ1_S, which IQ1_M shares, for -1, 0
// and 1), or four of three bits, 0 to 7 for 4, 12, 20, 28, 36, 44, 52 and 62 (IQ3_XXS) or 1, 3, .. 15 (IQ3_S).
#ifndef LFM2_PROGRAMS_PACK_CODEBOOK_TABLES_H_
#define LFM2_PROGRAMS_PACK_CODEBOOK_TABLES_H_

#include <cstdint>

namespace lfm2::tools {
"""


def entries(name):
    levels, bits = BOOKS[name]
    book = getattr(gguf.quants, name)
    book.init_grid()
    numbers = np.searchsorted(levels, np.array(book.grid).reshape(book.grid.shape[-2:]))
    assert (np.array(levels)[numbers] == np.array(book.grid).reshape(numbers.shape)).all()
    return (numbers << bits * np.arange(numbers.shape[1])).sum(axis=1)


def text():
    out = [HEAD]
    for name in BOOKS:
        values = entries(name)
        assert len(set(values)) == len(values)
        out.append(f"\n// clang-format off\ninline constexpr uint16_t k{name}Entries[{len(values)}] = {{\n")
        for at in range(0, len(values), 16):
            out.append("  " + " ".join(f"{v}," for v in values[at:at + 16]) + "\n")
        out.append("};\n// clang-format on\n")
    out.append("\n}  // namespace lfm2::tools\n\n#endif  // LFM2_PROGRAMS_PACK_CODEBOOK_TABLES_H_\n")
    return "".join(out)


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        sys.exit(0 if TARGET.read_text() == text() else f"{TARGET} is not the output of this script")
    TARGET.write_text(text())
