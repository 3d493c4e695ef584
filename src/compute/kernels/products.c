/* The three passes of compute/products.h, as one product of matrices. */
#include <omp.h>
#include <string.h>

#include "compute/columns.h"
#include "compute/products_kernel.h"

/* Products that are summed before the sum goes to memory: part of the bits. The columns' panels of
 * that depth stay in the first-level cache, the packed rows in the second. */
enum { SAMPLES = 128, CHANNELS = 256, ROWS = 24 * TILE };

/* c (rows, columns) = a (rows, depth) · b (depth, columns) [+ bias], then ReLU. */
struct Product {
    int64_t rows, depth, columns;
    const real *a, *b;
    int64_t a_row, b_row;      /* elements from one row to the next, as they lie in memory, */
    bool a_lies_transposed;    /* as (depth, rows) */
    bool b_lies_transposed;    /* as (columns, depth) */
    int64_t part, packed_rows; /* of the depth; of the rows, a multiple of GROUP */
    const real *b_packed; /* every panel of b; NULL: each block is packed when its turn comes */
    real *c;
    const real *bias; /* NULL: none */
    bool relu, stream;
    int64_t cut; /* of the depth, which is one part; as in struct Columns */
};

/* A part of the depth. */
struct Part {
    int64_t first, count;
};

static bool serves(const struct ConvShape *s, enum Pass pass) {
    (void)pass;
    return s->kernel_height == 1 && s->kernel_width == 1 && s->stride_height == 1 &&
           s->stride_width == 1 && s->pad_height == 0 && s->pad_width == 0 && s->groups == 1;
}

static int64_t whole_groups(int64_t rows) {
    return (rows + GROUP - 1) / GROUP * GROUP;
}

/* All but the matrices themselves. */
static struct Product product_of(const struct ConvShape *s, enum Pass pass, int64_t samples) {
    int64_t pixels = samples * s->height * s->width, in = s->in_channels, out = s->out_channels;
    switch (pass) {
    case FORWARD:
        return (struct Product){.rows = pixels,
                                .depth = in,
                                .columns = out,
                                .a_row = in,
                                .b_row = in,
                                .b_lies_transposed = true,
                                .part = CHANNELS,
                                .packed_rows = ROWS,
                                .relu = s->relu};
    case BACKWARD_DATA:
        return (struct Product){.rows = pixels,
                                .depth = out,
                                .columns = in,
                                .a_row = out,
                                .b_row = in,
                                .part = CHANNELS,
                                .packed_rows = ROWS};
    default:
        return (struct Product){.rows = out,
                                .depth = pixels,
                                .columns = in,
                                .a_row = out,
                                .b_row = in,
                                .a_lies_transposed = true,
                                .part = SAMPLES,
                                .packed_rows = whole_groups(out)};
    }
}

static size_t scratch_bytes(const struct ConvShape *s, enum Pass pass, int64_t samples) {
    struct Product p = product_of(s, pass, samples);
    int64_t rows = p.packed_rows + omp_get_max_threads() * BLOCK;
    return (size_t)(p.part * rows) * sizeof(real);
}

/* Rows of `to_row` elements, zeros beyond the columns. */
static void copy(int64_t rows, int64_t columns, const real *from, int64_t from_row, real *to,
                 int64_t to_row) {
    for (int64_t i = 0; i < rows; i++, from += from_row, to += to_row) {
        memcpy(to, from, (size_t)columns * sizeof(real));
        memset(to + columns, 0, (size_t)(to_row - columns) * sizeof(real));
    }
}

/* `count` rows of a from `row` on in groups of GROUP: (group, depth, GROUP), zeros beyond the
 * last. */
static void pack_groups(const struct Product *p, int64_t row, int64_t count, struct Part part,
                        real *packed) {
#pragma omp for schedule(static)
    for (int64_t i = 0; i < count; i += GROUP) {
        int64_t rows = smaller(GROUP, count - i);
        real *to = packed + i * part.count;
        if (p->a_lies_transposed)
            copy(part.count, rows, p->a + part.first * p->a_row + row + i, p->a_row, to, GROUP);
        else
            KERNEL(products__transpose)
        (rows, part.count, p->a + (row + i) * p->a_row + part.first, p->a_row, to, GROUP);
    }
}

