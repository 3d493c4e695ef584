#include "search/sample.h"

#include <math.h>

#include "base/random.h"

/* ---- Random and quasi-random ---- */

static double random_position(const struct SearchOptions *options, int64_t stage, int64_t index,
                              int axis) {
    struct RandomStream stream =
        random_stream((uint64_t)options->seed, RANDOM_SEARCH, 0, (uint64_t)stage, (uint64_t)index);
    return (random_word(&stream, (uint64_t)axis) + 0.5) * 0x1p-32;
}

static const int primes[AXIS_MOST] = {
    2,   3,   5,   7,   11,  13,  17,  19,  23,  29,  31,  37,  41,  43,  47,  53,
    59,  61,  67,  71,  73,  79,  83,  89,  97,  101, 103, 107, 109, 113, 127, 131,
    137, 139, 149, 151, 157, 163, 167, 173, 179, 181, 191, 193, 197, 199, 211, 223,
    227, 229, 233, 239, 241, 251, 257, 263, 269, 271, 277, 281, 283, 293, 307, 311};
#define MOST_PRIME 311

/* A randomised Halton point (Owen 2017, "A randomized Halton algorithm in R"): in base b, digit k
 * of the index goes through a random permutation of its own before the digits are mirrored at the
 * point. Digits go on until they no longer matter to a double. */
static double halton_position(const struct SearchOptions *options, int64_t stage, int64_t index,
                              int axis) {
    int64_t order[MOST_PRIME], base = primes[axis];
    double position = 0, weight = 1.0 / (double)base;
    for (int digit = 0; weight > 0x1p-40; digit++) {
        struct RandomStream stream =
            random_stream((uint64_t)options->seed, RANDOM_SEARCH, (uint32_t)axis + 1,
                          (uint64_t)stage, (uint64_t)digit);
        random_permutation(&stream, base, order);
        position += weight * (double)order[index % base];
        weight /= (double)base;
        index /= base;
    }
    return fmin(position, 1 - 0x1p-40);
}

/* ---- Grid ---- */

static int64_t levels_of(const struct Axis *axis, int64_t levels) {
    int64_t most = axis_levels(axis);
    return axis->kind == AXIS_CHOICE || levels > most ? most : levels;
}

/* Trials of a grid with `levels` values of each axis; capped, to be compared. */
static int64_t grid_size(const struct Axis *axes, int count, int64_t levels, int64_t cap) {
    int64_t size = 1;
    for (int i = 0; i < count && size <= cap; i++) {
        int64_t own = levels_of(&axes[i], levels);
        size = own > cap ? cap + 1 : size * own;
    }
    return size;
}

/* The most values of each axis whose grid has no more than the trials asked for. */
static int64_t grid_levels(const struct SearchOptions *options, const struct Axis *axes,
                           int count) {
    int64_t levels = 1;
    while (levels < options->trials &&
           grid_size(axes, count, levels + 1, options->trials) <= options->trials)
        levels++;
    return levels;
}

int64_t sample__trials(const struct SearchOptions *options, const struct Axis *axes, int count) {
    if (options->method != SEARCH_GRID)
        return options->trials;
    int64_t levels = grid_levels(options, axes, count);
    int64_t size = grid_size(axes, count, levels, options->trials);
    bool numbers = false;
    for (int i = 0; i < count; i++)
        numbers |= axes[i].kind != AXIS_CHOICE;
    return size > options->trials || (numbers && levels < 2) ? 0 : size;
}

/* Both ends of a range are on the grid. */
static double grid_position(const struct SearchOptions *options, const struct Axis *axes, int count,
                            int64_t index, int axis) {
    int64_t levels = grid_levels(options, axes, count), own = 1;
    for (int i = 0; i <= axis; i++) {
        own = levels_of(&axes[i], levels);
        if (i < axis)
            index /= own;
    }
    int64_t place = index % own;
    if (axes[axis].kind == AXIS_CHOICE)
        return ((double)place + 0.5) / (double)own;
    return own == 1 ? 0.5 : (double)place / (double)(own - 1);
}

double sample__position(const struct SearchOptions *options, const struct Axis *axes, int count,
                        int64_t stage, int64_t index, int axis) {
    switch (options->method) {
    case SEARCH_GRID:
        return grid_position(options, axes, count, index, axis);
    case SEARCH_HALTON:
        return halton_position(options, stage, index, axis);
    default:
        return random_position(options, stage, index, axis);
    }
}
