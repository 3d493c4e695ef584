#include "compute/winograd.h"

KERNEL_DECLARE(struct Method, winograd__method);
KERNEL_DECLARE_BF16(struct Method, winograd__method);
static const struct Method *const methods[PRECISION_COUNT][VARIANT_COUNT] = {
    [PRECISION_FP32] = KERNEL_TABLE(winograd__method),
    [PRECISION_BF16] = KERNEL_TABLE_BF16(winograd__method)};

const struct Method *winograd__method(enum Variant variant, enum Precision precision) {
    CHECK(methods[precision][variant]);
    return methods[precision][variant];
}
