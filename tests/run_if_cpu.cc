// Runs a test program that was compiled for an instruction set, if this machine's processor has it:
//   run_if_cpu SET PROGRAM ARGUMENT...
// If the processor lacks it, prints SKIPPED and exits with 77. The program cannot check this itself: its first
// instruction may be one that the processor does not know.
#include <unistd.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include <cstdio>
#include <cstring>

namespace {

constexpr int kSkipped = 77;
constexpr int kWrongUsage = 2;

enum class Answer { kYes, kNo, kUnknownSet };

Answer Supports(const char* set) {
  if (std::strcmp(set, "scalar") == 0) return Answer::kYes;
#if defined(__x86_64__) || defined(__i386__)
  __builtin_cpu_init();
  const bool sse4 =
      __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
  // F16C is not asked for: clang 14 does not know the name, and every processor with AVX2 has it.
  const bool avx2 = sse4 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512vbmi") &&
                      __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512vnni") &&
                      __builtin_cpu_supports("avx512ifma") && __builtin_cpu_supports("avx512bitalg") &&
                      __builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("gfni") &&
                      __builtin_cpu_supports("vpclmulqdq");
  if (std::strcmp(set, "sse4") == 0) return sse4 ? Answer::kYes : Answer::kNo;
  if (std::strcmp(set, "avx2") == 0) return avx2 ? Answer::kYes : Answer::kNo;
  // No name that clang 14 knows.
  unsigned a = 0, b = 0, c = 0, d = 0;
  const bool avx_vnni = avx2 && __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a >> 4 & 1) != 0;
  if (std::strcmp(set, "avx_vnni") == 0) return avx_vnni ? Answer::kYes : Answer::kNo;
  if (std::strcmp(set, "avx512") == 0) return avx512 ? Answer::kYes : Answer::kNo;
#endif
  return Answer::kUnknownSet;
}

}  // namespace

int main(int argc, char** argv) {
  const Answer answer = argc < 3 ? Answer::kUnknownSet : Supports(argv[1]);
  switch (answer) {
    case Answer::kYes: break;
    case Answer::kNo: std::printf("SKIPPED: this processor does not have %s\n", argv[1]); return kSkipped;
    case Answer::kUnknownSet: std::fprintf(stderr, "usage: run_if_cpu SET PROGRAM ARGUMENT...\n"); return kWrongUsage;
  }
  execv(argv[2], argv + 2);
  std::perror(argv[2]);
  return 1;
}
