/* The transforms of F(4×4, 3×3), for the points 0, ±p, ±q and ∞. In one dimension, with input d
 * (6), filter g (3) and output y (4):
 *
 *   y = Aᵀ [(G g) ⊙ (Bᵀ d)]
 *
 *   Aᵀ = 1 1   1   1   1   0     G = 1/(p²q²)  0     0       Bᵀ = p²q²  0     −(p²+q²)  0       1 0
 *        0 p  −p   q  −q   0         1/N       p/N   p²/N         0     −pq²  −q²       p       1 0
 *        0 p²  p²  q²  q²  0         1/N      −p/N   p²/N         0      pq²  −q²      −p       1 0
 *        0 p³ −p³  q³ −q³  1         1/M       q/M   q²/M         0     −p²q  −p²       q       1 0
 *                                    1/M      −q/M   q²/M         0      p²q  −p²      −q       1 0
 *                                    0         0     1            0      p²q²  0  −(p²+q²)      0 1
 *
 *   N = 2p²(p² − q²), M = 2q²(q² − p²)
 *
 * All constants but those of G are exact in fp32. A two-dimensional transform is one of the
 * columns, then one of the rows. */
#include <string.h>

#include "compute/winograd_kernel.h"

#define P ((real)0.75)
#define Q ((real)1.5)
#define P2 (P * P)
#define Q2 (Q * Q)
#define G0 (1 / (P2 * Q2))
#define GP (1 / (2 * P2 * (P2 - Q2)))
#define GQ (1 / (2 * Q2 * (Q2 - P2)))

/* Element n of Bᵀ d; what several share, the compiler computes once. */
INLINE vector patch_element(const vector d[SIDE], int n) {
    switch (n) {
    case 0:
        return (d[4] - (P2 + Q2) * d[2]) + P2 * Q2 * d[0];
    case 1:
        return (d[4] - Q2 * d[2]) + P * (d[3] - Q2 * d[1]);
    case 2:
        return (d[4] - Q2 * d[2]) - P * (d[3] - Q2 * d[1]);
    case 3:
        return (d[4] - P2 * d[2]) + Q * (d[3] - P2 * d[1]);
    case 4:
        return (d[4] - P2 * d[2]) - Q * (d[3] - P2 * d[1]);
    default:
        return (d[5] - (P2 + Q2) * d[3]) + P2 * Q2 * d[1];
    }
}

/* A d */
INLINE void tile_transform(const vector d[TILE], vector t[SIDE]) {
    vector up = d[0] + P2 * d[2], vp = d[1] + P2 * d[3];
    vector uq = d[0] + Q2 * d[2], vq = d[1] + Q2 * d[3];
    t[0] = d[0];
    t[1] = up + P * vp;
    t[2] = up - P * vp;
    t[3] = uq + Q * vq;
    t[4] = uq - Q * vq;
    t[5] = d[3];
}

/* Aᵀ m */
INLINE void output_transform(const vector m[SIDE], vector y[TILE]) {
    vector sp = m[1] + m[2], dp = m[1] - m[2], sq = m[3] + m[4], dq = m[3] - m[4];
    y[0] = (m[0] + sp) + sq;
    y[1] = P * dp + Q * dq;
    y[2] = P2 * sp + Q2 * sq;
    y[3] = (m[5] + P2 * P * dp) + Q2 * Q * dq;
}

/* G g */
INLINE void filter_transform(const vector g[FILTER], vector t[SIDE]) {
    vector up = GP * (g[0] + P2 * g[2]), vp = GP * P * g[1];
    vector uq = GQ * (g[0] + Q2 * g[2]), vq = GQ * Q * g[1];
    t[0] = G0 * g[0];
    t[1] = up + vp;
    t[2] = up - vp;
    t[3] = uq + vq;
    t[4] = uq - vq;
    t[5] = g[2];
}

/* Gᵀ m */
INLINE void gradient_transform(const vector m[SIDE], vector g[FILTER]) {
    vector sp = GP * (m[1] + m[2]), dp = GP * (m[1] - m[2]);
    vector sq = GQ * (m[3] + m[4]), dq = GQ * (m[3] - m[4]);
    g[0] = G0 * m[0] + (sp + sq);
    g[1] = P * dp + Q * dq;
    g[2] = m[5] + (P2 * sp + Q2 * sq);
}

