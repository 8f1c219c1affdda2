#include "programs/storage/routing_trace.h"

#include <algorithm>

#include "lfm2/base/numeric.h"
#include "lfm2/format/model_config.h"
#include "programs/files/byte_sink.h"
#include "programs/files/files.h"

namespace lfm2::tools {

namespace {

constexpr std::string_view kTraceMagic = "LFM2ROUT";
constexpr uint32_t kTraceVersion = 1;
constexpr size_t kNameBytes = 64;
constexpr size_t kHeaderBytes = 8 + 6 * 4 + 8 + kNameBytes;
// Far larger than any expert.
constexpr uint64_t kMaxRecordBytes = uint64_t{1} << 40;

using TokenKind = RoutingTrace::TokenKind;

uint32_t IndexBytes(uint32_t experts) { return experts <= 256 ? 1 : 2; }

uint64_t TokenBytes(const RoutingTrace& t) {
  return 1 + uint64_t{t.moe_layers} * t.experts_per_token * IndexBytes(t.experts);
}

template <class T>
void Append(std::string* out, T value) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

// Reads values from bytes that are known to be enough.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  template <class T>
  T Take() {
    const T value = LoadAs<T>(bytes_.data());
    bytes_.remove_prefix(sizeof(T));
    return value;
  }
  std::string_view TakeBytes(size_t size) {
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }

 private:
  std::string_view bytes_;
};

Error CheckRange(const std::string& name, const char* field, uint32_t value, uint32_t low, uint32_t high) {
  if (value >= low && value <= high) return Error();
  return Error::Of(name, ": ", field, " is ", value, ", not ", low, " to ", high);
}

Error ParseChosen(const std::string& name, size_t token, Reader* reader, RoutingTrace* t) {
  for (uint32_t layer = 0; layer < t->moe_layers; ++layer) {
    const size_t first = t->chosen.size();
    for (uint32_t i = 0; i < t->experts_per_token; ++i) {
      const uint16_t expert = IndexBytes(t->experts) == 1 ? reader->Take<uint8_t>() : reader->Take<uint16_t>();
      if (expert >= t->experts) {
        return Error::Of(name, ": token ", uint64_t{token}, " chose expert ", uint32_t{expert}, " of ", t->experts,
                         " in MoE layer ", layer);
      }
      if (std::find(t->chosen.begin() + static_cast<std::ptrdiff_t>(first), t->chosen.end(), expert) !=
          t->chosen.end()) {
        return Error::Of(name, ": token ", uint64_t{token}, " chose expert ", uint32_t{expert}, " twice in MoE layer ",
                         layer);
      }
      t->chosen.push_back(expert);
    }
  }
  return Error();
}

}  // namespace

Error ParseRoutingTrace(const std::string& name, std::string_view bytes, RoutingTrace* trace) {
  *trace = RoutingTrace();
  RoutingTrace& t = *trace;
  if (bytes.substr(0, kTraceMagic.size()) != kTraceMagic) return Error::Of(name, " is not a routing trace");
  if (bytes.size() < kHeaderBytes) return Error::Of(name, " ends within its header");
  Reader reader(bytes.substr(kTraceMagic.size()));
  const uint32_t version = reader.Take<uint32_t>();
  if (version != kTraceVersion) {
    return Error::Of(name, " is a routing trace of version ", version, "; this program reads version ", kTraceVersion);
  }
  t.moe_layers = reader.Take<uint32_t>();
  t.first_moe_layer = reader.Take<uint32_t>();
  t.experts = reader.Take<uint32_t>();
  t.experts_per_token = reader.Take<uint32_t>();
  const uint32_t zero = reader.Take<uint32_t>();
  const uint64_t tokens = reader.Take<uint64_t>();
  LFM2_RETURN_IF_FAILED(CheckRange(name, "moe_layers", t.moe_layers, 1, kMaxLayers));
  LFM2_RETURN_IF_FAILED(CheckRange(name, "first_moe_layer", t.first_moe_layer, 0, kMaxLayers - t.moe_layers));
  LFM2_RETURN_IF_FAILED(CheckRange(name, "experts", t.experts, 1, kMaxExperts));
  LFM2_RETURN_IF_FAILED(
      CheckRange(name, "experts_per_token", t.experts_per_token, 1, std::min(t.experts, kMaxExpertsPerToken)));
  LFM2_RETURN_IF_FAILED(CheckRange(name, "the reserved field", zero, 0, 0));
  const std::string_view model_name = reader.TakeBytes(kNameBytes);
  const size_t name_end = model_name.find('\0');
  if (name_end == std::string_view::npos || model_name.find_first_not_of('\0', name_end) != std::string_view::npos) {
    return Error::Of(name, ": the model's name is not padded with zeros");
  }
  t.model_name = model_name.substr(0, name_end);
  const uint64_t before_tokens = kHeaderBytes + uint64_t{t.moe_layers} * sizeof(uint64_t);
  uint64_t wanted = 0;
  if (!CheckedMul(tokens, TokenBytes(t), &wanted) || !CheckedAdd(wanted, before_tokens, &wanted) ||
      wanted != bytes.size()) {
    return Error::Of(name, " has ", uint64_t{bytes.size()}, " bytes, which is not what ", tokens, " tokens of ",
                     TokenBytes(t), " bytes take");
  }
  if (tokens == 0) return Error::Of(name, " has no tokens");
  for (uint32_t layer = 0; layer < t.moe_layers; ++layer) {
    t.record_bytes.push_back(reader.Take<uint64_t>());
    if (t.record_bytes.back() > kMaxRecordBytes) {
      return Error::Of(name, ": record_bytes of MoE layer ", layer, " is ", t.record_bytes.back(),
                       ", larger than any expert");
    }
  }
  for (size_t token = 0; token < tokens; ++token) {
    const uint8_t kind = reader.Take<uint8_t>();
    const bool after_chunk = token > 0 && t.kinds.back() != TokenKind::kDecoded;
    if (kind > static_cast<uint8_t>(TokenKind::kChunkMore) ||
        (kind == static_cast<uint8_t>(TokenKind::kChunkMore) && !after_chunk)) {
      return Error::Of(name, ": token ", uint64_t{token}, " is of kind ", uint32_t{kind},
                       after_chunk ? "" : ", and does not follow a token of a chunk");
    }
    t.kinds.push_back(static_cast<TokenKind>(kind));
    LFM2_RETURN_IF_FAILED(ParseChosen(name, token, &reader, &t));
  }
  return Error();
}

