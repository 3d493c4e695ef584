#include "compute/strips.h"

KERNEL_DECLARE(struct Method, strips__method);
static const struct Method *const methods[] = KERNEL_TABLE(strips__method);

const struct Method *strips__method(enum Variant variant) {
    CHECK(methods[variant]);
    return methods[variant];
}
