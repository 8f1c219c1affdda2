// A polled driver for virtio-blk over virtio-mmio (version 2) of QEMU's `virt` machines, in place of a board's SD card
// driver. One request at a time.
#ifndef LFM2_EXAMPLES_BARE_METAL_VIRTIO_BLOCK_H_
#define LFM2_EXAMPLES_BARE_METAL_VIRTIO_BLOCK_H_

#include <cstddef>
#include <cstdint>

// False if there is no such device.
bool OpenVirtioBlock();
uint64_t VirtioBlockBytes();
// As lfm2::BlockDevice::read.
int ReadVirtioBlocks(void* context, uint64_t first_block, uint32_t blocks, std::byte* to);

#endif  // LFM2_EXAMPLES_BARE_METAL_VIRTIO_BLOCK_H_
