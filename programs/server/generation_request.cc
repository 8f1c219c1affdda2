#include "programs/server/generation_request.h"

#include <algorithm>
#include <charconv>

#include "lfm2/text/stop_matcher.h"

namespace lfm2::tools {

namespace {

using Json = nlohmann::ordered_json;

void ReadStop(RequestFields* fields, std::vector<std::string>* out) {
  const Json* const stop = fields->Find("stop");
  if (stop == nullptr) return;
  const size_t count = stop->is_array() ? stop->size() : 1;
  if (count > kMaxStopTexts) return fields->Fail("stop", "has more than ", uint64_t{kMaxStopTexts}, " texts");
  for (size_t i = 0; i < count; ++i) {
    const Json& text = stop->is_array() ? (*stop)[i] : *stop;
    if (!text.is_string())
      return fields->Fail("stop", "is ", ShownValue(text), ", neither a string nor a list of strings");
    out->push_back(text.get<std::string>());
    if (out->back().empty() || out->back().size() > kMaxStopTextBytes) {
      return fields->Fail("stop", "has a text of ", uint64_t{out->back().size()}, " bytes; from 1 to ",
                          uint64_t{kMaxStopTextBytes}, " are allowed");
    }
  }
}

void ReadLogitBias(RequestFields* fields, uint32_t vocab_size, std::vector<std::pair<int32_t, float>>* out) {
  const Json* const bias = fields->Find("logit_bias");
  if (bias == nullptr) return;
  if (!bias->is_object()) return fields->Fail("logit_bias", "is ", ShownValue(*bias), ", not an object");
  for (const auto& [token, value] : bias->items()) {
    uint32_t id = 0;
    const auto parsed = std::from_chars(token.data(), token.data() + token.size(), id);
    if (parsed.ec != std::errc() || parsed.ptr != token.data() + token.size() || id >= vocab_size) {
      return fields->Fail("logit_bias", "has the token ",
                          Json(token.substr(0, 32)).dump(-1, ' ', true, Json::error_handler_t::replace),
                          ", not a number below ", vocab_size);
    }
    const double number = value.is_number() ? value.get<double>() : -1000;
    if (!(number >= -100 && number <= 100)) {
      return fields->Fail("logit_bias", "has the value ", ShownValue(value), ", not a number from -100 to 100");
    }
    out->emplace_back(static_cast<int32_t>(id), static_cast<float>(number));
  }
}

void ReadStreamOptions(RequestFields* fields, GenerationRequest* out) {
  const Json* const options = fields->Find("stream_options");
  if (options == nullptr) return;
  if (!options->is_object()) return fields->Fail("stream_options", "is ", ShownValue(*options), ", not an object");
  if (!out->stream) return fields->Fail("stream_options", "needs stream");
  RequestFields of_stream(*options, "stream_options");
  of_stream.Flag("include_usage", &out->include_usage);
  if (!of_stream.error().ok()) fields->Fail(of_stream.error().param, "is neither true nor false");
}

}  // namespace

void ReadGenerationFields(RequestFields* fields, uint32_t vocab_size, GenerationRequest* out) {
  std::optional<float> temperature, top_p, min_p, penalty;
  std::optional<uint32_t> top_k;
  std::optional<uint64_t> seed;
  fields->Real("temperature", 0, 2, &temperature);
  fields->Real("top_p", 0, 1, &top_p);
  fields->Whole("top_k", 0, kUnsetCount - 1, &top_k);
  fields->Real("min_p", 0, 1, &min_p);
  fields->Real("repetition_penalty", 0.0625, 16, &penalty);
  fields->Seed("seed", &seed);
  // The smallest values that the sampler accepts; both mean the likeliest token.
  constexpr float kLeastTemperature = 0.001f, kLeastTopP = 1e-9f;
  if (temperature.has_value()) out->sampler.temperature = *temperature < kLeastTemperature ? 0.0f : *temperature;
  if (top_p.has_value()) out->sampler.top_p = std::max(*top_p, kLeastTopP);
  if (top_k.has_value()) out->sampler.top_k = *top_k;
  if (min_p.has_value()) out->sampler.min_p = *min_p;
  if (penalty.has_value()) out->sampler.repetition_penalty = *penalty;
  out->sampler.seed = seed.value_or(0);
  out->has_seed = seed.has_value();
  fields->Flag("stream", &out->stream);
  ReadStreamOptions(fields, out);
  ReadStop(fields, &out->stop);
  ReadLogitBias(fields, vocab_size, &out->logit_bias);
  for (const char* name : {"n", "best_of"}) fields->OnlyNumber(name, 1);
  for (const char* name : {"frequency_penalty", "presence_penalty"}) fields->OnlyNumber(name, 0);
}

}  // namespace lfm2::tools
