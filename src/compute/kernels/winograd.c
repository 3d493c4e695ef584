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

/* Tiles whose products are summed before they are added to dw. Part of the bits of dw. */
enum { FEW_TILES = 24, MANY_TILES = 48, MANY_CHANNELS = 256 };

/* Every block reads all the weights and, for dw, reads and writes as many sums. If these stay in a
 * second-level cache of 1 to 2 MiB, a block is one part, so that its own matrices stay there, too.
 * Larger ones come from further away, the more often the fewer tiles share them. */
enum { LARGE = 128 * 128, TILES_OF_LARGE = 192 };

struct Sizes {
    int64_t in, out;          /* channels of a group */
    int64_t row;              /* elements from one tile of a block to the next */
    int64_t filters, rotated; /* elements of a group's transformed weights */
    int64_t part, tiles;      /* tiles of a part, and of a block: one or several parts */
    int64_t point;            /* elements from one point of a block to the next */
    bool large;
};

static struct Sizes sizes_of(const struct ConvShape *shape) {
    struct Sizes s = {.in = shape->in_channels / shape->groups,
                      .out = shape->out_channels / shape->groups};
    s.row = row_elements(larger(s.in, s.out));
    s.filters = POINTS * weights_point(s.in, s.out);
    s.rotated = POINTS * weights_point(s.out, s.in);
    s.part = smaller(s.in, s.out) < MANY_CHANNELS ? FEW_TILES : MANY_TILES;
    s.large = s.in * s.out > LARGE;
    s.tiles = s.large ? TILES_OF_LARGE : s.part;
    s.point = point_elements(s.tiles * s.row);
    return s;
}

/* Elements of one thread's work space: zeros for the pixels outside, then two blocks. */
static int64_t space_elements(const struct Sizes *s) {
    return s->row + 2 * POINTS * s->point;
}

