/* The direct kernels in strips against the definition, in double: borders, strides, kernels and
 * channels that fill no vector. */
#include <omp.h>

#include "compute/strips.h"
#include "definition.h"

static struct ConvShape shape_of(int64_t height, int64_t width, int64_t in, int64_t out,
                                 int64_t kernel, int64_t stride, int64_t pad) {
    return (struct ConvShape){.height = height,
                              .width = width,
                              .in_channels = in,
                              .out_channels = out,
                              .kernel_height = kernel,
                              .kernel_width = kernel,
                              .stride_height = stride,
                              .stride_width = stride,
                              .pad_height = pad,
                              .pad_width = pad,
                              .dilation_height = 1,
                              .dilation_width = 1,
                              .groups = 1,
                              .out_height = (height + 2 * pad - kernel) / stride + 1,
                              .out_width = (width + 2 * pad - kernel) / stride + 1};
}

struct Results {
    void *y, *dx, *dw, *db;
};

/* Every pass, in memory that holds NaN before. */
static struct Results compute(enum Variant variant, const struct Defined *c, bool relu) {
    const struct Method *strips = strips__method(variant);
    struct ConvShape shape = c->shape;
    size_t size = (size_t)variant_bytes(variant);
    void *prepared[PASS_COUNT];
    for (int pass = 0; pass < PASS_COUNT; pass++) {
        prepared[pass] = memory_allocate(strips->prepared_bytes(&shape, (enum Pass)pass), "test");
        strips->prepare(&shape, (enum Pass)pass, c->real_w, prepared[pass]);
    }
    size_t bytes = strips->scratch_bytes(&shape, BACKWARD_WEIGHTS, c->samples);
    void *scratch = memset(memory_allocate(bytes, "test"), 0xff, bytes);
    size_t y = (size_t)c->y_count * size, dx = (size_t)c->x_count * size;
    size_t dw = (size_t)c->w_count * size, db = (size_t)shape.out_channels * size;
    struct Results r = {.y = memset(memory_allocate(y, "test"), 0xff, y),
                        .dx = memset(memory_allocate(dx, "test"), 0xff, dx),
                        .dw = memset(memory_allocate(dw, "test"), 0xff, dw),
                        .db = memset(memory_allocate(db, "test"), 0xff, db)};
    strips->backward_data(&shape, c->samples, c->real_dy, c->real_w, prepared[BACKWARD_DATA], r.dx,
                          scratch);
    strips->backward_weights(&shape, c->samples, c->real_x, c->real_dy, r.dw, r.db, scratch);
    shape.relu = relu;
    strips->forward(&shape, c->samples, c->real_x, c->real_w, prepared[FORWARD], c->real_b, r.y,
                    scratch);
    for (int pass = 0; pass < PASS_COUNT; pass++)
        memory_release(prepared[pass]);
    memory_release(scratch);
    return r;
}

static void results_release(struct Results *r) {
    memory_release(r->y);
    memory_release(r->dx);
    memory_release(r->dw);
    memory_release(r->db);
}

static void check(enum Variant variant, const struct Defined *c, const char *pass,
                  const void *found, const double *right, int64_t count) {
    double off = deviation(variant, found, right, count);
    const struct ConvShape *s = &c->shape;
    if (!(off <= tolerance(variant)))
        fail_msg("%s %s: off by %g; %ldx%ldx%ld -> %ld, kernel %ld stride %ld pad %ld",
                 variant_name(variant), pass, off, s->height, s->width, s->in_channels,
                 s->out_channels, s->kernel_height, s->stride_height, s->pad_height);
}

static void check_shape(enum Variant variant, struct ConvShape shape, int64_t samples) {
    struct Defined c = defined_make(variant, &shape, samples, 11);
    for (int relu = 0; relu < 2; relu++) {
        struct Results r = compute(variant, &c, relu);
        for (int64_t i = 0; i < c.y_count; i++)
            c.y[i] = relu ? fmax(0, c.y[i]) : c.y[i] + c.b[i % shape.out_channels];
        check(variant, &c, "forward", r.y, c.y, c.y_count);
        check(variant, &c, "backward data", r.dx, c.dx, c.x_count);
        check(variant, &c, "backward weights", r.dw, c.dw, c.w_count);
        check(variant, &c, "backward bias", r.db, c.db, shape.out_channels);
        results_release(&r);
    }
    defined_release(&c);
}

static void test_passes(void **state) {
    (void)state;
    for (int variant = 0; variant < VARIANT_COUNT; variant++) {
        enum Variant v = (enum Variant)variant;
        if (!variant_available(v)) {
            print_message("skipped: %s\n", variant_name(v));
            continue;
        }
        for (int64_t side = 1; side < 8; side++) /* borders of every width */
            check_shape(v, shape_of(side, 8 - side, 5, 17, 3, 2, 1), 2);
        check_shape(v, shape_of(16, 16, 16, 32, 3, 2, 1), 2);
        check_shape(v, shape_of(9, 13, 33, 50, 3, 2, 1), 1);
        check_shape(v, shape_of(9, 7, 3, 20, 3, 1, 1), 3);
        check_shape(v, shape_of(17, 19, 3, 70, 7, 2, 3), 2);
        check_shape(v, shape_of(9, 8, 16, 24, 1, 2, 0), 2);
        check_shape(v, shape_of(6, 5, 8, 16, 1, 1, 0), 2);
        check_shape(v, shape_of(5, 4, 6, 7, 1, 2, 1), 2);
        check_shape(v, shape_of(11, 12, 5, 6, 5, 3, 2), 2);
        check_shape(v, shape_of(4, 4, 2, 5, 2, 3, 2), 2);
        check_shape(v, shape_of(6, 1000, 32, 4, 3, 1, 1), 1); /* more than one band */
        check_shape(v, shape_of(64, 64, 2, 64, 1, 1, 0), 3);  /* past the caches */
    }
}

static void test_bits_do_not_depend_on_threads(void **state) {
    (void)state;
    enum Variant variant = variant_best(VARIANT_F32_V4);
    const struct ConvShape shape = shape_of(11, 10, 17, 40, 3, 2, 1);
    struct Defined c = defined_make(variant, &shape, 9, 11);
    omp_set_num_threads(1);
    struct Results right = compute(variant, &c, false);
    for (int threads = 2; threads < 5; threads++) {
        omp_set_num_threads(threads);
        struct Results found = compute(variant, &c, false);
        assert_memory_equal(found.y, right.y, c.y_count * 4);
        assert_memory_equal(found.dx, right.dx, c.x_count * 4);
        assert_memory_equal(found.dw, right.dw, c.w_count * 4);
        results_release(&found);
    }
    results_release(&right);
    defined_release(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_passes),
                                       cmocka_unit_test(test_bits_do_not_depend_on_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
