/* The passes of compute/winograd.h: a block of tiles is transformed into 36 small matrices, which
 * are multiplied with the weights' and transformed back.
 *
 * Forward: the tiles are those of y, and the patches are read from x. Backward data is the same
 * with y and x exchanged, the filters rotated and padding 2 − padding. Backward weights takes the
 * same tiles of x and patches of dy, because in the sum over them that gives dw the tile of x acts
 * as the filter: dw rotated = Gᵀ [Σ (A x Aᵀ) ⊙ (Bᵀ dy B)] G. So both share the transform of dy. */
#include <omp.h>
#include <string.h>

#include "compute/columns.h"
#include "compute/winograd_kernel.h"

/* The matrices of a block should leave room for weights in a second-level cache of 1 MiB. */
#ifndef BLOCK_BYTES
#define BLOCK_BYTES ((int64_t)1 << 19)
#endif
#ifndef MOST_TILES
#define MOST_TILES 96
#endif
#ifndef FEWEST_TILES
#define FEWEST_TILES 24
#endif

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

struct Sizes {
    int64_t in, out;             /* channels of a group */
    int64_t in_row, out_row;     /* the same in whole vectors */
    int64_t filters, rotated;    /* elements of a group's transformed weights */
    int64_t tiles;               /* of a block */
    int64_t in_point, out_point; /* elements from one point of a block to the next */
};

static struct Sizes sizes_of(const struct ConvShape *shape) {
    struct Sizes s = {.in = shape->in_channels / shape->groups,
                      .out = shape->out_channels / shape->groups};
    s.in_row = whole_lanes(s.in);
    s.out_row = whole_lanes(s.out);
    s.filters = POINTS * s.in * s.out_row;
    s.rotated = POINTS * s.out * s.in_row;
    int64_t fit = BLOCK_BYTES / (POINTS * (s.in_row + s.out_row) * (int64_t)sizeof(real));
    s.tiles = larger(FEWEST_TILES, smaller(MOST_TILES, fit / ROWS * ROWS));
    /* One line more, so that the points of a tile do not share a set of the cache. */
    s.in_point = s.tiles * s.in_row + LANES;
    s.out_point = s.tiles * s.out_row + LANES;
    return s;
}

/* Elements of one thread's blocks: zeros for the pixels outside, then both sides' matrices. */
static int64_t space_elements(const struct Sizes *s) {
    return larger(s->in_row, s->out_row) + POINTS * (s->in_point + s->out_point);
}

#define FEWEST_CHANNELS 16

static bool serves(const struct ConvShape *s, enum Pass pass) {
    (void)pass;
    return s->kernel_height == 3 && s->kernel_width == 3 && s->stride_height == 1 &&
           s->stride_width == 1 && s->dilation_height == 1 && s->dilation_width == 1 &&
           s->pad_height >= 0 && s->pad_height <= 2 && s->pad_width >= 0 && s->pad_width <= 2 &&
           s->in_channels / s->groups >= FEWEST_CHANNELS &&
           s->out_channels / s->groups >= FEWEST_CHANNELS;
}

static size_t scratch_bytes(const struct ConvShape *shape, enum Pass pass, int64_t samples) {
    (void)samples;
    struct Sizes s = sizes_of(shape);
    int64_t elements = pass == FORWARD ? space_elements(&s) * omp_get_max_threads()
                                       : space_elements(&s) + s.rotated;
    return (size_t)elements * sizeof(real);
}

static size_t prepared_bytes(const struct ConvShape *shape, enum Pass pass) {
    struct Sizes s = sizes_of(shape);
    int64_t elements = pass == FORWARD ? s.filters : pass == BACKWARD_DATA ? s.rotated : 0;
    return (size_t)(shape->groups * elements) * sizeof(real);
}

static void prepare(const struct ConvShape *shape, enum Pass pass, const void *weights,
                    void *prepared) {
    struct Sizes s = sizes_of(shape);
    for (int64_t g = 0; g < shape->groups; g++) {
        const real *from = (const real *)weights + g * s.out * FILTER * FILTER * s.in;
        if (pass == FORWARD)
            KERNEL(winograd__filters)(s.out, s.in, from, (real *)prepared + g * s.filters);
        else if (pass == BACKWARD_DATA)
            KERNEL(winograd__rotated_filters)
        (s.out, s.in, from, (real *)prepared + g * s.rotated);
    }
}

