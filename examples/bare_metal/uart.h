// Three serial ports, polled: LFM2_UART_PL011 (Arm's), LFM2_UART_CMSDK (of Arm's Cortex-M boards) or LFM2_UART_16550.
#ifndef LFM2_EXAMPLES_BARE_METAL_UART_H_
#define LFM2_EXAMPLES_BARE_METAL_UART_H_

#include "board.h"

namespace uart {

inline volatile uint32_t& Register(uintptr_t offset) {
  return *reinterpret_cast<volatile uint32_t*>(uintptr_t{LFM2_UART_ADDRESS} + offset);
}

#if defined(LFM2_UART_PL011)
inline void Open() {
  Register(0x2c) = 3 << 5 | 1 << 4;      // eight bits, FIFOs on
  Register(0x30) = 1 << 9 | 1 << 8 | 1;  // receive, transmit, enable
}
inline bool CanPut() { return (Register(0x18) & 1 << 5) == 0; }
inline bool CanGet() { return (Register(0x18) & 1 << 4) == 0; }
inline void Put(char byte) { Register(0) = static_cast<uint8_t>(byte); }
inline char Get() { return static_cast<char>(Register(0)); }
#elif defined(LFM2_UART_CMSDK)
inline void Open() {
  Register(0x10) = 16;  // the fastest rate of the divider
  Register(0x8) = 3;    // transmit and receive
}
inline bool CanPut() { return (Register(0x4) & 1) == 0; }
inline bool CanGet() { return (Register(0x4) & 2) != 0; }
inline void Put(char byte) { Register(0) = static_cast<uint8_t>(byte); }
inline char Get() { return static_cast<char>(Register(0)); }
#elif defined(LFM2_UART_16550)
inline volatile uint8_t& Byte(uintptr_t offset) {
  return *reinterpret_cast<volatile uint8_t*>(uintptr_t{LFM2_UART_ADDRESS} + offset);
}
inline void Open() {
  Byte(3) = 3;  // eight bits
  Byte(2) = 1;  // FIFOs on
}
inline bool CanPut() { return (Byte(5) & 1 << 5) != 0; }
inline bool CanGet() { return (Byte(5) & 1) != 0; }
inline void Put(char byte) { Byte(0) = static_cast<uint8_t>(byte); }
inline char Get() { return static_cast<char>(Byte(0)); }
#else
#error "which serial port?"
#endif

}  // namespace uart

#endif  // LFM2_EXAMPLES_BARE_METAL_UART_H_
