#include "programs/pack/gguf_source.h"

#include <cstdio>
#include <set>

#include "lfm2/base/numeric.h"
#include "programs/pack/gguf_model.h"
#include "programs/pack/gguf_vocab.h"
#include "programs/pack/repack.h"
#include "programs/pack/sampling_defaults.h"

namespace lfm2::tools {

namespace {

constexpr uint32_t kMaxParts = 999;

bool IsDigits(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

// Checks the keys of a part about the split.
Error CheckSplit(const Gguf& part, uint32_t number, uint32_t parts) {
  if (parts == 1 && part.Find("split.count") == nullptr) return Error();
  uint32_t count = 0, own = 0;
  LFM2_RETURN_IF_FAILED(part.GetU32("split.count", &count));
  if (count <= 1 && parts == 1) return Error();
  if (parts == 1) {
    return Error::Of("the file is one of ", count, " parts of a model (give the first, named NAME-00001-of-",
                     "N.gguf, with the others in the same directory)");
  }
  LFM2_RETURN_IF_FAILED(part.GetU32("split.no", &own));
  if (count != parts) return Error::Of("the key split.count is ", count, ", but there are ", parts, " parts");
  if (own != number) return Error::Of("the key split.no is ", own, ", expected ", number);
  return Error();
}

}  // namespace

Error GgufParts(const std::string& path, std::vector<std::string>* names) {
  names->assign(1, path);
  // -00001-of-00002.gguf
  constexpr size_t kSuffix = 20;
  if (path.size() <= kSuffix || path.compare(path.size() - 5, 5, ".gguf") != 0) return Error();
  const std::string suffix = path.substr(path.size() - kSuffix);
  const std::string number = suffix.substr(1, 5), count = suffix.substr(10, 5);
  if (suffix[0] != '-' || suffix.substr(6, 4) != "-of-" || !IsDigits(number) || !IsDigits(count)) return Error();
  const uint32_t parts = static_cast<uint32_t>(std::stoul(count));
  if (number != "00001") return Error::Of("it is part ", number, " of a model (give the first part, 00001)");
  if (parts < 1 || parts > kMaxParts) return Error::Of("its name states ", parts, " parts, not 1..", kMaxParts);
  names->clear();
  for (uint32_t i = 1; i <= parts; ++i) {
    char text[kSuffix + 1];
    std::snprintf(text, sizeof(text), "-%05u-of-%05u.gguf", static_cast<unsigned>(i % 100000u),
                  static_cast<unsigned>(parts % 100000u));
    names->push_back(path.substr(0, path.size() - kSuffix) + text);
  }
  return Error();
}

Error GgufSource::Open(const std::string& path, const std::optional<OwnedChatFormat>& chat_format) {
  std::vector<std::string> names;
  const Error named = GgufParts(path, &names);
  if (!named.ok()) return Error::Of(path, ": ", named.text());
  std::vector<const ByteSource*> parts;
  for (const std::string& name : names) {
    opened_.push_back(std::make_unique<FileSource>());
    LFM2_RETURN_IF_FAILED(opened_.back()->Open(name));
    parts.push_back(opened_.back().get());
    files_.push_back(name);
  }
  const Error opened = Open(parts, chat_format);
  return opened.ok() ? Error() : Error::Of(path, ": ", opened.text());
}

Error GgufSource::Open(const std::vector<const ByteSource*>& parts, const std::optional<OwnedChatFormat>& chat_format) {
  parts_ = parts;
  metadata_.resize(parts.size());
  for (size_t i = 0; i < parts.size(); ++i) {
    const uint32_t number = static_cast<uint32_t>(i), count = static_cast<uint32_t>(parts.size());
    Error read = metadata_[i].Read(*parts[i]);
    if (read.ok()) read = CheckSplit(metadata_[i], number, count);
    if (!read.ok()) return count == 1 ? read : Error::Of("part ", number + 1, ": ", read.text());
    bytes_ += parts[i]->size();
  }
  const Gguf& first = metadata_[0];
  std::string architecture;
  LFM2_RETURN_IF_FAILED(ReadGgufConfig(metadata_, &config_, &name_, &architecture, &notes_));
  description_ = "GGUF " + std::to_string(first.version()) + ", " + architecture;
  if (parts.size() > 1) description_ += ", " + std::to_string(parts.size()) + " parts";
  LFM2_RETURN_IF_FAILED(MatchTensors());
  sampling_ = SamplingOf(first, &notes_);
  return ReadGgufVocab(first, config_.vocab_size, chat_format, &vocab_);
}

Error GgufSource::MatchTensors() {
  std::set<std::string> used;
  for (uint32_t group = 0; group < TensorGroups(config_); ++group) {
    const TensorSpecs specs = TensorGroup(config_, group);
    for (uint32_t i = 0; i < specs.count; ++i) {
      const TensorSpec& spec = specs.spec[i];
      GgufOrigin origin;
      ImageTensor tensor{spec, TensorType::kF32};
      for (uint32_t part = 0; part < metadata_.size() && origin.tensor == nullptr; ++part) {
        origin = {FindGgufTensor(metadata_[part], spec), part};
      }
      if (origin.tensor == nullptr) return Error::Of("the tensor ", GgufName(spec), " is missing");
      if (!used.insert(origin.tensor->name).second)
        return Error::Of("the tensor ", origin.tensor->name, " occurs twice");
      LFM2_RETURN_IF_FAILED(MatchGgufTensor(spec, config_, *origin.tensor, &tensor.type));
      tensors_.push_back(tensor);
      origins_.push_back(origin);
    }
  }
  size_t found = 0;
  for (const Gguf& part : metadata_) {
    for (const GgufTensor& t : part.tensors()) {
      if (used.count(t.name) == 0) {
        return Error::Of("the tensor ", t.name, " has no place in a model of this architecture");
      }
      ++found;
    }
  }
  return found == used.size() ? Error() : Error::Of("a tensor is in two parts");
}

Error GgufSource::ReadBlocks(size_t tensor, uint32_t expert, uint32_t row, uint32_t rows, uint8_t* blocks) const {
  const ImageTensor& t = tensors_[tensor];
  const GgufOrigin& from = origins_[tensor];
  const size_t row_bytes = GgmlRowBytes(t.type, t.spec.cols);
  rows_.resize(rows * row_bytes);
  const uint64_t first = uint64_t{expert} * t.spec.rows + row;
  LFM2_RETURN_IF_FAILED(parts_[from.part]->Read(from.tensor->offset + first * row_bytes, rows_.data(), rows_.size()));
  RepackRows(t.type, rows_.data(), rows, t.spec.cols, blocks);
  return Error();
}

// A few rows of floats at most, of any float type.
Error GgufSource::ReadPlain(size_t tensor, float* values) const {
  const TensorSpec& spec = tensors_[tensor].spec;
  const GgufOrigin& from = origins_[tensor];
  rows_.resize(static_cast<size_t>(from.tensor->bytes));
  LFM2_RETURN_IF_FAILED(parts_[from.part]->Read(from.tensor->offset, rows_.data(), rows_.size()));
  TensorType type = TensorType::kF32;
  TensorTypeFromGgml(from.tensor->type, &type);
  const bool transposed = spec.role == TensorRole::kConvKernel;
  const size_t row_count = spec.rows, cols = spec.cols;
  for (size_t row = 0; row < row_count; ++row) {
    for (size_t col = 0; col < cols; ++col) {
      const size_t i = transposed ? col * row_count + row : row * cols + col;
      float& value = values[row * cols + col];
      if (type == TensorType::kF16) {
        value = F32FromF16(LoadAs<uint16_t>(rows_.data() + i * 2));
      } else if (type == TensorType::kBF16) {
        value = F32FromBF16(LoadAs<uint16_t>(rows_.data() + i * 2));
      } else {
        value = LoadAs<float>(rows_.data() + i * 4);
      }
    }
  }
  return Error();
}

}  // namespace lfm2::tools
