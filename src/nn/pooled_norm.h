/* Batch normalisation with the max pooling that follows it, for windows that tile the image, in
 * kernel files: what lies between the two, y = [relu](x · scale + shift), is never written. Forward
 * keeps for each window which tap won and that tap's x. Backward sums over the winners alone and
 * then writes dx once. The values, and the order of all sums, are those of the two layers by
 * themselves. Inside nn/ only. */
#ifndef TRAINER_NN_POOLED_NORM_H
#define TRAINER_NN_POOLED_NORM_H

#include "base/stream.h"
#include "nn/lanes.h"
#include "nn/layer.h"
#include "nn/pooling.h"
#include "nn/winners.h"

/* Do the windows touch, not overlap, and cover the whole image? */
static inline bool pooled_norm_serves(const struct PoolingOptions *options, struct Shape in) {
    return options->kernel > 1 && pooling_stride(options) == options->kernel && !options->padding &&
           pooling_dilation(options) == 1 && in.height % options->kernel == 0 &&
           in.width % options->kernel == 0 && in.channels % 16 == 0;
}

#ifdef KERNEL_SUFFIX

struct PooledNorm {
    struct Lanes lanes;
    int64_t kernel, height, width; /* of a window, of an input image */
    bool relu;
    const element *x;
    const real *scale, *shift;
    element *y;        /* pooled; forward */
    element *largest;  /* x of the tap that won each window */
    uint8_t *winner;   /* and its number */
    const element *dy; /* pooled; backward */
    const real *centre, *factor, *offset;
    element *dx;
};

/* A pixel's window, as the place of its first channel in a pooled tensor, and its tap there. */
struct PooledPlace {
    int64_t at;
    int tap;
};

static inline void pooled_places(const struct PooledNorm *p, int64_t pixel, int64_t count,
                                 struct PooledPlace *places) {
    int64_t row = pixel / p->width, w = pixel % p->width, k = p->kernel;
    for (int64_t i = 0; i < count; i++, w++) {
        if (w == p->width) {
            w = 0;
            row++;
        }
        /* Rows are counted over all images, whose heights are multiples of the window's. */
        places[i] = (struct PooledPlace){(row / k * (p->width / k) + w / k) * p->lanes.channels,
                                         (int)(row % k * k + w % k)};
    }
}

/* ---- Forward ---- */

INLINE void pooled_window(const struct PooledNorm *p, int64_t kernel, bool relu, bool stream,
                          const element *x, int64_t to) {
    int64_t channels = p->lanes.channels, row = p->width * channels;
    for (int64_t c = 0; c < channels; c += LANES) {
        vector scale = *(const vector *)(p->scale + c), shift = *(const vector *)(p->shift + c);
        vector best = {0}, from = {0};
        mask won = {0};
#pragma GCC unroll 2
        for (int64_t r = 0; r < kernel; r++)
#pragma GCC unroll 2
            for (int64_t s = 0; s < kernel; s++) {
                vector here = elements_load(x + r * row + s * channels + c);
                vector value = here * scale + shift;
                if (relu)
                    value = (vector)((mask)value & ~(mask)(value < 0));
                mask wins = (value > best) | (value != value);
                if (r == 0 && s == 0)
                    wins = ~(mask){0};
                best = (vector)(((mask)value & wins) | ((mask)best & ~wins));
                from = (vector)(((mask)here & wins) | ((mask)from & ~wins));
                won = (((mask){0} + (int)(r * kernel + s)) & wins) | (won & ~wins);
            }
        stream_store(stream, p->y + to + c, best);
        stream_store(stream, p->largest + to + c, from);
        *(lane_bytes *)(p->winner + to + c) = __builtin_convertvector(won, lane_bytes);
    }
}

/* One row of windows; rows are counted over all images. */
INLINE void pooled_row(const struct PooledNorm *pass, int64_t kernel, bool relu, bool stream,
                       int64_t row) {
    const struct PooledNorm own = *pass, *p = &own; /* no store can change it */
    int64_t channels = p->lanes.channels, across = p->width / kernel;
    for (int64_t q = 0; q < across; q++)
        pooled_window(p, kernel, relu, stream, p->x + (row * p->width + q) * kernel * channels,
                      (row * across + q) * channels);
    stream_end(stream);
}

static inline void pooled_forward_row(const struct PooledNorm *p, bool stream, int64_t row) {
    if (p->kernel != 2)
        pooled_row(p, p->kernel, p->relu, false, row);
    else if (p->relu && stream)
        pooled_row(p, 2, true, true, row);
    else
        pooled_row(p, 2, p->relu, false, row);
}

static inline void pooled_forward(const struct PooledNorm *p, int64_t samples) {
    int64_t rows = samples * p->height / p->kernel;
    int64_t elements = rows * (p->width / p->kernel) * p->lanes.channels;
    bool stream = elements * (int64_t)sizeof(element) >= STREAM_BYTES;
#pragma omp parallel for if (elements >= PARALLEL_ELEMENTS)
    for (int64_t row = 0; row < rows; row++)
        pooled_forward_row(p, stream, row);
}

/* ---- Backward ---- */

/* The gradient that reaches the pixel at `place` from its window, channels c and on. `x` decides
 * whether the ReLU lets it through. */
