// What the program needs of the machine that it runs on: board.c and linux.c have it.
#ifndef LFM2_EXAMPLES_C_FIRMWARE_PLATFORM_H_
#define LFM2_EXAMPLES_C_FIRMWARE_PLATFORM_H_

#include <stddef.h>
#include <stdint.h>

// Where the model's image lies in memory-mapped flash, and how long that flash is.
const void* FlashAddress(void);
size_t FlashBytes(void);

// The driver of a device that has the same image, from block 0 on: lfm2_block_device's `read`.
int ReadBlocks(void* user, uint64_t first_block, uint32_t blocks, void* to);

void PutByte(char byte);
// 4 (Ctrl-D) at the end of all input.
char GetByte(void);

// main.c's; what it returns is the program's result.
int Main(void);

#endif  // LFM2_EXAMPLES_C_FIRMWARE_PLATFORM_H_
