// Definitions of types.h.
#ifndef LFM2_C_TYPES_IMPL_H_
#define LFM2_C_TYPES_IMPL_H_

#include "lfm2.h"
#include "lfm2/c/object.h"
#include "lfm2/c/types.h"

size_t lfm2_status_format(const lfm2_status* status, char* out, size_t capacity) {
  if (status == nullptr || out == nullptr) return 0;
  lfm2_status whole = *status;
  if (whole.where == nullptr) whole.where = "";
  if (whole.what == nullptr) whole.what = "";
  return lfm2::c_api::FromC(whole).Format(out, capacity);
}

const char* lfm2_status_name(uint32_t code) {
  return lfm2::Status::CodeName(static_cast<lfm2::StatusCode>(code > LFM2_NOT_FINITE ? 0xffu : code));
}

const char* lfm2_version(void) { return LFM2_VERSION_STRING; }

#endif  // LFM2_C_TYPES_IMPL_H_
