/* Products of matrices against the definition, in double: numbers of rows and channels that fill no
 * tile and no vector, rows in several blocks, and a depth in several parts. */
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
    void *y, *dx, *dw, *db;
};

/* In memory that holds NaN before. */
static struct Results compute(enum Variant variant, const struct Defined *c, bool bias) {
    const struct Method *products = products__method(variant, PRECISION_FP32);
    const struct ConvShape *shape = &c->shape;
    size_t size = (size_t)variant_bytes(variant);
    struct Results r = {.y = spoiled((size_t)c->y_count * size),
                        .dx = spoiled((size_t)c->x_count * size),
                        .dw = spoiled((size_t)c->w_count * size),
                        .db = spoiled((size_t)shape->out_channels * size)};
    void *scratch = scratch_for(products, c, FORWARD);
    void *prepared = spoiled(products->prepared_bytes(shape, FORWARD));
    products->prepare(shape, FORWARD, c->real_w, prepared);
    products->forward(shape, c->samples, &c->input, c->real_w, prepared, bias ? c->real_b : NULL,
                      r.y, scratch);
    memory_release(prepared);
    memory_release(scratch);
    scratch = scratch_for(products, c, BACKWARD_DATA);
    products->backward_data(shape, c->samples, c->real_dy, c->real_w, NULL, r.dx, scratch);
    memory_release(scratch);
    scratch = scratch_for(products, c, BACKWARD_WEIGHTS);
    products->backward_weights(shape, c->samples, &c->input, c->real_dy, r.dw, r.db, scratch);
    memory_release(scratch);
    return r;
}

