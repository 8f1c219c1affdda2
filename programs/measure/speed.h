// Times a session's prefill and decode.
#ifndef LFM2_PROGRAMS_MEASURE_SPEED_H_
#define LFM2_PROGRAMS_MEASURE_SPEED_H_

#include <chrono>
#include <cstdint>
#include <vector>

#include "lfm2.h"
#include "programs/base/error.h"

namespace lfm2::tools {

// Seconds for one prompt.
inline Error TimePrefill(const std::vector<int32_t>& ids, Session* session, double* seconds) {
  const auto begin = std::chrono::steady_clock::now();
  LFM2_RETURN_IF_FAILED(Error::From(session->Prefill(Span<const int32_t>(ids))));
  *seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return Error();
}

// Seconds for the same tokens one at a time.
inline Error TimeDecode(const std::vector<int32_t>& ids, Session* session, double* seconds) {
  const auto begin = std::chrono::steady_clock::now();
  for (const int32_t id : ids) LFM2_RETURN_IF_FAILED(Error::From(session->Decode(id)));
  *seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return Error();
}

}  // namespace lfm2::tools

#endif  // LFM2_PROGRAMS_MEASURE_SPEED_H_
