// A file with definitions in a program whose other files have them too: the others have to define
// LFM2_SEPARATE_COMPILATION.
// Refused: LFM2_IMPLEMENTATION is for one file of a program
#ifdef LFM2_MISUSE
#define LFM2_IMPLEMENTATION
#endif
#include "lfm2.h"
