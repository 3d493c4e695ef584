/* The factorisations against their definitions, and their bits on one thread and on several. */
#include "compute/lapack.h"

#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"

#include <cmocka.h>

static double next(uint64_t *state) { /* in [−1, 1) */
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) / (double)(1ull << 52) - 1;
}

static double *numbers(int64_t count, uint64_t seed) {
    double *values = memory_array(double, count, "test");
    for (int64_t i = 0; i < count; i++)
        values[i] = next(&seed);
    return values;
}

static double *copy(const double *values, int64_t count) {
    double *made = memory_array(double, count, "test");
    memcpy(made, values, (size_t)count * sizeof *made);
    return made;
}

static double dot(int64_t n, const double *a, const double *b) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static const int64_t orders[] = {1, 2, 3, 17, 100, 301};
#define ORDERS (sizeof orders / sizeof *orders)

static void check_orthonormal(int64_t count, int64_t length, const double *vectors) {
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j <= i; j++)
            assert_true(fabs(dot(length, vectors + i * length, vectors + j * length) - (i == j)) <
                        1e-13 * (double)(length + 10));
}

static void check_sign(int64_t n, const double *vector) {
    int64_t largest = 0;
    for (int64_t i = 1; i < n; i++)
        if (fabs(vector[i]) > fabs(vector[largest]))
            largest = i;
    assert_true(vector[largest] > 0);
}

static void eigenvectors_are_those_of_the_matrix(void **unused) {
    (void)unused;
    for (size_t at = 0; at < ORDERS; at++) {
        int64_t n = orders[at];
        double *matrix = numbers(n * n, 7);
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = i + 1; j < n; j++)
                matrix[i * n + j] = NAN; /* not to be read */
        double *vectors = copy(matrix, n * n), *values = numbers(n, 1);
        struct Error error;
        assert_int_equal(lapack_symmetric_eigen(n, vectors, values, &error), OK);
        check_orthonormal(n, n, vectors);
        for (int64_t i = 0; i < n; i++) {
            const double *vector = vectors + i * n;
            check_sign(n, vector);
            assert_true(i == 0 || values[i - 1] >= values[i]);
            for (int64_t row = 0; row < n; row++) {
                double product = 0;
                for (int64_t j = 0; j < n; j++)
                    product += matrix[row >= j ? row * n + j : j * n + row] * vector[j];
                assert_true(fabs(product - values[i] * vector[row]) < 1e-13 * (double)(n + 10));
            }
        }
        memory_release(matrix);
        memory_release(vectors);
        memory_release(values);
    }
}

static void what_is_no_number_is_refused(void **unused) {
    (void)unused;
    double matrix[] = {1, 0, 0, 0, 2, 0, INFINITY, 0, 3}, values[3];
    struct Error error;
    assert_int_equal(lapack_symmetric_eigen(3, matrix, values, &error), ERROR_NUMERIC);
    assert_string_equal(error.text,
                        "element (2,0) of a symmetric matrix is inf, expected a number");
}

static void scatter_is_the_sum_of_products(void **unused) {
    (void)unused;
    for (size_t at = 0; at < ORDERS; at++) {
        int64_t n = orders[at], rows = 37;
        double *x = numbers(rows * n, 3), *before = numbers(n * n, 5);
        double *sum = copy(before, n * n);
        lapack_add_scatter(rows, n, x, sum);
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j <= i; j++) {
                double expected = before[i * n + j];
                for (int64_t row = 0; row < rows; row++)
                    expected += x[row * n + i] * x[row * n + j];
                assert_true(fabs(sum[i * n + j] - expected) < 1e-12);
            }
        memory_release(x);
        memory_release(before);
        memory_release(sum);
    }
}

static void vectors_become_orthonormal(void **unused) {
    (void)unused;
    static const int64_t shapes[][2] = {{1, 1}, {1, 9}, {5, 5}, {27, 64}, {130, 131}, {200, 600}};
    for (size_t at = 0; at < sizeof shapes / sizeof *shapes; at++) {
        int64_t count = shapes[at][0], length = shapes[at][1];
        double *given = numbers(count * length, 11), *made = copy(given, count * length);
        double *diagonal = numbers(count, 1);
        lapack_orthonormalise(count, length, made, diagonal);
        check_orthonormal(count, length, made);
        for (int64_t j = 0; j < count; j++) {
            /* given[j] = Σ R(i,j)·made[i] over i ≤ j, and R(j,j) is the diagonal. */
            const double *vector = given + j * length;
            double left = dot(length, vector, vector);
            for (int64_t i = 0; i <= j; i++) {
                double part = dot(length, vector, made + i * length);
                left -= part * part;
                if (i == j)
                    assert_true(fabs(part - diagonal[j]) < 1e-12 * (double)length);
            }
            assert_true(fabs(left) < 1e-12 * (double)length);
        }
        memory_release(given);
        memory_release(made);
        memory_release(diagonal);
    }
}

/* Everything of order n with the run's OpenMP threads; the caller releases. */
static double *all_of(int threads, int64_t n) {
    omp_set_num_threads(threads);
    double *x = numbers(500 * n, 13), *made = memory_array(double, 2 * n * n + 2 * n, "test");
    double *scatter = made, *vectors = made + n * n, *values = vectors + n * n;
    struct Error error;
    lapack_add_scatter(500, n, x, scatter);
    memcpy(vectors, scatter, (size_t)(n * n) * sizeof *made);
    assert_int_equal(lapack_symmetric_eigen(n, vectors, values, &error), OK);
    lapack_orthonormalise(n, n, scatter, values + n);
    assert_int_equal(omp_get_max_threads(), threads);
    memory_release(x);
    return made;
}

static void bits_do_not_depend_on_threads(void **unused) {
    (void)unused;
    int before = omp_get_max_threads();
    int64_t n = 300;
    double *one = all_of(1, n), *three = all_of(3, n);
    assert_memory_equal(one, three, (size_t)(2 * n * n + 2 * n) * sizeof *one);
    omp_set_num_threads(before);
    memory_release(one);
    memory_release(three);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eigenvectors_are_those_of_the_matrix),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(scatter_is_the_sum_of_products),
        cmocka_unit_test(vectors_become_orthonormal),
        cmocka_unit_test(bits_do_not_depend_on_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
