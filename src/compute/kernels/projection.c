/* One panel of the matrix times all vectors, TILE vectors at a time. The last tile is filled up
 * with copies of the last vector, so that every vector goes through the same code. */
#include "base/vectors.h"
#include "compute/projection_kernel.h"

#define DEPTH ((int64_t)256) /* columns summed in registers before they are added to y */
/* As many sums as the instruction set has registers for. */
#if defined(__AVX512F__)
#define TILE 12
#elif defined(__AVX2__)
#define TILE 3
#else
#define TILE 1
#endif

enum { VECTORS = PROJECTION_PANEL / LANES };

/* part[t] = the panel's rows times vector t, over `depth` columns. */
static void multiply(int64_t depth, const real *const vectors[TILE], const real *panel,
                     vector part[TILE][VECTORS]) {
    vector sum[TILE][VECTORS] = {{{0}}};
    for (int64_t column = 0; column < depth; column++) {
        const vector *weights = (const vector *)(const void *)(panel + column * PROJECTION_PANEL);
        for (int t = 0; t < TILE; t++)
            for (int v = 0; v < VECTORS; v++)
                sum[t][v] += vectors[t][column] * weights[v];
    }
    for (int t = 0; t < TILE; t++)
        for (int v = 0; v < VECTORS; v++)
            part[t][v] = sum[t][v];
}

static void multiply_panel(int64_t count, int64_t columns, const void *x, const void *panel,
                           int64_t rows, void *y, int64_t stride) {
    for (int64_t from = 0; from < columns; from += DEPTH) {
        int64_t depth = columns - from < DEPTH ? columns - from : DEPTH;
        for (int64_t first = 0; first < count; first += TILE) {
            const real *vectors[TILE];
            vector part[TILE][VECTORS];
            for (int64_t t = 0; t < TILE; t++)
                vectors[t] =
                    (const real *)x + (first + t < count ? first + t : count - 1) * columns + from;
            multiply(depth, vectors, (const real *)panel + from * PROJECTION_PANEL, part);
            for (int64_t t = 0; t < TILE && first + t < count; t++) {
                const real *sum = (const real *)(const void *)part[t];
                real *out = (real *)y + (first + t) * stride;
                for (int64_t row = 0; row < rows; row++)
                    out[row] = from ? out[row] + sum[row] : sum[row];
            }
        }
    }
}

extern const struct ProjectionKernel KERNEL(projection_kernel);
const struct ProjectionKernel KERNEL(projection_kernel) = {.panel = multiply_panel};
