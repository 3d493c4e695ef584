/* All elements the same. */
#include "nn/initialise_draws.h"

static const struct Key keys[] = {{"value", KEY_REAL, offsetof(struct ConstantOptions, value),
                                   .help = "what every element becomes"},
                                  KEY_END};

static void constant(const void *options, struct LayoutRow row, const struct RandomStream *stream,
                     float *values) {
    (void)stream;
    draw__constant(((const struct ConstantOptions *)options)->value, row.arena->count, values);
}

static void zeros(const void *options, struct LayoutRow row, const struct RandomStream *stream,
                  float *values) {
    (void)options, (void)stream;
    draw__constant(0, row.arena->count, values);
}

static void ones(const void *options, struct LayoutRow row, const struct RandomStream *stream,
                 float *values) {
    (void)options, (void)stream;
    draw__constant(1, row.arena->count, values);
}

const struct Initialiser initialiser_constant = {
    .kind = {"constant",
             "every element the same; a slightly positive 0.01 for biases keeps ReLUs alive at the "
             "start, with no proven gain",
             keys, sizeof(struct ConstantOptions)},
    .fill = constant,
};

const struct Initialiser initialiser_zeros = {
    .kind = {"zeros", "all zero: for biases; weights would all stay equal", NULL, 0},
    .fill = zeros,
};

const struct Initialiser initialiser_ones = {
    .kind = {"ones", "all one", NULL, 0},
    .fill = ones,
};
