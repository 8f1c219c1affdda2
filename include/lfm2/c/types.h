// Types shared by the whole C interface: statuses, texts, objects, executors. C99.
#ifndef LFM2_C_TYPES_H_
#define LFM2_C_TYPES_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lfm2/base/version.h"

#if !defined(__GNUC__)
#error "lfm2_c.h needs GCC or clang"
#endif
// Written after the name of a variable: its alignment in bytes.
#define LFM2_ALIGNED(bytes) __attribute__((aligned(bytes)))
// The compiler warns where the result is ignored.
#define LFM2_MUST_CHECK __attribute__((warn_unused_result))

// An object in memory of the caller whose contents belong to the library. It must be zeroed before first use (static
// memory, `= {0}` or memset); zero bytes are a closed object. After its first use it must be neither copied nor moved.
// Calls with memory that was not zeroed, or with a copy, return LFM2_FAILED_PRECONDITION.
#define LFM2_OPAQUE(name, size, alignment) \
  typedef struct name {                    \
    unsigned char opaque[size];            \
  } LFM2_ALIGNED(alignment) name

#if defined(__cplusplus)
extern "C" {
#endif

// Values of lfm2_status.code.
enum {
  LFM2_OK,
  LFM2_INVALID_ARGUMENT,     // an argument that can never work
  LFM2_FAILED_PRECONDITION,  // a call at the wrong time: use before open, open twice
  LFM2_ARENA_TOO_SMALL,      // `value` bytes were given, `limit` are needed
  LFM2_CONTEXT_FULL,         // `value` positions are needed, `limit` exist
  LFM2_OUTPUT_TOO_SMALL,     // `value` bytes or tokens are needed, `limit` fit the buffer
  LFM2_CORRUPT,              // the bytes of a file contradict themselves
  LFM2_UNSUPPORTED,          // well-formed, but not supported by this version
  LFM2_IO,                   // an error of the system or device; `value` is its number, `limit` the byte
  LFM2_TIMEOUT,              // the device has not responded within `value` milliseconds; `limit` is the byte
  LFM2_CANCELLED,            // by the poll function
  LFM2_NOT_FINITE            // layer `index` gave a NaN or an infinity
};
// lfm2_status.index where no layer, token or record is meant.
#define LFM2_NO_INDEX 0xffffffffu

// What went wrong, where, and with which numbers. All text is static: a status owns nothing and can be copied freely.
typedef struct lfm2_status {
  const char* where;  // the field, argument or region, such as "header.hidden_size"
  const char* what;   // a clause about it, such as "is not a multiple of 32"
  uint64_t value;     // the number found
  uint64_t limit;     // the number it was compared with
  uint32_t index;     // the layer, token or record; LFM2_NO_INDEX: none
  uint8_t code;       // LFM2_OK and the like
  uint8_t numbers;    // how many of value and limit are set
} lfm2_status;

// Writes one sentence, such as "corrupt: rows [3] differ: 512, expected 7168", terminated by a zero and
// truncated to `capacity` bytes. Returns the length without the zero. Writes nothing if capacity is 0 or a pointer is
// NULL.
size_t lfm2_status_format(const lfm2_status* status, char* out, size_t capacity);
// "invalid argument" for LFM2_INVALID_ARGUMENT; "unknown" for any other number.
const char* lfm2_status_name(uint32_t code);

// The version of the compiled implementation; equal to LFM2_VERSION_STRING unless two versions are mixed.
const char* lfm2_version(void);

// A view of `size` bytes of UTF-8, not terminated by a zero. data may be NULL if size is 0.
typedef struct lfm2_text {
  const char* data;  // not terminated
  size_t size;       // bytes
} lfm2_text;

// A view of a string that is terminated by a zero; NULL gives the empty text.
static inline lfm2_text lfm2_text_of(const char* string) {
  lfm2_text text;
  text.data = string;
  text.size = string == NULL ? 0 : strlen(string);
  return text;
}

// Receives text of whole UTF-8 characters, valid during the call. Returns false to stop.
typedef bool (*lfm2_text_sink)(void* user, const char* text, size_t bytes);

// Runs tasks in parallel. Copied by the function that it is passed to; what `user` points to must outlive its use.
// Results do not depend on it.
typedef struct lfm2_executor {
  void* user;  // passed to run
  // Number of tasks that can run at the same time, at least 1.
  uint32_t workers;
  // Calls task(argument, i) once for every i below `tasks`, in any order and on any thread, and returns when all have
  // finished. Called from one thread at a time, never from within a task.
  void (*run)(void* user, uint32_t tasks, void (*task)(void* argument, uint32_t index), void* argument);
} lfm2_executor;

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // LFM2_C_TYPES_H_
