// How much memory does a model need?
//
// `MakePlan` computes the regions of the arena from the shape of a model and the options, before anything is opened. It
// is `constexpr`, and so is `ArenaBytes`, the sum, which sizes a static array. Published models have presets such as
// `kLfm2_8B_A1B`; for others use `image.config()`, or the header that `lfm2-inspect --header` prints. The image itself
// comes on top, in flash or in the page cache.

#include <cstdio>

#include "lfm2.h"

static constexpr lfm2::SessionOptions Options(uint32_t context_length) {
  lfm2::SessionOptions options;
  options.context_length = context_length;
  return options;
}

static_assert(lfm2::ArenaBytes(lfm2::kLfm2_8B_A1B, Options(1024)) < (28 << 20), "does not fit the device");

int main() {
  for (const uint32_t context_length : {1024u, 4096u, 32768u}) {
    const lfm2::Plan plan = lfm2::MakePlan(lfm2::kLfm2_8B_A1B, Options(context_length));
    std::printf("%5u positions: %5.1f MB\n", context_length, static_cast<double>(plan.total_bytes) * 1e-6);
  }
  const lfm2::Plan plan = lfm2::MakePlan(lfm2::kLfm2_8B_A1B, Options(1024));
  for (uint32_t i = 0; i < plan.count; ++i) {
    std::printf("  %-20s %7.2f MB\n", plan.regions[i].name, static_cast<double>(plan.regions[i].bytes) * 1e-6);
  }
  return 0;
}

// Prints:
//    1024 positions:  27.9 MB
//    4096 positions:  65.6 MB
//   32768 positions: 418.1 MB
//     weight views            0.01 MB
//     KV cache               12.58 MB
//     convolution state       0.59 MB
//     activations and text   14.41 MB
//     logits                  0.27 MB
//     token history           0.00 MB
