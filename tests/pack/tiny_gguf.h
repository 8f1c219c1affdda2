// Makes GGUF files of tiny LFM2 models with random weights, of any mix of types and with any defect a test wants.
#ifndef LFM2_TESTS_PACK_TINY_GGUF_H_
#define LFM2_TESTS_PACK_TINY_GGUF_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "programs/pack/gguf_reader.h"

namespace lfm2::test {

// Numbers of the GGUF specification.
enum : uint32_t {
  kGgufU32 = 4,
  kGgufI32 = 5,
  kGgufF32 = 6,
  kGgufBool = 7,
  kGgufString = 8,
  kGgufArray = 9,
  kGgufU64 = 10
};
enum : uint32_t {
  kGgmlF32 = 0,
  kGgmlF16 = 1,
  kGgmlQ4_0 = 2,
  kGgmlQ4_1 = 3,
  kGgmlQ5_0 = 6,
  kGgmlQ5_1 = 7,
  kGgmlQ8_0 = 8,
  kGgmlQ8_1 = 9,
  kGgmlQ2_K = 10,
  kGgmlQ3_K = 11,
  kGgmlQ4_K = 12,
  kGgmlQ5_K = 13,
  kGgmlQ6_K = 14,
  kGgmlIQ2_XXS = 16,
  kGgmlIQ2_XS = 17,
  kGgmlIQ3_XXS = 18,
  kGgmlIQ1_S = 19,
  kGgmlIQ4_NL = 20,
  kGgmlIQ3_S = 21,
  kGgmlIQ2_S = 22,
  kGgmlIQ4_XS = 23,
  kGgmlIQ1_M = 29,
  kGgmlBF16 = 30,
  kGgmlTQ1_0 = 34,
  kGgmlTQ2_0 = 35,
  kGgmlMxfp4 = 39,
  kGgmlNvfp4 = 40,
  kGgmlQ1_0 = 41,
  kGgmlQ2_0 = 42,
};
// The types below four bits and the others that go through a LowBitRow.
inline constexpr uint32_t kGgmlLowBitTypes[] = {kGgmlQ2_K,  kGgmlQ3_K,  kGgmlIQ2_XXS, kGgmlIQ2_XS, kGgmlIQ3_XXS,
                                                kGgmlIQ1_S, kGgmlIQ3_S, kGgmlIQ2_S,   kGgmlIQ4_XS, kGgmlIQ1_M,
                                                kGgmlTQ1_0, kGgmlTQ2_0, kGgmlNvfp4,   kGgmlQ1_0,   kGgmlQ2_0};
// Whether rows of this type have to be multiples of more than 32 columns, for which 256 will do.
inline bool IsOf256(uint32_t type) {
  if (type >= kGgmlQ4_K && type <= kGgmlQ6_K) return true;
  return std::find(std::begin(kGgmlLowBitTypes), std::end(kGgmlLowBitTypes), type) != std::end(kGgmlLowBitTypes);
}

template <class T>
std::string Raw(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
}
inline std::string GgufText(const std::string& text) { return Raw(uint64_t{text.size()}) + text; }

// A small generator of its own, so that files are the same everywhere.
class XorShift {
 public:
  explicit XorShift(uint64_t seed) : state_(seed * 2654435761u + 88172645463325252u) {}
  uint64_t Next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }
  // 0 .. n - 1.
  uint64_t Below(uint64_t n) { return Next() % n; }

 private:
  uint64_t state_;
};

struct TinyTensor {
  std::string name;
  std::vector<uint64_t> dims;  // the fastest first
  uint32_t type;
  std::string data;
};

// The parts of a file, to be changed before they are joined.
struct TinyGguf {
  uint32_t version = 3;
  std::vector<std::pair<std::string, std::string>> pairs;  // key, and its type and value as they stand in the file
  std::vector<TinyTensor> tensors;

