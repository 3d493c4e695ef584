/* What one core of this machine can do, measured: the floors that benches compare with. */
#ifndef TRAINER_BENCH_PEAK_H
#define TRAINER_BENCH_PEAK_H

#include "base/kernel.h"

/* Seconds for measuring: with one OpenMP thread the thread's own time, so that what others take
 * from a shared core does not count; else the time that passes. */
double peak_clock(void);

/* Single-precision fused multiply-adds on registers alone, floating-point operations a second, with
 * the instruction set of `variant` on `threads` cores. */
double peak_flops(enum Variant variant, int threads);

/* Copying between arrays far beyond the caches: bytes read and written a second, one core. */
double peak_bandwidth(void);

#endif
