/* What the cores can do in bf16, beside compute/peak.h: products of pairs (AVX512_BF16) and of
 * tiles (AMX), both with sums in single precision. */
#ifndef TRAINER_BENCH_PEAK_BF16_H
#define TRAINER_BENCH_PEAK_BF16_H

/* Floating-point operations a second of one core on registers alone; 0 if the processor has no
 * AVX512_BF16. */
double peak_bf16_flops(void);

/* The same for tiles, each loaded from the first cache once for two products; 0 if the processor
 * has no AMX for bf16, or the kernel does not let a process use it. */
double peak_amx_flops(void);

#endif
