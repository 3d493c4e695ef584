/* What the backends' files tell backend.c about the libraries that they wrap: threads, instruction
 * set, version. For compute/ alone; the contracts stand in backend.h. */
#ifndef TRAINER_COMPUTE_LIBRARIES_H
#define TRAINER_COMPUTE_LIBRARIES_H

#include <stddef.h>

#include "base/kernel.h"
#include "compute/backend.h"

void openblas__configure(int threads);
const char *openblas__better_core(void);
void openblas__version(char *text, size_t bytes);
enum BlasThreading openblas__threading(void);

#ifdef TRAINER_WITH_ONEDNN
void onednn__configure(enum Variant variant);
void onednn__version(char *text, size_t bytes);
void onednn__instructions(char *text, size_t bytes);
enum Bf16Products onednn__bf16(void);
void onednn__limit_bf16(enum Bf16Products limit);
#endif

#endif