static struct Images x_images(const struct ConvShape *shape, const struct Sizes *s, int64_t group,
                              const void *x) {
    return (struct Images){.data = (real *)(uintptr_t)x + group * s->in,
                           .height = shape->height,
                           .width = shape->width,
                           .channels = s->in,
                           .pixel = shape->in_channels};
}

static struct Images y_images(const struct ConvShape *shape, const struct Sizes *s, int64_t group,
                              const void *y) {
    return (struct Images){.data = (real *)(uintptr_t)y + group * s->out,
                           .height = shape->out_height,
                           .width = shape->out_width,
                           .channels = s->out,
                           .pixel = shape->out_channels};
}

static struct Grid grid_over(const struct Images *images) {
    return (struct Grid){(images->height + TILE - 1) / TILE, (images->width + TILE - 1) / TILE};
}

/* The rows of a block from `count` up to a multiple of ROWS, which are multiplied too. */
static void clear_rest(const struct Block *block) {
    int64_t rest = (ROWS - block->count % ROWS) % ROWS;
    if (rest)
        for (int64_t i = 0; i < POINTS; i++)
            memset(block->data + i * block->point + block->count * block->row, 0,
                   (size_t)(rest * block->row) * sizeof(real));
}

struct Forward {
    struct Images x, y;
    struct Grid grid;
    struct Sizes sizes;
    int64_t pad_height, pad_width, tiles, block; /* tiles of all samples and of a block */
    const real *filters, *bias;
    bool relu;
};

static void forward_block(const struct Forward *f, int64_t first, real *space) {
    const struct Sizes *s = &f->sizes;
    int64_t count = smaller(f->block, f->tiles - first);
    real *data = space + larger(s->in_row, s->out_row);
    struct Block in = {data, first, count, s->in_row, s->in_point};
    struct Block out = {data + POINTS * s->in_point, first, count, s->out_row, s->out_point};
    KERNEL(winograd__patches)(&f->x, &f->grid, f->pad_height, f->pad_width, space, &in);
    clear_rest(&in);
    for (int64_t i = 0; i < POINTS; i++)
        KERNEL(winograd__multiply)
    (count, s->in, s->out, in.data + i * in.point, in.row, f->filters + i * s->in * s->out_row,
     out.data + i * out.point, out.row);
    KERNEL(winograd__outputs)(&out, &f->grid, f->bias, f->relu, &f->y);
}

static void forward(const struct ConvShape *shape, int64_t samples, const void *x,
                    const void *weights, const void *prepared, const void *bias, void *y,
                    void *scratch) {
    (void)weights;
    struct Sizes s = sizes_of(shape);
    int threads = omp_get_max_threads();
    int64_t space = space_elements(&s);
    for (int i = 0; i < threads; i++)
        memset((real *)scratch + i * space, 0, (size_t)larger(s.in_row, s.out_row) * sizeof(real));
    for (int64_t g = 0; g < shape->groups; g++) {
        struct Forward f = {.x = x_images(shape, &s, g, x),
                            .y = y_images(shape, &s, g, y),
                            .sizes = s,
                            .pad_height = shape->pad_height,
                            .pad_width = shape->pad_width,
                            .filters = (const real *)prepared + g * s.filters,
                            .bias = bias ? (const real *)bias + g * s.out : NULL,
                            .relu = shape->relu};
        f.grid = grid_over(&f.y);
        f.tiles = samples * f.grid.rows * f.grid.columns;
        int64_t share = (f.tiles + threads - 1) / threads;
        f.block = smaller(s.tiles, (share + ROWS - 1) / ROWS * ROWS);
#pragma omp parallel for schedule(static) num_threads(threads)
        for (int64_t first = 0; first < f.tiles; first += f.block)
            forward_block(&f, first, (real *)scratch + omp_get_thread_num() * space);
    }
}

struct Backward {
    struct Images x, dy;
    struct Images dx; /* data NULL: none */
    struct Grid grid;
    struct Sizes sizes;
    int64_t pad_height, pad_width, tiles;
    const real *filters;
    real *dw; /* NULL: none */
    real *zeros, *data, *sums;
};

/* The tiles [first, first + count) of a block of matrices that begins with tile `start`. */
static struct Block part_of(const struct Block *block, int64_t from, int64_t count) {
    struct Block part = *block;
    part.data += from * block->row;
    part.first += from;
    part.count = count;
    return part;
}

