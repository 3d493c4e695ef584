#include "compute/projection.h"

#include "base/error.h"
#include "base/memory.h"
#include "compute/projection_kernel.h"

KERNEL_DECLARE(struct ProjectionKernel, projection_kernel);
static const struct ProjectionKernel *const kernels[] = KERNEL_TABLE(projection_kernel);

struct Projection {
    const struct ProjectionKernel *kernel;
    int64_t rows, columns, panels;
    float *packed; /* (panels, columns, PROJECTION_PANEL) */
};

struct Projection *projection_create(enum Variant variant, int64_t rows, int64_t columns,
                                     const float *matrix) {
    CHECK(variant != VARIANT_F64 && kernels[variant]);
    struct Projection *projection = memory_allocate(sizeof *projection, "a projection");
    int64_t panels = (rows + PROJECTION_PANEL - 1) / PROJECTION_PANEL;
    *projection = (struct Projection){
        .kernel = kernels[variant], .rows = rows, .columns = columns, .panels = panels};
    projection->packed = memory_array(float, panels *columns *PROJECTION_PANEL, "a projection");
    for (int64_t row = 0; row < rows; row++) {
        float *panel = projection->packed + row / PROJECTION_PANEL * columns * PROJECTION_PANEL;
        for (int64_t column = 0; column < columns; column++)
            panel[column * PROJECTION_PANEL + row % PROJECTION_PANEL] =
                matrix[row * columns + column];
    }
    return projection;
}

void projection_release(struct Projection *projection) {
    if (!projection)
        return;
    memory_release(projection->packed);
    memory_release(projection);
}

void projection_apply(const struct Projection *projection, int64_t count, const float *x,
                      float *y) {
    int64_t rows = projection->rows, columns = projection->columns;
#pragma omp parallel for schedule(static) if (count * rows * columns > 100000)
    for (int64_t panel = 0; panel < projection->panels; panel++) {
        int64_t first = panel * PROJECTION_PANEL, left = rows - first;
        projection->kernel->panel(count, columns, x, projection->packed + first * columns,
                                  left < PROJECTION_PANEL ? left : PROJECTION_PANEL, y + first,
                                  rows);
    }
}
