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

/* How often each of `moments` must ask, so that all is asked for; at most MOST_ASKS times. */
enum { MOST_ASKS = 4 };
static inline int64_t asks(const struct Ahead *ahead, int64_t moments) {
    int64_t lines = ahead->rows * ((ahead->width * (int64_t)sizeof(real) + 63) / 64);
    return moments ? smaller((lines + moments - 1) / moments, MOST_ASKS) : 0;
}

/* Some rows of up to BLOCK columns of a matrix: panels of WIDTH columns, one after the other, the
 * last perhaps of fewer vectors; each holds its rows densely. */
#if defined(__AVX512F__)
#define GROUP_TILES 4
#else
#define GROUP_TILES 1 /* a group and a panel share 32 KiB */
#endif
enum { TILE = 6, GROUP = GROUP_TILES * TILE, STRETCH = 8, BLOCK = 64 };
struct Columns {
    int64_t depth; /* rows */
    const real *data;
    int64_t columns;
    int64_t c_row; /* elements from one row of c to the next */
    int64_t cut;   /* > 0: what is summed before this row, and from it on, is added at the end */
    bool add;
    bool stream; /* c is large, and its vectors are whole and aligned */
    struct Ahead ahead;
    int64_t asks; /* in each whole STRETCH of the depth */
};
/* c(row, column) = or += Σ_t a[(row / GROUP · depth + t) · GROUP + row % GROUP] · block(t, column);
 * a has numbers for the rows that fill the last group, too. */
void KERNEL(products__groups)(struct Columns *block, int64_t rows, const real *a, real *c);
/* After a thread's last call: other threads then see what went past the caches. */
void KERNEL(products__finish)(void);

/* to[column · to_row + row] = from[row · from_row + column] for the rows, and 0 from there up to
 * to_row. */
void KERNEL(products__transpose)(int64_t rows, int64_t columns, const real *from, int64_t from_row,
                                 real *to, int64_t to_row);

#endif
#endif
