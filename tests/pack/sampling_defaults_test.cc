// What publishers recommend for sampling, as their files say it.
#include "programs/pack/sampling_defaults.h"

#include <doctest/doctest.h>

#include "lfm2/base/numeric.h"
#include "programs/files/byte_source.h"
#include "tests/pack/tiny_gguf.h"

namespace lfm2::test {
namespace {

using Notes = std::vector<std::string>;

bool Is(const Sampling& s, const Sampling& want) {
  return s.temperature == want.temperature && s.top_k == want.top_k && s.top_p == want.top_p && s.min_p == want.min_p &&
         s.repetition_penalty == want.repetition_penalty;
}

Sampling OfJson(const char* text, Notes* notes) { return tools::SamplingOf(nlohmann::json::parse(text), notes); }

Sampling OfGguf(const TinyGguf& file, Notes* notes) {
  const std::string bytes = file.Bytes();
  tools::Gguf gguf;
  REQUIRE(gguf.Read(tools::MemorySource(bytes)).ok());
  return tools::SamplingOf(gguf, notes);
}

}  // namespace

TEST_CASE("generation_config.json as published: LFM2, LFM2.5-8B-A1B, LFM2.5, and one that says nothing") {
  Notes notes;
  CHECK(Is(OfJson(R"({"do_sample": true, "temperature": 0.3, "min_p": 0.15, "repetition_penalty": 1.05})", &notes),
           {0.3f, kUnsetCount, kUnset, 0.15f, 1.05f}));
  CHECK(Is(OfJson(R"({"temperature": 0.2, "top_k": 80, "repetition_penalty": 1.05})", &notes),
           {0.2f, 80, kUnset, kUnset, 1.05f}));
  CHECK(Is(
      OfJson(R"({"temperature": 0.1, "top_k": 50, "top_p": 0.1, "repetition_penalty": 1.05, "min_p": null})", &notes),
      {0.1f, 50, 0.1f, kUnset, 1.05f}));
  CHECK(!IsSet(OfJson(R"({"_from_model_config": true, "bos_token_id": 1, "eos_token_id": 7})", &notes)));
  CHECK(!IsSet(OfJson("{}", &notes)));
  // Greedy: what would be drawn from does not matter.
  CHECK(Is(OfJson(R"({"do_sample": false, "temperature": 0.7, "top_k": 20, "repetition_penalty": 1.1})", &notes),
           {0.0f, kUnsetCount, kUnset, kUnset, 1.1f}));
  CHECK(Is(OfJson(R"({"do_sample": false})", &notes), {0.0f, kUnsetCount, kUnset, kUnset, 1.0f}));
  CHECK(Is(OfJson(R"({"temperature": 0.0})", &notes), {0.0f, kUnsetCount, kUnset, kUnset, 1.0f}));
  CHECK(notes.empty());
}

TEST_CASE("GGUF keys, as numbers of any kind") {
  Notes notes;
  TinyGguf file = MakeTinyGguf(TinyOptions());
  CHECK(!IsSet(OfGguf(file, &notes)));
  file.SetF32("general.sampling.temp", 0.3f);
  file.Set("general.sampling.top_k", Raw(uint32_t{kGgufI32}) + Raw(int32_t{50}));
  file.Set("general.sampling.top_p", Raw(uint32_t{12}) + Raw(0.5));
  file.SetU32("general.sampling.min_p", 0);
  file.Set("general.sampling.penalty_repeat", Raw(uint32_t{0}) + Raw(uint8_t{2}));
  CHECK(Is(OfGguf(file, &notes), {0.3f, 50, 0.5f, 0.0f, 2.0f}));
  CHECK(notes.empty());
}

TEST_CASE("a value that no sampler can have is left out with a note; the others and the model stay") {
  for (const char* bad : {R"("temperature": -0.1)", R"("temperature": "warm")", R"("temperature": 1e300)",
                          R"("temperature": -1e30)", R"("temperature": true)", R"("top_k": -1)", R"("top_k": 1.5)",
                          R"("top_k": 1e18)", R"("top_k": [50])", R"("top_p": 0)", R"("top_p": 1.01)",
                          R"("min_p": -0.5)", R"("repetition_penalty": 0)", R"("repetition_penalty": {})"}) {
    CAPTURE(bad);
    Notes notes;
    const std::string key = std::string(bad).substr(1, std::string(bad).find('"', 1) - 1);
    const char* const other = key == "min_p" ? "top_p" : "min_p";
    const Sampling s = OfJson(("{" + std::string(bad) + ", \"" + other + "\": 0.25}").c_str(), &notes);
    Sampling want;
    (key == "min_p" ? want.top_p : want.min_p) = 0.25f;
    CHECK(Is(s, want));
    REQUIRE(notes.size() == 1);
    CHECK(notes[0].find("the key " + key + " is ") == 0);
    CHECK(notes[0].find("ignored") != std::string::npos);
  }
  Notes notes;
  TinyGguf file = MakeTinyGguf(TinyOptions());
  file.SetText("general.sampling.temp", "0.3\x1b[2J");
  file.SetF32("general.sampling.top_p", BitCast<float>(0x7fc00000u));
  file.SetI32s("general.sampling.top_k", {1, 2});
  file.SetF32("general.sampling.min_p", 0.1f);
  CHECK(Is(OfGguf(file, &notes), {kUnset, kUnsetCount, kUnset, 0.1f, kUnset}));
  REQUIRE(notes.size() == 3);
  for (const std::string& note : notes) CHECK(note.find('\x1b') == std::string::npos);
}

}  // namespace lfm2::test
