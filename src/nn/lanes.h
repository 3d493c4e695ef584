/* Sums over a shard's pixels for each channel, forward and backward, for kernel files. The pixels
 * are taken in rows of "lanes" that fill whole vectors whatever the number of channels: a lane's
 * channel is its index modulo the channels. Sums run in `real` over chunks of CHUNK pixels, shifted
 * by a value near the mean, and the chunks' sums are added in double in their order, so that the
 * bits do not depend on the number of threads. Inside nn/ only. */
#ifndef TRAINER_NN_LANES_H
#define TRAINER_NN_LANES_H

#include <stdbool.h>
#include <string.h>

#include "base/vectors.h"

#ifdef KERNEL_SUFFIX

#define CHUNK 256 /* pixels: one piece of work, one float sum */
/* The same for every instruction set, because they decide which pixels a lane adds up: lanes are a
 * multiple of VECTOR, and TILE where that many pixels of few channels make up rows. */
#define VECTOR 16
#define TILE 64

/* How pixels are cut into rows of lanes. */
struct Lanes {
    int64_t channels, width; /* width: lanes, a multiple of VECTOR and of the channels */
};

static inline struct Lanes lanes_of(int64_t channels) {
    int64_t a = channels, b = VECTOR;
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    int64_t width = channels / a * VECTOR;
    return (struct Lanes){channels, width < TILE && TILE % width == 0 ? TILE : width};
}

static inline int64_t chunk_count(int64_t pixels) {
    return (pixels + CHUNK - 1) / CHUNK;
}

/* Copies the channels' values to every lane. */
static inline void spread(struct Lanes lanes, const real *channel, real *lane) {
    for (int64_t l = 0; l < lanes.width; l += lanes.channels)
        memcpy(lane + l, channel, (size_t)lanes.channels * sizeof(real));
}

/* A chunk's elements. */
struct Piece {
    int64_t first, count;
};
static inline struct Piece piece_of(int64_t chunk, int64_t pixels, int64_t channels) {
    int64_t left = pixels - chunk * CHUNK;
    return (struct Piece){chunk * CHUNK * channels, (left < CHUNK ? left : CHUNK) * channels};
}

/* So many vectors are summed in registers at a time. */
enum { TILE_VECTORS = TILE / (64 / sizeof(real)), TILE_LANES = TILE_VECTORS * LANES };

/* How a fused ReLU decides which dy it lets through: by y, or by x with the formula of forward. */
enum Gate { GATE_OPEN, GATE_INPUT, GATE_OUTPUT };

/* What a sum runs over. Moments: a = x − centre, b = a². Gradients: a = g, b = g · (x − centre). */
struct Sums {
    struct Lanes lanes;
    const element *x, *dy, *y;
    const real *centre, *scale, *shift;
    element *g; /* NULL, or g is kept here */
};

/* Constant in each function that sums, so that its inner loop is free of branches. */
struct SumKind {
    bool gradients; /* else moments */
    enum Gate gate;
    bool keep; /* keeps g */
};

INLINE void scatter(struct Lanes lanes, int64_t lane, int64_t count, const real *from, real *sums) {
    int64_t c = lane % lanes.channels;
    for (int64_t j = 0; j < count; j++, c = c + 1 == lanes.channels ? 0 : c + 1)
        sums[c] += from[j];
}

/* Sums `vectors` vectors of lanes, from `lane` on, over the complete rows. */
INLINE void sum_tile(const struct Sums *s, struct SumKind kind, int vectors, struct Piece piece,
                     int64_t lane, real *first, real *second) {
    vector a[TILE_VECTORS] = {{0}}, b[TILE_VECTORS] = {{0}}, centre[TILE_VECTORS];
    int64_t rows = piece.count / s->lanes.width, stride = s->lanes.width;
    for (int v = 0; v < vectors; v++)
        centre[v] = *(const vector *)(s->centre + lane + v * LANES);
    for (int64_t row = 0; row < rows; row++) {
        int64_t at = piece.first + row * stride + lane;
#pragma GCC unroll 8
        for (int v = 0; v < vectors; v++) {
            int64_t i = at + v * LANES;
            vector x = elements_load(s->x + i);
            vector far = x - centre[v];
            if (!kind.gradients) {
                a[v] += far;
                b[v] += far * far;
                continue;
            }
            vector g = elements_load(s->dy + i);
            if (kind.gate == GATE_OUTPUT)
                g = (vector)((mask)g & (mask)(elements_load(s->y + i) > 0));
            if (kind.gate == GATE_INPUT) {
                vector scale = *(const vector *)(s->scale + lane + v * LANES);
                vector shift = *(const vector *)(s->shift + lane + v * LANES);
                g = (vector)((mask)g & (mask)(x * scale + shift > 0));
            }
            if (kind.keep)
                elements_store(s->g + i, g);
            a[v] += g;
            b[v] += g * far;
        }
    }
    real buffer[TILE];
    memcpy(buffer, a, (size_t)vectors * sizeof(vector));
    scatter(s->lanes, lane, vectors * LANES, buffer, first);
    memcpy(buffer, b, (size_t)vectors * sizeof(vector));
    scatter(s->lanes, lane, vectors * LANES, buffer, second);
}

