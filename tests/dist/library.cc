// The one file of a program that has the definitions, where all define LFM2_SEPARATE_COMPILATION. LFM2_TWICE: it has
// included the header before, for its declarations. LFM2_C_HEADER: the interface for C too.
#if defined(LFM2_TWICE)
#include LFM2_HEADER
#endif
#define LFM2_IMPLEMENTATION
#include LFM2_HEADER
#if defined(LFM2_C_HEADER)
#define LFM2_C_IMPLEMENTATION
#include LFM2_C_HEADER
#endif
