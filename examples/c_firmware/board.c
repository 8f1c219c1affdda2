// A board of examples/bare_metal, with its start-up code and serial line. The block device is its flash as well; an SD
// card's driver would be here.
#include <string.h>

#include "platform.h"

const void* FlashAddress(void) { return (const void*)(uintptr_t)LFM2_IMAGE_ADDRESS; }
size_t FlashBytes(void) { return LFM2_IMAGE_ROOM; }

int ReadBlocks(void* user, uint64_t first_block, uint32_t blocks, void* to) {
  (void)user;
  memcpy(to, (const unsigned char*)FlashAddress() + (size_t)first_block * 512, (size_t)blocks * 512);
  return 0;
}