/* The first `count` lanes; the others are 0. Not inline, because it is rare and large. */
static __attribute__((noinline)) vector load_part(const real *from, int64_t count) {
    real value[LANES] = {0};
    for (int64_t i = 0; i < count; i++)
        value[i] = from[i];
    return *(const vector *)(const void *)value;
}

static __attribute__((noinline)) void store_part(real *to, vector value, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        to[i] = value[i];
}

INLINE vector load(const real *from, int64_t count) {
    return count >= LANES ? *(const vector *)(const void *)from : load_part(from, count);
}

INLINE void store(real *to, vector value, int64_t count) {
    if (count >= LANES)
        *(vector *)(void *)to = value;
    else
        store_part(to, value, count);
}

/* The same for pixels. */
static __attribute__((noinline)) vector load_pixel_part(const element *from, int64_t count) {
    real value[LANES] = {0};
    for (int64_t i = 0; i < count; i++)
        value[i] = element_value(from[i]);
    return *(const vector *)(const void *)value;
}

static __attribute__((noinline)) void store_pixel_part(element *to, vector value, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        to[i] = element_round(value[i]);
}

INLINE vector load_pixel(const element *from, int64_t count) {
    return count >= LANES ? elements_load(from) : load_pixel_part(from, count);
}

INLINE void store_pixel(element *to, vector value, int64_t count) {
    if (count >= LANES)
        elements_store(to, value);
    else
        store_pixel_part(to, value, count);
}

/* Keeps the compiler from computing all addresses of a tile in advance, which would not fit the
 * registers. */
#define STEP(pointer, distance)                                                                    \
    do {                                                                                           \
        (pointer) += (distance);                                                                   \
        __asm__("" : "+r"(pointer));                                                               \
    } while (0)

/* max(0, value); NaN stays NaN. */
INLINE vector rectify(vector value) {
    return (vector)(~(value < 0) & (mask)value);
}

struct Place { /* of a tile */
    int64_t sample, row, column;
};

static struct Place place_of(const struct Grid *grid, int64_t tile) {
    int64_t row = tile / grid->columns;
    return (struct Place){row / grid->rows, row % grid->rows, tile % grid->columns};
}

static void advance(const struct Grid *grid, struct Place *place) {
    if (++place->column < grid->columns)
        return;
    place->column = 0;
    if (++place->row < grid->rows)
        return;
    place->row = 0;
    place->sample++;
}

/* Some square of `side` pixels: address(row, column) = base + row · line + column · pixel, or, if
 * it is not wholly inside, from a table. */
struct Square {
    const element *base;
    int64_t line, pixel;
    bool inside;
    const element *at[POINTS];
};

static void find_square(const struct Images *x, int64_t sample, int64_t top, int64_t left,
                        int64_t side, const element *zeros, struct Square *square) {
    square->line = x->width * x->pixel;
    square->pixel = x->pixel;
    int64_t offset = ((sample * x->height + top) * x->width + left) * x->pixel;
    square->inside = top >= 0 && left >= 0 && top + side <= x->height && left + side <= x->width;
    if (square->inside) {
        square->base = x->data + offset;
        return;
    }
    for (int64_t i = 0; i < side; i++)
        for (int64_t j = 0; j < side; j++) {
            bool there =
                top + i >= 0 && top + i < x->height && left + j >= 0 && left + j < x->width;
            square->at[i * side + j] =
                there ? x->data + (offset + i * square->line + j * square->pixel) : zeros;
        }
}

/* One row of a square. */
INLINE void load_row(const struct Square *s, bool inside, int side, int i, const element *row,
                     int64_t c, int64_t count, vector *d) {
#pragma GCC unroll 6
    for (int j = 0; j < side; j++)
        d[j] = load_pixel(inside ? row + j * s->pixel : s->at[i * side + j] + c, count);
}

/* Columns of the half-transformed square at a time, so that they fit the registers. */
#if defined(__AVX512F__)
enum { SWEEP = 3 };
#else
enum { SWEEP = 2 };
#endif

