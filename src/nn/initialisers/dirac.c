/* The identity, as far as shapes allow: output o is input o, of its own group; a convolution takes
 * it at the middle of its kernel. Further outputs start at zero. With padding (kernel − 1) / 2 and
 * as many outputs as inputs a layer starts as if it were not there. Zagoruyko and Komodakis 2017,
 * "DiracNets". */
#include "nn/initialise_draws.h"

static void fill(const void *options, const struct ArenaRow *row, const struct RandomStream *stream,
                 float *values) {
    (void)options, (void)stream;
    int64_t outputs = row->file_size[0], inputs = row->file_size[1];
    int64_t kernel = row->file_rank == 4 ? row->file_size[3] : 1,
            area = row->count / outputs / inputs;
    int64_t groups = row->groups > 0 ? row->groups : 1, middle = kernel / 2 * kernel + kernel / 2;
    draw_constant(0, row, values);
    for (int64_t o = 0; o < outputs; o++) {
        int64_t input = o % (outputs / groups);
        if (input < inputs)
            values[(o * inputs + input) * area + middle] = 1;
    }
}

const struct Initialiser initialiser_dirac = {
    .kind = {"dirac", "the identity: a layer starts by handing its input on", NULL, 0},
    .fill = fill,
    .needs_matrix = true,
};
