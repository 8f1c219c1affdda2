// storage_benchmark [FILE]: the CRC of a record, and random records of FILE (a few GB, on the drive in question) read
// directly, a record in pieces, as sessions read experts. The speed of drives varies over time, so alternate runs with
// fio --name=records --filename=FILE --readonly --direct=1 --ioengine=io_uring --rw=randread:12 --bs=516096
// --blockalign=4096 --iodepth=8 --norandommap --randrepeat=0 --time_based --runtime=5
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "lfm2/base/crc32c.h"
#include "lfm2/posix/direct_file.h"

namespace {

// An expert of LFM2-8B-A1B.
constexpr uint64_t kRecordBytes = 6193152;

template <uint32_t (*Crc)(uint32_t, const void*, size_t)>
void BM_Crc32c(benchmark::State& state) {
  const std::vector<unsigned char> bytes(static_cast<size_t>(state.range(0)), 0x5a);
  for (auto _ : state) benchmark::DoNotOptimize(Crc(0, bytes.data(), bytes.size()));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Crc32c<lfm2::Crc32c>)->Arg(4096)->Arg(512 << 10)->Arg(kRecordBytes);
BENCHMARK(BM_Crc32c<lfm2::Crc32cSliced>)->Arg(kRecordBytes);
BENCHMARK(BM_Crc32c<lfm2::Crc32cPortable>)->Arg(kRecordBytes);

// Waits for one read; false if it, or waiting, failed.
bool CollectOne(lfm2::ReadQueue& queue) {
  lfm2::ReadCompletion done;
  return queue.Wait(&done).ok() && done.status.ok();
}

void BM_ReadRecords(benchmark::State& state, const std::string& path, lfm2::posix::DirectFileOptions options) {
  lfm2::posix::DirectFile file;
  if (!file.Open(path.c_str(), options).ok() || file.size() < kRecordBytes) {
    state.SkipWithError("the file cannot be opened for direct reads, or is too short");
    return;
  }
  // Memory for all reads that may be in flight, used in turn.
  lfm2::ReadQueue& queue = *file.queue();
  const uint32_t most = 2 * options.queue_depth;
  std::byte* const memory = static_cast<std::byte*>(std::aligned_alloc(4096, size_t{most} * options.piece_bytes));
  std::mt19937_64 random(1);
  uint32_t submitted = 0, collected = 0;
  bool good = true;
  for (auto _ : state) {
    const uint64_t record = random() % ((file.size() - kRecordBytes) / 4096) * 4096;
    for (uint64_t at = 0; at < kRecordBytes && good; at += options.piece_bytes) {
      // Reads complete nearly in the order of their requests, and their bytes are not used.
      if (submitted - collected == most) good = CollectOne(queue) && ++collected > 0;
      const uint64_t bytes = lfm2::Min<uint64_t>(options.piece_bytes, kRecordBytes - at);
      std::byte* const to = memory + size_t{submitted % most} * options.piece_bytes;
      good = good && queue.Submit({record + at, bytes, to, submitted++}).ok();
    }
    if (!good) state.SkipWithError("a read failed");
  }
  file.Close();
  std::free(memory);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(kRecordBytes));
}

void RegisterReads(const std::string& path) {
  using lfm2::posix::DirectFileOptions;
  for (const auto backend : {DirectFileOptions::Backend::kIoUring, DirectFileOptions::Backend::kThreads}) {
    for (const uint32_t piece_kib : {256u, 512u, 1024u, 2048u}) {
      for (const uint32_t depth : {1u, 2u, 4u, 8u, 16u}) {
        DirectFileOptions options;
        options.backend = backend;
        options.queue_depth = depth;
        options.piece_bytes = piece_kib << 10;
        const std::string name = std::string("ReadRecords/") +
                                 (backend == DirectFileOptions::Backend::kIoUring ? "io_uring/" : "threads/") +
                                 std::to_string(piece_kib) + "K/depth:" + std::to_string(depth);
        benchmark::RegisterBenchmark(name.c_str(), BM_ReadRecords, path, options)->UseRealTime();
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (argc > 2) {
    std::fprintf(stderr, "usage: storage_benchmark [--benchmark_...] [FILE]\n");
    return 2;
  }
  if (argc == 2) RegisterReads(argv[1]);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
