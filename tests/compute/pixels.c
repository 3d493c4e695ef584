/* The backward passes of 1×1 convolutions of images, and the weights' gradients of larger filters,
 * against the definition, in double: blocks that are not full, channels that fill no panel,
 * strides, which leave pixels out, and padding. */
#include <omp.h>

#include "compute/pixels.h"
#include "definition.h"

static struct ConvShape shape_of(int64_t height, int64_t width, int64_t in, int64_t out,
                                 int64_t stride) {
    return (struct ConvShape){.height = height,
                              .width = width,
                              .in_channels = in,
                              .out_channels = out,
                              .kernel_height = 1,
                              .kernel_width = 1,
                              .stride_height = stride,
                              .stride_width = stride,
                              .dilation_height = 1,
                              .dilation_width = 1,
                              .groups = 1,
                              .out_height = (height - 1) / stride + 1,
                              .out_width = (width - 1) / stride + 1};
}

/* The same with a larger filter. */
static struct ConvShape filter_of(struct ConvShape shape, int64_t height, int64_t width,
                                  int64_t pad, int64_t dilation) {
    shape.kernel_height = height;
    shape.kernel_width = width;
    shape.pad_height = shape.pad_width = pad;
    shape.dilation_height = shape.dilation_width = dilation;
    shape.out_height =
        (shape.height + 2 * pad - dilation * (height - 1) - 1) / shape.stride_height + 1;
    shape.out_width = (shape.width + 2 * pad - dilation * (width - 1) - 1) / shape.stride_width + 1;
    return shape;
}

struct Results {
    void *dx, *dw, *db;
};

/* In memory that holds NaN before; dx is NULL if it is not served. */
static struct Results compute(enum Variant variant, const struct Defined *c) {
    const struct Method *pixels = pixels__method(variant, PRECISION_FP32);
    const struct ConvShape *shape = &c->shape;
    size_t size = (size_t)variant_bytes(variant);
    struct Results r = {.dw = spoiled((size_t)c->w_count * size),
                        .db = spoiled((size_t)shape->out_channels * size)};
    if (pixels->serves(shape, BACKWARD_DATA)) {
        r.dx = spoiled((size_t)c->x_count * size);
        void *scratch = scratch_for(pixels, c, BACKWARD_DATA);
        void *prepared = spoiled(pixels->prepared_bytes(shape, BACKWARD_DATA));
        pixels->prepare(shape, BACKWARD_DATA, c->real_w, prepared);
        pixels->backward_data(shape, c->samples, c->real_dy, c->real_w, prepared, r.dx, scratch);
        memory_release(prepared);
        memory_release(scratch);
    }
    void *scratch = scratch_for(pixels, c, BACKWARD_WEIGHTS);
    pixels->backward_weights(shape, c->samples, &c->input, c->real_dy, r.dw, r.db, scratch);
    memory_release(scratch);
    return r;
}

static void results_release(struct Results *r) {
    memory_release(r->dx);
    memory_release(r->dw);
    memory_release(r->db);
}

static void check(enum Variant variant, const struct Defined *c, const char *what,
                  const void *found, const double *right, int64_t count) {
    double off = deviation(variant, found, right, count);
    const struct ConvShape *s = &c->shape;
    if (!(off <= tolerance(variant)))
        fail_msg("%s: %s is off by %g; %ld × %ld by %ld × %ld, %ld -> %ld, stride %ld",
                 variant_name(variant), what, off, s->height, s->width, s->kernel_height,
                 s->kernel_width, s->in_channels, s->out_channels, s->stride_width);
}

static void check_shape(enum Variant variant, struct ConvShape shape, int64_t samples) {
    struct Defined c = defined_make((struct Form){.variant = variant}, &shape, samples, 13);
    struct Results r = compute(variant, &c);
    if (r.dx)
        check(variant, &c, "dx", r.dx, c.dx, c.x_count);
    check(variant, &c, "dw", r.dw, c.dw, c.w_count);
    check(variant, &c, "db", r.db, c.db, shape.out_channels);
    results_release(&r);
    defined_release(&c);
}

