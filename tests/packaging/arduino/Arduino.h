// The parts of an Arduino core that the example uses, and the macros that cores define before other headers are
// included, which the library must tolerate.
#ifndef LFM2_TESTS_PACKAGING_ARDUINO_ARDUINO_H_
#define LFM2_TESTS_PACKAGING_ARDUINO_ARDUINO_H_

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define HIGH 0x1
#define LOW 0x0
#define INPUT 0x0
#define OUTPUT 0x1
#define CHANGE 1
#define FALLING 2
#define RISING 3
#define DEFAULT 1
#define EXTERNAL 0
#define INTERNAL 3
#define SERIAL 0x0
#define DISPLAY 0x1
#define PI 3.1415926535897932384626433832795
#define HALF_PI 1.5707963267948966192313216916398
#define TWO_PI 6.283185307179586476925286766559
#define DEG_TO_RAD 0.017453292519943295769236907684886
#define RAD_TO_DEG 57.295779513082320876798154814105
#define EULER 2.718281828459045235360287471352
#define B0 0
#define B1 1
#define B00 0
#define B01 1
#define B10 2
#define B11 3
#define F(string) (string)
#define _BV(b) (1UL << (b))
#define abs(x) ((x) > 0 ? (x) : -(x))
#define bit(b) (1UL << (b))
#define bitClear(value, b) ((value) &= ~(1UL << (b)))
#define bitRead(value, b) (((value) >> (b)) & 0x01)
#define bitSet(value, b) ((value) |= (1UL << (b)))
#define constrain(x, low, high) ((x) < (low) ? (low) : ((x) > (high) ? (high) : (x)))
#define degrees(x) ((x)*RAD_TO_DEG)
#define highByte(w) ((uint8_t)((w) >> 8))
#define lowByte(w) ((uint8_t)((w)&0xff))
#define radians(x) ((x)*DEG_TO_RAD)
#define round(x) ((x) >= 0 ? (long)((x) + 0.5) : (long)((x)-0.5))
#define sq(x) ((x) * (x))
#define word(...) ((uint16_t)(__VA_ARGS__))
#define interrupts()
#define noInterrupts()

void delay(unsigned long milliseconds);

struct SerialPort {
  void begin(unsigned long baud);
  int available();
  int read();
  size_t write(const char* bytes, size_t count);
  size_t println(const char* text = "");
};
extern SerialPort Serial;

#endif  // LFM2_TESTS_PACKAGING_ARDUINO_ARDUINO_H_