  void Set(const std::string& key, const std::string& typed) {
    for (auto& pair : pairs) {
      if (pair.first == key) {
        pair.second = typed;
        return;
      }
    }
    pairs.emplace_back(key, typed);
  }
  void Remove(const std::string& key) {
    for (size_t i = 0; i < pairs.size(); ++i) {
      if (pairs[i].first == key) pairs.erase(pairs.begin() + static_cast<std::ptrdiff_t>(i--));
    }
  }
  void SetU32(const std::string& key, uint32_t v) { Set(key, Raw(uint32_t{kGgufU32}) + Raw(v)); }
  void SetF32(const std::string& key, float v) { Set(key, Raw(uint32_t{kGgufF32}) + Raw(v)); }
  void SetText(const std::string& key, const std::string& v) { Set(key, Raw(uint32_t{kGgufString}) + GgufText(v)); }
  void SetI32s(const std::string& key, const std::vector<int32_t>& v) {
    std::string bytes = Raw(uint32_t{kGgufArray}) + Raw(uint32_t{kGgufI32}) + Raw(uint64_t{v.size()});
    for (const int32_t n : v) bytes += Raw(n);
    Set(key, bytes);
  }
  void SetTexts(const std::string& key, const std::vector<std::string>& v) {
    std::string bytes = Raw(uint32_t{kGgufArray}) + Raw(uint32_t{kGgufString}) + Raw(uint64_t{v.size()});
    for (const std::string& s : v) bytes += GgufText(s);
    Set(key, bytes);
  }
  TinyTensor* Tensor(const std::string& name) {
    for (TinyTensor& t : tensors) {
      if (t.name == name) return &t;
    }
    return nullptr;
  }

  std::string Bytes() const {
    std::string out = "GGUF" + Raw(version) + Raw(uint64_t{tensors.size()}) + Raw(uint64_t{pairs.size()});
    for (const auto& pair : pairs) out += GgufText(pair.first) + pair.second;
    uint64_t offset = 0;
    for (const TinyTensor& t : tensors) {
      out += GgufText(t.name) + Raw(static_cast<uint32_t>(t.dims.size()));
      for (const uint64_t d : t.dims) out += Raw(d);
      out += Raw(t.type) + Raw(offset);
      offset = (offset + t.data.size() + 31) / 32 * 32;
    }
    for (const TinyTensor& t : tensors) {
      out.resize((out.size() + 31) / 32 * 32);
      out += t.data;
    }
    return out;
  }
};

struct TinyOptions {
  bool moe = true;
  bool untied = false;
  uint32_t hidden = 32;  // a multiple of 32, of 256 for K-quants
  uint32_t expert_ff = 32;
  uint32_t matrix = kGgmlQ4_0;  // ggml type of matrices
  uint32_t embedding = kGgmlQ8_0;
  uint32_t vector = kGgmlF32;  // F32, F16 or BF16
  uint64_t seed = 1;
};

inline constexpr uint32_t kTinyLayers = 3, kTinyDense = 1, kTinyExperts = 3, kTinyHeads = 2, kTinyKvHeads = 1,
                          kTinyTaps = 3, kTinyFf = 64;

