/* A random matrix (outputs, inputs · kernel) whose rows, or columns if there are fewer of them, are
 * orthogonal and of length `gain`: it keeps lengths and angles. Q of the QR factorisation of a
 * normal matrix, with the signs that make it uniformly distributed. Saxe et al. 2013, "Exact
 * solutions to the nonlinear dynamics of learning in deep linear neural networks". */
#include "base/memory.h"
#include "compute/lapack.h"
#include "nn/initialise_draws.h"

static const struct Key keys[] = {
    {"gain", KEY_REAL, offsetof(struct OneNumber, number), "1", .minimum = 0, .maximum = 1e6,
     .help = "length of the vectors; sqrt 2 = 1.4142136 before a ReLU"},
    KEY_END};

static void fill(const void *options, struct LayoutRow row, const struct RandomStream *stream,
                 float *values) {
    int64_t rows = row.arena->file_size[0], columns = row.arena->count / rows;
    bool wide = rows <= columns; /* then the rows are the vectors */
    int64_t vectors = wide ? rows : columns, length = wide ? columns : rows;
    double gain = ((const struct OneNumber *)options)->number;
    double *draws = memory_array(double, row.arena->count, "initialisation");
    double *diagonal = memory_array(double, vectors, "initialisation");
    random_normal(stream, row.arena->count, draws);
    lapack_orthonormalise(vectors, length, draws, diagonal);
    for (int64_t j = 0; j < vectors; j++)
        for (int64_t i = 0; i < length; i++) {
            int64_t to = wide ? j * columns + i : i * columns + j;
            values[to] = (float)((diagonal[j] < 0 ? -gain : gain) * draws[j * length + i]);
        }
    memory_release(draws);
    memory_release(diagonal);
}

const struct Initialiser initialiser_orthogonal = {
    .kind = {"orthogonal",
             "orthogonal rows or columns: lengths stay, forward and backward, however deep: Saxe "
             "et al. 2013",
             keys, sizeof(struct OneNumber)},
    .fill = fill,
    .needs_matrix = true,
};
