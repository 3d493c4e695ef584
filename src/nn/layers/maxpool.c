/* The largest value of each window, channel by channel. Training keeps which tap won, one byte for
 * each output; of equal values the first tap wins. Backward goes over the input pixels: each looks
 * at the windows that cover it and sums the gradients of those that it won, so that dx is written
 * once and no two threads write the same place. A NaN wins. */
#include <inttypes.h>
#include <string.h>

#include "nn/image_rows.h"
#include "nn/pooling.h"
#include "nn/winners.h"

static const struct Key keys[] = {POOLING_KEYS,
                                  {"dilation", KEY_INT, POOLING_OPTION(dilation), "1", .minimum = 1,
                                   .maximum = 1024, .unit = "pixels",
                                   .help = "distance between neighbouring taps of a window"},
                                  KEY_END};

static int describe(struct Describe *describe) {
    const struct PoolingOptions *options = describe->node->options;
    if (options->kernel > 16)
        return describe__fail(describe, "kernel", "%" PRId64 " is more than 16", options->kernel);
    return pooling_describe(describe);
}

static int plan(struct Planning *planning) {
    if (planning->training)
        planning->operation->needs.saved_bytes =
            (size_t)(planning->samples[0] * shape_elements(planning->operation->out));
    return OK;
}

/* The part of a window inside the image: `pixel` is its first tap there, which has the number
 * `tap`. */
struct Window {
    const element *pixel;
    int64_t rows, columns, row_stride, column_stride; /* in elements */
    int tap, tap_row_stride;
};

/* The windows that cover one input pixel: the first of their outputs, and the pixel's tap in that
 * window. */
struct Cover {
    const element *dy;
    const uint8_t *winner;
    int64_t rows, columns, row_stride, column_stride; /* in elements */
    int tap, tap_row_stride, tap_column_stride;
};

