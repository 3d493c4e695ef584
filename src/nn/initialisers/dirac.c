/* The identity, as far as the shapes allow: output o is input o of the same group; a convolution
 * has the 1 in the middle of its kernel. Outputs beyond the inputs start at zero or are drawn. With
 * padding (kernel − 1) / 2 and as many outputs as inputs a layer starts as if it were not there.
 * Zagoruyko and Komodakis 2017, "DiracNets". */
#include <math.h>
#include <string.h>

#include "nn/initialise_draws.h"

enum { REST_ZEROS, REST_KAIMING };
static const char *const rest_names[] = {"zeros", "kaiming_normal", NULL};
struct DiracOptions {
    int rest;
};
static const struct Key keys[] = {
    {.name = "rest",
     .type = KEY_ENUM,
     .offset = offsetof(struct DiracOptions, rest),
     .fallback = "zeros",
     .names = rest_names,
     .help = "outputs beyond the inputs: zero, or drawn with std sqrt(2 / fan_in)"},
    KEY_END};

static void fill(const void *options, struct LayoutRow row, const struct RandomStream *stream,
                 float *values) {
    const struct DiracOptions *dirac = options;
    int64_t outputs = row.arena->file_size[0], inputs = row.arena->file_size[1];
    int64_t kernel = row.arena->file_rank == 4 ? row.arena->file_size[3] : 1,
            area = row.arena->count / outputs / inputs;
    int64_t groups = row.model->groups > 0 ? row.model->groups : 1,
            middle = kernel / 2 * kernel + kernel / 2;
    if (dirac->rest == REST_KAIMING)
        draw__normal(sqrt(2 / draw_fan(row.model->fan_in)), row.arena->count, stream, values);
    else
        draw__constant(0, row.arena->count, values);
    for (int64_t o = 0; o < outputs; o++) {
        int64_t input = o % (outputs / groups);
        if (input >= inputs)
            continue;
        memset(values + o * inputs * area, 0, (size_t)(inputs * area) * sizeof *values);
        values[(o * inputs + input) * area + middle] = 1;
    }
}

const struct Initialiser initialiser_dirac = {
    .kind = {"dirac",
             "the identity: a layer starts by passing its input on; outputs beyond the inputs are "
             "zero, or drawn",
             keys, sizeof(struct DiracOptions)},
    .fill = fill,
    .needs_matrix = true,
};
