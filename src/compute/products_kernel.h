/* Rows times panels of columns. For kernels/products*.c only. */
#ifndef TRAINER_COMPUTE_PRODUCTS_KERNEL_H
#define TRAINER_COMPUTE_PRODUCTS_KERNEL_H

#include "compute/products.h"
#include "compute/registers.h"

#ifdef KERNEL_SUFFIX

/* A block of a matrix that will be needed soon. Its lines are asked for one by one among the
 * multiply-adds: many at once would hold up the loads of operands. */
struct Ahead {
    const real *at;
    int64_t rows, row;   /* rows left; elements from one to the next */
    int64_t width, done; /* elements of a row, and asked for of the current one */
};

static inline void ask(struct Ahead *ahead) {
    if (ahead->rows <= 0)
        return;
    __builtin_prefetch(ahead->at + ahead->done, 0, 2);
    ahead->done += 64 / (int64_t)sizeof(real);
    if (ahead->done < ahead->width)
        return;
    ahead->done = 0;
    ahead->at += ahead->row;
    ahead->rows--;
}

/* How often each of `moments` must ask, so that all is asked for. */
static inline int64_t asks(const struct Ahead *ahead, int64_t moments) {
    int64_t lines = ahead->rows * ((ahead->width * (int64_t)sizeof(real) + 63) / 64);
    return moments ? (lines + moments - 1) / moments : 0;
}

/* A panel of up to WIDTH columns in whole vectors, densely, and what its products are for. */
enum { TILE = 6, GROUP = 4 * TILE, STRETCH = 8 };
struct Panel {
    int64_t depth;
    const real *data;
    int vectors;     /* of columns, the last one perhaps not full */
    int64_t columns; /* up to WIDTH */
    int64_t c_row;
    bool add;
    bool stream; /* c is large, and its vectors are whole and aligned */
    struct Ahead ahead;
    int64_t asks; /* in each whole STRETCH of the depth */
};
/* c(row, column) = or += Σ_t a[(row / GROUP · depth + t) · GROUP + row % GROUP] · panel(t, column);
 * a has zeros for the rows that fill the last group. */
void KERNEL(products__groups)(struct Panel *panel, int64_t rows, const real *a, real *c);
/* After a thread's last call: other threads then see what went past the caches. */
void KERNEL(products__finish)(void);

#endif
#endif
