// Every field of a GGUF file at hostile values: counts, lengths, types, dimensions and offsets. A value that is
// believed costs memory or reads beyond the file; one that is refused without its name costs the user an hour. One
// assertion for each file: `pack_test -tc="malformed GGUF*"` prints how many there are.
#include <doctest/doctest.h>

#include <initializer_list>

#include "programs/files/byte_source.h"
#include "programs/pack/gguf_source.h"
#include "programs/pack/packer.h"
#include "tests/pack/tiny_gguf.h"

namespace lfm2::test {
namespace {

using tools::Error;
using tools::GgufSource;
using tools::MemorySource;

constexpr uint64_t kNegative = UINT64_MAX;  // -1, read as unsigned

// A number of the file, and what a refusal of it has to name.
struct GgufField {
  enum class Kind { kKeyLength, kType, kCount, kTextLength, kNameLength, kDims, kDim, kTensorType, kOffset };
  Kind kind;
  size_t at;
  size_t bytes;
  std::string name;
};

// All of a file that TinyGguf made, by its own walk over the layout.
std::vector<GgufField> FieldsOf(const TinyGguf& file) {
  using Kind = GgufField::Kind;
  std::vector<GgufField> fields;
  size_t at = 24;
  const auto field = [&](Kind kind, size_t bytes, const std::string& name) {
    fields.push_back({kind, at, bytes, name});
    at += bytes;
  };
  for (const auto& [key, typed] : file.pairs) {
    const size_t value = at + 8 + key.size();
    field(Kind::kKeyLength, 8, "key");
    at = value;
    field(Kind::kType, 4, key);
    uint32_t type = LoadAs<uint32_t>(typed.data());
    if (type == kGgufArray) {
      type = LoadAs<uint32_t>(typed.data() + 4);
      field(Kind::kType, 4, key);
      field(Kind::kCount, 8, key);
    }
    if (type == kGgufString) field(Kind::kTextLength, 8, key);  // of an array the first
    at = value + typed.size();
  }
  for (const TinyTensor& t : file.tensors) {
    field(Kind::kNameLength, 8, "name");
    at += t.name.size();
    field(Kind::kDims, 4, t.name);
    for (size_t d = 0; d < t.dims.size(); ++d) field(Kind::kDim, 8, t.name);
    field(Kind::kTensorType, 4, t.name);
    field(Kind::kOffset, 8, t.name);
  }
  return fields;
}

std::vector<uint64_t> HostileValues(GgufField::Kind kind, uint64_t good, uint64_t file_bytes) {
  using Kind = GgufField::Kind;
  const uint64_t beyond = file_bytes + 1, half = uint64_t{1} << 63;
  switch (kind) {
    case Kind::kKeyLength: return {0, 1025, beyond, uint64_t{1} << 32, half, kNegative};
    case Kind::kNameLength: return {1025, beyond, uint64_t{1} << 32, half, kNegative};
    case Kind::kType: return {13, 14, 255, 0x80000000u, UINT32_MAX};
    case Kind::kCount:
      return {(1u << 23) + 1, uint64_t{1} << 32, uint64_t{1} << 61, uint64_t{1} << 62, half, kNegative};
    case Kind::kTextLength: return {(1u << 24) + 1, beyond, uint64_t{1} << 32, half, kNegative - 7, kNegative};
    case Kind::kDims: return {0, 5, 8, 255, 0x80000000u, UINT32_MAX};
    // Products of these wrap in 64 bits, in elements or in bytes.
    case Kind::kDim:
      return {0, uint64_t{1} << 32, uint64_t{1} << 60, uint64_t{1} << 62, half, kNegative - 31, kNegative};
    // Numbers that were given up, that are not given out, and those of types that no weights have.
    case Kind::kTensorType: return {4, 5, 31, 33, 36, 38, 43, 255, 0x80000000u, UINT32_MAX, 9, 15, 24, 26, 28};
    case Kind::kOffset: return {good + 1, good + 31, RoundUp<uint64_t>(beyond, 32), half, kNegative - 31, kNegative};
  }
  return {};
}

Error OpenError(const std::string& bytes) {
  const MemorySource source(bytes);
  GgufSource gguf;
  return gguf.Open({&source}, {});
}

void CheckNamed(const std::string& bytes, const std::string& name, const std::string& what) {
  const std::string text = OpenError(bytes).text();
  const bool is_sentence = text.size() > 10 && text.size() < 1000 && text.find('\n') == std::string::npos;
  CHECK_MESSAGE((is_sentence && text.find(name) != std::string::npos), what << ", got: " << text);
}

std::string Patched(std::string bytes, size_t at, size_t size, uint64_t value) {
  std::memcpy(&bytes[at], &value, size);
  return bytes;
}

std::vector<TinyGguf> GoodFiles() {
  TinyOptions dense;
  dense.moe = false;
  dense.untied = true;
  return {MakeTinyGguf(TinyOptions()), MakeTinyGguf(dense)};
}

std::string ArchitectureOf(const TinyGguf& file) {
  return file.pairs[0].second.size() > 12 + 4 ? "lfm2moe" : "lfm2";  // a type and a length are before it
}

std::string Number(uint32_t type, uint64_t value) {
  const size_t bytes = type == kGgufU64 || type == 11 ? 8 : 4;
  return Raw(type) + Raw(value).substr(0, bytes);
}

}  // namespace

TEST_CASE("malformed GGUF: every number of the header") {
  for (const TinyGguf& file : GoodFiles()) {
    const std::string good = file.Bytes();
    REQUIRE(OpenError(good).ok());
    for (const char* magic : {"GGML", "gguf", "GGUE", "FUGG", "ggjt"})
      CheckNamed(magic + good.substr(4), "GGUF", magic);
    for (const uint32_t version : {0u, 1u, 4u, 0x7fffffffu, 0xffffffffu}) {
      CheckNamed(Patched(good, 4, 4, version), "version", std::to_string(version));
    }
    for (const uint32_t version : {0x01000000u, 0x03000000u}) {
      CheckNamed(Patched(good, 4, 4, version), "big-endian", std::to_string(version));
    }
    for (const uint64_t count : {uint64_t{65537}, uint64_t{1} << 32, uint64_t{1} << 60, uint64_t{1} << 63, kNegative}) {
      CheckNamed(Patched(good, 8, 8, count), "tensors", std::to_string(count));
      CheckNamed(Patched(good, 16, 8, count), "keys", std::to_string(count));
    }
    for (size_t size = 0; size < 24; ++size) CheckNamed(good.substr(0, size), "file", "cut to " + std::to_string(size));
  }
}

TEST_CASE("malformed GGUF: every length, type, count, dimension and offset") {
  for (const TinyGguf& file : GoodFiles()) {
    const std::string good = file.Bytes();
    for (const GgufField& field : FieldsOf(file)) {
      uint64_t now = 0;
      std::memcpy(&now, good.data() + field.at, field.bytes);
      for (const uint64_t value : HostileValues(field.kind, now, good.size())) {
        CheckNamed(Patched(good, field.at, field.bytes, value), field.name,
                   field.name + " at byte " + std::to_string(field.at) + " is " + std::to_string(value));
      }
    }
  }
}

TEST_CASE("malformed GGUF: every key and every tensor twice, and every tensor where another one is") {
  for (const TinyGguf& file : GoodFiles()) {
    for (const auto& pair : file.pairs) {
      TinyGguf twice = file;
      twice.pairs.push_back(pair);
      CheckNamed(twice.Bytes(), pair.first, "twice");
    }
    for (const TinyTensor& t : file.tensors) {
      TinyGguf twice = file;
      twice.tensors.push_back(t);
      CheckNamed(twice.Bytes(), t.name, "twice");
    }
    const std::string good = file.Bytes();
    uint64_t first = 0;
    for (const GgufField& field : FieldsOf(file)) {
      if (field.kind != GgufField::Kind::kOffset) continue;
      if (field.name != file.tensors[0].name) CheckNamed(Patched(good, field.at, 8, first), field.name, "overlaps");
    }
  }
}

TEST_CASE("malformed GGUF: every key of the model missing, of another kind, negative, and too large") {
  for (const TinyGguf& file : GoodFiles()) {
    const std::string architecture = ArchitectureOf(file) + ".";
    for (const auto& pair : file.pairs) {
      const std::string& key = pair.first;
      const uint32_t type = LoadAs<uint32_t>(pair.second.data());
      if (key == "general.name" || key == architecture + "vocab_size") continue;  // another kind of text, no number
      const auto with = [&](const std::string& typed, const char* what) {
        TinyGguf changed = file;
        changed.Set(key, typed);
        CheckNamed(changed.Bytes(), key, key + ": " + what);
      };
      const bool is_optional =
          key.find("token_id") != std::string::npos || key == architecture + "expert_gating_func" ||
          key == architecture + "feed_forward_length" || key == architecture + "attention.key_length" ||
          key == architecture + "leading_dense_block_count";
      if (!is_optional) {
        TinyGguf changed = file;
        changed.Remove(key);
        CheckNamed(changed.Bytes(), key, key + ": missing");
      }
      with(Raw(uint32_t{kGgufArray}) + Raw(uint32_t{kGgufArray}) + Raw(uint64_t{0}), "a list of lists");
      with(Raw(uint32_t{kGgufArray}) + Raw(uint32_t{kGgufU32}) + Raw(uint64_t{0}), "an empty list");
      if (type != kGgufString) with(Raw(uint32_t{kGgufString}) + GgufText("7"), "a text");
      if (type != kGgufF32) with(Number(kGgufF32, 0x7fc00000u), "not a number");
      if (type == kGgufU32) {
        with(Number(kGgufI32, kNegative), "-1");
        with(Number(11, kNegative), "-1 in 64 bits");
        with(Number(kGgufU64, uint64_t{1} << 32), "2^32");
        with(Number(kGgufU64, kNegative), "2^64 - 1");
      }
      if (type == kGgufF32 || type == kGgufString) with(Number(kGgufU32, 7), "a whole number");
    }
  }
}

TEST_CASE("malformed GGUF: sizes of the model that no model has, and tokens that are not in the vocabulary") {
  struct Row {
    const char* key;
    const char* named;  // by the key, or the field of the config that it becomes
    std::initializer_list<uint32_t> values;
  };
  const Row rows[] = {
      {"block_count", "block_count", {0, 129, 0x80000000u, UINT32_MAX}},
      {"context_length", "context_length", {0, (1u << 24) + 1, UINT32_MAX}},
      {"embedding_length", "hidden_size", {0, 31, 33, (1u << 16) + 32, UINT32_MAX}},
      {"attention.head_count", "head", {0, 257, UINT32_MAX}},
      {"attention.head_count_kv", "kv_heads", {257, UINT32_MAX}},
      {"attention.key_length", "head_dim", {0, 31, 33, 288, UINT32_MAX}},
      {"shortconv.l_cache", "conv_kernel", {0, 1, 9, UINT32_MAX}},
      {"expert_count", "experts", {0, 1025, UINT32_MAX}},
      {"expert_used_count", "experts_per_token", {0, 4, UINT32_MAX}},
      {"expert_feed_forward_length", "expert_ff_size", {0, 31, (1u << 18) + 32, UINT32_MAX}},
      {"leading_dense_block_count", "dense_layers", {4, UINT32_MAX}},
      {"expert_gating_func", "expert_gating_func", {0, 1, 3, UINT32_MAX}},
      {"vocab_size", "vocab_size", {0, 1, kTinyVocab + 1, UINT32_MAX}},
      {"expert_weights_norm", "expert_weights_norm", {0, 2, UINT32_MAX}},
      {"expert_shared_count", "expert_shared_count", {1, UINT32_MAX}},
      {"attention.value_length", "value_length", {0, 31, 64, UINT32_MAX}},
      {"rope.dimension_count", "dimension_count", {0, 16, UINT32_MAX}},
      {"attention.sliding_window", "sliding_window", {1, UINT32_MAX}},
      {"pooling_type", "pooling_type", {1, UINT32_MAX}},
  };
  const TinyGguf file = GoodFiles()[0];
  for (const Row& row : rows) {
    for (const uint32_t value : row.values) {
      TinyGguf changed = file;
      changed.SetU32(std::string("lfm2moe.") + row.key, value);
      CheckNamed(changed.Bytes(), row.named, std::string(row.key) + " is " + std::to_string(value));
    }
  }
  for (const char* key : {"bos", "eos", "padding", "eot", "eom"}) {
    for (const uint32_t id : {kTinyVocab, 0x7fffffffu, 0x80000000u, UINT32_MAX}) {
      TinyGguf changed = file;
      const std::string name = std::string("tokenizer.ggml.") + key + "_token_id";
      changed.SetU32(name, id);
      CheckNamed(changed.Bytes(), name, std::to_string(id));
    }
  }
  for (const uint32_t bits : {0x7fc00000u, 0xffc00000u, 0x7f800000u, 0xff800000u, 0xbf800000u, 0x7f7fffffu}) {
    for (const auto& [key, named] : {std::pair<const char*, const char*>{"rope.freq_base", "rope_theta"},
                                     {"attention.layer_norm_rms_epsilon", "norm_eps"},
                                     {"expert_weights_scale", "routed_scaling_factor"}}) {
      TinyGguf changed = file;
      changed.Set(std::string("lfm2moe.") + key, Number(kGgufF32, bits));
      CheckNamed(changed.Bytes(), named, std::string(key) + " of bits " + std::to_string(bits));
    }
  }
}

TEST_CASE("malformed GGUF: the inputs of vulnerabilities that were published of other readers") {
  using Kind = GgufField::Kind;
  const TinyGguf file = GoodFiles()[0];
  const std::string good = file.Bytes();
  const auto fields = FieldsOf(file);
  // The first field of a kind, or that of a key or tensor, with another value.
  const auto with = [&](Kind kind, const std::string& name, uint64_t value) {
    for (const GgufField& field : fields) {
      if (field.kind == kind && (name.empty() || field.name == name))
        return Patched(good, field.at, field.bytes, value);
    }
    return good;
  };
  const auto set = [&](const std::string& key, const std::string& typed) {
    TinyGguf changed = file;
    changed.Set(key, typed);
    return changed.Bytes();
  };
  const auto shaped = [&](const std::string& name, const std::vector<uint64_t>& dims) {
    TinyGguf changed = file;
    changed.Tensor(name)->dims = dims;
    return changed.Bytes();
  };
  TinyGguf one_token = file, hostile_template = file, many = file;
  one_token.SetTexts("tokenizer.ggml.tokens", {"<unk>"});
  hostile_template.SetText("tokenizer.chat_template",
                           "{{ self.__init__.__globals__.__builtins__.__import__('os').popen('id').read() }}");
  // Each size fits 64 bits, and their sum does not.
  for (TinyTensor& t : many.tensors) t.dims = {uint64_t{1} << 61};
  const std::string output = "blk.0.shortconv.out_proj.weight", tokens = "tokenizer.ggml.tokens";
  const auto list = [](const std::string& elements) { return Raw(uint32_t{kGgufArray}) + elements; };
  std::string nested;
  for (int i = 0; i < 100000; ++i) nested += Raw(uint32_t{kGgufArray}) + Raw(uint64_t{1});

  CheckNamed(Patched(good, 16, 8, UINT32_MAX), "keys", "CVE-2024-23605");
  CheckNamed(Patched(good, 8, 8, UINT32_MAX), "tensors", "CVE-2024-21836");
  CheckNamed(Patched(good, 8, 8, 0x1d1d1d1d1d1d1d1du), "tensors", "CVE-2024-21836: the count times 88 wraps");
  CheckNamed(with(Kind::kKeyLength, "", 0x80000000u), "key", "CVE-2024-23496");
  CheckNamed(with(Kind::kKeyLength, "", kNegative), "key", "CVE-2024-23496: the length and a zero byte wrap");
  CheckNamed(with(Kind::kCount, tokens, uint64_t{1} << 61), tokens, "CVE-2024-21825");
  CheckNamed(with(Kind::kDims, output, 255), output, "CVE-2024-21802");
  CheckNamed(with(Kind::kTextLength, tokens, 0x80000001u), tokens, "CVE-2025-49847");
  CheckNamed(many.Bytes(), "token_embd.weight", "CVE-2025-53630, CVE-2026-27940");
  CheckNamed(shaped(output, {uint64_t{1} << 32, uint64_t{1} << 32}), output, "CVE-2026-33298: the product wraps to 0");
  CheckNamed(shaped(output, {uint64_t{1} << 32, uint64_t{1} << 31}), output, "CVE-2026-33298: in bytes");
  CheckNamed(good.substr(0, good.size() - 64), file.tensors.back().name, "CVE-2026-7482");
  CheckNamed(with(Kind::kOffset, output, good.size() * 32), output, "CVE-2026-7482");
  CheckNamed(one_token.Bytes(), tokens, "GHSA-g4cc-763q-h9h6");
  CheckNamed(set("general.alignment", Number(kGgufU32, 0)), "general.alignment", "CVE-2025-0317, CVE-2024-12055");
  CheckNamed(set("general.alignment", Number(kGgufU32, 1u << 30)), "general.alignment", "ggml-org/ggml#1516");
  CheckNamed(set("general.alignment", Raw(uint32_t{kGgufString}) + GgufText("32")), "general.alignment",
             "ggml-org/llama.cpp#26318");
  CheckNamed(set("lfm2moe.block_count", Number(kGgufU32, 0)), "block_count", "CVE-2024-8063");
  CheckNamed(set("lfm2moe.block_count", Raw(uint32_t{kGgufString}) + GgufText("x")), "block_count", "CVE-2024-8063");
  CheckNamed(with(Kind::kDim, output, 0), output, "CVE-2025-0312");
  CheckNamed(with(Kind::kDim, output, uint64_t{1} << 62), output, "CVE-2025-0315");
  CheckNamed("GGUF", "file", "CVE-2024-39720");
  CheckNamed(set(tokens, list(nested)), tokens, "huggingface/huggingface.js#2028: arrays in arrays");
  CheckNamed(with(Kind::kDims, output, UINT32_MAX), output, "huggingface/huggingface.js#2028: dimensions");
  CheckNamed(with(Kind::kTextLength, "general.name", kNegative), "general.name", "ollama/ollama#17042");
  CheckNamed(with(Kind::kType, "general.name", 256), "general.name", "cdxgen/cdxgen#4119");
  CheckNamed(hostile_template.Bytes(), "chat template", "CVE-2024-34359, CVE-2026-5760");
}

}  // namespace lfm2::test
