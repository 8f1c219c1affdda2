#include "programs/quantize/weight_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>

#include "lfm2/base/crc32c.h"
#include "programs/files/byte_sink.h"
#include "programs/pack/repack.h"

namespace lfm2::tools {

namespace {

// Layout of the file "progress": this header, the job's text, the reports, the streams.
struct ProgressHeader {
  char magic[8];
  uint32_t crc;  // of everything after it
  uint32_t layers;
  uint64_t job_bytes;
  uint64_t reports;
  uint64_t streams;  // floats
};
constexpr char kStoreMagic[8] = {'l', 'f', 'm', '2', 'w', 'o', 'r', '4'};
static_assert(sizeof(ProgressHeader) == 40, "no padding");

uint32_t HeaderCrc(const ProgressHeader& header) {
  constexpr size_t kBegin = offsetof(ProgressHeader, layers);
  return Crc32c(0, reinterpret_cast<const char*>(&header) + kBegin, sizeof(header) - kBegin);
}

Error Failed(const std::string& path, const char* what) {
  return Error::Of(path, ": ", what, ": ", std::strerror(errno));
}

std::string WeightsFile(const std::string& folder) { return folder + "/weights"; }
std::string ProgressFile(const std::string& folder) { return folder + "/progress"; }

}  // namespace

WeightStore::~WeightStore() {
  if (fd_ >= 0) ::close(fd_);
}

Error WeightStore::Open(const std::string& folder, const std::string& job, const std::vector<ImageTensor>& tensors,
                        std::vector<bool> held, uint32_t experts, WeightProgress* progress) {
  folder_ = folder;
  job_ = job;
  tensors_ = tensors;
  held_ = std::move(held);
  uint64_t end = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    offsets_.push_back(end);
    if (!held_[i]) continue;
    const uint32_t copies = tensors[i].spec.layout == TensorLayout::kExpert ? experts : 1;
    end += copies * MatrixBytes(tensors[i].type, tensors[i].spec.rows, tensors[i].spec.cols);
  }
  offsets_.push_back(end);
  std::error_code error;
  std::filesystem::create_directory(folder, error);
  if (error) return Error::Of(folder, ": cannot be created: ", error.message());
  const std::string path = WeightsFile(folder);
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd_ < 0) return Failed(path, "cannot be opened");
  // Two runs would mix their weights.
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) return Error::Of(folder, " is in use by another run");
  *progress = WeightProgress();
  // Whatever is wrong with the existing files, starting again is right.
  if (!Load(tensors.size(), progress).ok()) {
    *progress = WeightProgress();
    std::filesystem::remove(ProgressFile(folder), error);
    if (error) return Error::Of(ProgressFile(folder), ": cannot be removed: ", error.message());
  }
  progress->reports.resize(tensors.size());
  return Error();
}

Error WeightStore::Load(size_t tensors, WeightProgress* progress) const {
  FileSource file;
  ProgressHeader header;
  LFM2_RETURN_IF_FAILED(file.Open(ProgressFile(folder_)));
  LFM2_RETURN_IF_FAILED(file.Read(0, &header, sizeof(header)));
  const uint64_t bytes = file.size() - sizeof(header);
  if (std::memcmp(header.magic, kStoreMagic, sizeof(kStoreMagic)) != 0 || header.job_bytes != job_.size() ||
      header.reports != tensors || header.streams > bytes / sizeof(float) ||
      bytes != job_.size() + tensors * sizeof(TensorReport) + header.streams * sizeof(float)) {
    return Error::Of("belongs to another job");
  }
  std::string rest(static_cast<size_t>(bytes), '\0');
  LFM2_RETURN_IF_FAILED(file.Read(sizeof(header), rest.data(), rest.size()));
  if (rest.compare(0, job_.size(), job_) != 0) return Error::Of("belongs to another job");
  if (Crc32c(HeaderCrc(header), rest.data(), rest.size()) != header.crc) return Error::Of("is damaged");
  struct stat info;
  if (::fstat(fd_, &info) != 0 || static_cast<uint64_t>(info.st_size) < EndOf(header.layers)) {
    return Error::Of("its weights are missing");
  }
  progress->layers = header.layers;
  progress->reports.resize(tensors);
  progress->streams.resize(static_cast<size_t>(header.streams));
  std::memcpy(progress->reports.data(), rest.data() + job_.size(), tensors * sizeof(TensorReport));
  std::memcpy(progress->streams.data(), rest.data() + job_.size() + tensors * sizeof(TensorReport),
              progress->streams.size() * sizeof(float));
  return Error();
}

