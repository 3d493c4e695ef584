#include "compute/products.h"

KERNEL_DECLARE(struct Method, products__method);
static const struct Method *const methods[] = KERNEL_TABLE(products__method);

const struct Method *products__method(enum Variant variant, enum Precision precision) {
    CHECK(methods[variant]);
    return precision == PRECISION_FP32 ? methods[variant] : NULL;
}
