// Reads the tool calls in the text of a model. C99.
#ifndef LFM2_C_TOOL_CALL_H_
#define LFM2_C_TOOL_CALL_H_

#include "lfm2/c/types.h"

#if defined(__cplusplus)
extern "C" {
#endif

// The calls of one answer, and the current one of them.
LFM2_OPAQUE(lfm2_tool_calls, 384, 8);

// Starts before the first call of an answer, between <|tool_call_start|> and <|tool_call_end|>. The text must outlive
// the calls. An open object is started again.
LFM2_MUST_CHECK lfm2_status lfm2_tool_calls_open(lfm2_tool_calls* calls, lfm2_text answer);
// Advances to the next call; *found is false after the last one. Errors: LFM2_INVALID_ARGUMENT for malformed calls,
// with the byte as `value`; there are no more calls then.
LFM2_MUST_CHECK lfm2_status lfm2_tool_calls_next(lfm2_tool_calls* calls, bool* found);
// Names the positional arguments of this call: the properties of the schema of the tool, in order, which must outlive
// the call. Errors: LFM2_INVALID_ARGUMENT where an argument would have the name of another.
LFM2_MUST_CHECK lfm2_status lfm2_tool_calls_name_arguments(lfm2_tool_calls* calls, const lfm2_text* parameters,
                                                           size_t count);

// The name of the tool of this call; empty if there is no current call.
lfm2_text lfm2_tool_calls_name(const lfm2_tool_calls* calls);
// The argument of a name. Errors, which leave *value unchanged: LFM2_INVALID_ARGUMENT if there is none, LFM2_CORRUPT if
// there are two, LFM2_UNSUPPORTED if it has another type, LFM2_OUTPUT_TOO_SMALL for numbers that do not fit *value.
LFM2_MUST_CHECK lfm2_status lfm2_tool_calls_integer(const lfm2_tool_calls* calls, lfm2_text name, int64_t* value);
LFM2_MUST_CHECK lfm2_status lfm2_tool_calls_number(const lfm2_tool_calls* calls, lfm2_text name, double* value);
LFM2_MUST_CHECK lfm2_status lfm2_tool_calls_bool(const lfm2_tool_calls* calls, lfm2_text name, bool* value);
// A string: written to buffer[capacity] with its escapes decoded, without a zero; *bytes is its size. Errors: the same,
// and LFM2_OUTPUT_TOO_SMALL with the number of bytes needed.
LFM2_MUST_CHECK lfm2_status lfm2_tool_calls_string(const lfm2_tool_calls* calls, lfm2_text name, char* buffer,
                                                   size_t capacity, size_t* bytes);
// Writes this call as JSON, {"name": ..., "arguments": {...}}, to buffer[capacity], in the form of lfm2_chat_message,
// and its size to *bytes. The name of a positional argument is its index. Errors: LFM2_OUTPUT_TOO_SMALL.
LFM2_MUST_CHECK lfm2_status lfm2_tool_calls_json(const lfm2_tool_calls* calls, char* buffer, size_t capacity,
                                                 size_t* bytes);

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // LFM2_C_TOOL_CALL_H_
