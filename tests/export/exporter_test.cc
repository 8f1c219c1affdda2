// The exporter: its file packs to the same image, whatever the image contains, or the exporter says why it cannot.
#include "programs/export/exporter.h"

#include <doctest/doctest.h>

#include <cstring>

#include "programs/export/chat_templates.h"
#include "tests/pack/image_copy.h"
#include "tests/pack/pack_gguf.h"
#include "tests/pack/texts.h"
#include "tests/pack/tiny_gguf.h"

namespace lfm2::test {
namespace {

using tools::Error;
using tools::ExportPlan;
using tools::Gguf;
using tools::GgufTensor;
using tools::MemorySink;
using tools::MemorySource;
using tools::StepProgress;

std::string Pack(const std::string& gguf, const PackOptions& options = PackOptions()) {
  MemorySink sink;
  const Error error = PackGguf(MemorySource(gguf), options, &sink);
  REQUIRE_MESSAGE(error.ok(), error.text());
  return sink.bytes();
}

// image: the image that is opened; read: the source of the weights.
Error ExportBytes(const std::string& image, const std::string& read, std::string* gguf) {
  const ImageCopy copy(image);
  Image opened;
  REQUIRE(opened.Open(copy.storage()).ok());
  const MemorySource source(read);
  ExportPlan plan;
  MemorySink sink;
  LFM2_RETURN_IF_FAILED(PlanExport(opened, source, &plan));
  LFM2_RETURN_IF_FAILED(WriteGguf(opened, source, plan, StepProgress(), &sink));
  CHECK(sink.bytes().size() == plan.file_bytes);
  *gguf = sink.bytes();
  return Error();
}

// Exports and packs again; returns the file.
std::string RoundTrip(const std::string& image) {
  std::string gguf;
  const Error error = ExportBytes(image, image, &gguf);
  REQUIRE_MESSAGE(error.ok(), error.text());
  CHECK(Pack(gguf) == image);
  return gguf;
}

std::string Refusal(const std::string& image, const std::string& read) {
  std::string gguf;
  const Error error = ExportBytes(image, read, &gguf);
  CHECK(error.text().find('\n') == std::string::npos);
  return error.text();
}

// A model whose experts are zeros of another type.
class OtherExperts final : public tools::ModelSource {
 public:
  OtherExperts(const tools::ModelSource& base, TensorType type) : tools::ModelSource(base), base_(base) {
    for (tools::ImageTensor& t : tensors_) t.type = t.spec.layout == TensorLayout::kExpert ? type : t.type;
  }
  Error ReadBlocks(size_t tensor, uint32_t expert, uint32_t row, uint32_t rows, uint8_t* blocks) const override {
    const tools::ImageTensor& t = tensors_[tensor];
    if (t.spec.layout != TensorLayout::kExpert) return base_.ReadBlocks(tensor, expert, row, rows, blocks);
    std::memset(blocks, 0, static_cast<size_t>(MatrixBytes(t.type, rows, t.spec.cols)));
    return Error();
  }
  Error ReadPlain(size_t tensor, float* values) const override { return base_.ReadPlain(tensor, values); }

