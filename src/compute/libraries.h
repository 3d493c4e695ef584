/* What a backend's file says of the library it wraps: its threads, instruction set, version. */
#ifndef TRAINER_COMPUTE_LIBRARIES_H
#define TRAINER_COMPUTE_LIBRARIES_H

#include <stddef.h>

#include "base/kernel.h"

void openblas_configure(int threads);
const char *openblas_environment(void);
void openblas_version(char *text, size_t bytes);

#ifdef TRAINER_WITH_ONEDNN
void onednn_configure(enum Variant variant);
void onednn_version(char *text, size_t bytes);
#endif

#endif