/* Where a block of columns of b begins. */
static const real *block_of(const struct Product *p, int64_t column, struct Part part) {
    return p->b_lies_transposed ? p->b + column * p->b_row + part.first
                                : p->b + part.first * p->b_row + column;
}

static int64_t width_of(const struct Product *p, int64_t column) {
    return smaller(p->columns - column, BLOCK);
}

/* The panels of the block from `column` on. */
static void pack_panels(const struct Product *p, int64_t column, struct Part part, real *space) {
    int64_t width = width_of(p, column);
    for (int64_t i = 0; i < width; i += WIDTH, space += WIDTH * part.count) {
        int64_t columns = smaller(WIDTH, width - i), row = whole_lanes(columns);
        const real *from = block_of(p, column + i, part);
        if (p->b_lies_transposed)
            KERNEL(products__transpose)(columns, part.count, from, p->b_row, space, row);
        else
            copy(part.count, columns, from, p->b_row, space, row);
    }
}

/* Where the panels of a block begin among those of all. */
static int64_t packed_at(const struct Product *p, int64_t column, struct Part part) {
    return part.first * whole_lanes(p->columns) + column * part.count;
}

/* What has to be read for the block from `column` on. */
static struct Ahead ahead_of(const struct Product *p, int64_t column, struct Part part) {
    if (column >= p->columns)
        return (struct Ahead){0};
    int64_t width = width_of(p, column);
    if (p->b_packed)
        return (struct Ahead){.at = p->b_packed + packed_at(p, column, part),
                              .rows = 1,
                              .width = part.count * whole_lanes(width)};
    return (struct Ahead){.at = block_of(p, column, part),
                          .rows = p->b_lies_transposed ? width : part.count,
                          .row = p->b_row,
                          .width = p->b_lies_transposed ? part.count : width};
}

/* The block from `column` on, packed in `space` if it is not yet. While it is multiplied with
 * `rows` rows, the next one comes into the caches. */
static struct Columns block_from(const struct Product *p, int64_t column, int64_t rows,
                                 struct Part part, real *space) {
    int64_t width = width_of(p, column);
    int64_t panels = (width + WIDTH - 1) / WIDTH, tiles = (rows + TILE - 1) / TILE;
    struct Columns block = {.depth = part.count,
                            .data = p->b_packed ? p->b_packed + packed_at(p, column, part) : space,
                            .columns = width,
                            .c_row = p->columns,
                            .cut = p->cut,
                            .add = part.first > 0,
                            .stream = p->stream,
                            .ahead = ahead_of(p, column + BLOCK, part)};
    block.asks = asks(&block.ahead, tiles * panels * (part.count / STRETCH));
    if (!p->b_packed)
        pack_panels(p, column, part, space);
    return block;
}

/* Some columns of complete sums. */
static void finish(const struct Product *p, int64_t rows, int64_t column, int64_t columns,
                   real *c) {
    for (int64_t i = 0; i < rows && (p->bias || p->relu); i++, c += p->columns)
        for (int64_t j = 0; j < columns; j++) {
            real value = p->bias ? c[j] + p->bias[column + j] : c[j];
            c[j] = p->relu && value < 0 ? 0 : value;
        }
}

/* `rows` rows from `row` on, a thread's blocks of columns. */
static void multiply_blocks(const struct Product *p, int64_t row, int64_t rows, struct Part part,
                            const real *packed, real *space) {
#pragma omp for schedule(static)
    for (int64_t column = 0; column < p->columns; column += BLOCK) {
        struct Columns block = block_from(p, column, rows, part, space);
        real *c = p->c + row * p->columns + column;
        KERNEL(products__groups)(&block, rows, packed, c);
        if (part.first + part.count == p->depth)
            finish(p, rows, column, block.columns, c);
    }
}

static void multiply(const struct Product *p, real *scratch) {
    int64_t blocks = (p->rows + p->packed_rows - 1) / p->packed_rows;
    int64_t share = whole_groups((p->rows + blocks - 1) / blocks);
#pragma omp parallel if (p->rows * p->depth * p->columns >= PARALLEL_ELEMENTS)
    {
        real *space = scratch + (p->packed_rows + omp_get_thread_num() * BLOCK) * p->part;
        for (int64_t row = 0; row < p->rows; row += share)
            for (int64_t first = 0; first < p->depth; first += p->part) {
                struct Part part = {first, smaller(p->part, p->depth - first)};
                int64_t rows = smaller(share, p->rows - row);
                pack_groups(p, row, rows, part, scratch);
                multiply_blocks(p, row, rows, part, scratch, space);
            }
        KERNEL(products__finish)();
    }
}

