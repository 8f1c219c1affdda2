// A machine with a C library: the flash is an array that is read from a file, the serial line is standard input and
// output.
#include <stdio.h>
#include <string.h>

#include "lfm2_c.h"
#include "platform.h"

static unsigned char g_flash[LFM2_IMAGE_ROOM] LFM2_ALIGNED(64);
static size_t g_flash_bytes;

const void* FlashAddress(void) { return g_flash; }
size_t FlashBytes(void) { return g_flash_bytes; }

int ReadBlocks(void* user, uint64_t first_block, uint32_t blocks, void* to) {
  (void)user;
  if ((first_block + blocks) * 512 > sizeof(g_flash)) return 5;
  memcpy(to, g_flash + (size_t)first_block * 512, (size_t)blocks * 512);
  return 0;
}

void PutByte(char byte) { putchar(byte); }

char GetByte(void) {
  const int byte = getchar();
  return byte == EOF ? 4 : (char)byte;
}

int main(int argc, char** argv) {
  FILE* const file = argc == 2 ? fopen(argv[1], "rb") : NULL;
  if (file == NULL) {
    fputs("usage: c_firmware MODEL.lfm2 < COMMANDS\n", stderr);
    return 2;
  }
  g_flash_bytes = fread(g_flash, 1, sizeof(g_flash), file);
  fclose(file);
  return Main();
}
