#include "programs/pack/sampling_defaults.h"

#include <cmath>
#include <limits>

#include "programs/files/strict_json.h"

namespace lfm2::tools {

namespace {

constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();

class SamplingReader {
 public:
  explicit SamplingReader(std::vector<std::string>* notes) : notes_(notes) {}

  // value: NaN if the file has something else than a number. shown: as in the file.
  void Take(const char* key, float Sampling::*field, double value, const std::string& shown) {
    Sampling alone;
    // A value that exceeds a float is out of every range.
    alone.*field = std::abs(value) <= 1e9 ? static_cast<float>(value) : std::numeric_limits<float>::quiet_NaN();
    if (CheckSampling(alone, StatusCode::kCorrupt).ok()) {
      sampling_.*field = alone.*field;
    } else {
      LeaveOut(key, shown);
    }
  }
  void TakeTopK(const char* key, double value, const std::string& shown) {
    if (value >= 0 && value <= std::numeric_limits<int32_t>::max() && value == std::floor(value)) {
      sampling_.top_k = static_cast<uint32_t>(value);
    } else {
      LeaveOut(key, shown);
    }
  }
  // Greedy choice implies no repetition penalty, unless the file states one.
  Sampling sampling() const {
    Sampling s = sampling_;
    if (s.temperature == 0.0f && s.repetition_penalty == kUnset) s.repetition_penalty = 1.0f;
    return s;
  }

 private:
  void LeaveOut(const char* key, const std::string& shown) {
    notes_->push_back(Error::Of("the key ", key, " is ", shown, ", which is out of range: it is ignored").text());
  }

  Sampling sampling_;
  std::vector<std::string>* notes_;
};

}  // namespace

Sampling SamplingOf(const Gguf& gguf, std::vector<std::string>* notes) {
  SamplingReader reader(notes);
  const auto read = [&](const char* key, const auto& take) {
    const GgufValue* const value = gguf.Find(key);
    double number = kNoNumber;
    if (value == nullptr) return;
    static_cast<void>(NumberOf(*value, &number));
    take(number, Shown(*value));
  };
  const auto read_float = [&](const char* key, float Sampling::*field) {
    read(key, [&](double value, const std::string& shown) { reader.Take(key, field, value, shown); });
  };
  read_float(kGgufTemperature, &Sampling::temperature);
  read(kGgufTopK, [&](double value, const std::string& shown) { reader.TakeTopK(kGgufTopK, value, shown); });
  read_float(kGgufTopP, &Sampling::top_p);
  read_float(kGgufMinP, &Sampling::min_p);
  read_float(kGgufRepetitionPenalty, &Sampling::repetition_penalty);
  return reader.sampling();
}

Sampling SamplingOf(const nlohmann::json& generation_config, std::vector<std::string>* notes) {
  SamplingReader reader(notes);
  const JsonMembers members(generation_config);
  const nlohmann::json* const do_sample = members.Find("do_sample");
  const bool greedy = do_sample != nullptr && *do_sample == false;
  const auto read = [&](const char* key, const auto& take) {
    const nlohmann::json* const value = members.Find(key);
    if (value != nullptr) take(value->is_number() ? value->get<double>() : kNoNumber, Shown(*value));
  };
  const auto read_float = [&](const char* key, float Sampling::*field) {
    read(key, [&](double value, const std::string& shown) { reader.Take(key, field, value, shown); });
  };
  read_float("repetition_penalty", &Sampling::repetition_penalty);
  if (greedy) {
    reader.Take("do_sample", &Sampling::temperature, 0, "false");
    return reader.sampling();
  }
  read_float("temperature", &Sampling::temperature);
  read("top_k", [&](double value, const std::string& shown) { reader.TakeTopK("top_k", value, shown); });
  read_float("top_p", &Sampling::top_p);
  read_float("min_p", &Sampling::min_p);
  return reader.sampling();
}

}  // namespace lfm2::tools
