// The library's version, in one place; CMakeLists.txt reads it from here.
#ifndef LFM2_BASE_VERSION_H_
#define LFM2_BASE_VERSION_H_

// The version as numbers and as text.
#define LFM2_VERSION_MAJOR 0
#define LFM2_VERSION_MINOR 1
#define LFM2_VERSION_PATCH 0
#define LFM2_VERSION_STRING "0.1.0"

#endif  // LFM2_BASE_VERSION_H_
