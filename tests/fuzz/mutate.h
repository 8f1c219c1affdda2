// Random changes of an input, for the programs that run targets without libFuzzer.
#ifndef LFM2_TESTS_FUZZ_MUTATE_H_
#define LFM2_TESTS_FUZZ_MUTATE_H_

#include <string>
#include <vector>

#include "tests/fuzz/fuzz_target.h"
#include "tests/pack/tiny_gguf.h"

namespace lfm2::fuzz {

// One change: a bit, a byte, one of the target's words, bytes removed, or a part of `other` inserted. The result has at
// most the bytes that the target takes.
void Mutate(const Target& target, const std::vector<std::string>& words, const std::string& other,
            test::XorShift* random, std::string* bytes);

}  // namespace lfm2::fuzz

#endif  // LFM2_TESTS_FUZZ_MUTATE_H_
