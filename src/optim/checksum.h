/* A checksum of the bits of numbers. It reveals every change of a single number, and misses other
 * changes with a probability of about 1 in 2^64. Not collective: ranks that add the same numbers in
 * the same order get the same checksum.
 *
 * Checksums are chained: each link is a digest of the numbers added since the previous link, and of
 * that link. So a difference stays visible in all later links, even if the numbers have become
 * equal again. */
#ifndef TRAINER_OPTIM_CHECKSUM_H
#define TRAINER_OPTIM_CHECKSUM_H

#include <stdint.h>

#include "base/digest.h"
#include "optim/kernels/checksum_kernel.h"

struct Checksum {
    uint32_t sums[CHECKSUM_LANES] __attribute__((aligned(64)));
    uint32_t weighted[CHECKSUM_LANES];
    struct Digest chain; /* the last link; zeros before the first */
    const struct ChecksumKernel *kernel;
};

/* An empty chain. */
void checksum_start(struct Checksum *checksum, enum Variant variant);
/* `bytes` is a multiple of 4. */
void checksum_add(struct Checksum *checksum, const void *values, int64_t bytes);
/* Ends the present link and returns it. */
struct Digest checksum_link(struct Checksum *checksum);

#endif