uint64_t WeightStore::EndOf(uint32_t layers) const {
  uint64_t end = 0;
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if (held_[i] && tensors_[i].spec.layer < layers) end = std::max(end, offsets_[i + 1]);
  }
  return end;
}

uint64_t WeightStore::Place(size_t tensor, uint32_t expert) const {
  const ImageTensor& t = tensors_[tensor];
  return offsets_[tensor] + expert * MatrixBytes(t.type, t.spec.rows, t.spec.cols);
}

Error WeightStore::Write(size_t tensor, uint32_t expert, const std::vector<uint8_t>& blocks) {
  uint64_t at = Place(tensor, expert);
  for (size_t done = 0; done < blocks.size();) {
    const ssize_t n = ::pwrite(fd_, blocks.data() + done, blocks.size() - done, static_cast<off_t>(at + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Failed(WeightsFile(folder_), "cannot be written");
    done += static_cast<size_t>(n);
  }
  return Error();
}

Error WeightStore::Read(size_t tensor, uint32_t expert, uint32_t row, uint32_t rows, uint8_t* blocks) const {
  const ImageTensor& t = tensors_[tensor];
  const uint64_t at = Place(tensor, expert) + MatrixBytes(t.type, row, t.spec.cols);
  const size_t bytes = static_cast<size_t>(MatrixBytes(t.type, rows, t.spec.cols));
  for (size_t done = 0; done < bytes;) {
    const ssize_t n = ::pread(fd_, blocks + done, bytes - done, static_cast<off_t>(at + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Failed(WeightsFile(folder_), "cannot be read");
    if (n == 0) return Error::Of(WeightsFile(folder_), " was cut short");
    done += static_cast<size_t>(n);
  }
  return Error();
}

Error WeightStore::Save(const WeightProgress& progress) {
  // The weights are on the device before the progress file states that they are.
  if (::fsync(fd_) != 0) return Failed(WeightsFile(folder_), "cannot be written");
  ProgressHeader header = {};
  std::memcpy(header.magic, kStoreMagic, sizeof(kStoreMagic));
  header.layers = progress.layers;
  header.job_bytes = job_.size();
  header.reports = progress.reports.size();
  header.streams = progress.streams.size();
  const size_t report_bytes = progress.reports.size() * sizeof(TensorReport);
  const size_t stream_bytes = progress.streams.size() * sizeof(float);
  header.crc = Crc32c(HeaderCrc(header), job_.data(), job_.size());
  header.crc = Crc32c(header.crc, progress.reports.data(), report_bytes);
  header.crc = Crc32c(header.crc, progress.streams.data(), stream_bytes);
  OutputFile file;
  LFM2_RETURN_IF_FAILED(file.Open(ProgressFile(folder_)));
  LFM2_RETURN_IF_FAILED(file.Write(0, &header, sizeof(header)));
  LFM2_RETURN_IF_FAILED(file.Write(sizeof(header), job_.data(), job_.size()));
  LFM2_RETURN_IF_FAILED(file.Write(sizeof(header) + job_.size(), progress.reports.data(), report_bytes));
  LFM2_RETURN_IF_FAILED(file.Write(sizeof(header) + job_.size() + report_bytes, progress.streams.data(), stream_bytes));
  return file.Commit();
}

Error WeightStore::Remove() {
  std::error_code error;
  std::vector<std::filesystem::path> files = {WeightsFile(folder_)};
  // Also removes the temporary files of a run that was killed.
  for (const auto& file : std::filesystem::directory_iterator(folder_, error)) {
    if (file.path().stem() == "progress") files.push_back(file.path());
  }
  for (const auto& file : files) std::filesystem::remove(file, error);
  std::filesystem::remove(folder_, error);
  ::close(fd_);
  fd_ = -1;
  const bool others = error == std::errc::directory_not_empty;
  return error && !others ? Error::Of(folder_, ": cannot be removed: ", error.message()) : Error();
}

}  // namespace lfm2::tools