 private:
  const tools::ModelSource& base_;
};

Gguf Parse(const std::string& bytes) {
  Gguf gguf;
  REQUIRE(gguf.Read(MemorySource(bytes)).ok());
  return gguf;
}

std::vector<std::string> Tokens(const TinyGguf& file) {
  return Parse(file.Bytes()).Find("tokenizer.ggml.tokens")->strings;
}

}  // namespace

TEST_CASE("every tensor keeps its name, shape and bytes, for every type") {
  for (const uint32_t type : {kGgmlF32, kGgmlF16, kGgmlBF16, kGgmlQ4_0, kGgmlQ4_1, kGgmlQ5_0, kGgmlQ5_1, kGgmlQ8_0,
                              kGgmlQ4_K, kGgmlQ5_K, kGgmlQ6_K, kGgmlIQ4_NL, kGgmlMxfp4}) {
    for (const bool moe : {true, false}) {
      CAPTURE(type);
      TinyOptions o;
      o.hidden = o.expert_ff = 256;
      o.matrix = o.embedding = type;
      o.moe = moe;
      o.untied = !moe;
      const TinyGguf before = MakeTinyGguf(o);
      const std::string bytes = RoundTrip(Pack(before.Bytes()));
      const Gguf after = Parse(bytes);
      CHECK(after.tensors().size() == before.tensors.size());
      for (const TinyTensor& t : before.tensors) {
        const GgufTensor* const found = after.FindTensor(t.name);
        REQUIRE_MESSAGE(found != nullptr, t.name);
        CHECK(found->type == t.type);
        CHECK(std::vector<uint64_t>(found->dims, found->dims + found->dim_count) == t.dims);
        CHECK_MESSAGE(bytes.substr(static_cast<size_t>(found->offset), static_cast<size_t>(found->bytes)) == t.data,
                      t.name);
      }
    }
  }
}

TEST_CASE("an image with a type that GGUF does not have is refused with the tensor's name and advice") {
  for (const TensorType type : {TensorType::kT4G64, TensorType::kT3G64, TensorType::kT2G32}) {
    TinyOptions o;
    o.hidden = o.expert_ff = 64;
    const std::string bytes = MakeTinyGguf(o).Bytes();
    const MemorySource file(bytes);
    tools::GgufSource gguf;
    REQUIRE(gguf.Open({&file}, {}).ok());
    const OtherExperts source(gguf, type);
    tools::PackPlan plan;
    REQUIRE(PlanPack(source, "", &plan).ok());
    MemorySink sink;
    REQUIRE(WriteImage(source, plan, StepProgress(), &sink).ok());
    const std::string refusal = Refusal(sink.bytes(), sink.bytes());
    CHECK(Contains(refusal, "blk.1.ffn_gate_exps.weight"));
    CHECK(Contains(refusal, NameOf(type)));
    CHECK(Contains(refusal, "--type q4_0, q6 or q8"));
  }
}

TEST_CASE("a matrix that is read in several pieces, the last one shorter, is complete in the file") {
  TinyOptions o;
  o.hidden = 512;
  o.matrix = kGgmlQ8_0;
  RoundTrip(Pack(MakeTinyGguf(o).Bytes()));
}

TEST_CASE("config values are preserved: separate head widths, scaled experts, no dense layer, no name") {
  TinyGguf file = MakeTinyGguf(TinyOptions());  // head_dim 32 of hidden 32 and two heads
  file.SetF32("lfm2moe.expert_weights_scale", 2.5f);
  file.SetF32("lfm2moe.rope.freq_base", 123456.789f);
  file.SetU32("lfm2moe.context_length", 77);
  RoundTrip(Pack(file.Bytes()));
  PackOptions options;
  options.name = std::string(60, 'x') + "\xc3\xa4\xc3\xb6";  // cut between two letters
  CHECK(Contains(RoundTrip(Pack(file.Bytes(), options)), "xxx\xc3\xa4"));
  file.Remove("general.name");
  RoundTrip(Pack(file.Bytes()));
  // Vectors of half floats become floats in an image, and so in the file.
  TinyOptions half;
  half.vector = kGgmlF16;
  CHECK(Parse(RoundTrip(Pack(MakeTinyGguf(half).Bytes()))).FindTensor("token_embd_norm.weight")->type == kGgmlF32);
}

TEST_CASE("the publisher's sampling defaults are preserved in llama.cpp's keys; without a default there is no key") {
  TinyGguf file = MakeTinyGguf(TinyOptions());
  CHECK(Parse(RoundTrip(Pack(file.Bytes()))).Find("general.sampling.temp") == nullptr);
  file.SetF32("general.sampling.temp", 0.2f);
  file.Set("general.sampling.top_k", Raw(uint32_t{kGgufI32}) + Raw(int32_t{80}));
  file.SetF32("general.sampling.penalty_repeat", 1.05f);
  const Gguf some = Parse(RoundTrip(Pack(file.Bytes())));
  float number = 0;
  CHECK((some.GetF32("general.sampling.temp", &number).ok() && number == 0.2f));
  CHECK((some.GetF32("general.sampling.penalty_repeat", &number).ok() && number == 1.05f));
  CHECK(some.Find("general.sampling.top_k")->type == tools::GgufType::kI32);
  CHECK((some.Find("general.sampling.top_p") == nullptr && some.Find("general.sampling.min_p") == nullptr));
  file.SetF32("general.sampling.temp", 0.0f);
  file.SetF32("general.sampling.top_p", 0.1f);
  file.SetF32("general.sampling.min_p", 0.15f);
  const Gguf all = Parse(RoundTrip(Pack(file.Bytes())));
  CHECK((all.GetF32("general.sampling.temp", &number).ok() && number == 0.0f));
  CHECK((all.GetF32("general.sampling.top_p", &number).ok() && number == 0.1f));
  CHECK((all.GetF32("general.sampling.min_p", &number).ok() && number == 0.15f));
}

TEST_CASE("the vocabulary is preserved: kinds of tokens, no begin token, stop tokens, chat templates") {
  const TinyGguf plain = MakeTinyGguf(TinyOptions());
  TinyGguf file = plain;
  std::vector<std::string> tokens = Tokens(file);
  std::vector<int32_t> types(tokens.size(), 1);
  for (size_t t = 0; t < 5; ++t) types[t] = 3;
  tokens[0] = "[PAD]", types[0] = 5;
  tokens[1] = "<0x0A>", types[1] = 6;
  tokens[3] = "two words\n", types[3] = 4;
  tokens[tokens.size() - 1] = "\xe6\x97\xa5";  // no byte-level spelling
  file.SetTexts("tokenizer.ggml.tokens", tokens);
  file.SetI32s("tokenizer.ggml.token_type", types);
  file.SetTexts("tokenizer.ggml.merges", {"a b"});
  RoundTrip(Pack(file.Bytes()));

  file = plain;
  for (const char* key : {"bos", "eos", "padding"}) file.Remove(std::string("tokenizer.ggml.") + key + "_token_id");
  RoundTrip(Pack(file.Bytes()));
  file.Set("tokenizer.ggml.add_bos_token", Raw(uint32_t{kGgufBool}) + std::string(1, '\0'));
  RoundTrip(Pack(file.Bytes()));

  // Stop tokens are eos (4 or 2), those of the keys, and then <|endoftext|> (2) and <|im_end|> (4).
  for (const uint32_t eos : {2u, 4u, 9u}) {
    for (const uint32_t first : {2u, 4u, 9u, 10u}) {
      for (const uint32_t second : {2u, 4u, 11u}) {
        file = plain;
        file.SetU32("tokenizer.ggml.eos_token_id", eos);
        file.SetU32("tokenizer.ggml.eot_token_id", first);
        file.SetU32("tokenizer.ggml.eom_token_id", second);
        RoundTrip(Pack(file.Bytes()));
      }
    }
  }

  for (const char* name : {"", "lfm2", "lfm2_5"}) {
    const ChatFormat* const known = tools::FindChatFormat(name);
    PackOptions options;
    if (known != nullptr) options.chat_format = *known;
    const Gguf gguf = Parse(RoundTrip(Pack(plain.Bytes(), options)));
    std::string jinja;
    const bool there = gguf.Find("tokenizer.chat_template") != nullptr;
    CHECK(there == (known != nullptr));
    if (there) CHECK(gguf.GetString("tokenizer.chat_template", &jinja).ok());
    CHECK(jinja == (known == nullptr ? "" : tools::JinjaOf(*known)));
  }
}

TEST_CASE("an image that a GGUF file cannot represent is refused before any weights are read") {
  const std::string image = Pack(MakeTinyGguf(TinyOptions()).Bytes());
  const auto with = [](std::string bytes, size_t at, const std::string& value) {
    bytes.replace(at, value.size(), value);
    // Recomputes both CRCs, so that only the content is wrong.
    ImageHeader h;
    const auto store = [&] { std::memcpy(bytes.data(), &h, sizeof(h)); };
    std::memcpy(&h, bytes.data(), sizeof(h));
    h.pinned_crc = Crc32c(0, bytes.data() + static_cast<size_t>(h.pinned_offset), static_cast<size_t>(h.pinned_bytes));
    h.metadata_crc = 0;
    store();
    h.metadata_crc = Crc32c(0, bytes.data(), static_cast<size_t>(h.metadata_bytes));
    store();
    return bytes;
  };
  CHECK(with(image, 0, "L") == image);
  // A reserved byte that a later version uses.
  const std::string later = with(image, 400, "x");
  CHECK(Contains(Refusal(later, later), "GGUF file cannot represent all that the image contains: its header differs"));
  // stop_count and stop of the vocabulary's header.
  const size_t vocab = 4096;
  const std::string stops = with(image, vocab + 64, Raw(5u) + Raw(4) + Raw(9) + Raw(10) + Raw(11) + Raw(2));
  CHECK(Contains(Refusal(stops, stops), "has 5 tokens that end an answer"));
  const std::string order = with(image, vocab + 64, Raw(1u) + Raw(4) + Raw(-1));
  CHECK(Contains(Refusal(order, order), "its vocabulary was not written by lfm2-pack"));
}

TEST_CASE("an image without a token trie, as in older versions, gives the same file as one with it") {
  const std::string gguf = MakeTinyGguf(TinyOptions()).Bytes();
  const MemorySource file(gguf);
  tools::GgufSource source;
  tools::PackPlan plan;
  MemorySink older;
  REQUIRE(source.Open({&file}, {}).ok());
  REQUIRE(PlanPack(source, "", &plan).ok());
  LeaveOutTokenTrie(&plan);
  REQUIRE(WriteImage(source, plan, StepProgress(), &older).ok());
  std::string exported;
  const Error error = ExportBytes(older.bytes(), older.bytes(), &exported);
  REQUIRE_MESSAGE(error.ok(), error.text());
  CHECK(exported == RoundTrip(Pack(gguf)));
}

TEST_CASE("a damaged image is refused by the part that is damaged") {
  const std::string image = Pack(MakeTinyGguf(TinyOptions()).Bytes());
  ImageHeader h;
  std::memcpy(&h, image.data(), sizeof(h));
  const auto damaged = [&](size_t at) {
    std::string bytes = image;
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    return bytes;
  };
  const size_t begin = static_cast<size_t>(h.pinned_offset);
  const size_t text = image.find("<|startoftext|>", begin) + 3;
  CHECK(Contains(Refusal(damaged(text), damaged(text)), "the pinned part is corrupt"));
  VocabHeader v;
  std::memcpy(&v, image.data() + begin, sizeof(v));
  const VocabLayout layout = VocabLayout::Of(v.token_count, v.merge_count, v.special_count, v.text_bytes, v.chat_bytes);
  const size_t rank = begin + static_cast<size_t>(layout.merges) + 4;
  CHECK(Contains(Refusal(damaged(rank), damaged(rank)), "the pinned part is corrupt"));
  const size_t weight = begin + static_cast<size_t>(h.vocab_bytes) + 100;
  CHECK(Contains(Refusal(image, damaged(weight)), "the pinned part is corrupt"));
  const size_t last = begin + static_cast<size_t>(h.pinned_bytes) - 1;
  CHECK(Contains(Refusal(image, damaged(last)), "the pinned part is corrupt"));
  const ImageCopy copy(image);
  Image opened;
  REQUIRE(opened.Open(copy.storage()).ok());
  const RecordEntry record = opened.record_layer(1);
  CHECK(Contains(Refusal(image, damaged(static_cast<size_t>(record.offset + 2 * record.stride))),
                 "expert 2 of layer 2 is corrupt"));
  CHECK(Contains(Refusal(image, damaged(static_cast<size_t>(record.offset + record.bytes - 1))),
                 "expert 0 of layer 2 is corrupt"));
}

}  // namespace lfm2::test
