// The packer: what an image records of a model, and a model that cannot be packed is refused in one sentence.
#include "programs/pack/packer.h"

#include <doctest/doctest.h>

#include <memory>

#include "lfm2/base/crc32c.h"
#include "lfm2/format/image.h"
#include "lfm2/storage/memory_storage.h"
#include "programs/files/byte_source.h"
#include "programs/pack/verify.h"
#include "tests/pack/image_copy.h"
#include "tests/pack/pack_gguf.h"
#include "tests/pack/texts.h"
#include "tests/pack/tiny_gguf.h"

namespace lfm2::test {
namespace {

using tools::Error;
using tools::GgufSource;
using tools::MemorySink;
using tools::MemorySource;
using tools::PackPlan;

// The sentence with which a file is refused; empty if it is packed.
std::string Refusal(const TinyGguf& file, const PackOptions& options = PackOptions()) {
  const std::string bytes = file.Bytes();
  MemorySink sink;
  const Error error = PackGguf(MemorySource(bytes), options, &sink);
  if (!error.ok()) CHECK(error.text().find('\n') == std::string::npos);
  return error.text();
}

std::string Packed(const TinyGguf& file) {
  const std::string bytes = file.Bytes();
  MemorySink sink;
  const Error error = PackGguf(MemorySource(bytes), PackOptions(), &sink);
  REQUIRE_MESSAGE(error.ok(), error.text());
  return sink.bytes();
}

}  // namespace

TEST_CASE("the config in the image is what the file's metadata say") {
  const std::string bytes = ReadWholeFile(std::string(LFM2_TEST_DATA) + "/gguf/moe-256-Q4_K_M.gguf");
  MemorySink sink;
  REQUIRE(PackGguf(MemorySource(bytes), PackOptions(), &sink).ok());
  const ImageCopy copy(sink.bytes());
  Image image;
  REQUIRE(image.Open(copy.storage()).ok());
  const ModelConfig& c = image.config();
  CHECK(std::string(image.name()) == "Moe 256");
  CHECK((c.hidden_size == 256 && c.layers == 4 && c.heads == 4 && c.kv_heads == 2 && c.head_dim == 64));
  CHECK((c.dense_layers == 1 && c.dense_ff_size == 512 && c.experts == 6 && c.experts_per_token == 2));
  CHECK((c.expert_ff_size == 256 && c.vocab_size == 1314 && c.context_length == 4096 && c.conv_kernel == 3));
  CHECK((c.tied_embedding && c.norm_eps == 1e-5f && c.rope_theta == 1e6f && c.routed_scaling_factor == 1.0f));
  for (uint32_t l = 0; l < 4; ++l)
    CHECK(c.layer_kind[l] == (l % 2 == 1 ? LayerKind::kAttention : LayerKind::kShortConv));
  CHECK(image.vocab().bos() == 1);
  CHECK(image.vocab().eos() == 7);
}

TEST_CASE("an answer ends at every token that the file names for that, and at the two that always end one") {
  TinyGguf file = MakeTinyGguf(TinyOptions());  // 2 is <|endoftext|>, 4 <|im_end|>
  file.SetU32("tokenizer.ggml.eos_token_id", 4);
  file.SetU32("tokenizer.ggml.eot_token_id", 9);
  file.SetU32("tokenizer.ggml.eom_token_id", 7);
  const std::string bytes = file.Bytes();
  MemorySink sink;
  REQUIRE(PackGguf(MemorySource(bytes), PackOptions(), &sink).ok());
  const ImageCopy copy(sink.bytes());
  Image image;
  REQUIRE(image.Open(copy.storage()).ok());
  const Span<const int32_t> stops = image.vocab().stop_tokens();
  CHECK(std::vector<int32_t>(stops.begin(), stops.end()) == std::vector<int32_t>{4, 9, 7, 2});
  file.SetU32("tokenizer.ggml.eom_token_id", 100000);
  CHECK(Contains(Refusal(file), "eom_token_id is 100000"));
}

TEST_CASE("packing twice gives the same bytes, and those between tensors are zero") {
  const std::string bytes = MakeTinyGguf(TinyOptions()).Bytes();
  MemorySink first, second;
  REQUIRE(PackGguf(MemorySource(bytes), PackOptions(), &first).ok());
  REQUIRE(PackGguf(MemorySource(bytes), PackOptions(), &second).ok());
  CHECK(first.bytes() == second.bytes());

  PackPlan plan;
  const MemorySource file(bytes);
  GgufSource source;
  REQUIRE(source.Open({&file}, {}).ok());
  REQUIRE(PlanPack(source, "", &plan).ok());
  const ImageHeader& h = plan.header;
  std::string used(first.bytes().size(), '\0');
  const auto mark = [&used](uint64_t offset, uint64_t size) { used.replace(offset, size, size, '\1'); };
  mark(0, h.metadata_bytes);
  mark(h.pinned_offset, h.vocab_bytes);
  for (const TensorEntry& t : plan.directory) {
    if (t.role < static_cast<uint16_t>(TensorRole::kExpertGate)) {
      mark(h.pinned_offset + t.offset, t.bytes);
      continue;
    }
    const RecordEntry& r = plan.records[t.layer - kTinyDense];
    for (uint32_t e = 0; e < kTinyExperts; ++e) mark(r.offset + e * r.stride + t.offset, t.bytes);
  }
  mark(h.token_trie_offset, h.token_trie_bytes);
  uint64_t not_zero = 0;
  for (size_t i = 0; i < used.size(); ++i) not_zero += used[i] == 0 && first.bytes()[i] != 0;
  CHECK(not_zero == 0);
}

TEST_CASE("options take the place of what the file says") {
  const TinyGguf file = MakeTinyGguf(TinyOptions());
  PackOptions options;
  options.name = "a name far too long for its 64 bytes, which is cut between two letters: \xc3\xa4\xc3\xb6\xc3\xbc";
  options.name.insert(30, "\xe2\x82\xac");
  options.chat_format = *tools::FindChatFormat("lfm2_5");
  const std::string bytes = file.Bytes();
  MemorySink sink;
  REQUIRE(PackGguf(MemorySource(bytes), options, &sink).ok());
  const ImageCopy copy(sink.bytes());
  Image image;
  REQUIRE(image.Open(copy.storage()).ok());
  CHECK(std::string(image.name()) == options.name.substr(0, 63));
  CHECK(image.vocab().chat_format().name == "lfm2_5");

  options.name = std::string(62, 'x') + "\xc3\xa4";  // its last character would be cut in two
  MemorySink cut;
  REQUIRE(PackGguf(MemorySource(bytes), options, &cut).ok());
  CHECK(std::string(cut.bytes().c_str() + offsetof(ImageHeader, name)) == std::string(62, 'x'));
}

TEST_CASE("what the library cannot compute is refused by name, not packed wrongly") {
  const TinyGguf good = MakeTinyGguf(TinyOptions());
  REQUIRE(Refusal(good) == "");
  TinyGguf file = good;
  file.SetText("general.architecture", "llama");
  CHECK(Contains(Refusal(file), "llama"));
  file = good;
  file.SetU32("lfm2moe.expert_gating_func", 1);
  CHECK(Contains(Refusal(file), "expert_gating_func"));
  file = good;
  file.SetU32("lfm2moe.attention.sliding_window", 512);
  CHECK(Contains(Refusal(file), "sliding_window"));
  file = good;
  file.SetText("lfm2moe.rope.scaling.type", "yarn");
  CHECK(Contains(Refusal(file), "yarn"));
  file = good;
  file.SetText("tokenizer.ggml.pre", "llama-bpe");
  CHECK(Contains(Refusal(file), "llama-bpe"));
  file = good;
  file.SetI32s("lfm2moe.attention.head_count_kv", {1, 2, 0});
  CHECK(Contains(Refusal(file), "head_count_kv"));
  file = good;
  file.Tensor("blk.2.ffn_up_exps.weight")->type = kGgmlQ4_K;
  file.Tensor("blk.2.ffn_up_exps.weight")->dims = {256, 32, 3};
  CHECK(Refusal(file) != "");
  TinyOptions wide;
  wide.hidden = wide.expert_ff = 256;
  file = MakeTinyGguf(wide);
  TinyTensor* t = file.Tensor("blk.2.ffn_up_exps.weight");
  t->type = kGgmlQ8_1;
  t->data.resize(256 * 3 * 288);
  const std::string refusal = Refusal(file);
  CHECK((Contains(refusal, "blk.2.ffn_up_exps.weight") && Contains(refusal, "Q8_1") &&
         Contains(refusal, "not supported")));
}

TEST_CASE(
    "a file as ollama's library has it packs: another width than its tensors', a norm's other name, no template") {
  TinyOptions dense;
  dense.moe = false;
  TinyGguf file = MakeTinyGguf(dense);
  const std::string bytes = file.Bytes();
  MemorySink published, ours;
  REQUIRE(PackGguf(MemorySource(bytes), PackOptions(), &published).ok());
  const std::string key = "lfm2.feed_forward_length";
  for (const bool stated : {true, false}) {
    file.SetU32(key, 12288);
    if (!stated) file.Remove(key);
    file.Remove("tokenizer.chat_template");
    if (TinyTensor* norm = file.Tensor("token_embd_norm.weight")) norm->name = "output_norm.weight";
    const std::string changed = file.Bytes();
    const MemorySource source(changed);
    GgufSource gguf;
    const Error opened = gguf.Open({&source}, {});
    REQUIRE_MESSAGE(opened.ok(), opened.text());
    CHECK_FALSE(gguf.vocab().chat_format.has_name());
    REQUIRE(gguf.notes().size() == (stated ? 1u : 0u));
    if (stated) {
      CHECK(Contains(gguf.notes()[0], "lfm2.feed_forward_length is 12288"));
      CHECK(Contains(gguf.notes()[0], "rows, which are used"));
    }
    // But for the template it is the image of the file that says everything right.
    PackOptions same;
    const ImageCopy copy(published.bytes());
    Image image;
    REQUIRE(image.Open(copy.storage()).ok());
    CHECK(gguf.config().dense_ff_size == image.config().dense_ff_size);
    if (!image.vocab().chat_format().name.empty())
      same.chat_format = tools::OwnedChatFormat(image.vocab().chat_format());
    MemorySink sink;
    REQUIRE(PackGguf(source, same, &sink).ok());
    CHECK(sink.bytes() == published.bytes());
  }
  // The tensors have to agree among themselves.
  file.Tensor("blk.0.ffn_gate.weight")->dims = {32, 32};
  CHECK(Refusal(file) != "");
}

TEST_CASE("models that predict no text, and files that are not a model, are refused by what they are") {
  const TinyGguf good = MakeTinyGguf(TinyOptions());
  TinyGguf file = good;
  file.Set("lfm2moe.attention.causal", Raw(uint32_t{kGgufBool}) + Raw(uint8_t{0}));
  CHECK(Contains(Refusal(file), "bidirectional"));
  file.Set("lfm2moe.attention.causal", Raw(uint32_t{kGgufBool}) + Raw(uint8_t{1}));
  CHECK(Refusal(file) == "");
  for (const uint32_t pooling : {1u, 2u, 3u, 4u}) {
    file = good;
    file.SetU32("lfm2moe.pooling_type", pooling);
    CHECK(Contains(Refusal(file), "embedding model"));
  }
  file.SetU32("lfm2moe.pooling_type", 0);
  CHECK(Refusal(file) == "");
  file = good;
  file.SetText("general.architecture", "clip");
  file.SetText("general.type", "mmproj");
  CHECK(Contains(Refusal(file), "is an mmproj"));
}

TEST_CASE("scaled positions are refused, however a file says them; a factor that scales nothing is not") {
  const TinyGguf good = MakeTinyGguf(TinyOptions());
  for (const char* key : {"lfm2moe.rope.scaling.factor", "lfm2moe.rope.scale_linear"}) {
    TinyGguf file = good;
    file.SetF32(key, 8.0f);
    CHECK(Contains(Refusal(file), (std::string(key) + " is 8").c_str()));
    file.SetF32(key, BitCast<float>(0x7fc00000u));
    CHECK(Contains(Refusal(file), key));
    file.SetText(key, "8");
    CHECK(Contains(Refusal(file), key));
    file.SetF32(key, 1.0f);
    CHECK(Refusal(file) == "");
    file.SetF32(key, 0.0f);
    CHECK(Refusal(file) == "");
    file.SetF32(key, 8.0f);
    file.SetText("lfm2moe.rope.scaling.type", "none");
    CHECK(Refusal(file) == "");
    file.SetText("lfm2moe.rope.scaling.type", "linear");
    CHECK(Contains(Refusal(file), "linear"));
  }
}

TEST_CASE("missing, unexpected and misshapen tensors are named") {
  const TinyGguf good = MakeTinyGguf(TinyOptions());
  TinyGguf file = good;
  file.Tensor("blk.1.attn_k.weight")->name = "blk.1.attn_kk.weight";
  CHECK(Contains(Refusal(file), "blk.1.attn_k.weight is missing"));
  file = good;
  file.tensors.push_back({"rope_freqs.weight", {32}, kGgmlF32, std::string(128, '\0')});
  CHECK(Contains(Refusal(file), "rope_freqs.weight"));
  file = good;
  file.Tensor("blk.0.ffn_up.weight")->dims = {64, 32};
  CHECK(Contains(Refusal(file), "[64, 32], expected [32, 64]"));
  file = good;
  file.Tensor("blk.0.attn_norm.weight")->type = kGgmlQ8_0;
  CHECK(Contains(Refusal(file), "blk.0.attn_norm.weight has the type Q8_0"));
  file = good;
  file.Tensor("token_embd_norm.weight")->name = "output_norm.weight";  // as some converters call it
  CHECK(Refusal(file) == "");
}

TEST_CASE("an unknown chat template is refused unless the user says which one it is") {
  TinyGguf file = MakeTinyGguf(TinyOptions());
  file.SetText("tokenizer.chat_template", "{% for m in messages %}{{ m.role + ': ' + m.content }}{% endfor %}");
  CHECK(Contains(Refusal(file), "--template"));
  PackOptions options;
  options.chat_format = *tools::FindChatFormat("lfm2");
  CHECK(Refusal(file, options) == "");
}

TEST_CASE("a progress function that says stop ends the packing") {
  const std::string bytes = MakeTinyGguf(TinyOptions()).Bytes();
  const MemorySource file(bytes);
  GgufSource source;
  PackPlan plan;
  REQUIRE(source.Open({&file}, {}).ok());
  REQUIRE(PlanPack(source, "", &plan).ok());
  MemorySink sink;
  uint64_t calls = 0, last = 0;
  const Error stopped = WriteImage(
      source, plan,
      [&](uint64_t done, uint64_t total) {
        CHECK((done > last && total == plan.header.file_bytes));
        last = done;
        return ++calls < 5;
      },
      &sink);
  CHECK(!stopped.ok());
  CHECK(calls == 5);
}

TEST_CASE("a changed byte anywhere in the weights is found by the CRCs") {
  const std::string bytes = MakeTinyGguf(TinyOptions()).Bytes();
  const MemorySource file(bytes);
  GgufSource source;
  PackPlan plan;
  REQUIRE(source.Open({&file}, {}).ok());
  REQUIRE(PlanPack(source, "", &plan).ok());
  MemorySink sink;
  REQUIRE(WriteImage(source, plan, tools::StepProgress(), &sink).ok());
  const RecordEntry& r = plan.records[1];
  const uint64_t record = r.offset + 2 * r.stride;
  for (const uint64_t at : {plan.header.pinned_offset + plan.header.vocab_bytes,
                            plan.header.pinned_offset + plan.header.pinned_bytes - 1, record, record + r.bytes - 1}) {
    std::string changed = sink.bytes();
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    const ImageCopy copy(changed);
    Image image;
    REQUIRE(image.Open(copy.storage()).ok());
    const Error error = VerifyCrcs(image, MemorySource(changed), tools::StepProgress());
    CHECK(Contains(error.text(), at < record ? "the pinned part" : "expert 2 of layer 2"));
    CHECK(image.VerifyPinned().ok() == (at >= record));
    CHECK(image.VerifyRecord(1, 2).ok() == (at < record));
  }
  for (const uint64_t at : {plan.header.token_trie_offset, plan.header.file_bytes - 1}) {
    std::string changed = sink.bytes();
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    const ImageCopy copy(changed);
    Image image;
    REQUIRE(image.Open(copy.storage()).ok());
    CHECK(Contains(VerifyCrcs(image, MemorySource(changed), tools::StepProgress()).text(), "token_trie has the wrong"));
  }
}

TEST_CASE("a token trie of another vocabulary is found, although every CRC is right") {
  std::string bytes = Packed(MakeTinyGguf(TinyOptions()));
  ImageHeader h = LoadAs<ImageHeader>(bytes.data());
  // The tokens of the first two nodes, single bytes both, change places.
  const size_t trie = static_cast<size_t>(h.token_trie_offset), node = trie + sizeof(TokenTrieHeader);
  for (size_t i = 1; i < sizeof(uint32_t); ++i) std::swap(bytes[node + i], bytes[node + sizeof(TrieNode) + i]);
  h.token_trie_crc = Crc32c(0, &bytes[trie], static_cast<size_t>(h.token_trie_bytes));
  h.metadata_crc = 0;
  std::memcpy(&bytes[0], &h, sizeof(h));
  h.metadata_crc = Crc32c(0, bytes.data(), static_cast<size_t>(h.metadata_bytes));
  std::memcpy(&bytes[0], &h, sizeof(h));
  const ImageCopy copy(bytes);
  Image image;
  TokenTrie opened;
  REQUIRE(image.Open(copy.storage()).ok());
  REQUIRE(image.VerifyTokenTrie().ok());
  REQUIRE(image.OpenTokenTrie(&opened).ok());
  const Error error = VerifyCrcs(image, MemorySource(bytes), tools::StepProgress());
  CHECK(Contains(error.text(), "has a token that is another one in the vocabulary"));
}

TEST_CASE("a vocabulary with a token that no token trie holds is packed without one") {
  for (const size_t size : {size_t{255}, size_t{256}}) {
    TinyGguf file = MakeTinyGguf(TinyOptions());
    for (auto& [key, value] : file.pairs) {
      if (key == "tokenizer.ggml.tokens")
        value.replace(value.rfind(GgufText("abc")), 11, GgufText(std::string(size, 'q')));
    }
    file.SetTexts("tokenizer.ggml.merges", {"a b"});
    const std::string bytes = Packed(file);
    const ImageCopy copy(bytes);
    Image image;
    REQUIRE(image.Open(copy.storage()).ok());
    CHECK((image.token_trie_bytes() > 0) == (size == 255));
    CHECK(VerifyCrcs(image, MemorySource(bytes), tools::StepProgress()).ok());
  }
}

}  // namespace lfm2::test