Error ReadRoutingTrace(const std::string& path, RoutingTrace* trace) {
  std::string bytes;
  LFM2_RETURN_IF_FAILED(ReadFile(path, &bytes));
  return ParseRoutingTrace(path, bytes, trace);
}

Error WriteRoutingTrace(const RoutingTrace& t, const std::string& path) {
  std::string bytes(kTraceMagic);
  for (const uint32_t value : {kTraceVersion, t.moe_layers, t.first_moe_layer, t.experts, t.experts_per_token, 0u}) {
    Append(&bytes, value);
  }
  Append(&bytes, uint64_t{t.tokens()});
  std::string name = t.model_name.substr(0, kNameBytes - 1);
  name.resize(kNameBytes);
  bytes += name;
  for (const uint64_t size : t.record_bytes) Append(&bytes, size);
  for (size_t token = 0; token < t.tokens(); ++token) {
    Append(&bytes, t.kinds[token]);
    for (uint32_t i = 0; i < t.moe_layers * t.experts_per_token; ++i) {
      const uint16_t expert = t.Chosen(token, 0)[i];
      if (IndexBytes(t.experts) == 1) {
        Append(&bytes, static_cast<uint8_t>(expert));
      } else {
        Append(&bytes, expert);
      }
    }
  }
  OutputFile file;
  LFM2_RETURN_IF_FAILED(file.Open(path));
  LFM2_RETURN_IF_FAILED(file.Write(0, bytes.data(), bytes.size()));
  return file.Commit();
}

Error RoutingRecorder::Begin(const std::string& path, const Image& image) {
  if (path.empty()) return Error();
  const ModelConfig& config = image.config();
  if (config.moe_layers() == 0) return Error::Of("a routing trace needs a model with experts, and this one has none");
  path_ = path;
  trace_.model_name = image.name();
  trace_.moe_layers = config.moe_layers();
  trace_.first_moe_layer = config.dense_layers;
  trace_.experts = config.experts;
  trace_.experts_per_token = config.experts_per_token;
  for (uint32_t layer = 0; layer < trace_.moe_layers; ++layer) {
    trace_.record_bytes.push_back(image.record_layer(layer).stride);
  }
  return Error();
}

Error RoutingRecorder::Finish() const { return path_.empty() ? Error() : WriteRoutingTrace(trace_, path_); }

void RoutingRecorder::OnHidden(void* context, uint32_t layer, uint32_t position, uint32_t tokens, const float*) {
  if (layer != 0) return;
  RoutingRecorder& self = *static_cast<RoutingRecorder*>(context);
  RoutingTrace& t = self.trace_;
  self.chunk_begin_ = t.tokens();
  self.chunk_position_ = position;
  t.kinds.push_back(tokens == 1 ? TokenKind::kDecoded : TokenKind::kChunkBegin);
  t.kinds.resize(self.chunk_begin_ + tokens, TokenKind::kChunkMore);
  t.chosen.resize(t.tokens() * t.moe_layers * t.experts_per_token);
}

void RoutingRecorder::OnRouting(void* context, uint32_t layer, uint32_t position, const uint16_t* experts,
                                const float*) {
  RoutingRecorder& self = *static_cast<RoutingRecorder*>(context);
  RoutingTrace& t = self.trace_;
  const size_t token = self.chunk_begin_ + (position - self.chunk_position_);
  std::copy_n(experts, t.experts_per_token,
              t.chosen.begin() + static_cast<std::ptrdiff_t>((token * t.moe_layers + (layer - t.first_moe_layer)) *
                                                             t.experts_per_token));
}

}  // namespace lfm2::tools
