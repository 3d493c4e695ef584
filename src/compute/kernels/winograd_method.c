/* The Winograd kernels as a method of compute/convolution.c. */
#include "compute/method.h"
#include "compute/winograd.h"

extern const struct Winograd KERNEL(winograd);

static bool serves(const struct ConvShape *shape, enum Pass pass) {
    (void)pass;
    return winograd_serves(shape);
}

static size_t scratch_bytes(const struct ConvShape *shape, enum Pass pass, int64_t samples) {
    (void)pass;
    return KERNEL(winograd).scratch_bytes(shape, samples);
}

static size_t prepared_bytes(const struct ConvShape *shape, enum Pass pass) {
    return pass == BACKWARD_WEIGHTS ? 0
                                    : KERNEL(winograd).prepared_bytes(shape, pass == BACKWARD_DATA);
}
