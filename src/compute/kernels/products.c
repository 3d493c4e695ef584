/* Weights' gradients as compute/products.h says. */
#include <omp.h>
#include <string.h>

#include "compute/columns.h"
#include "compute/products_kernel.h"

/* Rows that are summed before a gradient goes to memory: a panel of that many fits the first-level
 * cache. Part of the bits. */
enum { SAMPLES = 128 };

static bool serves(const struct ConvShape *s, enum Pass pass) {
    return pass == BACKWARD_WEIGHTS && s->kernel_height == 1 && s->kernel_width == 1 &&
           s->stride_height == 1 && s->stride_width == 1 && s->pad_height == 0 &&
           s->pad_width == 0 && s->groups == 1;
}

static int64_t rows_of(const struct ConvShape *s, int64_t samples) {
    return samples * s->height * s->width;
}

static int64_t packed_elements(const struct ConvShape *s) {
    return SAMPLES * ((s->out_channels + GROUP - 1) / GROUP * GROUP);
}

static size_t scratch_bytes(const struct ConvShape *s, enum Pass pass, int64_t samples) {
    (void)pass, (void)samples;
    return (size_t)(packed_elements(s) + omp_get_max_threads() * SAMPLES * WIDTH) * sizeof(real);
}

/* The output channels of dy in groups of GROUP: (group, rows, GROUP), zeros beyond the last. */
static void pack_groups(int64_t rows, int64_t out, const real *dy, real *packed) {
#pragma omp for schedule(static)
    for (int64_t o = 0; o < out; o += GROUP)
        for (int64_t i = 0; i < rows; i++) {
            real *to = packed + o * rows + i * GROUP;
            int64_t count = smaller(GROUP, out - o);
            memcpy(to, dy + i * out + o, (size_t)count * sizeof(real));
            memset(to + count, 0, (size_t)(GROUP - count) * sizeof(real));
        }
}

/* The panel of up to WIDTH columns from `column` on of a matrix (rows, columns), zeros beyond the
 * last; its copy is in `space`. While it is multiplied with `out` rows, the next one comes into the
 * caches. */
static struct Panel copy_panel(int64_t rows, int64_t columns, const real *matrix, int64_t column,
                               int64_t out, real *space) {
    int64_t width = smaller(columns - column, WIDTH), next = column + WIDTH;
    int64_t vectors = (width + LANES - 1) / LANES, tiles = (out + TILE - 1) / TILE;
    struct Panel panel = {.depth = rows,
                          .data = space,
                          .vectors = (int)vectors,
                          .columns = width,
                          .c_row = columns,
                          .ahead = {.at = matrix + next,
                                    .rows = next < columns ? rows : 0,
                                    .row = columns,
                                    .width = smaller(columns - next, WIDTH)}};
    panel.asks = asks(&panel.ahead, tiles * (rows / STRETCH));
    for (int64_t i = 0; i < rows; i++) {
        real *to = space + i * vectors * LANES;
        memcpy(to, matrix + i * columns + column, (size_t)width * sizeof(real));
        memset(to + width, 0, (size_t)(vectors * LANES - width) * sizeof(real));
    }
    return panel;
}

/* dw (out, in) = or += packedᵀ · x, a thread's panels of input channels. */
static void gather(const struct ConvShape *s, int64_t rows, bool add, bool stream,
                   const real *packed, const real *x, real *dw, real *space) {
    int64_t in = s->in_channels, out = s->out_channels;
#pragma omp for schedule(static)
    for (int64_t column = 0; column < in; column += WIDTH) {
        struct Panel panel = copy_panel(rows, in, x, column, out, space);
        panel.add = add;
        panel.stream = stream;
        KERNEL(products__groups)(&panel, out, packed, dw + column);
    }
}

/* Large gradients that are complete at once go past the caches. */
static bool streams(const struct ConvShape *s, int64_t rows, const void *dw) {
    return rows <= SAMPLES && s->in_channels % LANES == 0 && (uintptr_t)dw % LANE_BYTES == 0 &&
           s->in_channels * s->out_channels * (int64_t)sizeof(real) >= STREAM_BYTES;
}

static void backward_weights(const struct ConvShape *s, int64_t samples, const void *x,
                             const void *dy, void *dw, void *dbias, void *scratch) {
    int64_t rows = rows_of(s, samples), in = s->in_channels, out = s->out_channels;
    bool stream = streams(s, rows, dw);
    real *packed = scratch;
    if (dbias)
        KERNEL(columns__sum)(rows, out, dy, dbias);
#pragma omp parallel if (rows * in * out >= PARALLEL_ELEMENTS)
    {
        real *space = packed + packed_elements(s) + omp_get_thread_num() * SAMPLES * WIDTH;
        for (int64_t row = 0; row < rows; row += SAMPLES) {
            int64_t count = smaller(SAMPLES, rows - row);
            pack_groups(count, out, (const real *)dy + row * out, packed);
            gather(s, count, row > 0, stream, packed, (const real *)x + row * in, dw, space);
        }
        KERNEL(products__finish)();
    }
}

extern const struct Method KERNEL(products__method);
const struct Method KERNEL(products__method) = {.name = "products",
                                                .serves = serves,
                                                .scratch_bytes = scratch_bytes,
                                                .backward_weights = backward_weights};
