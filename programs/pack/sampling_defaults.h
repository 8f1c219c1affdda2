// The publisher's sampling settings, from generation_config.json or a GGUF file's general.sampling keys.
#ifndef LFM2_PROGRAMS_PACK_SAMPLING_DEFAULTS_H_
#define LFM2_PROGRAMS_PACK_SAMPLING_DEFAULTS_H_

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "lfm2/format/sampling.h"
#include "programs/pack/gguf_reader.h"

namespace lfm2::tools {

// Keys of a GGUF file, each with the meaning of a member of generation_config.json.
inline constexpr char kGgufTemperature[] = "general.sampling.temp";
inline constexpr char kGgufTopK[] = "general.sampling.top_k";
inline constexpr char kGgufTopP[] = "general.sampling.top_p";
inline constexpr char kGgufMinP[] = "general.sampling.min_p";
inline constexpr char kGgufRepetitionPenalty[] = "general.sampling.penalty_repeat";

// What the file recommends. A value that no sampler can have does not make a model useless: it is left out, and a note
// says so. do_sample that is false is a temperature of 0, and that is without a repetition penalty unless the file has
// one.
Sampling SamplingOf(const Gguf& gguf, std::vector<std::string>* notes);
Sampling SamplingOf(const nlohmann::json& generation_config, std::vector<std::string>* notes);

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_PACK_SAMPLING_DEFAULTS_H_
