// The library: the one file of the program that is C++.
#define LFM2_C_IMPLEMENTATION
#include "lfm2_c.h"
