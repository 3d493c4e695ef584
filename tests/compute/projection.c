/* Projections against the definition in double precision, and the promise on bits: a vector's
 * result depends neither on its neighbours nor on the threads. */
#include "compute/projection.h"

#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"

#include <cmocka.h>

static float *numbers(int64_t count, uint64_t seed) {
    float *values = memory_array(float, count, "test");
    for (int64_t i = 0; i < count; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        values[i] = (float)(seed >> 40) / (float)(1 << 23) - 1;
    }
    return values;
}

static const int64_t shapes[][2] = {{1, 1},    {1, 700},  {3, 3},     {31, 5},
                                    {32, 256}, {33, 257}, {100, 600}, {300, 300}};
enum { SHAPES = sizeof shapes / sizeof *shapes, MOST = 50 };

static void check_shape(enum Variant variant, int64_t rows, int64_t columns) {
    float *matrix = numbers(rows * columns, 1), *x = numbers(MOST * columns, 2);
    float *all = numbers(MOST * rows, 3), *some = numbers(MOST * rows + 1, 4);
    struct Projection *projection = projection_create(variant, rows, columns, matrix);
    omp_set_num_threads(1);
    projection_apply(projection, MOST, x, all);
    for (int64_t i = 0; i < MOST; i++)
        for (int64_t row = 0; row < rows; row++) {
            double expected = 0;
            for (int64_t c = 0; c < columns; c++)
                expected += (double)matrix[row * columns + c] * (double)x[i * columns + c];
            assert_true(fabs((double)all[i * rows + row] - expected) <
                        1e-6 * sqrt((double)columns) + 1e-6);
        }
    static const int cuts[] = {1, 2, 5, 11, 12, 13, 25, 49};
    for (size_t cut = 0; cut < sizeof cuts / sizeof *cuts; cut++) {
        omp_set_num_threads(1 + (int)cut % 3);
        for (int64_t first = 0; first < MOST; first += cuts[cut]) {
            int64_t count = MOST - first < cuts[cut] ? MOST - first : cuts[cut];
            some[count * rows] = 12345;
            projection_apply(projection, count, x + first * columns, some);
            assert_memory_equal(some, all + first * rows, (size_t)(count * rows) * sizeof *some);
            assert_true(some[count * rows] == 12345);
        }
    }
    projection_release(projection);
    void *used[] = {matrix, x, all, some};
    for (size_t i = 0; i < sizeof used / sizeof *used; i++)
        memory_release(used[i]);
}

static void every_variant_and_shape(void **state) {
    (void)state;
    for (int variant = VARIANT_F32; variant < VARIANT_COUNT; variant++)
        for (int shape = 0; shape < SHAPES && variant_available((enum Variant)variant); shape++)
            check_shape((enum Variant)variant, shapes[shape][0], shapes[shape][1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_variant_and_shape)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
