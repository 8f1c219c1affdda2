// The definitions of storage.h.
#ifndef LFM2_C_STORAGE_IMPL_H_
#define LFM2_C_STORAGE_IMPL_H_

#include "lfm2.h"
#include "lfm2/c/object.h"
#include "lfm2/c/storage.h"

namespace lfm2::c_api {

// One of several kinds of storage, constructed when it is opened.
struct StorageObject {
  const Storage* storage = nullptr;  // null: closed
  void (*close)(StorageObject& object) = nullptr;
  alignas(8) std::byte place[448];

  template <class T>
  T* Make() {
    static_assert(sizeof(T) <= sizeof(place) && alignof(T) <= 8, "lfm2_storage is too small");
    return Construct<T>(place);
  }
};
template <>
struct ContentOf<lfm2_storage> {
  using Type = StorageObject;
  static constexpr const char* kName = "storage";
  static constexpr bool kHasResources = false;
};

// The object, if it may be opened.
inline Status EnterClosed(lfm2_storage* c, StorageObject** object) {
  LFM2_RETURN_IF_ERROR(Enter(c, object));
  if ((*object)->storage == nullptr) return Status();
  return Status(StatusCode::kFailedPrecondition, "storage", "is open already");
}
inline Status EnterOpen(const lfm2_storage* c, const Storage** storage) {
  const StorageObject* object = nullptr;
  LFM2_RETURN_IF_ERROR(Enter(c, &object));
  *storage = object->storage;
  if (*storage != nullptr) return Status();
  return Status(StatusCode::kFailedPrecondition, "storage", "is not open");
}

// A C driver as a C++ one.
struct CBlockDevice {
  lfm2_block_device c;

  static const lfm2_block_device& Of(void* context) { return static_cast<const CBlockDevice*>(context)->c; }
  static int Read(void* context, uint64_t first_block, uint32_t blocks, std::byte* to) {
    return Of(context).read(Of(context).user, first_block, blocks, to);
  }
  static int Write(void* context, uint64_t first_block, uint32_t blocks, const std::byte* from) {
    return Of(context).write(Of(context).user, first_block, blocks, from);
  }
  static int Erase(void* context, uint64_t first_block, uint64_t blocks) {
    return Of(context).erase(Of(context).user, first_block, blocks);
  }
  static uint64_t NowNs(void* context) { return Of(context).now_ns(Of(context).user); }

  // What has this as its context.
  BlockDevice Device() {
    BlockDevice to;
    to.context = this;
    to.read = c.read == nullptr ? nullptr : &Read;
    to.now_ns = c.now_ns == nullptr ? nullptr : &NowNs;
    to.block_bytes = c.block_bytes;
    to.first_block = c.first_block;
    to.bytes = c.bytes;
    to.piece_bytes = c.piece_bytes;
    return to;
  }
};

struct CBlockStorage {
  CBlockDevice device;
  BlockStorage storage;
};

// Wraps the queue of the caller. Completions of reads that were not requested are ignored: their memory may be in use
// for something else by now.
class CQueue final : public ReadQueue {
 public:
  void Open(const lfm2_queue_device& device) { device_ = device; }

  uint32_t alignment() const override { return device_.alignment_bytes; }
  uint32_t capacity() const override { return device_.capacity; }
  uint32_t piece_bytes() const override { return device_.piece_bytes; }

  Status Submit(const ReadRequest& request) override {
    const uint64_t end = RoundUp<uint64_t>(device_.bytes, device_.alignment_bytes);
    if (request.bytes == 0 || request.offset >= end || request.bytes > end - request.offset) {
      return Status(StatusCode::kInvalidArgument, "read", "is not within the storage", request.offset, device_.bytes);
    }
    const int error = device_.submit(device_.user, request.offset, request.bytes, request.to, request.tag);
    if (error != 0) return Failed("does not begin to read; error", error);
    ++under_way_;
    return Status();
  }
  bool Poll(ReadCompletion* done) override { return Collect(device_.poll, done); }
  Status Wait(ReadCompletion* done) override {
    if (under_way_ == 0) return Status(StatusCode::kFailedPrecondition, "read", "is not under way");
    if (Collect(device_.wait, done)) return Status();
    return Status(StatusCode::kTimeout, "device", "has not read in time; milliseconds", device_.timeout_ms);
  }
  uint64_t NowNs() const override { return device_.now_ns == nullptr ? 0 : device_.now_ns(device_.user); }

 private:
  static Status Failed(const char* what, int error) {
    const int64_t number = error;
    return Status(StatusCode::kIo, "device", what, static_cast<uint64_t>(number < 0 ? -number : number));
  }
  bool Collect(bool (*collect)(void*, uint32_t*, int*), ReadCompletion* done) {
    uint32_t tag = 0;
    int error = 0;
    if (under_way_ == 0 || !collect(device_.user, &tag, &error)) return false;
    --under_way_;
    *done = {tag, error == 0 ? Status() : Failed("cannot be read; error", error)};
    return true;
  }

