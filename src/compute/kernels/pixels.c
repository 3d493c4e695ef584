/* The passes of compute/pixels.h, in blocks of pixels that stay in the second-level cache while
 * they are multiplied with one panel of columns after the other. */
#include <omp.h>
#include <string.h>

#include "compute/block_products.h"
#include "compute/columns.h"
#include "compute/pixels.h"

/* Pixels of a block for backward data: the larger of its two matrices has BLOCK_BYTES, but it has
 * at least FEWEST_PIXELS. */
enum { BLOCK_BYTES = 64 << 10, FEWEST_PIXELS = 2 * ROWS };
/* Pixels of a block for backward weights: some parts, which have BOTH_BYTES of x and dy together;
 * MOST_PARTS for larger filters, each of whose taps reads and writes sums of its own.
 * The products of one or two parts are summed before they are added to dw: part of its bits. */
enum { BOTH_BYTES = 100 << 10, PART = 2 * ROWS, MOST_PARTS = 8, LARGER_PART = 2 * PART };
/* Output channels whose gradients a thread computes at once. */
enum { CHUNK = 256 };
/* Weights that leave no room for a block in a second-level cache. */
enum { LARGE = 128 * 128 };

static int64_t taps_of(const struct ConvShape *s) {
    return s->kernel_height * s->kernel_width;
}

/* Is each pixel of y computed from one of x? */
static bool is_pointwise(const struct ConvShape *s) {
    return taps_of(s) == 1 && s->pad_height == 0 && s->pad_width == 0;
}

static bool serves(const struct ConvShape *s, enum Pass pass) {
    bool filter = is_pointwise(s) || (pass == BACKWARD_WEIGHTS && taps_of(s) > 1);
    return pass != FORWARD && filter && s->groups == 1 && s->in_channels % LANES == 0 &&
           s->out_channels % LANES == 0;
}

static bool is_large(const struct ConvShape *s) {
    return s->in_channels * s->out_channels > LARGE;
}

/* Is pixel i of y computed from pixel i of x alone? */
static bool is_dense(const struct ConvShape *s) {
    return is_pointwise(s) && s->stride_height == 1 && s->stride_width == 1;
}

static int64_t pixels_of(const struct ConvShape *s, int64_t samples) {
    return samples * s->out_height * s->out_width;
}

static int64_t data_block(const struct ConvShape *s) {
    int64_t row = larger(s->in_channels, s->out_channels) * (int64_t)sizeof(real);
    return larger(BLOCK_BYTES / row / ROWS * ROWS, FEWEST_PIXELS);
}

static int64_t weights_block(const struct ConvShape *s) {
    if (taps_of(s) > 1)
        return PART * MOST_PARTS;
    int64_t row = (s->in_channels + s->out_channels) * (int64_t)sizeof(real);
    return PART * larger(1, smaller(BOTH_BYTES / row / PART, MOST_PARTS));
}

/* Elements that backward weights copies of a pixel of x, and of y: 0 if they are read as they lie.
 * Copies are a line further apart, so that their same places do not share sets of the cache. */
static int64_t x_copy_row(const struct ConvShape *s) {
    return is_dense(s) ? 0 : s->in_channels + LINE;
}

static int64_t dy_copy_row(const struct ConvShape *s) {
    return taps_of(s) == 1 ? 0 : s->out_channels + LINE;
}

static size_t scratch_bytes(const struct ConvShape *s, enum Pass pass, int64_t samples) {
    (void)samples;
    int64_t in = s->in_channels, out = s->out_channels;
    int64_t elements =
        pass == BACKWARD_DATA
            ? omp_get_max_threads() * data_block(s) * (in + out)
            : taps_of(s) * in * out + weights_block(s) * (x_copy_row(s) + dy_copy_row(s));
    return (size_t)elements * sizeof(real);
}

static size_t prepared_bytes(const struct ConvShape *s, enum Pass pass) {
    return pass == BACKWARD_DATA ? (size_t)(s->in_channels * s->out_channels) * sizeof(real) : 0;
}

