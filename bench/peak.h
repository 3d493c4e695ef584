/* Measures what the cores of this machine can do, for the benches to compare with. */
#ifndef TRAINER_BENCH_PEAK_H
#define TRAINER_BENCH_PEAK_H

#include "base/kernel.h"

/* A clock in seconds. With one OpenMP thread it is the thread's own time, so that what other
 * programs take from a shared core does not count; otherwise it is the time that passes. */
double peak_clock(void);

/* Floating-point operations a second of single-precision fused multiply-adds on registers alone,
 * with the instruction set of `variant` on `threads` cores. */
double peak_flops(enum Variant variant, int threads);

/* Bytes that one core reads and writes a second, when it copies arrays much larger than the caches.
 */
double peak_bandwidth(void);

#endif