INLINE void transform_patch(const struct Square *s, bool inside, int64_t c, int64_t count,
                            real *out, int64_t point) {
#pragma GCC unroll 6
    for (int first = 0; first < SIDE; first += SWEEP) {
        vector half[SWEEP][SIDE];
        const element *row = inside ? s->base + c : NULL;
#pragma GCC unroll 6
        for (int i = 0; i < SIDE; i++) {
            vector d[SIDE];
            load_row(s, inside, SIDE, i, row, c, count, d);
            STEP(row, s->line);
#pragma GCC unroll 6
            for (int j = 0; j < SWEEP; j++)
                half[j][i] = patch_element(d, first + j);
        }
#pragma GCC unroll 6
        for (int j = 0; j < SWEEP; j++) {
            real *to = out + (first + j) * point + c;
#pragma GCC unroll 6
            for (int i = 0; i < SIDE; i++) {
                store(to, patch_element(half[j], i), LANES);
                STEP(to, SIDE * point);
            }
        }
    }
}

INLINE void transform_tile(const struct Square *s, bool inside, int64_t c, int64_t count, real *out,
                           int64_t point) {
#pragma GCC unroll 6
    for (int first = 0; first < SIDE; first += SWEEP) {
        vector half[SWEEP][TILE];
        const element *row = inside ? s->base + c : NULL;
#pragma GCC unroll 6
        for (int i = 0; i < TILE; i++) {
            vector d[TILE], t[SIDE];
            load_row(s, inside, TILE, i, row, c, count, d);
            STEP(row, s->line);
            tile_transform(d, t);
#pragma GCC unroll 6
            for (int j = 0; j < SWEEP; j++)
                half[j][i] = t[first + j];
        }
#pragma GCC unroll 6
        for (int j = 0; j < SWEEP; j++) {
            real *to = out + (first + j) * point + c;
            vector t[SIDE];
            tile_transform(half[j], t);
#pragma GCC unroll 6
            for (int i = 0; i < SIDE; i++) {
                store(to, t[i], LANES);
                STEP(to, SIDE * point);
            }
        }
    }
}

typedef void transform_function(const struct Square *s, bool inside, int64_t c, int64_t count,
                                real *out, int64_t point);

/* All channels of one square as they are. */
INLINE void transform_channels(transform_function *transform, const struct Square *s, bool inside,
                               int64_t channels, real *out, int64_t point) {
    int64_t c = 0;
    for (; c + LANES <= channels; c += LANES)
        transform(s, inside, c, LANES, out, point);
    if (c < channels)
        transform(s, inside, c, channels - c, out, point);
}

/* Copies a square of pixels, each normalised once, to `stage`. Pixels outside are NULL in s->at. */
INLINE void stage_square(const struct Images *x, const struct Square *s, bool inside, int side,
                         int64_t c, element *stage) {
    vector scale = load(x->scale + c, LANES), shift = load(x->shift + c, LANES);
    const element *row = inside ? s->base + c : NULL;
    for (int i = 0; i < side; i++) {
#pragma GCC unroll 6
        for (int j = 0; j < side; j++) {
            const element *pixel = inside ? row + j * s->pixel : s->at[i * side + j];
            vector value = {0};
            if (inside || pixel) {
                value = load_pixel(inside ? pixel : pixel + c, LANES) * scale + shift;
                if (x->relu)
                    value = rectify(value);
            }
            elements_store(stage + (i * side + j) * LANES, value);
        }
        if (inside)
            STEP(row, s->line);
    }
}

/* All channels of one normalised square, which are whole vectors. */
INLINE void transform_staged(transform_function *transform, const struct Images *x,
                             const struct Square *s, bool inside, int side, real *out,
                             int64_t point) {
    element stage[POINTS * LANES] __attribute__((aligned(VECTOR_BYTES)));
    struct Square staged = {.base = stage, .line = side * LANES, .pixel = LANES};
    for (int64_t c = 0; c < x->channels; c += LANES) {
        stage_square(x, s, inside, side, c, stage);
        /* The compiler takes what was stored for unknown, as it does pixels of an image. */
        __asm__("" : "+r"(staged.base) : : "memory");
        transform(&staged, true, 0, LANES, out + c, point);
    }
}

/* The squares of `side` pixels of a block, whose upper left pixels are (4·tile row − pad_height,
 * 4·tile column − pad_width). `zeros`: NULL if x is normalised. */