/* To panels. */
static void prepare(const struct ConvShape *s, enum Pass pass, const void *weights,
                    void *prepared) {
    int64_t in = s->in_channels, out = s->out_channels;
    if (pass != BACKWARD_DATA)
        return;
#pragma omp parallel for schedule(static) if (in * out >= PARALLEL_ELEMENTS)
    for (int64_t column = 0; column < in; column += WIDTH) {
        int64_t width = smaller(WIDTH, in - column);
        const real *from = (const real *)weights + column;
        real *to = (real *)prepared + column * out;
        for (int64_t o = 0; o < out; o++)
            memcpy(to + o * width, from + o * in, (size_t)width * sizeof(real));
    }
}

/* ---- pixels ---- */

/* The pixels of x that one tap of the filter takes to y's, or all of y. */
struct Pixels {
    real *data;
    const struct ConvShape *shape;
    int64_t channels;
    bool dense;          /* one after the other */
    int64_t row, column; /* of x, for the first pixel of y; negative ones are padding */
};

static struct Pixels x_pixels(const struct ConvShape *s, const void *x, int64_t tap) {
    int64_t row = tap / s->kernel_width, column = tap % s->kernel_width;
    return (struct Pixels){.data = (real *)(uintptr_t)x,
                           .shape = s,
                           .channels = s->in_channels,
                           .dense = is_dense(s),
                           .row = row * s->dilation_height - s->pad_height,
                           .column = column * s->dilation_width - s->pad_width};
}

static struct Pixels y_pixels(const struct ConvShape *s, const void *y) {
    return (struct Pixels){
        .data = (real *)(uintptr_t)y, .shape = s, .channels = s->out_channels, .dense = true};
}

static real *dense_at(const struct Pixels *pixels, int64_t first) {
    return pixels->data + first * pixels->channels;
}

static struct Span dense_span(const struct Pixels *pixels, int64_t first, int64_t count) {
    if (!pixels->dense)
        return (struct Span){0};
    return (struct Span){(const char *)dense_at(pixels, first),
                         count * pixels->channels * (int64_t)sizeof(real)};
}

struct Place { /* of an output pixel */
    int64_t sample, row, column;
};

static struct Place place_of(const struct ConvShape *s, int64_t pixel) {
    int64_t row = pixel / s->out_width;
    return (struct Place){row / s->out_height, row % s->out_height, pixel % s->out_width};
}

/* The pixel of x at a row and a column of the sample. */
static real *pixel_at(const struct Pixels *pixels, int64_t sample, int64_t row, int64_t column) {
    const struct ConvShape *s = pixels->shape;
    return pixels->data + ((sample * s->height + row) * s->width + column) * pixels->channels;
}

/* Some pixels, to_row elements from one to the next; zeros for padding. */
static void gather(const struct Pixels *pixels, int64_t first, int64_t count, real *to,
                   int64_t to_row) {
    const struct ConvShape *s = pixels->shape;
    size_t bytes = (size_t)pixels->channels * sizeof(real);
    for (int64_t i = 0; i < count; i++, to += to_row) {
        if (pixels->dense) {
            memcpy(to, dense_at(pixels, first + i), bytes);
            continue;
        }
        struct Place at = place_of(s, first + i);
        int64_t row = pixels->row + at.row * s->stride_height;
        int64_t column = pixels->column + at.column * s->stride_width;
        if (row >= 0 && row < s->height && column >= 0 && column < s->width)
            memcpy(to, pixel_at(pixels, at.sample, row, column), bytes);
        else
            memset(to, 0, bytes);
    }
}

/* Where the pixels end that belong to output `index` of `outputs`: the stride after it begins, or
 * at the border. */
static int64_t end_of(int64_t index, int64_t outputs, int64_t stride, int64_t size) {
    return index + 1 < outputs ? (index + 1) * stride : size;
}

/* The reverse of `gather`, for one tap. Pixels that belong to no output become 0: each does so with
 * the output before it. */