/* The sums over one chunk: tiles of lanes, then the pixels that do not fill a row of lanes. */
INLINE void sum_chunk(const struct Sums *s, struct SumKind kind, struct Piece piece,
                      real *restrict first, real *restrict second) {
    int64_t channels = s->lanes.channels, width = s->lanes.width, lane = 0;
    memset(first, 0, (size_t)channels * sizeof(real));
    memset(second, 0, (size_t)channels * sizeof(real));
    if (piece.count >= width) {
        for (; lane + TILE_LANES <= width; lane += TILE_LANES)
            sum_tile(s, kind, TILE_VECTORS, piece, lane, first, second);
        for (; lane < width; lane += VECTOR)
            sum_tile(s, kind, VECTOR / LANES, piece, lane, first, second);
    }
    int64_t end = piece.first + piece.count;
    for (int64_t pixel = piece.first + piece.count / width * width; pixel < end;
         pixel += channels) {
        const element *x = s->x + pixel, *dy = kind.gradients ? s->dy + pixel : NULL;
        const element *y = kind.gate == GATE_OUTPUT ? s->y + pixel : NULL;
        element *kept = kind.keep ? s->g + pixel : NULL;
#pragma omp simd
        for (int64_t c = 0; c < channels; c++) {
            real far = element_value(x[c]) - s->centre[c], g = far;
            if (kind.gradients) {
                g = element_value(dy[c]);
                if (kind.gate == GATE_OUTPUT)
                    g = element_value(y[c]) > 0 ? g : 0;
                if (kind.gate == GATE_INPUT)
                    g = element_value(x[c]) * s->scale[c] + s->shift[c] > 0 ? g : 0;
                if (kind.keep)
                    kept[c] = element_round(g);
            }
            first[c] += g;
            second[c] += g * far;
        }
    }
}

/* One function for each combination. */
static inline void sum_moments(const struct Sums *s, struct Piece piece, real *first,
                               real *second) {
    sum_chunk(s, (struct SumKind){false, GATE_OPEN, false}, piece, first, second);
}
static inline void sum_open(const struct Sums *s, struct Piece piece, real *first, real *second) {
    sum_chunk(s, (struct SumKind){true, GATE_OPEN, false}, piece, first, second);
}
static inline void sum_gated_by_input(const struct Sums *s, struct Piece piece, real *first,
                                      real *second) {
    sum_chunk(s, (struct SumKind){true, GATE_INPUT, false}, piece, first, second);
}
static inline void sum_gated_by_output(const struct Sums *s, struct Piece piece, real *first,
                                       real *second) {
    sum_chunk(s, (struct SumKind){true, GATE_OUTPUT, false}, piece, first, second);
}
static inline void sum_and_keep(const struct Sums *s, struct Piece piece, real *first,
                                real *second) {
    sum_chunk(s, (struct SumKind){true, GATE_OUTPUT, true}, piece, first, second);
}

typedef void sum_function(const struct Sums *, struct Piece, real *, real *);
/* From the last chunk to the first: the end of what was just written is still in a cache, and a
 * pass from the first chunk on then finds the beginning there. */
static inline void sum_all(const struct Sums *s, sum_function *sum, int64_t pixels, real *sums) {
    int64_t channels = s->lanes.channels;
#pragma omp parallel for if (pixels * channels >= PARALLEL_ELEMENTS)
    for (int64_t i = chunk_count(pixels) - 1; i >= 0; i--)
        sum(s, piece_of(i, pixels, channels), sums + 2 * i * channels,
            sums + (2 * i + 1) * channels);
}

/* The chunks' sums of one channel, added in order. */
static inline void total(const real *sums, int64_t chunks, int64_t channels, int64_t channel,
                         double *first, double *second) {
    *first = *second = 0;
    for (int64_t i = 0; i < chunks; i++) {
        *first += (double)sums[2 * i * channels + channel];
        *second += (double)sums[(2 * i + 1) * channels + channel];
    }
}

#endif
#endif
