/* The arithmetic of a checksum (optim/checksum.h). Whole numbers are added, so that all variants
 * give the same sums. */
#ifndef TRAINER_OPTIM_KERNELS_CHECKSUM_KERNEL_H
#define TRAINER_OPTIM_KERNELS_CHECKSUM_KERNEL_H

#include <stdint.h>

#include "base/kernel.h"

#define CHECKSUM_LANES 16

struct ChecksumKernel {
    /* Word i of `words` (32 bits each) is y = x xor x >> 16 in lane i % CHECKSUM_LANES, whose sums
     * follow Fletcher 1982: sum ← sum + y, weighted ← weighted + sum. Both are of CHECKSUM_LANES
     * words, aligned to 64 bytes. */
    void (*add)(int64_t count, const void *words, uint32_t *sums, uint32_t *weighted);
};
KERNEL_DECLARE(struct ChecksumKernel, checksum_kernel);

#endif