static void scatter(const struct Pixels *pixels, int64_t first, int64_t count, const real *from) {
    const struct ConvShape *s = pixels->shape;
    size_t bytes = (size_t)pixels->channels * sizeof(real);
    if (pixels->dense) {
        memcpy(dense_at(pixels, first), from, (size_t)count * bytes);
        return;
    }
    for (int64_t i = 0; i < count; i++, from += pixels->channels) {
        struct Place at = place_of(s, first + i);
        int64_t row = at.row * s->stride_height, column = at.column * s->stride_width;
        int64_t row_end = end_of(at.row, s->out_height, s->stride_height, s->height);
        int64_t column_end = end_of(at.column, s->out_width, s->stride_width, s->width);
        for (int64_t r = row; r < row_end; r++)
            memset(pixel_at(pixels, at.sample, r, column), 0,
                   (size_t)(column_end - column) * bytes);
        memcpy(pixel_at(pixels, at.sample, row, column), from, bytes);
    }
}

/* ---- backward data ---- */

struct Data { /* dx (pixels, in) = dy (pixels, out) · weights */
    struct Pixels dy, dx;
    int64_t pixels, block;
    const real *weights;
    bool large;
};

/* Rows are multiplied in multiples of ROWS, so that those of a last block may have to be copied. */
static void multiply_block(const struct Data *d, int64_t first, real *space) {
    int64_t in = d->dx.channels, out = d->dy.channels;
    int64_t count = smaller(d->block, d->pixels - first), next = first + count;
    bool whole = count % ROWS == 0, in_place = d->dx.dense && whole;
    struct Block dy = {.data = dense_at(&d->dy, first), .count = count, .row = out, .points = 1};
    struct Block dx = dy;
    dx.row = in;
    dx.data = in_place ? dense_at(&d->dx, first) : space + d->block * out;
    if (!whole) {
        gather(&d->dy, first, count, space, out);
        dy.data = space;
        clear_rest(&dy);
    }
    const struct Span ahead[2] = {dense_span(&d->dy, next, smaller(d->block, d->pixels - next)),
                                  dense_span(&d->dx, first, count)};
    KERNEL(blocks__multiply)(0, 1, out, in, d->large, &dy, d->weights, &dx, ahead);
    if (!in_place)
        scatter(&d->dx, first, count, dx.data);
}

static void backward_data(const struct ConvShape *s, int64_t samples, const void *dy,
                          const void *weights, const void *prepared, void *dx, void *scratch) {
    (void)weights;
    int threads = omp_get_max_threads();
    struct Data d = {.dy = y_pixels(s, dy),
                     .dx = x_pixels(s, dx, 0),
                     .pixels = pixels_of(s, samples),
                     .weights = prepared,
                     .large = is_large(s)};
    int64_t share = (d.pixels + threads - 1) / threads;
    int64_t space = data_block(s) * (s->in_channels + s->out_channels);
    d.block = smaller(data_block(s), whole_rows(share));
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t first = 0; first < d.pixels; first += d.block)
        multiply_block(&d, first, (real *)scratch + omp_get_thread_num() * space);
}

/* ---- backward weights ---- */

struct Sums { /* for each tap (out, in) = dyᵀ · x */
    const void *x;
    struct Pixels dy;
    int64_t taps, pixels, block, part, chunk;
    real *sums;
    /* Copies of the block's pixels; NULL: they are read as they lie. If dy is copied, so is x. */
    real *x_copy, *dy_copy;
    bool large;
};

/* Where a block of pixels is read. */
static struct Block block_of(const struct Pixels *pixels, int64_t first, int64_t count,
                             real *copy) {
    struct Block block = {.data = copy, .first = first, .count = count, .points = 1};
    block.row = pixels->channels + (copy ? LINE : 0);
    if (!copy)
        block.data = dense_at(pixels, first);
    return block;
}

