#include "programs/open/image_cache.h"

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>

#include "lfm2/base/numeric.h"
#include "lfm2/format/image.h"
#include "lfm2/posix/mapped_file.h"
#include "programs/console/console.h"
#include "programs/console/interruptible.h"
#include "programs/files/byte_source.h"
#include "programs/files/files.h"
#include "programs/open/cache_folder.h"
#include "programs/open/file_stamp.h"
#include "programs/pack/open_source.h"
#include "programs/pack/packer.h"
#include "programs/pack/summary.h"

namespace lfm2::tools {

namespace {

constexpr char kEnding[] = ".lfm2";

std::string Hex(uint64_t number, int digits) {
  char text[24];
  std::snprintf(text, sizeof(text), "%0*llx", digits, static_cast<unsigned long long>(number));
  return text;
}

// Passes the bytes of an image on, and keeps its fingerprint. to: nullptr discards them.
class FingerprintSink final : public ByteSink {
 public:
  explicit FingerprintSink(ByteSink* to) : to_(to) {}
  Error Write(uint64_t offset, const void* data, size_t bytes) override {
    if (offset == 0 && bytes >= sizeof(ImageHeader)) fingerprint_ = LoadAs<ImageHeader>(data).metadata_crc;
    return to_ == nullptr ? Error() : to_->Write(offset, data, bytes);
  }
  uint32_t fingerprint() const { return fingerprint_; }

 private:
  ByteSink* to_;
  uint32_t fingerprint_ = 0;
};

// The first part of an image's name: the model's, for people, and a hash of everything but the weights.
std::string StemOf(const PackPlan& plan) {
  std::string name;
  for (const char* c = plan.header.name; *c != '\0'; ++c) {
    const bool plain = (*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z');
    name += plain || (*c == '.' && !name.empty()) || *c == '_' ? *c : '-';
  }
  uint64_t key = Mix(kMixBegin, &kPackVersion, sizeof(kPackVersion));
  key = Mix(key, &plan.header, sizeof(plan.header));
  key = Mix(key, plan.vocab.data(), plan.vocab.size());
  key = Mix(key, plan.directory.data(), plan.directory.size() * sizeof(TensorEntry));
  return (name.empty() ? "model" : name) + "-" + Hex(key, 16);
}

// The last part is the fingerprint, which covers the CRCs of all weights.
std::string NameOf(const std::string& stem, uint32_t fingerprint) { return stem + "-" + Hex(fingerprint, 8) + kEnding; }

// Whether a file is an image with the fingerprint in its name.
bool HoldsImage(const CacheFolder& folder, const std::string& name) {
  posix::MappedFile file;
  Image image;
  if (name.find('/') != std::string::npos || !file.Open(folder.Path(name).c_str()).ok() || !image.Open(file).ok()) {
    return false;
  }
  const std::string end = NameOf("", image.fingerprint());
  return name.size() > end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0;
}

// The image that an earlier run made of the same files, by their stamp.
bool FindByStamp(const CacheFolder& folder, const std::string& stamp_name, std::string* name) {
  if (!ReadFile(folder.Path(stamp_name), name).ok()) return false;
  return HoldsImage(folder, *name);
}

void KeepStamp(const CacheFolder& folder, const std::string& stamp_name, const std::string& name) {
  OutputFile file;
  // If it cannot be kept, the next run compares contents.
  if (folder.Open(stamp_name, &file).ok() && file.Write(0, name.data(), name.size()).ok()) {
    static_cast<void>(file.Commit());
  }
}

Error Write(const ModelSource& source, const PackPlan& plan, const char* verb, FingerprintSink* sink) {
  Progress bar(verb, false);
  Error written = WriteImage(source, plan, ReportTo(&bar), sink);
  if (written.ok() && StopSignals::came()) written = Error::Of("interrupted");
  bar.Abandon();
  return written;
}

// An image of the same content: if files with this stem may be one, the model is packed to find its fingerprint.
Error FindByContent(const CacheFolder& folder, const ModelSource& source, const PackPlan& plan, const std::string& stem,
                    std::string* name) {
  bool any = false;
  for (const std::string& other : folder.Names()) {
    any = any || (other.compare(0, stem.size(), stem) == 0 && HoldsImage(folder, other));
  }
  if (!any) return Error();
  FingerprintSink sink(nullptr);
  LFM2_RETURN_IF_FAILED(Write(source, plan, "comparing", &sink));
  const std::string same = NameOf(stem, sink.fingerprint());
  if (HoldsImage(folder, same)) *name = same;
  return Error();
}

Error Pack(const CacheFolder& folder, const ModelSource& source, const PackPlan& plan, const std::string& stem,
           std::string* name) {
  ShowNotes(source);
  OutputFile file;
  FingerprintSink sink(&file);
  LFM2_RETURN_IF_FAILED(folder.Make());
  LFM2_RETURN_IF_FAILED(folder.Open(stem + kEnding, &file));
  LFM2_RETURN_IF_FAILED(folder.CheckSpace(plan.header.file_bytes));
  LFM2_RETURN_IF_FAILED(Write(source, plan, "packing", &sink));
  *name = NameOf(stem, sink.fingerprint());
  return file.CommitAs(folder.Path(*name));
}

Error FindOrPackIn(const CacheFolder& folder, const std::string& path, std::string* name) {
  const uint64_t files = StampOf(path);
  const std::string stamp_name = Hex(Mix(files, &kPackVersion, sizeof(kPackVersion)), 16) + ".from";
  if (FindByStamp(folder, stamp_name, name)) return Error();
  std::unique_ptr<ModelSource> source;
  PackPlan plan;
  LFM2_RETURN_IF_FAILED(OpenSource(path, {}, &source));
  const Error planned = PlanPack(*source, "", &plan);
  if (!planned.ok()) return Error::Of(path, ": ", planned.text());
  const std::string stem = StemOf(plan);
  const StopSignals stop;
  name->clear();
  const Error found = FindByContent(folder, *source, plan, stem, name);
  if (!found.ok()) return Error::Of(path, ": ", found.text());
  if (name->empty()) {
    const Error packed = Pack(folder, *source, plan, stem, name);
    if (!packed.ok()) return Error::Of(path, ": ", packed.text());
    std::fprintf(stderr, "packed %s into %s (%s); later runs use it\n", Error::Of(path).text().c_str(),
                 Error::Of(folder.Path(*name)).text().c_str(), HumanBytes(plan.header.file_bytes).c_str());
  }
  if (StampOf(path) == files) KeepStamp(folder, stamp_name, *name);
  return Error();
}

}  // namespace

Error FindOrPack(const std::string& path, std::string* image) {
  CacheFolder folder;
  std::string name;
  const Error found = folder.Find();
  if (!found.ok()) return Error::Of(path, ": ", found.text());
  LFM2_RETURN_IF_FAILED(FindOrPackIn(folder, path, &name));
  *image = folder.Path(name);
  return Error();
}

}  // namespace lfm2::tools