/* LANES_part elements as a vector, and back. */
#ifdef KERNEL_BF16
#define NARROW_LOAD(part, from)                                                                    \
    ((vector_##part)(__builtin_convertvector(*(const stored_##part *)(from), bits_##part) << 16))
#define NARROW_STORE(part, to, value)                                                              \
    *(stored_##part *)(to) =                                                                       \
        __builtin_convertvector(BF16_ROUND_BITS(mask_##part, (bits_##part)(value)), stored_##part)
#else
#define NARROW_LOAD(part, from) (*(const vector_##part *)(from))
#define NARROW_STORE(part, to, value) *(vector_##part *)(to) = (value)
#endif

/* A whole vector, a half and a quarter of it, but 16 bytes at least, and for each of them the two
 * functions that treat so many channels from `c` on. */
#define PART_BYTES(part) (VECTOR_BYTES / (part) < 16 ? 16 : VECTOR_BYTES / (part))
#define NARROW_VECTOR(part)                                                                        \
    enum { BYTES_##part = PART_BYTES(part), LANES_##part = BYTES_##part / sizeof(real) };          \
    typedef real vector_##part                                                                     \
        __attribute__((vector_size(BYTES_##part), aligned(sizeof(real)), may_alias));              \
    typedef lane_integer mask_##part __attribute__((vector_size(BYTES_##part)));                   \
    typedef uint32_t bits_##part __attribute__((vector_size(BYTES_##part)));                       \
    typedef uint16_t stored_##part                                                                 \
        __attribute__((vector_size(BYTES_##part / 2), aligned(2), may_alias));                     \
    typedef uint8_t bytes_##part                                                                   \
        __attribute__((vector_size(LANES_##part), aligned(1), may_alias));                         \
                                                                                                   \
    INLINE void largest_##part(const struct Window *window, int64_t c, element *y,                 \
                               uint8_t *winner) {                                                  \
        vector_##part best = NARROW_LOAD(part, window->pixel + c);                                 \
        mask_##part won = (mask_##part){0} + window->tap;                                          \
        for (int64_t r = 0; r < window->rows; r++)                                                 \
            for (int64_t s = 0; s < window->columns; s++) {                                        \
                vector_##part x = NARROW_LOAD(part, window->pixel + r * window->row_stride +       \
                                                        s * window->column_stride + c);            \
                mask_##part tap =                                                                  \
                    (mask_##part){0} + (window->tap + (int)r * window->tap_row_stride + (int)s);   \
                mask_##part wins = (x > best) | (x != x);                                          \
                best = (vector_##part)(((mask_##part)x & wins) | ((mask_##part)best & ~wins));     \
                won = (tap & wins) | (won & ~wins);                                                \
            }                                                                                      \
        NARROW_STORE(part, y + c, best);                                                           \
        if (winner)                                                                                \
            *(bytes_##part *)(winner + c) = __builtin_convertvector(won, bytes_##part);            \
    }                                                                                              \
                                                                                                   \
    INLINE void gather_##part(const struct Cover *cover, int64_t c, element *dx) {                 \
        vector_##part sum = {0};                                                                   \
        for (int64_t p = 0; p < cover->rows; p++)                                                  \
            for (int64_t q = 0; q < cover->columns; q++) {                                         \
                int64_t at = p * cover->row_stride + q * cover->column_stride + c;                 \
                int tap = cover->tap - (int)p * cover->tap_row_stride -                            \
                          (int)q * cover->tap_column_stride;                                       \
                mask_##part won;                                                                   \
                bytes_widen(cover->winner + at, LANES_##part, &won);                               \
                vector_##part dy = NARROW_LOAD(part, cover->dy + at);                              \
                sum += (vector_##part)((mask_##part)dy & (won == tap));                            \
            }                                                                                      \
        NARROW_STORE(part, dx + c, sum);                                                           \
    }
NARROW_VECTOR(1)
NARROW_VECTOR(2)
NARROW_VECTOR(4)

INLINE void largest_scalar(const struct Window *window, int64_t c, element *y, uint8_t *winner) {
    real best = element_value(window->pixel[c]);
    int won = window->tap;
    for (int64_t r = 0; r < window->rows; r++)
        for (int64_t s = 0; s < window->columns; s++) {
            real x = element_value(
                window->pixel[r * window->row_stride + s * window->column_stride + c]);
            bool wins = x > best || x != x;
            best = wins ? x : best;
            won = wins ? window->tap + (int)r * window->tap_row_stride + (int)s : won;
        }
    y[c] = element_round(best);
    if (winner)
        winner[c] = (uint8_t)won;
}

INLINE void gather_scalar(const struct Cover *cover, int64_t c, element *dx) {
    real sum = 0;
    for (int64_t p = 0; p < cover->rows; p++)
        for (int64_t q = 0; q < cover->columns; q++) {
            int64_t at = p * cover->row_stride + q * cover->column_stride + c;
            int tap =
                cover->tap - (int)p * cover->tap_row_stride - (int)q * cover->tap_column_stride;
            sum += cover->winner[at] == tap ? element_value(cover->dy[at]) : 0;
        }
    dx[c] = element_round(sum);
}

/* Calls name_1, name_2, name_4 or name_scalar(…, c, …) so that all channels are done. The last
 * vector ends with the last channel; channels that it has in common with the one before are
 * computed twice, with the same result. */
#define EACH_CHANNEL(channels, name, first, ...)                                                   \
    do {                                                                                           \
        int64_t c = 0;                                                                             \
        for (; c + LANES_1 <= (channels); c += LANES_1)                                            \
            name##_1(first, c, __VA_ARGS__);                                                       \
        int64_t rest = (channels)-c;                                                               \
        if (rest > LANES_2 && (channels) > LANES_1) {                                              \
            name##_1(first, (channels)-LANES_1, __VA_ARGS__);                                      \
        } else if (rest > LANES_4 && (channels) >= LANES_2) {                                      \
            name##_2(first, c > 0 ? (channels)-LANES_2 : 0, __VA_ARGS__);                          \
            if (c == 0 && (channels) > LANES_2)                                                    \
                name##_2(first, (channels)-LANES_2, __VA_ARGS__);                                  \
        } else if (rest > 0 && (channels) >= LANES_4) {                                            \
            name##_4(first, c > 0 ? (channels)-LANES_4 : 0, __VA_ARGS__);                          \
            if (c == 0 && (channels) > LANES_4)                                                    \
                name##_4(first, (channels)-LANES_4, __VA_ARGS__);                                  \
        } else {                                                                                   \
            for (; c < (channels); c++)                                                            \
                name##_scalar(first, c, __VA_ARGS__);                                              \
        }                                                                                          \
    } while (0)

/* One row of outputs. */
static void forward_row(const struct Call *call, int64_t sample, int64_t p) {
    const struct PoolingOptions *options = call->operation->node->options;
    struct Shape in = call->operation->in[0], out = call->operation->out;
    int64_t channels = in.channels, stride = pooling_stride(options), kernel = options->kernel;
    int64_t dilation = pooling_dilation(options);
    const element *x = (const element *)call->input[0] + sample * shape_elements(in);
    int64_t at = (sample * out.height + p) * out.width * channels;
    struct PoolingRange rows = pooling_taps(options, p, in.height);
    for (int64_t q = 0; q < out.width; q++, at += channels) {
        struct PoolingRange columns = pooling_taps(options, q, in.width);
        int64_t h = p * stride - options->padding + rows.first * dilation;
        int64_t w = q * stride - options->padding + columns.first * dilation;
        const struct Window window = {.pixel = x + (h * in.width + w) * channels,
                                      .rows = rows.last - rows.first + 1,
                                      .columns = columns.last - columns.first + 1,
                                      .row_stride = dilation * in.width * channels,
                                      .column_stride = dilation * channels,
                                      .tap = (int)(rows.first * kernel + columns.first),
                                      .tap_row_stride = (int)kernel};
        element *y = (element *)call->output + at;
        uint8_t *winner = call->training ? (uint8_t *)call->saved + at : NULL;
        EACH_CHANNEL(channels, largest, &window, y, winner);
    }
}

static void forward(const struct Call *call) {
    each_output_row(call, forward_row);
}

/* sums += dy where tap `tap` won. */
static void add_won(int64_t channels, int tap, const uint8_t *restrict winner,
                    const element *restrict dy, real *restrict sums) {
    for (int64_t c = 0; c < channels; c++)
        sums[c] += winner[c] == tap ? element_value(dy[c]) : 0;
}

#define BLOCK 64 /* channels that are summed together */

/* The gradient of one input pixel, for `count` channels from `first` on, if the dilation is above
 * 1: for each tap there is at most one window that has this tap here. */
static void backward_dilated_block(const struct Call *call, int64_t sample, int64_t h, int64_t w,
                                   int64_t first, int64_t count, element *dx) {
    const struct PoolingOptions *options = call->operation->node->options;
    struct Shape out = call->operation->out;
    int64_t stride = pooling_stride(options), kernel = options->kernel;
    real sums[BLOCK] = {0};
    for (int64_t tap = 0; tap < kernel * kernel; tap++) {
        int64_t row = h + options->padding - tap / kernel * options->dilation;
        int64_t column = w + options->padding - tap % kernel * options->dilation;
        if (row < 0 || row % stride || row / stride >= out.height || column < 0 ||
            column % stride || column / stride >= out.width)
            continue;
        int64_t at =
            ((sample * out.height + row / stride) * out.width + column / stride) * out.channels +
            first;
        add_won(count, (int)tap, (const uint8_t *)call->saved + at,
                (const element *)call->output_gradient + at, sums);
    }
    for (int64_t c = 0; c < count; c++)
        dx[first + c] = element_round(sums[c]);
}

static void backward_dilated_pixel(const struct Call *call, int64_t sample, int64_t h, int64_t w,
                                   element *dx) {
    int64_t channels = call->operation->out.channels;
    for (int64_t first = 0; first < channels; first += BLOCK) {
        int64_t count = channels - first < BLOCK ? channels - first : BLOCK;
        backward_dilated_block(call, sample, h, w, first, count, dx);
    }
}

/* One row of input pixels. */
static void backward_row(const struct Call *call, int64_t sample, int64_t h) {
    const struct PoolingOptions *options = call->operation->node->options;
    struct Shape in = call->operation->in[0], out = call->operation->out;
    int64_t channels = in.channels, stride = pooling_stride(options), kernel = options->kernel;
    element *dx =
        (element *)call->input_gradient[0] + (sample * in.height + h) * in.width * channels;
    struct PoolingRange rows = pooling_windows(options, h, out.height);
    if (options->dilation > 1) {
        for (int64_t w = 0; w < in.width; w++, dx += channels)
            backward_dilated_pixel(call, sample, h, w, dx);
        return;
    }
    for (int64_t w = 0; w < in.width; w++, dx += channels) {
        struct PoolingRange columns = pooling_windows(options, w, out.width);
        int64_t at = ((sample * out.height + rows.first) * out.width + columns.first) * channels;
        int64_t row = h + options->padding - rows.first * stride;
        int64_t column = w + options->padding - columns.first * stride;
        const struct Cover cover = {.dy = (const element *)call->output_gradient + at,
                                    .winner = (const uint8_t *)call->saved + at,
                                    .rows = rows.last - rows.first + 1,
                                    .columns = columns.last - columns.first + 1,
                                    .row_stride = out.width * channels,
                                    .column_stride = channels,
                                    .tap = (int)(row * kernel + column),
                                    .tap_row_stride = (int)(stride * kernel),
                                    .tap_column_stride = (int)stride};
        EACH_CHANNEL(channels, gather, &cover, dx);
    }
}

static void backward(const struct Call *call) {
    each_input_row(call, backward_row);
}

const struct Layer KERNEL(layer_maxpool) = {
    .kind = {"maxpool",
             "the largest value of each window: smaller images, which small shifts hardly change",
             keys, sizeof(struct PoolingOptions)},
    .describe = describe,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