static bool prepares(const struct ConvShape *s, enum Pass pass) {
    return pass == FORWARD && s->fixed_weights;
}

static size_t prepared_bytes(const struct ConvShape *s, enum Pass pass) {
    return prepares(s, pass)
               ? (size_t)(s->in_channels * whole_lanes(s->out_channels)) * sizeof(real)
               : 0;
}

static void prepare(const struct ConvShape *s, enum Pass pass, const void *weights,
                    void *prepared) {
    struct Product p = product_of(s, FORWARD, 1);
    p.b = weights;
    if (!prepares(s, pass))
        return;
#pragma omp parallel for schedule(static)
    for (int64_t column = 0; column < p.columns; column += BLOCK)
        for (int64_t first = 0; first < p.depth; first += p.part) {
            struct Part part = {first, smaller(p.part, p.depth - first)};
            pack_panels(&p, column, part, (real *)prepared + packed_at(&p, column, part));
        }
}

static void forward(const struct ConvShape *s, int64_t samples, const struct ConvInput *x,
                    const void *weights, const void *prepared, const void *bias, void *y,
                    void *scratch) {
    struct Product p = product_of(s, FORWARD, samples);
    p.a = x->x;
    p.b = weights;
    p.b_packed = prepares(s, FORWARD) ? prepared : NULL;
    p.c = y;
    p.bias = bias;
    multiply(&p, scratch);
}

static void backward_data(const struct ConvShape *s, int64_t samples, const void *dy,
                          const void *weights, const void *prepared, void *dx, void *scratch) {
    (void)prepared;
    struct Product p = product_of(s, BACKWARD_DATA, samples);
    p.a = dy;
    p.b = weights;
    p.c = dx;
    multiply(&p, scratch);
}

/* Large gradients that are complete at once go past the caches. */
static bool streams(const struct Product *p) {
    return p->depth <= p->part && p->columns % LANES == 0 && (uintptr_t)p->c % VECTOR_BYTES == 0 &&
           p->rows * p->columns * (int64_t)sizeof(real) >= STREAM_BYTES;
}

static struct Product weights_gradient(const struct ConvShape *s, int64_t samples,
                                       const struct ConvInput *x, const void *dy, void *dw) {
    struct Product p = product_of(s, BACKWARD_WEIGHTS, samples);
    p.a = dy;
    p.b = x->x;
    p.c = dw;
    p.stream = streams(&p);
    return p;
}

static void backward_weights(const struct ConvShape *s, int64_t samples, const struct ConvInput *x,
                             const void *dy, void *dw, void *dbias, void *scratch) {
    struct Product p = weights_gradient(s, samples, x, dy, dw);
    if (dbias)
        KERNEL(columns__sum)(p.depth, p.rows, dy, dbias);
    multiply(&p, scratch);
}

static int64_t pair_samples(const struct ConvShape *s) {
    return SAMPLES / (s->height * s->width);
}

static void backward_weights_of_pair(const struct ConvShape *s, int64_t samples, int64_t cut,
                                     const struct ConvInput *x, const void *dy, void *dw,
                                     void *dbias, void *scratch) {
    struct Product p = weights_gradient(s, samples, x, dy, dw);
    p.cut = cut * s->height * s->width;
    if (dbias) {
        real *sum = dbias, *second = scratch;
        KERNEL(columns__sum)(p.cut, p.rows, p.a, sum);
        KERNEL(columns__sum)(p.depth - p.cut, p.rows, p.a + p.cut * p.rows, second);
        for (int64_t i = 0; i < p.rows; i++)
            sum[i] += second[i];
    }
    multiply(&p, scratch);
}

extern const struct Method KERNEL(products__method);
const struct Method KERNEL(products__method) = {
    .name = "products",
    .serves = serves,
    .scratch_bytes = scratch_bytes,
    .prepared_bytes = prepared_bytes,
    .prepare = prepare,
    .forward = forward,
    .backward_data = backward_data,
    .backward_weights = backward_weights,
    .backward_weights_of_pair = backward_weights_of_pair,
    .pair_samples = pair_samples};