static void test_pixels(void **state) {
    (void)state;
    for (int variant = 0; variant < VARIANT_COUNT; variant++) {
        enum Variant v = (enum Variant)variant;
        if (!variant_available(v)) {
            print_message("skipped: %s\n", variant_name(v));
            continue;
        }
        for (int64_t side = 2; side < 8; side++)
            check_shape(v, shape_of(side, 9 - side, 16 * side, 144 - 16 * side, 1), side % 3 + 1);
        check_shape(v, shape_of(23, 29, 64, 80, 1), 2);  /* several blocks, the last not full */
        check_shape(v, shape_of(24, 24, 32, 48, 1), 3);  /* full ones */
        check_shape(v, shape_of(6, 5, 272, 160, 1), 2);  /* large weights */
        check_shape(v, shape_of(5, 4, 48, 560, 1), 1);   /* several chunks of output channels */
        check_shape(v, shape_of(12, 13, 32, 64, 2), 3);  /* one row and no column is left over */
        check_shape(v, shape_of(11, 15, 64, 32, 3), 2);  /* rows and columns are */
        check_shape(v, shape_of(40, 41, 16, 144, 2), 2); /* several blocks */
        check_shape(v, filter_of(shape_of(15, 16, 32, 64, 2), 3, 3, 1, 1), 2);
        check_shape(v, filter_of(shape_of(31, 30, 16, 272, 2), 3, 3, 0, 1), 2); /* two chunks */
        check_shape(v, filter_of(shape_of(9, 12, 160, 128, 1), 2, 5, 2, 2), 1); /* large weights */
    }
}

static void test_what_it_does_not_serve(void **state) {
    (void)state;
    const struct Method *pixels = pixels__method(VARIANT_F32, PRECISION_FP32);
    struct ConvShape shape = shape_of(8, 8, 64, 64, 1);
    assert_true(pixels->serves(&shape, BACKWARD_DATA));
    assert_false(pixels->serves(&shape, FORWARD));
    shape.in_channels = 63;
    assert_false(pixels->serves(&shape, BACKWARD_DATA));
    shape = shape_of(8, 8, 64, 64, 1);
    shape.pad_width = 1;
    assert_false(pixels->serves(&shape, BACKWARD_WEIGHTS));
    shape = filter_of(shape_of(8, 8, 64, 64, 2), 3, 3, 1, 1);
    assert_true(pixels->serves(&shape, BACKWARD_WEIGHTS));
    assert_false(pixels->serves(&shape, BACKWARD_DATA));
    shape.groups = 2;
    assert_false(pixels->serves(&shape, BACKWARD_WEIGHTS));
    assert_null(pixels__method(VARIANT_F32, PRECISION_BF16));
}

static void test_bits_do_not_depend_on_threads(void **state) {
    (void)state;
    enum Variant variant = variant_best(VARIANT_F32_V4);
    for (int64_t stride = 1; stride < 4; stride++) {
        const struct ConvShape point = shape_of(21, 19, 96, 304, stride);
        const struct ConvShape shape = stride < 3 ? point : filter_of(point, 3, 3, 1, 1);
        struct Defined c = defined_make((struct Form){.variant = variant}, &shape, 2, 13);
        omp_set_num_threads(1);
        struct Results right = compute(variant, &c);
        for (int threads = 2; threads < 5; threads++) {
            omp_set_num_threads(threads);
            struct Results found = compute(variant, &c);
            if (right.dx)
                assert_memory_equal(found.dx, right.dx, c.x_count * 4);
            assert_memory_equal(found.dw, right.dw, c.w_count * 4);
            assert_memory_equal(found.db, right.db, shape.out_channels * 4);
            results_release(&found);
        }
        results_release(&right);
        defined_release(&c);
    }
}

static void test_samples_are_independent(void **state) {
    (void)state;
    enum Variant variant = variant_best(VARIANT_F32_V4);
    const struct ConvShape shape = shape_of(9, 10, 64, 48, 1);
    struct Defined c = defined_make((struct Form){.variant = variant}, &shape, 3, 13);
    struct Results all = compute(variant, &c);
    struct Defined part = c;
    part.samples = 2;
    struct Results two = compute(variant, &part);
    assert_memory_equal(two.dx, all.dx, c.x_count / 3 * 2 * 4);
    results_release(&all);
    results_release(&two);
    defined_release(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pixels),
                                       cmocka_unit_test(test_what_it_does_not_serve),
                                       cmocka_unit_test(test_bits_do_not_depend_on_threads),
                                       cmocka_unit_test(test_samples_are_independent)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
