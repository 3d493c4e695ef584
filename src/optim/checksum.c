#include "optim/checksum.h"

#include <string.h>

#include "base/error.h"

void checksum_start(struct Checksum *checksum, enum Variant variant) {
    static const struct ChecksumKernel *const kernels[VARIANT_COUNT] =
        KERNEL_TABLE(checksum_kernel);
    CHECK(variant_available(variant));
    *checksum = (struct Checksum){.kernel = kernels[variant]};
}

void checksum_add(struct Checksum *checksum, const void *values, int64_t bytes) {
    checksum->kernel->add(bytes / (int64_t)sizeof(uint32_t), values, checksum->sums,
                          checksum->weighted);
}

struct Digest checksum_link(struct Checksum *checksum) {
    struct {
        struct Digest before;
        uint32_t sums[CHECKSUM_LANES], weighted[CHECKSUM_LANES];
    } link = {.before = checksum->chain};
    memcpy(link.sums, checksum->sums, sizeof link.sums);
    memcpy(link.weighted, checksum->weighted, sizeof link.weighted);
    checksum->chain = digest_bytes(&link, sizeof link);
    memset(checksum->sums, 0, sizeof checksum->sums);
    memset(checksum->weighted, 0, sizeof checksum->weighted);
    return checksum->chain;
}
