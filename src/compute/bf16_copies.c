#include "compute/bf16_copies.h"

KERNEL_DECLARE_BF16(struct Bf16Copies, bf16_copies__kernels);
static const struct Bf16Copies *const copies[] = KERNEL_TABLE_BF16(bf16_copies__kernels);

const struct Bf16Copies *bf16_copies(enum Variant variant) {
    return copies[variant];
}
