// The one file with the definitions in a program whose files all define LFM2_SEPARATE_COMPILATION. LFM2_TWICE: it also
// includes the header before, for the declarations. LFM2_C_HEADER: also defines the interface for C.
#if defined(LFM2_TWICE)
#include LFM2_HEADER
#endif
#define LFM2_IMPLEMENTATION
#include LFM2_HEADER
#if defined(LFM2_C_HEADER)
#define LFM2_C_IMPLEMENTATION
#include LFM2_C_HEADER
#endif
