// The calls of tools that a model has written, from its text. C99.
#ifndef LFM2_C_TOOL_CALL_H_
#define LFM2_C_TOOL_CALL_H_

#include "lfm2/c/types.h"

#if defined(__cplusplus)
extern "C" {
#endif

// The calls of one answer, and the one of them that is looked at.
LFM2_OPAQUE(lfm2_tool_calls, 384, 8);

// Begins before the first call of an answer, between <|tool_call_start|> and <|tool_call_end|>, whose text outlives the
// calls. What is open begins anew.
LFM2_MUST_CHECK lfm2_status lfm2_tool_calls_open(lfm2_tool_calls* calls, lfm2_text answer);
// Goes to the next call; *found is false after the last. Errors: LFM2_INVALID_ARGUMENT for calls that are malformed,
// with the byte as `value`; there are no more then.
LFM2_MUST_CHECK lfm2_status lfm2_tool_calls_next(lfm2_tool_calls* calls, bool* found);
// The names that arguments of this call get which have none but their place: the properties of the tool's schema in
// order. They outlive the call. Errors: LFM2_INVALID_ARGUMENT where an argument would have the name of another.
LFM2_MUST_CHECK lfm2_status lfm2_tool_calls_name_arguments(lfm2_tool_calls* calls, const lfm2_text* parameters,
                                                           size_t count);

// Of the tool that this call is for; empty where there is no call.
lfm2_text lfm2_tool_calls_name(const lfm2_tool_calls* calls);
// The argument of a name. Errors, with *value as it was: LFM2_INVALID_ARGUMENT where there is none, LFM2_CORRUPT where
// there are two, LFM2_UNSUPPORTED where it has another type, LFM2_OUTPUT_TOO_SMALL for numbers beyond *value.
LFM2_MUST_CHECK lfm2_status lfm2_tool_calls_integer(const lfm2_tool_calls* calls, lfm2_text name, int64_t* value);
LFM2_MUST_CHECK lfm2_status lfm2_tool_calls_number(const lfm2_tool_calls* calls, lfm2_text name, double* value);
LFM2_MUST_CHECK lfm2_status lfm2_tool_calls_bool(const lfm2_tool_calls* calls, lfm2_text name, bool* value);
// A text: written to buffer[capacity], its escapes read, without a zero; *bytes is how many there are. Errors: the
// same, and LFM2_OUTPUT_TOO_SMALL with the bytes that are needed.
LFM2_MUST_CHECK lfm2_status lfm2_tool_calls_string(const lfm2_tool_calls* calls, lfm2_text name, char* buffer,
                                                   size_t capacity, size_t* bytes);
// Writes this call as JSON, {"name": ..., "arguments": {...}}, to buffer[capacity], as lfm2_chat_message takes it, and
// their number to *bytes. An argument without a name has its index for one. Errors: LFM2_OUTPUT_TOO_SMALL.
LFM2_MUST_CHECK lfm2_status lfm2_tool_calls_json(const lfm2_tool_calls* calls, char* buffer, size_t capacity,
                                                 size_t* bytes);

#if defined(__cplusplus)
}  // extern "C"
#endif

#endif  // LFM2_C_TOOL_CALL_H_
