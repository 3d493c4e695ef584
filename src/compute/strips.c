#include "compute/strips.h"

KERNEL_DECLARE(struct Method, strips__method);
KERNEL_DECLARE_BF16(struct Method, strips__method);
static const struct Method *const methods[PRECISION_COUNT][VARIANT_COUNT] = {
    [PRECISION_FP32] = KERNEL_TABLE(strips__method),
    [PRECISION_BF16] = KERNEL_TABLE_BF16(strips__method)};

const struct Method *strips__method(enum Variant variant, enum Precision precision) {
    CHECK(methods[precision][variant]);
    return methods[precision][variant];
}
