#include "compute/winograd.h"

KERNEL_DECLARE(struct Method, winograd__method);
static const struct Method *const methods[] = KERNEL_TABLE(winograd__method);

const struct Method *winograd__method(enum Variant variant) {
    CHECK(methods[variant]);
    return methods[variant];
}
