/* The arithmetic of a checksum (optim/checksum.h). It adds whole numbers, so that all variants give
 * the same sums. */
#ifndef TRAINER_OPTIM_KERNELS_CHECKSUM_KERNEL_H
#define TRAINER_OPTIM_KERNELS_CHECKSUM_KERNEL_H

#include <stdint.h>

#include "base/kernel.h"

#define CHECKSUM_LANES 16

struct ChecksumKernel {
    /* Adds each word x (32 bits), number i of `count`, to lane i % CHECKSUM_LANES as y = x xor x >>
     * 16, after Fletcher 1982: sum ← sum + y, weighted ← weighted + sum. `sums` and `weighted` have
     * CHECKSUM_LANES words and are aligned to 64 bytes. */
    void (*add)(int64_t count, const void *words, uint32_t *sums, uint32_t *weighted);
};
KERNEL_DECLARE(struct ChecksumKernel, checksum_kernel);

#endif
