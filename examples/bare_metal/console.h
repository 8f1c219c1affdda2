// Text on the board's serial line.
#ifndef LFM2_EXAMPLES_BARE_METAL_CONSOLE_H_
#define LFM2_EXAMPLES_BARE_METAL_CONSOLE_H_

#include <string_view>

#include "board.h"

inline void Print(std::string_view text) {
  for (const char byte : text) {
    if (byte == '\n') PutByte('\r');
    PutByte(byte);
  }
}
inline void Print(uint64_t number) {
  char digits[20];
  size_t begin = sizeof(digits);
  do {
    digits[--begin] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number > 0);
  Print({digits + begin, sizeof(digits) - begin});
}

// False at the end of input.
inline bool ReadLine(char* line, size_t capacity, std::string_view* text) {
  size_t size = 0;
  for (;;) {
    const char byte = GetByte();
    if (byte == '\n' || byte == '\r' || byte == 4) break;
    if (size < capacity) line[size++] = byte;
  }
  *text = {line, size};
  return size > 0;
}

#endif  // LFM2_EXAMPLES_BARE_METAL_CONSOLE_H_
