// What all of the C interface is made of: statuses, texts, objects, executors. C99.
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
#define LFM2_ALIGNED(bytes) __attribute__((aligned(bytes)))
#define LFM2_MUST_CHECK __attribute__((warn_unused_result))

// An object whose memory is the caller's and whose contents are the library's. It begins as zero bytes, which are a
// closed object: static memory, `= {0}` or memset. It is known by its address: after the first call with it, it is
// neither copied nor moved. Calls with memory that was never zeroed or with a copy return LFM2_FAILED_PRECONDITION.
#define LFM2_OPAQUE(name, size, alignment)    \
  typedef struct name {                       \
    unsigned char opaque[size];               \
  } LFM2_ALIGNED(alignment) name

#if defined(__cplusplus)
extern "C" {
#endif

// lfm2_status.code.
enum {
  LFM2_OK,
  LFM2_INVALID_ARGUMENT,     // something that can never work
  LFM2_FAILED_PRECONDITION,  // the call came at the wrong time: use before open, open twice
  LFM2_ARENA_TOO_SMALL,      // `value` bytes were given, `limit` are needed
  LFM2_CONTEXT_FULL,         // `value` positions were asked for, `limit` exist
  LFM2_OUTPUT_TOO_SMALL,     // `value` bytes or tokens are to be written, `limit` fit the memory given
  LFM2_CORRUPT,              // the bytes of a file contradict themselves
  LFM2_UNSUPPORTED,          // well formed, but nothing this version can run
  LFM2_IO,                   // the system or device said no; `value` is its error number, `limit` the byte
  LFM2_TIMEOUT,              // the device has not answered in `value` milliseconds
  LFM2_CANCELLED,            // the poll function said so
  LFM2_NOT_FINITE            // a NaN or an infinity came out of layer `index`
};
#define LFM2_NO_INDEX 0xffffffffu

// What went wrong, where, and with which numbers. All text is static: a status owns nothing and is copied freely.
typedef struct lfm2_status {
  const char* where;  // the field, argument or region, such as "header.hidden_size"
  const char* what;   // a clause about it, such as "is not a multiple of 32"
  uint64_t value;     // the number found
  uint64_t limit;     // the number it was held against
  uint32_t index;     // which layer, token or record is meant; LFM2_NO_INDEX: none
  uint8_t code;
  uint8_t numbers;  // how many of value and limit have been set
} lfm2_status;

// Writes one sentence, such as "corrupt: tensor ffn_gate [3]: rows is 512, expected 7168", always terminated by a zero
// and cut to `capacity` bytes. Returns the length without the zero. Nothing is written if capacity is 0 or a pointer
// NULL.
size_t lfm2_status_format(const lfm2_status* status, char* out, size_t capacity);
// "invalid argument" for LFM2_INVALID_ARGUMENT; "unknown" for what is no code.
const char* lfm2_status_name(uint32_t code);

// The version that the implementation was compiled from: LFM2_VERSION_STRING, if nobody mixed two.
const char* lfm2_version(void);

// `size` bytes of UTF-8 that somebody else owns; no zero at the end. data may be NULL where size is 0.
typedef struct lfm2_text {
  const char* data;
  size_t size;
} lfm2_text;

// Of a string that ends with a zero; NULL is the empty text.
static inline lfm2_text lfm2_text_of(const char* string) {
  lfm2_text text;
  text.data = string;
  text.size = string == NULL ? 0 : strlen(string);
  return text;
}

// Takes text, whole UTF-8 characters; false: no more. `text` is valid during the call.
typedef bool (*lfm2_text_sink)(void* user, const char* text, size_t bytes);

// How work is handed out that may run at the same time. Copied by the call that it is given to; what `user` points to
// outlives that use. Results never depend on it.
typedef struct lfm2_executor {
  void* user;
  // How many tasks can run at once, at least 1.
  uint32_t workers;
  // Calls task(argument, i) once for every i below `tasks`, in any order and on any thread, and returns when all are
  // done. Called from one thread at a time, never from within a task.
  void (*run)(void* user, uint32_t tasks, void (*task)(void* argument, uint32_t index), void* argument);
} lfm2_executor;

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // LFM2_C_TYPES_H_