// Random bits, with scales that are ordinary numbers so that a value has one representation.
inline std::string RandomRow(uint32_t type, uint32_t cols, XorShift* random) {
  std::string row;
  const auto byte = [random] { return static_cast<char>(random->Next() >> 20); };
  const auto half = [random] { return Raw(static_cast<uint16_t>(0x1800u + random->Below(0x2000))); };
  const auto bytes = [&](size_t n) {
    for (size_t i = 0; i < n; ++i) row += byte();
  };
  for (uint32_t c = 0; c < cols;) {
    if (std::find(std::begin(kGgmlLowBitTypes), std::end(kGgmlLowBitTypes), type) != std::end(kGgmlLowBitTypes)) {
      const tools::GgmlTypeInfo* const info = tools::FindGgmlType(type);
      bytes(info->block_bytes), c += info->block_values;
      continue;
    }
    switch (type) {
      case kGgmlF32:
        row += Raw(static_cast<float>(static_cast<int>(random->Below(20001)) - 10000) / 7919.0f), c += 1;
        break;
      case kGgmlF16: row += half(), c += 1; break;
      case kGgmlBF16: row += Raw(static_cast<uint16_t>(0x3e00u + random->Below(0x0200))), c += 1; break;
      case kGgmlQ4_0: row += half(), bytes(16), c += 32; break;
      case kGgmlQ8_0: row += half(), bytes(32), c += 32; break;
      case kGgmlIQ4_NL: row += half(), bytes(16), c += 32; break;
      case kGgmlQ4_1: row += half() + half(), bytes(16), c += 32; break;
      case kGgmlQ5_0: row += half(), bytes(20), c += 32; break;
      case kGgmlQ5_1: row += half() + half(), bytes(20), c += 32; break;
      case kGgmlMxfp4: row += static_cast<char>(116 + random->Below(8)), bytes(16), c += 32; break;
      case kGgmlQ4_K: row += half() + half(), bytes(140), c += 256; break;
      case kGgmlQ5_K: row += half() + half(), bytes(172), c += 256; break;
      default: bytes(208), row += half(), c += 256; break;  // Q6_K
    }
  }
  return row;
}

// Byte-level spelling: printable bytes are themselves, the others follow from U+0100 on.
inline std::vector<std::string> ByteSpellings() {
  std::vector<std::string> spelled;
  uint32_t next = 0x100;
  for (uint32_t b = 0; b < 256; ++b) {
    const bool printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
    const uint32_t code = printable ? b : next++;
    spelled.push_back(code < 0x80
                          ? std::string(1, static_cast<char>(code))
                          : std::string{static_cast<char>(0xc0 | code >> 6), static_cast<char>(0x80 | (code & 63))});
  }
  return spelled;
}

inline void AddTokenizer(TinyGguf* file) {
  std::vector<std::string> tokens = {"<|pad|>", "<|startoftext|>", "<|endoftext|>", "<|im_start|>", "<|im_end|>"};
  std::vector<int32_t> types(tokens.size(), 3);
  for (const std::string& s : ByteSpellings()) tokens.push_back(s);
  tokens.push_back("ab");
  tokens.push_back("abc");
  types.resize(tokens.size(), 1);
  file->SetText("tokenizer.ggml.model", "gpt2");
  file->SetText("tokenizer.ggml.pre", "lfm2");
  file->SetTexts("tokenizer.ggml.tokens", tokens);
  file->SetI32s("tokenizer.ggml.token_type", types);
  file->SetTexts("tokenizer.ggml.merges", {"a b", "ab c"});
  file->SetU32("tokenizer.ggml.bos_token_id", 1);
  file->SetU32("tokenizer.ggml.eos_token_id", 4);
  file->SetU32("tokenizer.ggml.padding_token_id", 0);
}
inline constexpr uint32_t kTinyVocab = 5 + 256 + 2;

