// The kernels as a table of function pointers: the only place where a session depends on the instruction set.
#ifndef LFM2_KERNELS_KERNEL_TABLE_H_
#define LFM2_KERNELS_KERNEL_TABLE_H_

#include "lfm2/base/cpu_target.h"
#include "lfm2/kernels/reference.h"

// Every static function of a class of kernels; ReferenceKernels documents what each computes.
#define LFM2_FOR_EACH_KERNEL(M) \
  M(name)                       \
  M(max_tile)                   \
  M(PackPanel)                  \
  M(MatMul)                     \
  M(MatMulSwiGlu)               \
  M(RmsNorm)                    \
  M(Rope)                       \
  M(StoreKv)                    \
  M(AttendPart)                 \
  M(JoinPart)                   \
  M(EndAttention)               \
  M(ShortConv)                  \
  M(AddScaled)

namespace lfm2 {

// Called like the functions: kernels.MatMul(...).
struct KernelTable {
  CpuTarget target = CpuTarget::kBaseline;
#define LFM2_POINTER(function) decltype(&ReferenceKernels::function) function = nullptr;
  LFM2_FOR_EACH_KERNEL(LFM2_POINTER)
#undef LFM2_POINTER
};

template <class Kernels>
constexpr KernelTable MakeKernelTable(CpuTarget target) {
  KernelTable table;
  table.target = target;
#define LFM2_ENTER(function) table.function = &Kernels::function;
  LFM2_FOR_EACH_KERNEL(LFM2_ENTER)
#undef LFM2_ENTER
  return table;
}

inline constexpr KernelTable kReferenceKernels = MakeKernelTable<ReferenceKernels>(CpuTarget::kBaseline);

}  // namespace lfm2

#endif  // LFM2_KERNELS_KERNEL_TABLE_H_
