#include "uart.h"

void PutByte(char byte) {
  while (!uart::CanPut()) {
  }
  uart::Put(byte);
}

char GetByte() {
  while (!uart::CanGet()) {
  }
  return uart::Get();
}