inline TinyGguf MakeTinyGguf(const TinyOptions& o) {
  XorShift random(o.seed);
  TinyGguf file;
  const std::string arch = o.moe ? "lfm2moe" : "lfm2", a = arch + ".";
  const uint32_t dense = o.moe ? kTinyDense : kTinyLayers, head_dim = 32;
  file.SetText("general.architecture", arch);
  file.SetText("general.name", "tiny");
  file.SetU32(a + "block_count", kTinyLayers);
  file.SetU32(a + "context_length", 128);
  file.SetU32(a + "embedding_length", o.hidden);
  file.SetU32(a + "feed_forward_length", IsOf256(o.matrix) ? 256 : kTinyFf);
  file.SetU32(a + "attention.head_count", kTinyHeads);
  file.SetU32(a + "attention.key_length", o.hidden == 32 ? head_dim : o.hidden / kTinyHeads);
  file.SetI32s(a + "attention.head_count_kv", {0, kTinyKvHeads, 0});
  file.SetF32(a + "attention.layer_norm_rms_epsilon", 1e-5f);
  file.SetF32(a + "rope.freq_base", 1e6f);
  file.SetU32(a + "shortconv.l_cache", kTinyTaps);
  file.SetU32(a + "vocab_size", kTinyVocab);
  if (o.moe) {
    file.SetU32(a + "expert_count", kTinyExperts);
    file.SetU32(a + "expert_used_count", 2);
    file.SetU32(a + "expert_feed_forward_length", o.expert_ff);
    file.SetU32(a + "leading_dense_block_count", kTinyDense);
    file.SetU32(a + "expert_gating_func", 2);
  }
  AddTokenizer(&file);

  const auto add = [&](const std::string& name, uint32_t type, uint32_t rows, uint32_t cols, uint32_t copies = 0) {
    TinyTensor t;
    t.name = name;
    t.type = type;
    t.dims = {cols};
    if (rows > 0) t.dims.push_back(rows);
    if (copies > 0) t.dims.push_back(copies);
    for (uint32_t r = 0; r < (rows > 0 ? rows : 1) * (copies > 0 ? copies : 1); ++r)
      t.data += RandomRow(type, cols, &random);
    file.tensors.push_back(std::move(t));
  };
  const uint32_t hidden = o.hidden, ff = IsOf256(o.matrix) ? 256 : kTinyFf;
  const uint32_t dim = hidden == 32 ? head_dim : hidden / kTinyHeads;
  add("token_embd.weight", o.embedding, kTinyVocab, hidden);
  add("token_embd_norm.weight", o.vector, 0, hidden);
  if (o.untied) add("output.weight", o.matrix, kTinyVocab, hidden);
  for (uint32_t l = 0; l < kTinyLayers; ++l) {
    const std::string b = "blk." + std::to_string(l) + ".";
    add(b + "attn_norm.weight", o.vector, 0, hidden);
    add(b + "ffn_norm.weight", o.vector, 0, hidden);
    if (l == 1) {
      add(b + "attn_q.weight", o.matrix, kTinyHeads * dim, hidden);
      add(b + "attn_k.weight", o.matrix, kTinyKvHeads * dim, hidden);
      add(b + "attn_v.weight", o.matrix, kTinyKvHeads * dim, hidden);
      add(b + "attn_q_norm.weight", o.vector, 0, dim);
      add(b + "attn_k_norm.weight", o.vector, 0, dim);
      // Its rows are as long as the heads together.
      add(b + "attn_output.weight", o.matrix, hidden, kTinyHeads * dim);
    } else {
      add(b + "shortconv.in_proj.weight", o.matrix, 3 * hidden, hidden);
      add(b + "shortconv.conv.weight", o.vector, hidden, kTinyTaps);
      add(b + "shortconv.out_proj.weight", o.matrix, hidden, hidden);
    }
    if (l < dense) {
      add(b + "ffn_gate.weight", o.matrix, ff, hidden);
      add(b + "ffn_up.weight", o.matrix, ff, hidden);
      add(b + "ffn_down.weight", o.matrix, hidden, ff);
    } else {
      add(b + "ffn_gate_inp.weight", kGgmlF32, kTinyExperts, hidden);
      add(b + "exp_probs_b.bias", o.vector, 0, kTinyExperts);
      add(b + "ffn_gate_exps.weight", o.matrix, o.expert_ff, hidden, kTinyExperts);
      add(b + "ffn_up_exps.weight", o.matrix, o.expert_ff, hidden, kTinyExperts);
      add(b + "ffn_down_exps.weight", o.matrix, hidden, o.expert_ff, kTinyExperts);
    }
  }
  return file;
}

}  // namespace lfm2::test

#endif  // LFM2_TESTS_PACK_TINY_GGUF_H_