INLINE void transform_block(transform_function *transform, int side, bool normalised,
                            const struct Images *x, const struct Grid *grid, int64_t pad_height,
                            int64_t pad_width, const element *zeros, const struct Block *block) {
    struct Place place = place_of(grid, block->first);
    for (int64_t i = 0; i < block->count; i++, advance(grid, &place)) {
        real *out = block->data + i * block->row;
        struct Square square;
        find_square(x, place.sample, place.row * TILE - pad_height, place.column * TILE - pad_width,
                    side, zeros, &square);
        if (normalised && square.inside)
            transform_staged(transform, x, &square, true, side, out, block->point);
        else if (normalised)
            transform_staged(transform, x, &square, false, side, out, block->point);
        else if (square.inside)
            transform_channels(transform, &square, true, x->channels, out, block->point);
        else
            transform_channels(transform, &square, false, x->channels, out, block->point);
    }
}

/* Not inline: how the compiler fuses multiply-adds in the functions below, which is part of the
 * bits, should not depend on these. */
static __attribute__((noinline)) void normalised_patches(const struct Images *x,
                                                         const struct Grid *grid,
                                                         int64_t pad_height, int64_t pad_width,
                                                         const struct Block *block) {
    transform_block(transform_patch, SIDE, true, x, grid, pad_height, pad_width, NULL, block);
}

static __attribute__((noinline)) void normalised_tiles(const struct Images *x,
                                                       const struct Grid *grid,
                                                       const struct Block *block) {
    transform_block(transform_tile, TILE, true, x, grid, 0, 0, NULL, block);
}

void KERNEL(winograd__patches)(const struct Images *x, const struct Grid *grid, int64_t pad_height,
                               int64_t pad_width, const element *zeros, const struct Block *block) {
    if (x->scale)
        normalised_patches(x, grid, pad_height, pad_width, block);
    else
        transform_block(transform_patch, SIDE, false, x, grid, pad_height, pad_width, zeros, block);
}

void KERNEL(winograd__tiles)(const struct Images *x, const struct Grid *grid, const element *zeros,
                             const struct Block *block) {
    if (x->scale)
        normalised_tiles(x, grid, block);
    else
        transform_block(transform_tile, TILE, false, x, grid, 0, 0, zeros, block);
}

struct Target { /* of one tile of outputs, of which `rows` × `columns` are inside */
    element *base;
    int64_t line, pixel, rows, columns;
};

INLINE void transform_output(const real *in, int64_t point, int64_t c, int64_t count, bool relu,
                             const real *bias, const struct Target *target, bool whole) {
    vector half[TILE][SIDE], add = {0};
    if (bias)
        add = load(bias + c, count);
    in += c;
#pragma GCC unroll 6
    for (int i = 0; i < SIDE; i++) {
        vector m[SIDE], y[TILE];
#pragma GCC unroll 6
        for (int j = 0; j < SIDE; j++) {
            m[j] = load(in, LANES);
            STEP(in, point);
        }
        output_transform(m, y);
#pragma GCC unroll 6
        for (int j = 0; j < TILE; j++)
            half[j][i] = y[j];
    }
#pragma GCC unroll 6
    for (int j = 0; j < TILE; j++) {
        vector y[TILE];
        element *to = target->base + j * target->pixel + c;
        output_transform(half[j], y);
#pragma GCC unroll 6
        for (int i = 0; i < TILE; i++) {
            if (whole || (i < target->rows && j < target->columns)) {
                vector value = y[i] + add;
                if (relu)
                    value = rectify(value);
                store_pixel(to, value, count);
            }
            STEP(to, target->line);
        }
    }
}

INLINE void transform_outputs(const struct Block *block, int64_t tile, const real *bias, bool relu,
                              const struct Target *target, bool whole, int64_t channels) {
    const real *in = block->data + tile * block->row;
    int64_t c = 0;
    for (; c + LANES <= channels; c += LANES)
        transform_output(in, block->point, c, LANES, relu, bias, target, whole);
    if (c < channels)
        transform_output(in, block->point, c, channels - c, relu, bias, target, false);
}

void KERNEL(winograd__outputs)(const struct Block *block, const struct Grid *grid, const real *bias,
                               bool relu, const struct Images *y) {
    struct Place place = place_of(grid, block->first);
    int64_t line = y->width * y->pixel;
    for (int64_t i = 0; i < block->count; i++, advance(grid, &place)) {
        int64_t top = place.row * TILE, left = place.column * TILE;
        struct Target target = {.base = y->data + (place.sample * y->height + top) * line +
                                        left * y->pixel,
                                .line = line,
                                .pixel = y->pixel,
                                .rows = y->height - top < TILE ? y->height - top : TILE,
                                .columns = y->width - left < TILE ? y->width - left : TILE};
        bool whole = target.rows == TILE && target.columns == TILE;
        if (whole && !relu)
            transform_outputs(block, i, bias, false, &target, true, y->channels);
        else if (whole)
            transform_outputs(block, i, bias, true, &target, true, y->channels);
        else
            transform_outputs(block, i, bias, relu, &target, false, y->channels);
    }
}