  lfm2_queue_device device_ = {};
  uint32_t under_way_ = 0;
};

class CQueueStorage final : public Storage {
 public:
  void Open(const lfm2_queue_device& device) {
    bytes_ = device.bytes;
    queue_.Open(device);
  }
  uint64_t size() const override { return bytes_; }
  const std::byte* Map(uint64_t, uint64_t) const override { return nullptr; }
  ReadQueue* queue() const override { return &queue_; }

 private:
  uint64_t bytes_ = 0;
  mutable CQueue queue_;  // reading changes nothing of the device
};

inline Status CheckQueueDevice(const lfm2_queue_device& d) {
  LFM2_RETURN_IF_ERROR(CheckFunction(d.submit, "device.submit"));
  LFM2_RETURN_IF_ERROR(CheckFunction(d.poll, "device.poll"));
  LFM2_RETURN_IF_ERROR(CheckFunction(d.wait, "device.wait"));
  if (d.bytes == 0 || d.bytes > UINT64_MAX / 2) {
    return Status(StatusCode::kInvalidArgument, "device.bytes", "are none or too many", d.bytes);
  }
  const uint32_t alignment = d.alignment_bytes;
  if (alignment == 0 || alignment > kRecordAlignment || (alignment & (alignment - 1)) != 0) {
    return Status(StatusCode::kInvalidArgument, "device.alignment_bytes", "is not a power of two up to 4096",
                  alignment);
  }
  if (d.capacity == 0) return Status(StatusCode::kInvalidArgument, "device.capacity", "is 0");
  if (d.piece_bytes == 0 || d.piece_bytes % kRecordAlignment != 0) {
    return Status(StatusCode::kInvalidArgument, "device.piece_bytes", "is not a multiple of 4096", d.piece_bytes);
  }
  return Status();
}

}  // namespace lfm2::c_api

lfm2_status lfm2_storage_open_memory(lfm2_storage* storage, const void* bytes, size_t size) {
  using namespace lfm2;
  c_api::StorageObject* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::EnterClosed(storage, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckPointer(bytes, "bytes"));
  MemoryStorage* const memory = object->Make<MemoryStorage>();
  *memory = MemoryStorage(c_api::BytesOf(bytes, size));
  object->storage = memory;
  return c_api::ToC(Status());
}

lfm2_block_device lfm2_block_device_default(void) {
  const lfm2::BlockDevice from;
  lfm2_block_device device = {};
  device.block_bytes = from.block_bytes;
  device.piece_bytes = from.piece_bytes;
  return device;
}

lfm2_status lfm2_storage_open_blocks(lfm2_storage* storage, const lfm2_block_device* device) {
  using namespace lfm2;
  c_api::StorageObject* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::EnterClosed(storage, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckPointer(device, "device"));
  c_api::CBlockStorage* const blocks = object->Make<c_api::CBlockStorage>();
  blocks->device.c = *device;
  LFM2_C_RETURN_IF_ERROR(blocks->storage.Open(blocks->device.Device()));
  object->storage = &blocks->storage;
  return c_api::ToC(Status());
}

lfm2_status lfm2_storage_open_queue(lfm2_storage* storage, const lfm2_queue_device* device) {
  using namespace lfm2;
  c_api::StorageObject* object = nullptr;
  LFM2_C_RETURN_IF_ERROR(c_api::EnterClosed(storage, &object));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckPointer(device, "device"));
  LFM2_C_RETURN_IF_ERROR(c_api::CheckQueueDevice(*device));
  c_api::CQueueStorage* const queue = object->Make<c_api::CQueueStorage>();
  queue->Open(*device);
  object->storage = queue;
  return c_api::ToC(Status());
}

void lfm2_storage_close(lfm2_storage* storage) {
  lfm2::c_api::StorageObject* const object = lfm2::c_api::Peek(storage);
  if (object == nullptr) return;
  if (object->close != nullptr) object->close(*object);
  object->close = nullptr;
  object->storage = nullptr;
}

bool lfm2_storage_is_open(const lfm2_storage* storage) {
  const lfm2::c_api::StorageObject* const object = lfm2::c_api::Peek(storage);
  return object != nullptr && object->storage != nullptr;
}

uint64_t lfm2_storage_size(const lfm2_storage* storage) {
  return lfm2_storage_is_open(storage) ? lfm2::c_api::Peek(storage)->storage->size() : 0;
}

#endif  // LFM2_C_STORAGE_IMPL_H_
