/* The matrix product of every backend and variant against the definition, in double precision. */
#include "each.h"

static void check_product(const struct Backend *backend, enum Variant variant, int flags, int64_t m,
                          int64_t n, int64_t k, double alpha, double beta, int64_t slack) {
    bool transpose_a = flags & 1, transpose_b = flags & 2;
    int64_t lda = (transpose_a ? m : k) + slack, ldb = (transpose_b ? k : n) + slack;
    int64_t ldc = n + slack, a_rows = transpose_a ? k : m, b_rows = transpose_b ? n : k;
    uint64_t state = 3;
    double *a, *b, *c;
    void *real_a = numbers(variant, &state, a_rows * lda, &a);
    void *real_b = numbers(variant, &state, b_rows * ldb, &b);
    void *real_c = numbers(variant, &state, m * ldc, &c);
    void *again = memory_allocate((size_t)(m * ldc * variant_bytes(variant)), "test");
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = 0;
            for (int64_t l = 0; l < k; l++)
                sum += a[transpose_a ? l * lda + i : i * lda + l] *
                       b[transpose_b ? j * ldb + l : l * ldb + j];
            if (beta == 0)
                put(variant, real_c, i * ldc + j, NAN);
            c[i * ldc + j] = alpha * sum + (beta == 0 ? 0 : beta * c[i * ldc + j]);
        }
    memcpy(again, real_c, (size_t)(m * ldc * variant_bytes(variant)));
    backend->gemm(transpose_a, transpose_b, m, n, k, alpha, real_a, lda, real_b, ldb, beta, real_c,
                  ldc);
    double off = deviation(variant, real_c, c, m * ldc);
    if (!(off <= tolerance(variant)))
        fail_msg("%s %s: off by %g; %c%c %ldx%ldx%ld alpha %g beta %g slack %ld", backend->name,
                 variant_name(variant), off, transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n,
                 k, alpha, beta, slack);
    backend->gemm(transpose_a, transpose_b, m, n, k, alpha, real_a, lda, real_b, ldb, beta, again,
                  ldc);
    assert_memory_equal(real_c, again, (size_t)(m * ldc * variant_bytes(variant)));
    void *all[] = {real_a, real_b, real_c, again, a, b, c};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        memory_release(all[i]);
}

static void test_products(const struct Backend *backend, enum Variant variant) {
    static const int64_t sizes[][3] = {{1, 1, 1},     {1, 10, 64},   {5, 7, 3},   {17, 33, 65},
                                       {64, 10, 128}, {33, 128, 17}, {3, 1, 300}, {128, 96, 200}};
    static const double factors[][2] = {{1, 0}, {1, 1}, {2, 0}, {-0.5, 1}, {1, -0.25}, {0.75, 2}};
    for (size_t size = 0; size < sizeof sizes / sizeof *sizes; size++)
        for (int flags = 0; flags < 4; flags++)
            for (size_t f = 0; f < sizeof factors / sizeof *factors; f++)
                for (int64_t slack = 0; slack <= 5; slack += 5)
                    check_product(backend, variant, flags, sizes[size][0], sizes[size][1],
                                  sizes[size][2], factors[f][0], factors[f][1], slack);
}

static void products(void **state) {
    (void)state;
    assert_true(for_each_backend(test_products) >= 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(products)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
