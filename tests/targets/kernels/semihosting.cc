// The operating system functions that a test program needs, on a Cortex-M in QEMU: a heap, a console and an exit code
// by Arm's semihosting.
#include <sys/stat.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

extern "C" {

// Defined in memory.ld.
extern char lfm2_stack_end[], lfm2_bss[], lfm2_bss_end[], lfm2_heap[], lfm2_heap_end[];
void* __dso_handle = nullptr;

void __libc_init_array();
int main(int, char**);

static int Call(int operation, const void* argument) {
  register int r0 __asm__("r0") = operation;
  register const void* r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

[[noreturn]] void _exit(int code) {
  constexpr int kExitExtended = 0x20, kApplicationExit = 0x20026;
  const int arguments[] = {kApplicationExit, code};
  Call(kExitExtended, arguments);
  for (;;) {
  }
}

int _write(int /*file*/, const char* text, int size) {
  constexpr int kWrite0 = 4;
  char piece[129];
  for (int done = 0; done < size;) {
    const int n = size - done < 128 ? size - done : 128;
    std::memcpy(piece, text + done, static_cast<size_t>(n));
    piece[n] = '\0';
    Call(kWrite0, piece);
    done += n;
  }
  return size;
}

void* _sbrk(ptrdiff_t bytes) {
  static char* end = lfm2_heap;
  if (bytes > lfm2_heap_end - end) {
    errno = ENOMEM;
    return reinterpret_cast<void*>(-1);
  }
  char* const begin = end;
  end += bytes;
  return begin;
}

int _fstat(int /*file*/, struct stat* status) {
  status->st_mode = S_IFCHR;
  return 0;
}
int _isatty(int /*file*/) { return 1; }
int _read(int /*file*/, char* /*to*/, int /*size*/) { return 0; }
int _lseek(int /*file*/, int /*offset*/, int /*from*/) { return 0; }
int _close(int /*file*/) { return 0; }
int _open(const char* /*path*/, int /*flags*/, int /*mode*/) { return -1; }
int _link(const char* /*from*/, const char* /*to*/) { return -1; }
int _unlink(const char* /*path*/) { return -1; }
int _getpid() { return 1; }
int _kill(int /*process*/, int signal) { _exit(128 + signal); }
int _gettimeofday(void* /*time*/, void* /*zone*/) { return -1; }
int getentropy(void* /*to*/, size_t /*size*/) { return -1; }

void Fault() {
  constexpr char kText[] = "the processor reports a fault\n";
  _write(1, kText, sizeof(kText) - 1);
  _exit(1);
}

void Reset() {
  *reinterpret_cast<volatile uint32_t*>(0xe000ed88) |= 0xfu << 20;  // CPACR: enable floats and vectors
  __asm__ volatile("dsb\n\tisb");
  std::memset(lfm2_bss, 0, static_cast<size_t>(lfm2_bss_end - lfm2_bss));
  __libc_init_array();
  char name[] = "kernels";
  char* arguments[] = {name, nullptr};
  _exit(main(1, arguments));
}

void _init() {}
void _fini() {}

using Vector = void (*)();
__attribute__((section(".vectors"), used))
const Vector kVectors[] = {reinterpret_cast<Vector>(lfm2_stack_end), Reset, Fault, Fault, Fault, Fault, Fault};

}  // extern "C"
