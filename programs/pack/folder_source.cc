#include "programs/pack/folder_source.h"

#include <algorithm>
#include <cstring>

#include "lfm2/base/numeric.h"
#include "lfm2/kernels/dequantize.h"
#include "programs/files/strict_json.h"
#include "programs/pack/config_json.h"
#include "programs/pack/folder_names.h"
#include "programs/pack/repack.h"
#include "programs/pack/sampling_defaults.h"
#include "programs/pack/tokenizer_json.h"

namespace lfm2::tools {

namespace {

constexpr uint64_t kMaxJsonBytes = 256u << 20;

// *out is an empty object if an optional file is missing.
Error ReadJsonFile(const FolderFiles& folder, const char* name, bool required, nlohmann::json* out) {
  *out = nlohmann::json::object();
  if (!required && !folder.Has(name)) return Error();
  std::unique_ptr<ByteSource> file;
  LFM2_RETURN_IF_FAILED(folder.Open(name, &file));
  const Error read = ReadStrictJson(*file, kMaxJsonBytes, out);
  return read.ok() ? Error() : Error::Of(name, ": ", read.text());
}

// Whether a shard of that name is in the model's directory, and not elsewhere.
bool IsFileName(const std::string& name) {
  return !name.empty() && name.size() < 256 && name[0] != '.' && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

}  // namespace

Error FolderSource::OpenFile(const FolderFiles& folder, const std::string& name) {
  const std::string path = folder.Path(name);
  opened_.emplace_back();
  LFM2_RETURN_IF_FAILED(folder.Open(name, &opened_.back()));
  files_.push_back(path);
  bytes_ += opened_.back()->size();
  headers_.emplace_back();
  const Error read = headers_.back().Read(*opened_.back());
  return read.ok() ? Error() : Error::Of(path, ": ", read.text());
}

Error FolderSource::OpenFiles(const FolderFiles& folder) {
  const bool sharded = folder.Has("model.safetensors.index.json");
  std::set<std::string> names;
  nlohmann::json weight_map = nlohmann::json::object();
  if (sharded) {
    nlohmann::json index;
    LFM2_RETURN_IF_FAILED(ReadJsonFile(folder, "model.safetensors.index.json", true, &index));
    weight_map = index.value("weight_map", nlohmann::json());
    if (!weight_map.is_object()) return Error::Of("model.safetensors.index.json has no weight_map");
    for (const auto& [tensor, file] : weight_map.items()) {
      if (!file.is_string() || !IsFileName(file.get_ref<const std::string&>())) {
        return Error::Of("model.safetensors.index.json has ", Shown(file), " for ", tensor,
                         ", which is not a file name");
      }
      names.insert(file.get<std::string>());
    }
  } else {
    names.insert("model.safetensors");
  }
  headers_.reserve(names.size());
  for (const std::string& name : names) {
    LFM2_RETURN_IF_FAILED(OpenFile(folder, name));
    const size_t file = opened_.size() - 1;
    for (const auto& [tensor, t] : headers_[file].tensors()) {
      if (sharded && weight_map.value(tensor, nlohmann::json()) != name) {
        return Error::Of("model.safetensors.index.json does not state that ", tensor, " is in ", name);
      }
      found_[tensor] = {&t, file, tensor};
      file_of_[&t] = file;
    }
  }
  for (const auto& [tensor, file] : weight_map.items()) {
    if (found_.count(tensor) == 0) return Error::Of("the tensor ", tensor, " is not in ", file.get<std::string>());
  }
  return Error();
}

// Keeps the text model of a vision model, and gives its tensors the names that they have in a text model. The prefixes
// of Hugging Face and MLX differ.
Error FolderSource::NameTensors() {
  if (!sees_) return Error();
  std::map<std::string, Found, std::less<>> text;
  uint64_t left_out = 0;
  std::set<std::string> parts;
  for (const auto& [name, found] : found_) {
    const auto after = [&name = name](const char* prefix) {
      const size_t size = std::string_view(prefix).size();
      return name.compare(0, size, prefix) == 0 ? name.substr(size) : std::string();
    };
    std::string own = name;
    bool other = false;
    for (const char* part : {"vision_tower", "multi_modal_projector"}) {
      const bool is = !after((std::string(part) + ".").c_str()).empty() ||
                      !after(("model." + std::string(part) + ".").c_str()).empty();
      if (is) parts.insert(part);
      other = other || is;
    }
    if (other) {
      ++left_out;
      continue;
    }
    if (const std::string hf = after("model.language_model."); !hf.empty()) {
      own = "model." + hf;
    } else if (const std::string mlx = after("language_model."); !mlx.empty()) {
      own = mlx;
    }
    if (!text.emplace(own, found).second) return Error::Of("the tensor ", own, " is there under two names");
  }
  found_ = std::move(text);
  std::string names;
  for (const std::string& part : parts) names += (names.empty() ? "" : " and ") + part;
  notes_.push_back(
      "the model also sees: only its text model is packed" +
      (left_out == 0 ? std::string() : ", and " + std::to_string(left_out) + " tensors of " + names + " are left out"));
  return Error();
}

// Of the first layer's feed forward; 0 if it is unknown.
uint32_t FolderSource::GateRows() const {
  for (const MatrixName& name : MatrixNames({TensorRole::kFfnGate, 0, 0, 0, TensorLayout::kMatrix})) {
    const auto at = found_.find(name.Weight(0));
    if (at == found_.end() || at->second.tensor->shape.size() != 2) continue;
    return static_cast<uint32_t>(std::min<uint64_t>(at->second.tensor->shape[0], UINT32_MAX));
  }
  return 0;
}

Error FolderSource::ReadVocabulary(const FolderFiles& folder, const std::optional<OwnedChatFormat>& chat_format) {
  nlohmann::json tokenizer, config, generation;
  LFM2_RETURN_IF_FAILED(ReadJsonFile(folder, "tokenizer.json", true, &tokenizer));
  LFM2_RETURN_IF_FAILED(ReadJsonFile(folder, "tokenizer_config.json", true, &config));
  LFM2_RETURN_IF_FAILED(ReadJsonFile(folder, "generation_config.json", false, &generation));
  Error read = ReadTokenizerJson(tokenizer, config_.vocab_size, &vocab_);
  if (!read.ok()) return Error::Of("tokenizer.json: ", read.text());
  read = ReadTokenizerConfig(config, generation, &vocab_);
  if (!read.ok()) return Error::Of("tokenizer_config.json: ", read.text());
  sampling_ = SamplingOf(generation, &notes_);
  std::optional<std::string> jinja;
  if (folder.Has("chat_template.jinja")) {
    std::unique_ptr<ByteSource> file;
    LFM2_RETURN_IF_FAILED(folder.Open("chat_template.jinja", &file));
    if (file->size() > kMaxJsonBytes) return Error::Of("chat_template.jinja has ", file->size(), " bytes");
    jinja.emplace(static_cast<size_t>(file->size()), '\0');
    LFM2_RETURN_IF_FAILED(file->Read(0, jinja->data(), jinja->size()));
  }
  return ReadChatTemplate(jinja, config, chat_format, &vocab_);
}

Error FolderSource::Open(const FolderFiles& folder, const std::optional<OwnedChatFormat>& chat_format) {
  nlohmann::json config, text;
  LFM2_RETURN_IF_FAILED(ReadJsonFile(folder, "config.json", true, &config));
  Error read = TextConfig(config, &text);
  if (read.ok()) read = quantization_.Read(config);
  if (!read.ok()) return Error::Of("config.json: ", read.text());
  for (const char* name : {"1_Pooling", "modules.json"}) {
    if (!folder.Has(name)) continue;
    return Error::Of("there is ", name, ": this is an embedding model, which generates no text and is not supported");
  }
  sees_ = config.value("model_type", nlohmann::json()) == "lfm2_vl";
  LFM2_RETURN_IF_FAILED(OpenFiles(folder));
  LFM2_RETURN_IF_FAILED(NameTensors());
  DenseWidth width;
  width.rows = GateRows();
  read = ReadConfigJson(text, &config_, &expert_bias_, &width);
  if (!read.ok()) return Error::Of("config.json: ", read.text());
  if (!width.note.empty()) notes_.push_back(width.note);
  LFM2_RETURN_IF_FAILED(MatchTensors());
  LFM2_RETURN_IF_FAILED(ReadVocabulary(folder, chat_format));
  name_ = folder.Name();
  description_ = std::string(quantization_.any() ? "MLX" : "safetensors") + " directory, " +
                 (sees_                 ? "lfm2_vl"
                  : config_.experts > 0 ? "lfm2_moe"
                                        : "lfm2");
  if (opened_.size() > 1) description_ += ", " + std::to_string(opened_.size()) + " files";
  return Error();
}

Error FolderSource::Read(const SafeTensor& t, uint64_t offset, size_t bytes, std::vector<uint8_t>* out) const {
  out->resize(bytes);
  return opened_[file_of_.at(&t)]->Read(t.offset + offset, out->data(), bytes);
}

Error FolderSource::ReadRows(const FolderMatrix& place, uint64_t first, uint32_t rows) const {
  const auto read = [&](const SafeTensor* t, std::vector<uint8_t>* out) {
    if (t == nullptr) return Error();
    const uint64_t row_bytes = t->cols() * BytesOf(t->type);
    return Read(*t, first * row_bytes, static_cast<size_t>(rows * row_bytes), out);
  };
  LFM2_RETURN_IF_FAILED(read(place.weight, &weight_));
  LFM2_RETURN_IF_FAILED(read(place.scales, &scales_));
  return read(place.biases, &biases_);
}

Error FolderSource::ReadBlocks(size_t tensor, uint32_t expert, uint32_t row, uint32_t rows, uint8_t* blocks) const {
  const ImageTensor& t = tensors_[tensor];
  const FolderMatrix& place = places_[tensor][expert];
  LFM2_RETURN_IF_FAILED(ReadRows(place, place.first_row + row, rows));
  const size_t block_bytes = static_cast<size_t>(MatrixBytes(t.type, kBlockRows, t.spec.cols));
  const uint32_t cols = t.spec.cols;
  for (uint32_t r = 0; r < rows; r += kBlockRows, blocks += block_bytes) {
    const uint32_t count = Min(kBlockRows, rows - r);
    const auto from = [&](const std::vector<uint8_t>& bytes) { return bytes.data() + bytes.size() / rows * r; };
    if (place.scales == nullptr) {
      RepackRowBlock(t.type, from(weight_), count, cols, blocks);
      continue;
    }
    const uint8_t* const biases = place.biases == nullptr ? nullptr : from(biases_);
    const bool as_packed = t.type == place.packed;
    if (!as_packed) blocks_.resize(static_cast<size_t>(MatrixBytes(place.packed, kBlockRows, cols)));
    uint8_t* const to = as_packed ? blocks : blocks_.data();
    if (!RepackMlxRowBlock(place.packed, from(weight_), from(scales_), biases, count, cols, to)) {
      return Error::Of("the matrix ", NameOf(t.spec.role), " of layer ", t.spec.layer,
                       " has a value that is not a number");
    }
    if (as_packed) continue;
    std::vector<float> values(size_t{kBlockRows} * cols);
    const Matrix packed{blocks_.data(), kBlockRows, cols, place.packed};
    for (uint32_t i = 0; i < count; ++i) DequantizeRow(packed, i, values.data() + size_t{i} * cols);
    RepackRowBlock(TensorType::kF32, reinterpret_cast<const uint8_t*>(values.data()), count, cols, blocks);
  }
  return Error();
}

Error FolderSource::ReadPlain(size_t tensor, float* values) const {
  const TensorSpec& spec = tensors_[tensor].spec;
  const SafeTensor* const t = places_[tensor][0].weight;
  const size_t rows = spec.rows, cols = spec.cols;
  if (t == nullptr) {
    std::fill_n(values, rows * cols, 0.0f);
    return Error();
  }
  LFM2_RETURN_IF_FAILED(Read(*t, 0, static_cast<size_t>(t->bytes), &weight_));
  for (size_t row = 0; row < rows; ++row) {
    for (size_t col = 0; col < cols; ++col) {
      const size_t i = spec.role == TensorRole::kConvKernel ? col * rows + row : row * cols + col;
      float& value = values[row * cols + col];
      if (t->type == SafeType::kF16) {
        value = F32FromF16(LoadAs<uint16_t>(weight_.data() + i * 2));
      } else if (t->type == SafeType::kBF16) {
        value = F32FromBF16(LoadAs<uint16_t>(weight_.data() + i * 2));
      } else {
        value = LoadAs<float>(weight_.data() + i * 4);
      }
    }
  }
  return Error();
}

}  // namespace lfm2::tools
