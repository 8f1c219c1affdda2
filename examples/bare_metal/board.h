// What the examples require from a board, callable from C. Each board_*.cc implements it for a processor; the boards'
// addresses come from CMake.
#ifndef LFM2_EXAMPLES_BARE_METAL_BOARD_H_
#define LFM2_EXAMPLES_BARE_METAL_BOARD_H_

#include <cstddef>
#include <cstdint>

extern "C" {

// The program's main function; called once memory is set up.
int Main();

// Writes one byte to the serial line, waiting until there is room.
void PutByte(char byte);
// Waits for a byte from the serial line.
char GetByte();

// Time in ticks of the board's own clock, from an arbitrary start.
uint64_t Ticks();

}  // extern "C"

#endif  // LFM2_EXAMPLES_BARE_METAL_BOARD_H_