/* Products of one panel are made in place: the second matrices are not used. */
static struct Block *product_block(int64_t columns, struct Block *a, struct Block *other) {
    return columns <= WIDTH ? a : other;
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

/* The last vector of other numbers of channels is transformed by code of its own, whose
 * multiply-adds the compiler may have fused otherwise. */
static bool normalises(const struct ConvShape *s) {
    return s->in_channels / s->groups % LANES == 0;
}

/* At least a huge page, which memory_allocate then asks for: with small pages the 36 places that a
 * tile is stored to cost 36 translations of addresses. */
#define FEWEST_BYTES ((size_t)2 << 20)

static size_t scratch_bytes(const struct ConvShape *shape, enum Pass pass, int64_t samples) {
    (void)samples;
    struct Sizes s = sizes_of(shape);
    int64_t elements = pass == FORWARD ? space_elements(&s) * omp_get_max_threads()
                                       : space_elements(&s) + s.rotated;
    size_t bytes = (size_t)elements * sizeof(real);
    return bytes < FEWEST_BYTES ? FEWEST_BYTES : bytes;
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
    return (struct Images){.data = (element *)(uintptr_t)x + group * s->in,
                           .height = shape->height,
                           .width = shape->width,
                           .channels = s->in,
                           .pixel = shape->in_channels};
}

static struct Images input_images(const struct ConvShape *shape, const struct Sizes *s,
                                  int64_t group, const struct ConvInput *input) {
    struct Images images = x_images(shape, s, group, input->x);
    images.scale = input->scale ? (const real *)input->scale + group * s->in : NULL;
    images.shift = input->scale ? (const real *)input->shift + group * s->in : NULL;
    images.relu = input->relu;
    return images;
}

static struct Images y_images(const struct ConvShape *shape, const struct Sizes *s, int64_t group,
                              const void *y) {
    return (struct Images){.data = (element *)(uintptr_t)y + group * s->out,
                           .height = shape->out_height,
                           .width = shape->out_width,
                           .channels = s->out,
                           .pixel = shape->out_channels};
}

static struct Grid grid_over(const struct Images *images) {
    return (struct Grid){(images->height + TILE - 1) / TILE, (images->width + TILE - 1) / TILE};
}

struct Forward {
    struct Images x, y;
    struct Grid grid;
    struct Sizes sizes;
    int64_t pad_height, pad_width, tiles, block; /* tiles of all samples and of a block */
    const real *filters, *bias;
    bool relu;
};

/* The memory of the pixels of some tiles: whole rows of pixels, a few more or less. */
static struct Span span_of(const struct Images *images, const struct Grid *grid, int64_t first,
                           int64_t count) {
    int64_t line = images->width * images->pixel * (int64_t)sizeof(element);
    int64_t row = first / grid->columns; /* of tiles */
    int64_t pixels = row / grid->rows * images->height + row % grid->rows * TILE;
    return (struct Span){(const char *)images->data + pixels * line,
                         count * TILE * line / grid->columns};
}

static void forward_block(const struct Forward *f, int64_t first, real *space) {
    const struct Sizes *s = &f->sizes;
    int64_t count = smaller(f->block, f->tiles - first), next = first + count;
    real *data = space + s->row;
    struct Block in = {.data = data,
                       .first = first,
                       .count = count,
                       .row = s->row,
                       .points = POINTS,
                       .point = s->point};
    struct Block other = in, *out = product_block(s->out, &in, &other);
    other.data += POINTS * s->point;
    const struct Span ahead[2] = {
        span_of(&f->x, &f->grid, next, smaller(f->block, f->tiles - next)),
        span_of(&f->y, &f->grid, first, count)};
    KERNEL(winograd__patches)
    (&f->x, &f->grid, f->pad_height, f->pad_width, (const element *)space, &in);
    clear_rest(&in);
    KERNEL(blocks__multiply)
    (0, POINTS, s->in, s->out, s->large, &in, f->filters, out, ahead);
    KERNEL(winograd__outputs)(out, &f->grid, f->bias, f->relu, &f->y);
}

static void forward(const struct ConvShape *shape, int64_t samples, const struct ConvInput *x,
                    const void *weights, const void *prepared, const void *bias, void *y,
                    void *scratch) {
    (void)weights;
    struct Sizes s = sizes_of(shape);
    int threads = omp_get_max_threads();
    int64_t space = space_elements(&s);
    for (int i = 0; i < threads; i++)
        memset((real *)scratch + i * space, 0, (size_t)s.row * sizeof(real));
    for (int64_t g = 0; g < shape->groups; g++) {
        struct Forward f = {.x = input_images(shape, &s, g, x),
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
        f.block = smaller(s.tiles, whole_rows(share));
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
    const element *zeros;
    real *data, *sums;
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
    struct Block out = {.data = b->data,
                        .first = first,
                        .count = count,
                        .row = s->row,
                        .points = POINTS,
                        .point = s->point};
    struct Block in = out;
    in.data += POINTS * s->point;
    struct Block *product = product_block(s->in, &out, &in);
    int64_t next = first + count, next_count = smaller(s->tiles, b->tiles - next);
    const struct Span ahead[2] = {b->dw ? span_of(&b->x, &b->grid, next, next_count)
                                        : span_of(&b->dx, &b->grid, first, count),
                                  span_of(&b->dy, &b->grid, next, next_count)};
    const struct Span nothing[2] = {{0}};
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
        if (b->dw)
            KERNEL(blocks__accumulate)
        (i, i + 1, s->part, s->out, s->in, s->large, &out, &in, b->sums, ahead);
        if (b->dx.data)
            KERNEL(blocks__multiply)
        (i, i + 1, s->out, s->in, s->large, &out, b->filters, product, b->dw ? nothing : ahead);
    }
    if (b->dx.data) {
#pragma omp for schedule(static)
        for (int64_t i = 0; i < count; i += ROWS) {
            struct Block part = part_of(product, i, smaller(ROWS, count - i));
            KERNEL(winograd__outputs)(&part, &b->grid, NULL, false, &b->dx);
        }
    }
}

/* `x` may be NULL if dw is. */
static void backward(const struct ConvShape *shape, int64_t samples, const struct ConvInput *x,
                     const void *dy, const void *weights, const void *prepared, void *dx, void *dw,
                     void *dbias, void *scratch) {
    (void)weights;
    struct Sizes s = sizes_of(shape);
    real *data = (real *)scratch + s.row;
    memset(scratch, 0, (size_t)s.row * sizeof(real));
    for (int64_t g = 0; g < shape->groups; g++) {
        struct Backward b = {.x = x_images(shape, &s, g, NULL),
                             .dy = y_images(shape, &s, g, dy),
                             .sizes = s,
                             .pad_height = FILTER - 1 - shape->pad_height,
                             .pad_width = FILTER - 1 - shape->pad_width,
                             .zeros = scratch,
                             .data = data,
                             .sums = data + 2 * POINTS * s.point};
        if (dx) {
            b.dx = x_images(shape, &s, g, dx);
            b.filters = (const real *)prepared + g * s.rotated;
        }
        if (dw) {
            b.x = input_images(shape, &s, g, x);
            b.dw = (real *)dw + g * s.out * FILTER * FILTER * s.in;
        }
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

static void backward_weights(const struct ConvShape *shape, int64_t samples,
                             const struct ConvInput *x, const void *dy, void *dw, void *dbias,
                             void *scratch) {
    backward(shape, samples, x, dy, NULL, NULL, NULL, dw, dbias, scratch);
}

extern const struct Method KERNEL(winograd__method);
const struct Method KERNEL(winograd__method) = {.name = "winograd",
                                                .serves = serves,
                                                .normalises = normalises,
                                                .scratch_bytes = scratch_bytes,
                                                .prepared_bytes = prepared_bytes,
                                                .prepare = prepare,
                                                .forward = forward,
                                                .backward_data = backward_data,
                                                .backward_weights = backward_weights,
                                                .backward = backward};
