// Registers and structures: Virtual I/O Device (VIRTIO) Version 1.1, sections 2.6, 4.2 and 5.2.
#include "virtio_block.h"

namespace {

constexpr uint32_t kMagic = 0x74726976, kVersion = 2, kBlockDevice = 2;
constexpr uint32_t kAcknowledge = 1, kDriver = 2, kDriverOk = 4, kFeaturesOk = 8;
constexpr uint16_t kNext = 1, kDeviceWrites = 2;
constexpr uint32_t kQueueSize = 4;

struct Descriptor {
  uint64_t address;
  uint32_t bytes;
  uint16_t flags;
  uint16_t next;
};
struct AvailableRing {
  uint16_t flags;
  uint16_t index;
  uint16_t ring[kQueueSize];
};
struct UsedRing {
  uint16_t flags;
  uint16_t index;
  struct {
    uint32_t id;
    uint32_t bytes;
  } ring[kQueueSize];
};
struct Request {
  uint32_t type;  // 0: read
  uint32_t reserved;
  uint64_t sector;
};

uintptr_t g_device;
alignas(16) Descriptor g_descriptors[kQueueSize];
alignas(4) AvailableRing g_available;
alignas(4) volatile UsedRing g_used;
alignas(16) Request g_request;
volatile uint8_t g_status;

volatile uint32_t& Register(uintptr_t offset) { return *reinterpret_cast<volatile uint32_t*>(g_device + offset); }

void SetAddress(uintptr_t offset, const volatile void* address) {
  const uint64_t value = reinterpret_cast<uintptr_t>(address);
  Register(offset) = static_cast<uint32_t>(value);
  Register(offset + 4) = static_cast<uint32_t>(value >> 32);
}

}  // namespace

bool OpenVirtioBlock() {
  for (uint32_t i = 0; i < LFM2_VIRTIO_COUNT; ++i) {
    g_device = uintptr_t{LFM2_VIRTIO_ADDRESS} + i * uintptr_t{LFM2_VIRTIO_STEP};
    if (Register(0) == kMagic && Register(4) == kVersion && Register(8) == kBlockDevice) break;
    g_device = 0;
  }
  if (g_device == 0) return false;
  Register(0x70) = 0;
  Register(0x70) = kAcknowledge | kDriver;
  Register(0x24) = 1;  // select feature bits 32 and up; their first bit: version 1
  Register(0x20) = 1;
  Register(0x24) = 0;  // and no other features
  Register(0x20) = 0;
  Register(0x70) = kAcknowledge | kDriver | kFeaturesOk;
  if ((Register(0x70) & kFeaturesOk) == 0) return false;
  Register(0x30) = 0;
  if (Register(0x34) < kQueueSize) return false;
  Register(0x38) = kQueueSize;
  SetAddress(0x80, g_descriptors);
  SetAddress(0x90, &g_available);
  SetAddress(0xa0, &g_used);
  Register(0x44) = 1;
  Register(0x70) = kAcknowledge | kDriver | kFeaturesOk | kDriverOk;
  return true;
}

uint64_t VirtioBlockBytes() { return (uint64_t{Register(0x104)} << 32 | Register(0x100)) * 512; }

int ReadVirtioBlocks(void* /*context*/, uint64_t first_block, uint32_t blocks, std::byte* to) {
  g_request = {0, 0, first_block};
  g_status = 0xff;
  g_descriptors[0] = {reinterpret_cast<uintptr_t>(&g_request), sizeof(g_request), kNext, 1};
  g_descriptors[1] = {reinterpret_cast<uintptr_t>(to), blocks * 512, kNext | kDeviceWrites, 2};
  g_descriptors[2] = {reinterpret_cast<uintptr_t>(&g_status), 1, kDeviceWrites, 0};
  g_available.ring[g_available.index % kQueueSize] = 0;
  const uint16_t used = g_used.index;
  __sync_synchronize();
  g_available.index = static_cast<uint16_t>(g_available.index + 1);
  __sync_synchronize();
  Register(0x50) = 0;
  while (g_used.index == used) {
  }
  __sync_synchronize();
  return g_status;
}