static void results_release(struct Results *r) {
    memory_release(r->y);
    memory_release(r->dx);
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

/* What forward gives with bias and ReLU, if asked for. */
static void complete(struct Defined *c, bool bias, bool relu) {
    for (int64_t i = 0; i < c->y_count; i++) {
        c->y[i] += bias ? c->b[i % c->shape.out_channels] : 0;
        c->y[i] = relu && c->y[i] < 0 ? 0 : c->y[i];
    }
}

static void check_shape(enum Variant variant, struct ConvShape shape, bool bias, bool relu) {
    struct Defined c = defined_make((struct Form){.variant = variant}, &shape, 1, 11);
    c.shape.relu = relu;
    complete(&c, bias, relu);
    struct Results r = compute(variant, &c, bias);
    check(variant, &c, r.y, c.y, c.y_count);
    check(variant, &c, r.dx, c.dx, c.x_count);
    check(variant, &c, r.dw, c.dw, c.w_count);
    check(variant, &c, r.db, c.db, shape.out_channels);
    results_release(&r);
    defined_release(&c);
}

static void test_products(void **state) {
    (void)state;
    for (int variant = 0; variant < VARIANT_COUNT; variant++) {
        enum Variant v = (enum Variant)variant;
        if (!variant_available(v)) {
            print_message("skipped: %s\n", variant_name(v));
            continue;
        }
        for (int64_t rows = 1; rows < 9; rows++)
            check_shape(v, shape_of(rows, 3 * rows - 2, 20 - 2 * rows), rows % 2, rows % 3);
        for (int64_t in = 15; in < 130; in += 13)
            check_shape(v, shape_of(5, in, 130 - in), false, false);
        check_shape(v, shape_of(300, 20, 10), true, true);    /* several blocks of rows */
        check_shape(v, shape_of(9, 600, 300), true, false);   /* several parts of the depth */
        check_shape(v, shape_of(12, 1024, 640), true, true);  /* gradients past the caches */
        check_shape(v, shape_of(12, 1025, 640), false, true); /* not: no whole vectors */
    }
}

static void test_bits_do_not_depend_on_threads(void **state) {
    (void)state;
    enum Variant variant = variant_best(VARIANT_F32_V4);
    const struct ConvShape shape = shape_of(131, 1100, 31);
    struct Defined c = defined_make((struct Form){.variant = variant}, &shape, 1, 11);
    omp_set_num_threads(1);
    struct Results right = compute(variant, &c, true);
    for (int threads = 2; threads < 5; threads++) {
        omp_set_num_threads(threads);
        struct Results found = compute(variant, &c, true);
        assert_memory_equal(found.y, right.y, c.y_count * 4);
        assert_memory_equal(found.dx, right.dx, c.x_count * 4);
        assert_memory_equal(found.dw, right.dw, c.w_count * 4);
        assert_memory_equal(found.db, right.db, shape.out_channels * 4);
        results_release(&found);
    }
    results_release(&right);
    defined_release(&c);
}

/* A sample's result does not depend on those beside it. */
static void test_rows_are_independent(void **state) {
    (void)state;
    enum Variant variant = variant_best(VARIANT_F32_V4);
    const struct ConvShape many = shape_of(200, 300, 70), few = shape_of(131, 300, 70);
    struct Defined c = defined_make((struct Form){.variant = variant}, &many, 1, 11);
    struct Results all = compute(variant, &c, true);
    struct Defined part = c;
    part.shape = few;
    part.y_count = 131 * 70;
    part.x_count = 131 * 300;
    struct Results first = compute(variant, &part, true);
    assert_memory_equal(first.y, all.y, part.y_count * 4);
    assert_memory_equal(first.dx, all.dx, part.x_count * 4);
    results_release(&all);
    results_release(&first);
    defined_release(&c);
}

static void test_packed_weights_give_the_same_bits(void **state) {
    (void)state;
    for (int variant = 0; variant < VARIANT_COUNT; variant++) {
        enum Variant v = (enum Variant)variant;
        if (!variant_available(v))
            continue;
        for (int64_t out = 1; out < 300; out += 37) {
            struct ConvShape shape = shape_of(19, 3 * out + 1, out);
            struct Defined c = defined_make((struct Form){.variant = v}, &shape, 1, 11);
            struct Results right = compute(v, &c, true);
            c.shape.fixed_weights = true;
            struct Results found = compute(v, &c, true);
            assert_memory_equal(found.y, right.y, c.y_count * variant_bytes(v));
            results_release(&right);
            results_release(&found);
            defined_release(&c);
        }
    }
}

/* sum += term */
static void add(enum Variant variant, int64_t count, void *sum, const void *term) {
    for (int64_t i = 0; i < count; i++)
        if (variant == VARIANT_F64)
            ((double *)sum)[i] += ((const double *)term)[i];
        else
            ((float *)sum)[i] += ((const float *)term)[i];
}

/* The gradients of two shards in one call, against two calls and an addition. */
static void check_pair(enum Variant variant, int64_t samples, int64_t cut, int64_t in,
                       int64_t out) {
    const struct Method *products = products__method(variant, PRECISION_FP32);
    const struct ConvShape pixel = shape_of(1, in, out);
    struct Defined c = defined_make((struct Form){.variant = variant}, &pixel, samples, 11);
    size_t size = (size_t)variant_bytes(variant), bytes = (size_t)c.w_count * size;
    struct ConvInput second = {.x = (const char *)c.real_x + (size_t)(cut * in) * size};
    const char *dy = c.real_dy;
    void *dw[3], *db[3], *scratch = scratch_for(products, &c, BACKWARD_WEIGHTS);
    assert_true(samples <= products->pair_samples(&pixel));
    for (int i = 0; i < 3; i++) {
        dw[i] = spoiled(bytes);
        db[i] = spoiled((size_t)out * size);
    }
    products->backward_weights_of_pair(&pixel, samples, cut, &c.input, dy, dw[0], db[0], scratch);
    products->backward_weights(&pixel, cut, &c.input, dy, dw[1], db[1], scratch);
    products->backward_weights(&pixel, samples - cut, &second, dy + (size_t)(cut * out) * size,
                               dw[2], db[2], scratch);
    add(variant, c.w_count, dw[1], dw[2]);
    add(variant, out, db[1], db[2]);
    assert_memory_equal(dw[0], dw[1], bytes);
    assert_memory_equal(db[0], db[1], (size_t)out * size);
    for (int i = 0; i < 3; i++) {
        memory_release(dw[i]);
        memory_release(db[i]);
    }
    memory_release(scratch);
    defined_release(&c);
}

static void test_pairs_of_shards(void **state) {
    (void)state;
    for (int variant = 0; variant < VARIANT_COUNT; variant++) {
        enum Variant v = (enum Variant)variant;
        if (!variant_available(v))
            continue;
        for (int64_t cut = 1; cut < 20; cut += 3)
            check_pair(v, 20, cut, 5 * cut, 90 - 4 * cut);
        check_pair(v, 128, 64, 70, 64);
        check_pair(v, 16, 8, 1024, 640); /* past the caches */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products), cmocka_unit_test(test_bits_do_not_depend_on_threads),
        cmocka_unit_test(test_packed_weights_give_the_same_bits),
        cmocka_unit_test(test_rows_are_independent), cmocka_unit_test(test_pairs_of_shards)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
