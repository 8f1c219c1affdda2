// Definitions of posix.h.
#ifndef LFM2_C_POSIX_IMPL_H_
#define LFM2_C_POSIX_IMPL_H_

#include "lfm2/c/object.h"
#include "lfm2/c/posix.h"
#include "lfm2/c/storage_impl.h"
#include "lfm2/posix/clock.h"
#include "lfm2/posix/direct_file.h"
#include "lfm2/posix/mapped_file.h"
#include "lfm2/posix/thread_pool.h"

namespace lfm2::c_api {

template <>
struct ContentOf<lfm2_direct_file> {
  using Type = posix::DirectFile;
  static constexpr const char* kName = "file";
  static constexpr bool kHasResources = true;
};

struct ThreadPoolObject {
  posix::ThreadPool pool;
  lfm2_executor executor;
};
template <>
struct ContentOf<lfm2_thread_pool> {
  using Type = ThreadPoolObject;
  static constexpr const char* kName = "pool";
  static constexpr bool kHasResources = true;
};

static_assert(LFM2_READ_THREADS == static_cast<int>(posix::DirectFileOptions::Backend::kThreads) &&
                  LFM2_PIN_CORES == static_cast<int>(posix::ThreadPool::Pinning::kCores),
              "the same numbers");

}  // namespace lfm2::c_api

lfm2_status lfm2_storage_open_mapped_file(lfm2_storage* storage, const char* path) {
  using namespace lfm2;
  c_api::StorageObject* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::EnterClosed(storage, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckPointer(path, "path"));
  posix::MappedFile* const file = object->Make<posix::MappedFile>();
  LFM2_C_RETURN_IF_ERROR(file->Open(path));
  object->storage = file;
  object->close = [](c_api::StorageObject& o) { reinterpret_cast<posix::MappedFile*>(o.place)->Close(); };
  return c_api::ToC(Status());
}

lfm2_direct_file_options lfm2_direct_file_options_default(void) {
  const lfm2::posix::DirectFileOptions from;
  return {static_cast<uint32_t>(from.backend), from.queue_depth, from.piece_bytes, from.timeout_ms};
}

lfm2_status lfm2_storage_open_direct_file(lfm2_storage* storage, lfm2_direct_file* file, const char* path,
                                          const lfm2_direct_file_options* options) {
  using namespace lfm2;
  c_api::StorageObject* object = nullptr;
  posix::DirectFile* direct = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::EnterClosed(storage, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(file, &direct));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckPointer(path, "path"));
  posix::DirectFileOptions all;
  if (options != nullptr) {
    LFM2_C_RETURN_IF_ERROR(c_api::CheckEnum(options->backend, LFM2_READ_THREADS, "options.backend"));
    all.backend = static_cast<posix::DirectFileOptions::Backend>(options->backend);
    all.queue_depth = options->queue_depth;
    all.piece_bytes = options->piece_bytes;
    all.timeout_ms = options->timeout_ms;
  }
  LFM2_C_RETURN_IF_ERROR(direct->Open(path, all));
  object->storage = direct;
  object->close = [](c_api::StorageObject& o) {
    static_cast<posix::DirectFile*>(const_cast<Storage*>(o.storage))->Close();
  };
  return c_api::ToC(Status());
}

bool lfm2_direct_file_is_direct(const lfm2_direct_file* file) {
  const lfm2::posix::DirectFile* const object = lfm2::c_api::Peek(file);
  return object != nullptr && object->is_open() && object->is_direct();
}

bool lfm2_direct_file_uses_io_uring(const lfm2_direct_file* file) {
  const lfm2::posix::DirectFile* const object = lfm2::c_api::Peek(file);
  return object != nullptr && object->is_open() && object->uses_io_uring();
}

uint64_t lfm2_monotonic_ns(void*) { return lfm2::posix::MonotonicNs(); }

uint32_t lfm2_usable_cores(void) { return lfm2::posix::UsableCores(); }

lfm2_status lfm2_thread_pool_open(lfm2_thread_pool* pool, uint32_t threads, uint32_t pinning) {
  using namespace lfm2;
  c_api::ThreadPoolObject* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::Enter(pool, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckEnum(pinning, LFM2_PIN_CORES, "pinning"));
  LFM2_C_RETURN_IF_ERROR(object->pool.Open(threads, static_cast<posix::ThreadPool::Pinning>(pinning)));
  const Executor& executor = *object->pool.executor();
  object->executor = {executor.context, executor.workers, executor.run};
  return c_api::ToC(Status());
}

void lfm2_thread_pool_close(lfm2_thread_pool* pool) {
  lfm2::c_api::ThreadPoolObject* const object = lfm2::c_api::Peek(pool);
  if (object != nullptr) object->pool.Close();
}

const lfm2_executor* lfm2_thread_pool_executor(const lfm2_thread_pool* pool) {
  const lfm2::c_api::ThreadPoolObject* const object = lfm2::c_api::Peek(pool);
  return object != nullptr && object->pool.is_open() ? &object->executor : nullptr;
}

#endif  // LFM2_C_POSIX_IMPL_H_