INLINE void pooled_gradient(const struct PooledNorm *p, bool relu, struct PooledPlace place,
                            int64_t c, vector x, vector *result) {
    mask won;
    bytes_widen(p->winner + place.at + c, LANES, &won);
    vector g = elements_load(p->dy + place.at + c);
    g = (vector)((mask)g & (won == place.tap)) + 0; /* −0 becomes 0, as in a sum */
    if (relu)
        g = (vector)((mask)g &
                     (mask)(x * *(const vector *)(p->scale + c) + *(const vector *)(p->shift + c) >
                            0));
    *result = g;
}

/* sum_tile of the gradients, with the winners' x. */
INLINE void pooled_sum_tile(const struct PooledNorm *p, bool relu, int vectors,
                            const struct PooledPlace *places, int64_t rows, int64_t lane,
                            real *first, real *second) {
    vector a[TILE_VECTORS] = {{0}}, b[TILE_VECTORS] = {{0}};
    int64_t channels = p->lanes.channels, pixels = p->lanes.width / channels;
    int64_t pixel[TILE_VECTORS], channel[TILE_VECTORS];
    for (int v = 0; v < vectors; v++) {
        pixel[v] = (lane + v * LANES) / channels;
        channel[v] = (lane + v * LANES) % channels;
    }
    for (int64_t row = 0; row < rows; row++, places += pixels)
#pragma GCC unroll 8
        for (int v = 0; v < vectors; v++) {
            struct PooledPlace place = places[pixel[v]];
            int64_t c = channel[v];
            vector x = elements_load(p->largest + place.at + c);
            vector g;
            pooled_gradient(p, relu, place, c, x, &g);
            a[v] += g;
            b[v] += g * (x - *(const vector *)(p->centre + c));
        }
    real buffer[TILE];
    memcpy(buffer, a, (size_t)vectors * sizeof(vector));
    scatter(p->lanes, lane, vectors * LANES, buffer, first);
    memcpy(buffer, b, (size_t)vectors * sizeof(vector));
    scatter(p->lanes, lane, vectors * LANES, buffer, second);
}

/* sum_chunk of the gradients. */
INLINE void pooled_sum_chunk(const struct PooledNorm *pass, bool relu, int64_t chunk,
                             int64_t pixels, real *restrict first, real *restrict second) {
    struct PooledPlace places[CHUNK];
    const struct PooledNorm own = *pass, *p = &own; /* no store can change it */
    int64_t channels = p->lanes.channels, width = p->lanes.width, lane = 0;
    int64_t count = piece_of(chunk, pixels, channels).count / channels;
    int64_t across = width / channels, rows = count / across;
    pooled_places(p, chunk * CHUNK, count, places);
    memset(first, 0, (size_t)channels * sizeof(real));
    memset(second, 0, (size_t)channels * sizeof(real));
    for (; lane + TILE_LANES <= width; lane += TILE_LANES)
        pooled_sum_tile(p, relu, TILE_VECTORS, places, rows, lane, first, second);
    for (; lane < width; lane += VECTOR)
        pooled_sum_tile(p, relu, VECTOR / LANES, places, rows, lane, first, second);
    for (int64_t i = rows * across; i < count; i++)
        for (int64_t c = 0; c < channels; c += LANES) {
            vector x = elements_load(p->largest + places[i].at + c);
            vector g;
            pooled_gradient(p, relu, places[i], c, x, &g);
            *(vector *)(first + c) += g;
            *(vector *)(second + c) += g * (x - *(const vector *)(p->centre + c));
        }
}

/* The sums of every chunk, as sum_all leaves them. */
static inline void pooled_sums(const struct PooledNorm *p, int64_t pixels, real *sums) {
    int64_t channels = p->lanes.channels;
#pragma omp parallel for if (pixels * channels >= PARALLEL_ELEMENTS)
    for (int64_t i = chunk_count(pixels) - 1; i >= 0; i--) {
        real *first = sums + 2 * i * channels, *second = first + channels;
        if (p->relu)
            pooled_sum_chunk(p, true, i, pixels, first, second);
        else
            pooled_sum_chunk(p, false, i, pixels, first, second);
    }
}

INLINE void pooled_input_gradient_chunk(const struct PooledNorm *pass, bool relu, bool stream,
                                        int64_t chunk, int64_t pixels) {
    struct PooledPlace places[CHUNK];
    const struct PooledNorm own = *pass, *p = &own; /* no store can change it */
    int64_t channels = p->lanes.channels;
    struct Piece piece = piece_of(chunk, pixels, channels);
    pooled_places(p, chunk * CHUNK, piece.count / channels, places);
    for (int64_t i = 0; i < piece.count / channels; i++) {
        int64_t at = piece.first + i * channels;
        for (int64_t c = 0; c < channels; c += LANES) {
            vector x = elements_load(p->x + at + c), scale = *(const vector *)(p->scale + c);
            vector g;
            pooled_gradient(p, relu, places[i], c, x, &g);
            vector far = x - *(const vector *)(p->centre + c);
            stream_store(stream, p->dx + at + c,
                         g * scale + (far * *(const vector *)(p->factor + c) +
                                      *(const vector *)(p->offset + c)));
        }
    }
    stream_end(stream);
}

static inline void pooled_input_gradient(const struct PooledNorm *p, int64_t pixels) {
    bool stream = pixels * p->lanes.channels * (int64_t)sizeof(element) >= STREAM_BYTES;
#pragma omp parallel for if (pixels * p->lanes.channels >= PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < chunk_count(pixels); i++)
        if (p->relu && stream)
            pooled_input_gradient_chunk(p, true, true, i, pixels);
        else
            pooled_input_gradient_chunk(p, p->relu, false, i, pixels);
}

#endif
#endif
