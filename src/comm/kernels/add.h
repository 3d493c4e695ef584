/* The arithmetic of the exchange. An IEEE addition gives the same bits on every instruction set,
 * so that the variants differ only in speed. */
#ifndef TRAINER_COMM_KERNELS_ADD_H
#define TRAINER_COMM_KERNELS_ADD_H

#include <stdint.h>

#include "base/kernel.h"

struct AddKernel {
    /* sum[i] = left[i] + right[i] over `count` reals; `sum` may be `left` or `right`. */
    void (*add)(void *sum, const void *left, const void *right, int64_t count);
};
KERNEL_DECLARE(struct AddKernel, add_kernel);

#endif
