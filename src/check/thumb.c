#include "check/thumb.h"

#include <math.h>

#define CELLS 8
#define SHIFT 2

bool thumb__can(const struct Dataset *dataset) {
    return dataset->height >= THUMB_LEAST && dataset->width >= THUMB_LEAST;
}

static int side(int64_t pixels) {
    return pixels < THUMB_SIDE ? (int)pixels : THUMB_SIDE;
}

void thumb__make(const struct Dataset *dataset, const struct Split *split, const void *image,
                 struct Thumb *thumb) {
    int64_t channels = dataset->channels, counts[THUMB_SIDE * THUMB_SIDE] = {0};
    double sums[THUMB_SIDE * THUMB_SIDE] = {0};
    thumb->height = side(dataset->height);
    thumb->width = side(dataset->width);
    for (int64_t y = 0; y < dataset->height; y++)
        for (int64_t x = 0; x < dataset->width; x++) {
            int64_t at = y * thumb->height / dataset->height * thumb->width +
                         x * thumb->width / dataset->width;
            int64_t first = (y * dataset->width + x) * channels;
            for (int64_t c = first; c < first + channels; c++)
                sums[at] += split_value(split, image, c);
            counts[at] += channels;
        }
    for (int i = 0; i < thumb->height * thumb->width; i++)
        thumb->grey[i] = (float)(sums[i] / (double)counts[i]);
}

/* The part of place `i` of `places` that lies in cell `cell` of `cells`. */
static double share(int i, int places, int cell, int cells) {
    double low = (double)cell * places / cells, high = (double)(cell + 1) * places / cells;
    return fmax(0, fmin(high, i + 1) - fmax(low, i));
}

/* The places along one side of a thumb that each cell covers, and how much of them. */
struct Cover {
    int first[CELLS + 1], end[CELLS + 1];
    double share[CELLS + 1][THUMB_SIDE];
};

static void cover(int places, int cells, struct Cover *cover) {
    for (int cell = 0; cell < cells; cell++) {
        int i = cover->first[cell] = cell * places / cells;
        while (i < places && (cover->share[cell][i] = share(i, places, cell, cells)) > 0)
            i++;
        cover->end[cell] = i;
    }
}

/* Averages over a grid of cells of equal size. */
static void average(const struct Thumb *thumb, int rows, int columns, double *cells) {
    struct Cover down, across;
    cover(thumb->height, rows, &down);
    cover(thumb->width, columns, &across);
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++) {
            double sum = 0, weight = 0;
            for (int y = down.first[r]; y < down.end[r]; y++)
                for (int x = across.first[c]; x < across.end[c]; x++) {
                    double part = down.share[r][y] * across.share[c][x];
                    sum += part * (double)thumb->grey[y * thumb->width + x];
                    weight += part;
                }
            cells[r * columns + c] = sum / weight;
        }
}

struct ThumbHash thumb__hash(const struct Thumb *thumb) {
    struct ThumbHash hash = {{0, 0}};
    double wide[CELLS * (CELLS + 1)], high[(CELLS + 1) * CELLS];
    average(thumb, CELLS, CELLS + 1, wide);
    average(thumb, CELLS + 1, CELLS, high);
    for (int i = 0; i < CELLS * CELLS; i++) {
        int at = i / CELLS * (CELLS + 1) + i % CELLS;
        hash.bits[0] |= (uint64_t)(wide[at + 1] > wide[at]) << i;
        hash.bits[1] |= (uint64_t)(high[i + CELLS] > high[i]) << i;
    }
    return hash;
}

/* The correlation of the inner places of b with the places of a that are `dy` below and `dx` to the
 * right of them. */
static double correlation_at(const struct Thumb *a, const struct Thumb *b, int dy, int dx) {
    double sum_a = 0, sum_b = 0, squares_a = 0, squares_b = 0, products = 0;
    double n = (b->height - 2.0 * SHIFT) * (b->width - 2.0 * SHIFT);
    for (int y = SHIFT; y < b->height - SHIFT; y++)
        for (int x = SHIFT; x < b->width - SHIFT; x++) {
            double p = (double)a->grey[(y + dy) * a->width + x + dx];
            double q = (double)b->grey[y * b->width + x];
            sum_a += p;
            sum_b += q;
            squares_a += p * p;
            squares_b += q * q;
            products += p * q;
        }
    double variances = (squares_a - sum_a * sum_a / n) * (squares_b - sum_b * sum_b / n);
    return variances > 0 ? (products - sum_a * sum_b / n) / sqrt(variances) : 0;
}

double thumb__correlation(const struct Thumb *a, const struct Thumb *b) {
    double most = -1;
    for (int dy = -SHIFT; dy <= SHIFT; dy++)
        for (int dx = -SHIFT; dx <= SHIFT; dx++)
            most = fmax(most, correlation_at(a, b, dy, dx));
    return most;
}