/* Called by all threads of a team, which share the block. */
static void backward_block(const struct Backward *b, int64_t first) {
    const struct Sizes *s = &b->sizes;
    int64_t count = smaller(s->tiles, b->tiles - first);
    struct Block out = {b->data, first, count, s->out_row, s->out_point};
    struct Block in = {b->data + POINTS * s->out_point, first, count, s->in_row, s->in_point};
#pragma omp for schedule(static)
    for (int64_t i = 0; i < count; i += ROWS) {
        struct Block patches = part_of(&out, i, smaller(ROWS, count - i));
        struct Block tiles = part_of(&in, i, smaller(ROWS, count - i));
        KERNEL(winograd__patches)
        (&b->dy, &b->grid, b->pad_height, b->pad_width, b->zeros, &patches);
        clear_rest(&patches);
        if (b->dw)
            KERNEL(winograd__tiles)(&b->x, &b->grid, b->zeros, &tiles);
    }
#pragma omp for schedule(static)
    for (int64_t i = 0; i < POINTS; i++) {
        int64_t matrix = i * s->out * s->in_row;
        if (b->dw)
            KERNEL(winograd__accumulate)
        (count, s->out, s->in, out.data + i * out.point, out.row, in.data + i * in.point, in.row,
         first == 0, b->sums + matrix);
        if (b->dx.data)
            KERNEL(winograd__multiply)
        (count, s->out, s->in, out.data + i * out.point, out.row, b->filters + matrix,
         in.data + i * in.point, in.row);
    }
    if (b->dx.data) {
#pragma omp for schedule(static)
        for (int64_t i = 0; i < count; i += ROWS) {
            struct Block part = part_of(&in, i, smaller(ROWS, count - i));
            KERNEL(winograd__outputs)(&part, &b->grid, NULL, false, &b->dx);
        }
    }
}

static void backward(const struct ConvShape *shape, int64_t samples, const void *x, const void *dy,
                     const void *weights, const void *prepared, void *dx, void *dw, void *dbias,
                     void *scratch) {
    (void)weights;
    struct Sizes s = sizes_of(shape);
    real *data = (real *)scratch + larger(s.in_row, s.out_row);
    memset(scratch, 0, (size_t)larger(s.in_row, s.out_row) * sizeof(real));
    for (int64_t g = 0; g < shape->groups; g++) {
        struct Backward b = {.x = x_images(shape, &s, g, x),
                             .dy = y_images(shape, &s, g, dy),
                             .sizes = s,
                             .pad_height = FILTER - 1 - shape->pad_height,
                             .pad_width = FILTER - 1 - shape->pad_width,
                             .zeros = scratch,
                             .data = data,
                             .sums = data + POINTS * (s.in_point + s.out_point)};
        if (dx) {
            b.dx = x_images(shape, &s, g, dx);
            b.filters = (const real *)prepared + g * s.rotated;
        }
        if (dw)
            b.dw = (real *)dw + g * s.out * FILTER * FILTER * s.in;
        b.grid = grid_over(&b.x);
        b.tiles = samples * b.grid.rows * b.grid.columns;
#pragma omp parallel
        for (int64_t first = 0; first < b.tiles; first += s.tiles)
            backward_block(&b, first);
        if (dw)
            KERNEL(winograd__filter_gradient)(s.out, s.in, b.sums, b.dw);
    }
    if (dbias)
        KERNEL(columns__sum)
    (samples * shape->out_height * shape->out_width, shape->out_channels, dy, dbias);
}

static void backward_data(const struct ConvShape *shape, int64_t samples, const void *dy,
                          const void *weights, const void *prepared, void *dx, void *scratch) {
    backward(shape, samples, NULL, dy, weights, prepared, dx, NULL, NULL, scratch);
}

static void backward_weights(const struct ConvShape *shape, int64_t samples, const void *x,
                             const void *dy, void *dw, void *dbias, void *scratch) {
    backward(shape, samples, x, dy, NULL, NULL, NULL, dw, dbias, scratch);
}

extern const struct Method KERNEL(winograd__method);
const struct Method KERNEL(winograd__method) = {.name = "winograd",
                                                .serves = serves,
                                                .scratch_bytes = scratch_bytes,
                                                .prepared_bytes = prepared_bytes,
                                                .prepare = prepare,
                                                .forward = forward,
                                                .backward_data = backward_data,
                                                .backward_weights = backward_weights,
                                                .backward = backward};
