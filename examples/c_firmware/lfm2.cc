// The library: the only file of the program in C++.
#define LFM2_C_IMPLEMENTATION
#include "lfm2_c.h"
