/* The kernel's settings: static memory only, one millisecond per tick, no time slices, so that tasks of one priority
   alternate only when one of them yields. */
#ifndef LFM2_EXAMPLES_FREERTOS_FREERTOSCONFIG_H_
#define LFM2_EXAMPLES_FREERTOS_FREERTOSCONFIG_H_

#define configCPU_CLOCK_HZ 25000000
#define configTICK_RATE_HZ 1000
#define configTICK_TYPE_WIDTH_IN_BITS TICK_TYPE_WIDTH_32_BITS
#define configMAX_PRIORITIES 4
#define configMINIMAL_STACK_SIZE 128
#define configMAX_TASK_NAME_LEN 12
#define configUSE_PREEMPTION 1
#define configUSE_TIME_SLICING 0
#define configUSE_IDLE_HOOK 0
#define configUSE_TICK_HOOK 0
#define configUSE_TIMERS 0
#define configUSE_MUTEXES 0
#define configSUPPORT_STATIC_ALLOCATION 1
#define configSUPPORT_DYNAMIC_ALLOCATION 0
#define configKERNEL_PROVIDED_STATIC_MEMORY 1
#define configCHECK_FOR_STACK_OVERFLOW 2
#define INCLUDE_vTaskDelay 1
#define INCLUDE_xTaskDelayUntil 1
#define INCLUDE_uxTaskGetStackHighWaterMark 1

#define configPRIO_BITS 3
#define configKERNEL_INTERRUPT_PRIORITY (7 << 5)
#define configMAX_SYSCALL_INTERRUPT_PRIORITY (5 << 5)
#define vPortSVCHandler SvcHandler
#define xPortPendSVHandler PendSvHandler
#define xPortSysTickHandler SysTickHandler

#ifdef __cplusplus
extern "C" {
#endif
void NoteSwitch(const char* task);
void FailedAssertion(const char* file, int line);
#ifdef __cplusplus
}
#endif
#define traceTASK_SWITCHED_IN() NoteSwitch(pxCurrentTCB->pcTaskName)
#define configASSERT(condition) \
  if (!(condition)) FailedAssertion(__FILE__, __LINE__)

#endif /* LFM2_EXAMPLES_FREERTOS_FREERTOSCONFIG_H_ */
