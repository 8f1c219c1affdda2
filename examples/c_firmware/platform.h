// What the program requires from the machine; board.c and linux.c implement it.
#ifndef LFM2_EXAMPLES_C_FIRMWARE_PLATFORM_H_
#define LFM2_EXAMPLES_C_FIRMWARE_PLATFORM_H_

#include <stddef.h>
#include <stdint.h>

// The address of the model's image in memory-mapped flash, and the size of that flash.
const void* FlashAddress(void);
size_t FlashBytes(void);

// The driver of a device with the same image, starting at block 0: lfm2_block_device's `read`.
int ReadBlocks(void* user, uint64_t first_block, uint32_t blocks, void* to);

void PutByte(char byte);
// 4 (Ctrl-D) at the end of input.
char GetByte(void);

// Implemented by main.c; the return value is the program's result.
int Main(void);

#endif  // LFM2_EXAMPLES_C_FIRMWARE_PLATFORM_H_
