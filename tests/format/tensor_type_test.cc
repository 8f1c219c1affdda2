// Every number of a tensor type that a file may have stands for a type with a name, a family and a geometry.
#include "lfm2/format/tensor_type.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace lfm2::test {

TEST_CASE("all types: blocks of whole groups, a family, and a name of their own") {
  std::set<std::string> names;
  for (uint32_t n = 0; n < kTensorTypes; ++n) {
    CAPTURE(n);
    const TensorType type = static_cast<TensorType>(n);
    CHECK(IsKnownTensorType(n));
    const TensorTypeTraits traits = TraitsOf(type);
    CHECK((traits.columns >= kGroupColumns && traits.columns <= 256 && traits.columns % kGroupColumns == 0));
    // 2.1 to 32 bits a weight.
    const uint32_t bits = 8 * traits.bytes * 16 / (kBlockRows * traits.columns);
    CHECK((bits > 2 * 16 && bits <= 32 * 16));
    CHECK(names.insert(NameOf(type)).second);
    CHECK(FamilyOf(FamilyOf(type)) == FamilyOf(type));
    CHECK(IsAffine(FamilyOf(type)) == IsAffine(type));
    // The first 32 types have a bit each in LFM2_TENSOR_TYPES, or share that of their family; affine types one for each
    // number of bits.
    const uint32_t family = static_cast<uint32_t>(FamilyOf(type));
    const uint32_t bit = family < 32 ? family : 32 + (family - 32) / 6;
    CHECK(IsCompiled(type) == ((uint64_t{LFM2_TENSOR_TYPES} >> bit & 1) != 0));
    if (IsAffine(type)) CHECK(AffineTypeOf(AffineShapeOf(type)) == type);
    CHECK(MatrixBytes(type, 17, 2 * traits.columns) == 4 * uint64_t{traits.bytes});
  }
  CHECK(names.count("unknown") == 0);
  CHECK(!IsKnownTensorType(kTensorTypes));
}

// Sizes of ggml's blocks, of which a block here has those of 16 rows.
TEST_CASE("types of GGUF files take as many bytes as in these files, or as their integers unpacked") {
  const struct {
    TensorType type;
    uint32_t columns, bytes;
  } same[] = {{TensorType::kF32, 32, 128},   {TensorType::kF16, 32, 64},    {TensorType::kBF16, 32, 64},
              {TensorType::kQ4_0, 32, 18},   {TensorType::kQ4_1, 32, 20},   {TensorType::kQ5_0, 32, 22},
              {TensorType::kQ5_1, 32, 24},   {TensorType::kQ8_0, 32, 34},   {TensorType::kQ2_K, 256, 84},
              {TensorType::kQ3_K, 256, 110}, {TensorType::kQ4_K, 256, 144}, {TensorType::kQ5_K, 256, 176},
              {TensorType::kQ6_K, 256, 210}, {TensorType::kIQ4_NL, 32, 18}, {TensorType::kIQ4_XS, 256, 136},
              {TensorType::kMxfp4, 32, 17}};
  for (const auto& t : same) {
    CAPTURE(NameOf(t.type));
    CHECK((TraitsOf(t.type).columns == t.columns && TraitsOf(t.type).bytes == kBlockRows * t.bytes));
  }
}

}  // namespace lfm2::test