/* Called by all threads of a team. */
static void accumulate_tap(const struct Sums *s, int64_t tap, int64_t first) {
    const struct Pixels pixels = x_pixels(s->dy.shape, s->x, tap);
    int64_t in = pixels.channels, out = s->dy.channels;
    int64_t count = smaller(s->block, s->pixels - first), next = first + count;
    int64_t next_count = tap + 1 == s->taps ? smaller(s->block, s->pixels - next) : 0;
    const struct Span ahead[2] = {dense_span(&s->dy, next, next_count),
                                  dense_span(&pixels, next, next_count)};
    real *sums = s->sums + tap * in * out;
    struct Block dy = block_of(&s->dy, first, count, s->dy_copy);
    struct Block x = block_of(&pixels, first, count, s->x_copy);
    if (s->x_copy) {
#pragma omp for schedule(static)
        for (int64_t i = 0; i < count; i += ROWS) {
            int64_t some = smaller(ROWS, count - i);
            gather(&pixels, first + i, some, x.data + i * x.row, x.row);
            if (s->dy_copy && tap == 0)
                gather(&s->dy, first + i, some, dy.data + i * dy.row, dy.row);
        }
    }
#pragma omp for schedule(static)
    for (int64_t o = 0; o < out; o += s->chunk) {
        int64_t depth = smaller(s->chunk, out - o), part = o / s->chunk;
        int64_t parts = (out + s->chunk - 1) / s->chunk;
        const struct Span mine[2] = {span_part(ahead[0], part, parts),
                                     span_part(ahead[1], part, parts)};
        struct Block chunk = dy;
        chunk.data += o;
        KERNEL(blocks__accumulate)
        (0, 1, s->part, depth, in, s->large, &chunk, &x, sums + o * in, mine);
    }
}

/* The sums of some output channels for one tap, from panels to rows, which are dw_row apart. */
static void unpack(int64_t depth, int64_t columns, const real *sums, real *dw, int64_t dw_row) {
    for (int64_t column = 0; column < columns; column += WIDTH) {
        int64_t width = smaller(WIDTH, columns - column);
        const real *from = sums + column * depth;
        for (int64_t k = 0; k < depth; k++)
            memcpy(dw + k * dw_row + column, from + k * width, (size_t)width * sizeof(real));
    }
}

static void backward_weights(const struct ConvShape *shape, int64_t samples,
                             const struct ConvInput *x, const void *dy, void *dw, void *dbias,
                             void *scratch) {
    int64_t in = shape->in_channels, out = shape->out_channels, threads = omp_get_max_threads();
    int64_t share = (out + threads - 1) / threads, taps = taps_of(shape);
    int64_t x_row = x_copy_row(shape), dy_row = dy_copy_row(shape);
    real *copies = (real *)scratch + taps * in * out;
    struct Sums s = {.x = x->x,
                     .dy = y_pixels(shape, dy),
                     .taps = taps,
                     .pixels = pixels_of(shape, samples),
                     .block = weights_block(shape),
                     .chunk = smaller(CHUNK, whole_rows(share)),
                     .sums = scratch,
                     .large = is_large(shape)};
    s.x_copy = x_row ? copies : NULL;
    s.dy_copy = dy_row ? copies + s.block * x_row : NULL;
    s.part = smaller(s.block, LARGER_PART);
#pragma omp parallel
    {
        for (int64_t first = 0; first < s.pixels; first += s.block)
            for (int64_t tap = 0; tap < taps; tap++)
                accumulate_tap(&s, tap, first);
#pragma omp for schedule(static) collapse(2)
        for (int64_t tap = 0; tap < taps; tap++)
            for (int64_t o = 0; o < out; o += s.chunk)
                unpack(smaller(s.chunk, out - o), in, s.sums + (tap * out + o) * in,
                       (real *)dw + (o * taps + tap) * in, taps * in);
    }
    if (dbias)
        KERNEL(columns__sum)(s.pixels, out, dy, dbias);
}

extern const struct Method KERNEL(pixels__method);
const struct Method KERNEL(pixels__method) = {.name = "pixels",
                                              .serves = serves,
                                              .scratch_bytes = scratch_bytes,
                                              .prepared_bytes = prepared_bytes,
                                              .prepare = prepare,
                                              .backward_data = backward_data,
                                              .backward_weights = backward_weights};