/* The offset of vector column c of row 0 in a matrix in panels, and the length of its rows. */
struct Column {
    int64_t offset, row;
};

static struct Column column_at(int64_t depth, int64_t columns, int64_t c) {
    int64_t panel = c / (WIDTH) * (WIDTH), left = whole_lanes(columns) - panel;
    return (struct Column){panel * depth + (c - panel), left < WIDTH ? left : WIDTH};
}

INLINE void transform_filter(const vector g[FILTER][FILTER], real *out, int64_t point) {
    vector half[SIDE][FILTER];
    for (int s = 0; s < FILTER; s++) {
        vector column[FILTER], t[SIDE];
        for (int r = 0; r < FILTER; r++)
            column[r] = g[r][s];
        filter_transform(column, t);
        for (int i = 0; i < SIDE; i++)
            half[i][s] = t[i];
    }
    for (int i = 0; i < SIDE; i++) {
        vector t[SIDE];
        filter_transform(half[i], t);
        for (int j = 0; j < SIDE; j++)
            store(out + (i * SIDE + j) * point, t[j], LANES);
    }
}

void KERNEL(winograd__filters)(int64_t out, int64_t in, const real *weights, real *prepared) {
    int64_t point = weights_point(in, out), vectors = whole_lanes(out) / LANES;
#pragma omp parallel for schedule(static) if (in * out * POINTS >= PARALLEL_ELEMENTS)
    for (int64_t v = 0; v < vectors; v++) {
        int64_t o = v * LANES, count = out - o < LANES ? out - o : LANES;
        struct Column column = column_at(in, out, o);
        for (int64_t i = 0; i < in; i++) {
            vector g[FILTER][FILTER] = {{{0}}};
            for (int64_t l = 0; l < count; l++)
                for (int64_t tap = 0; tap < FILTER * FILTER; tap++)
                    g[tap / FILTER][tap % FILTER][l] =
                        weights[((o + l) * FILTER * FILTER + tap) * in + i];
            transform_filter(g, prepared + column.offset + i * column.row, point);
        }
    }
}

void KERNEL(winograd__rotated_filters)(int64_t out, int64_t in, const real *weights,
                                       real *prepared) {
    int64_t point = weights_point(out, in);
#pragma omp parallel for schedule(static) if (in * out * POINTS >= PARALLEL_ELEMENTS)
    for (int64_t o = 0; o < out; o++)
        for (int64_t i = 0; i < in; i += LANES) {
            struct Column column = column_at(out, in, i);
            vector g[FILTER][FILTER];
            for (int r = 0; r < FILTER; r++)
                for (int s = 0; s < FILTER; s++)
                    g[FILTER - 1 - r][FILTER - 1 - s] =
                        load(weights + ((o * FILTER + r) * FILTER + s) * in + i, in - i);
            transform_filter(g, prepared + column.offset + o * column.row, point);
        }
}

void KERNEL(winograd__filter_gradient)(int64_t out, int64_t in, const real *sums, real *dw) {
    int64_t point = weights_point(out, in);
#pragma omp parallel for schedule(static) if (in * out * POINTS >= PARALLEL_ELEMENTS)
    for (int64_t o = 0; o < out; o++)
        for (int64_t i = 0; i < in; i += LANES) {
            struct Column column = column_at(out, in, i);
            const real *from = sums + column.offset + o * column.row;
            vector half[SIDE][FILTER];
            for (int a = 0; a < SIDE; a++) {
                vector m[SIDE];
                for (int b = 0; b < SIDE; b++)
                    m[b] = load(from + (a * SIDE + b) * point, LANES);
                gradient_transform(m, half[a]);
            }
            for (int s = 0; s < FILTER; s++) {
                vector m[SIDE], g[FILTER];
                for (int a = 0; a < SIDE; a++)
                    m[a] = half[a][s];
                gradient_transform(m, g);
                for (int r = 0; r < FILTER; r++)
                    store(dw + ((o * FILTER + FILTER - 1 - r) * FILTER + FILTER - 1 - s) * in + i,
                          g[r], in - i);
            }
        }
}
