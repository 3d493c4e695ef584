/* Measures what the cores of this machine can do: the limits that profiles and benches compare
 * with. Each function takes about a tenth of a second. Not collective, but ranks that measure at
 * the same time get what each of them has while all are busy. */
#ifndef TRAINER_COMPUTE_PEAK_H
#define TRAINER_COMPUTE_PEAK_H

#include "base/kernel.h"

/* A clock in seconds. With one OpenMP thread it is the thread's own time, so that what other
 * programs take from a shared core does not count; otherwise it is the time that passes. */
double peak_clock(void);

/* Floating-point operations a second of single-precision fused multiply-adds on registers alone,
 * with the instruction set of `variant` on `threads` cores. */
double peak_flops(enum Variant variant, int threads);

/* Bytes that `threads` cores together read and write a second, when they copy arrays much larger
 * than the caches. Needs 256 MiB of memory meanwhile. */
double peak_bandwidth(int threads);

#endif
