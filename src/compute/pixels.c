#include "compute/pixels.h"

KERNEL_DECLARE(struct Method, pixels__method);
static const struct Method *const methods[] = KERNEL_TABLE(pixels__method);

const struct Method *pixels__method(enum Variant variant, enum Precision precision) {
    CHECK(methods[variant]);
    return precision == PRECISION_FP32 ? methods[variant] : NULL;
}
