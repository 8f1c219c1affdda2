// Inference and a control loop. `control` has to run every 10 ms and has the highest priority; `status` and `model`
// share the lowest one, and the model yields to `status` whenever the session calls its executor, many times per layer.
#include <FreeRTOS.h>
#include <task.h>

#include "console.h"
#include "model.h"
#include "trace.h"

// Ends the emulation.
[[noreturn]] void Exit(int code);

namespace {

constexpr TickType_t kPeriod = pdMS_TO_TICKS(10);
constexpr uint32_t kCyclesPerTick = configCPU_CLOCK_HZ / configTICK_RATE_HZ;

Trace g_trace;
uint32_t g_periods, g_latest_cycles, g_turns;
volatile bool g_is_answering;

// Cycles since the last tick.
uint32_t CyclesIntoTick() { return kCyclesPerTick - 1 - *reinterpret_cast<volatile uint32_t*>(0xe000e018); }

void Control(void*) {
  TickType_t due = xTaskGetTickCount();
  for (;;) {
    xTaskDelayUntil(&due, kPeriod);
    const uint32_t late = (xTaskGetTickCount() - due) * kCyclesPerTick + CyclesIntoTick();
    if (!g_is_answering) continue;
    ++g_periods;
    g_latest_cycles = lfm2::Max(g_latest_cycles, late);
  }
}

void Status(void*) {
  for (;;) {
    if (g_is_answering) ++g_turns;
    taskYIELD();
  }
}

// One worker, which yields after its task. An RTOS with more than one core would wake others here.
void RunAndYield(void*, uint32_t tasks, void (*task)(void* argument, uint32_t index), void* argument) {
  for (uint32_t i = 0; i < tasks; ++i) task(argument, i);
  taskYIELD();
}

lfm2::Status Answer(std::string_view command) {
  LFM2_RETURN_IF_ERROR(BeginChat());
  g_is_answering = true;
  g_trace.Begin(xTaskGetTickCount() + 100);
  const TickType_t begin = xTaskGetTickCount();
  const lfm2::Status status = g_chat.Ask(command, 64, [](std::string_view text) { Print(text); });
  g_is_answering = false;
  Print("\n");
  Print(uint64_t{xTaskGetTickCount() - begin});
  Print(" ms, in which control ran ");
  Print(uint64_t{g_periods});
  Print(" times, at most ");
  Print(uint64_t{g_latest_cycles} * 1000000 / configCPU_CLOCK_HZ);
  Print(" us late, and status had ");
  Print(uint64_t{g_turns});
  Print(" turns\n");
  g_trace.Show();
  return status;
}

void Model(void*) {
  static lfm2::Executor executor;
  executor.run = RunAndYield;
  lfm2::Status status = OpenModel(&executor);
  static char line[256];
  std::string_view command;
  if (status.ok() && ReadLine(line, sizeof(line), &command)) status = Answer(command);
  static char message[256];
  if (!status.ok()) {
    Print({message, status.Format(message, sizeof(message))});
    Print("\n");
  }
  Print("stack of the model's task that was never used: ");
  Print(uint64_t{uxTaskGetStackHighWaterMark(nullptr)} * sizeof(StackType_t));
  Print(" bytes\n");
  Exit(status.ok() ? 0 : 1);
}

StackType_t g_control_stack[256], g_status_stack[256], g_model_stack[2048];
StaticTask_t g_control_task, g_status_task, g_model_task;

}  // namespace

extern "C" void NoteSwitch(const char* task) { g_trace.Note(xTaskGetTickCountFromISR(), task); }
extern "C" void FailedAssertion(const char* file, int line) {
  Print(file);
  Print(", line ");
  Print(static_cast<uint64_t>(line));
  Print(": an assertion of the kernel failed\n");
  Exit(97);
}
extern "C" void vApplicationStackOverflowHook(TaskHandle_t, char* name) {
  Print(name);
  Print(" has used up its stack\n");
  Exit(98);
}

int Main() {
  xTaskCreateStatic(Control, "control", 256, nullptr, 3, g_control_stack, &g_control_task);
  xTaskCreateStatic(Status, "status", 256, nullptr, 1, g_status_stack, &g_status_task);
  xTaskCreateStatic(Model, "model", 2048, nullptr, 1, g_model_stack, &g_model_task);
  vTaskStartScheduler();
  return 96;
}
