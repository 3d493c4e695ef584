/* Gradients of matrices against the definition, in double: numbers of rows and channels that fill
 * no tile and no vector, and rows in several blocks. */
#include <omp.h>

#include "compute/products.h"
#include "definition.h"

/* `rows` pixels of one sample. */
static struct ConvShape shape_of(int64_t rows, int64_t in, int64_t out) {
    return (struct ConvShape){.height = rows,
                              .width = 1,
                              .in_channels = in,
                              .out_channels = out,
                              .kernel_height = 1,
                              .kernel_width = 1,
                              .stride_height = 1,
                              .stride_width = 1,
                              .dilation_height = 1,
                              .dilation_width = 1,
                              .groups = 1,
                              .out_height = rows,
                              .out_width = 1};
}

struct Results {
    void *dw, *db;
};

static void *spoiled(size_t bytes) {
    return memset(memory_allocate(bytes, "test"), 0xff, bytes);
}

/* In memory that holds NaN before. */
static struct Results compute(enum Variant variant, const struct Defined *c) {
    const struct Method *products = products__method(variant, PRECISION_FP32);
    const struct ConvShape *shape = &c->shape;
    size_t size = (size_t)variant_bytes(variant);
    assert_true(products->serves(shape, BACKWARD_WEIGHTS));
    void *scratch = spoiled(products->scratch_bytes(shape, BACKWARD_WEIGHTS, c->samples));
    struct Results r = {.dw = spoiled((size_t)c->w_count * size),
                        .db = spoiled((size_t)shape->out_channels * size)};
    products->backward_weights(shape, c->samples, c->real_x, c->real_dy, r.dw, r.db, scratch);
    memory_release(scratch);
    return r;
}

static void results_release(struct Results *r) {
    memory_release(r->dw);
    memory_release(r->db);
}

static void check(enum Variant variant, const struct Defined *c, const void *found,
                  const double *right, int64_t count) {
    double off = deviation(variant, found, right, count);
    const struct ConvShape *s = &c->shape;
    if (!(off <= tolerance(variant)))
        fail_msg("%s: off by %g; %ld rows, %ld -> %ld", variant_name(variant), off, s->height,
                 s->in_channels, s->out_channels);
}

static void check_shape(enum Variant variant, struct ConvShape shape) {
    struct Defined c = defined_make((struct Form){.variant = variant}, &shape, 1, 11);
    struct Results r = compute(variant, &c);
    check(variant, &c, r.dw, c.dw, c.w_count);
    check(variant, &c, r.db, c.db, shape.out_channels);
    results_release(&r);
    defined_release(&c);
}

static void test_gradients(void **state) {
    (void)state;
    for (int variant = 0; variant < VARIANT_COUNT; variant++) {
        enum Variant v = (enum Variant)variant;
        if (!variant_available(v)) {
            print_message("skipped: %s\n", variant_name(v));
            continue;
        }
        for (int64_t rows = 1; rows < 9; rows++)
            check_shape(v, shape_of(rows, 3 * rows - 2, 20 - 2 * rows));
        for (int64_t in = 15; in < 130; in += 13)
            check_shape(v, shape_of(5, in, 130 - in));
        check_shape(v, shape_of(300, 20, 10));   /* three blocks of rows */
        check_shape(v, shape_of(12, 1024, 640)); /* past the caches */
        check_shape(v, shape_of(12, 1025, 640)); /* not: no whole vectors */
    }
}

static void test_bits_do_not_depend_on_threads(void **state) {
    (void)state;
    enum Variant variant = variant_best(VARIANT_F32_V4);
    const struct ConvShape shape = shape_of(131, 1100, 31);
    struct Defined c = defined_make((struct Form){.variant = variant}, &shape, 1, 11);
    omp_set_num_threads(1);
    struct Results right = compute(variant, &c);
    for (int threads = 2; threads < 5; threads++) {
        omp_set_num_threads(threads);
        struct Results found = compute(variant, &c);
        assert_memory_equal(found.dw, right.dw, c.w_count * 4);
        assert_memory_equal(found.db, right.db, shape.out_channels * 4);
        results_release(&found);
    }
    results_release(&right);
    defined_release(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_gradients),
                                       cmocka_unit_test(test_bits_do_not_depend_on_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
