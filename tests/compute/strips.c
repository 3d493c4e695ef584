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
static struct Results compute(struct Form form, const struct Defined *c, bool relu) {
    const struct Method *strips = strips__method(form.variant, form.precision);
    struct ConvShape shape = c->shape;
    void *prepared[PASS_COUNT];
    for (int pass = 0; pass < PASS_COUNT; pass++) {
        prepared[pass] = memory_allocate(strips->prepared_bytes(&shape, (enum Pass)pass), "test");
        strips->prepare(&shape, (enum Pass)pass, c->real_w, prepared[pass]);
    }
    void *scratch[PASS_COUNT];
    for (int pass = 0; pass < PASS_COUNT; pass++) {
        size_t bytes = strips->scratch_bytes(&shape, (enum Pass)pass, c->samples);
        scratch[pass] = spoiled(bytes);
    }
    size_t size = element_size(form), weight_size = element_size(weight_form(form));
    size_t y = (size_t)c->y_count * size, dx = (size_t)c->x_count * size;
    size_t dw = (size_t)c->w_count * weight_size, db = (size_t)shape.out_channels * weight_size;
    struct Results r = {.y = spoiled(y), .dx = spoiled(dx), .dw = spoiled(dw), .db = spoiled(db)};
    strips->backward_data(&shape, c->samples, c->real_dy, c->real_w, prepared[BACKWARD_DATA], r.dx,
                          scratch[BACKWARD_DATA]);
    strips->backward_weights(&shape, c->samples, &c->input, c->real_dy, r.dw, r.db,
                             scratch[BACKWARD_WEIGHTS]);
    shape.relu = relu;
    strips->forward(&shape, c->samples, &c->input, c->real_w, prepared[FORWARD], c->real_b, r.y,
                    scratch[FORWARD]);
    for (int pass = 0; pass < PASS_COUNT; pass++) {
        memory_release(prepared[pass]);
        memory_release(scratch[pass]);
    }
    return r;
}

static void results_release(struct Results *r) {
    memory_release(r->y);
    memory_release(r->dx);
    memory_release(r->dw);
    memory_release(r->db);
}

static void check(struct Form form, const struct Defined *c, const char *pass, const void *found,
                  const double *right, int64_t count) {
    double off = element_deviation(form, found, right, count);
    const struct ConvShape *s = &c->shape;
    if (!(off <= tolerance(form.variant)))
        fail_msg("%s %s %s: off by %g; %ldx%ldx%ld -> %ld, kernel %ld stride %ld pad %ld",
                 precision_names[form.precision], variant_name(form.variant), pass, off, s->height,
                 s->width, s->in_channels, s->out_channels, s->kernel_height, s->stride_height,
                 s->pad_height);
}

static void check_shape(struct Form form, struct ConvShape shape, int64_t samples) {
    struct Defined c = defined_make(form, &shape, samples, 11);
    for (int relu = 0; relu < 2; relu++) {
        struct Results r = compute(form, &c, relu);
        for (int64_t i = 0; i < c.y_count; i++)
            c.y[i] = relu ? fmax(0, c.y[i]) : c.y[i] + c.b[i % shape.out_channels];
        check(form, &c, "forward", r.y, c.y, c.y_count);
        check(form, &c, "backward data", r.dx, c.dx, c.x_count);
        check(weight_form(form), &c, "backward weights", r.dw, c.dw, c.w_count);
        check(weight_form(form), &c, "backward bias", r.db, c.db, shape.out_channels);
        results_release(&r);
    }
    defined_release(&c);
}

static void check_shapes(struct Form form) {
    for (int64_t side = 1; side < 8; side++) /* borders of every width */
        check_shape(form, shape_of(side, 8 - side, 5, 17, 3, 2, 1), 2);
    check_shape(form, shape_of(16, 16, 16, 32, 3, 2, 1), 2);
    check_shape(form, shape_of(9, 13, 33, 50, 3, 2, 1), 1);
    check_shape(form, shape_of(9, 7, 3, 20, 3, 1, 1), 3);
    check_shape(form, shape_of(17, 19, 3, 70, 7, 2, 3), 2);
    check_shape(form, shape_of(9, 8, 16, 24, 1, 2, 0), 2);
    check_shape(form, shape_of(6, 5, 8, 16, 1, 1, 0), 2);
    check_shape(form, shape_of(5, 4, 6, 7, 1, 2, 1), 2);
    check_shape(form, shape_of(11, 12, 5, 6, 5, 3, 2), 2);
    check_shape(form, shape_of(4, 4, 2, 5, 2, 3, 2), 2);
    check_shape(form, shape_of(6, 1000, 32, 4, 3, 1, 1), 1); /* more than one band */
    check_shape(form, shape_of(64, 64, 2, 64, 1, 1, 0), 3);  /* past the caches */
}

static void test_passes(void **state) {
    (void)state;
    for_each_form(check_shapes);
}

static void check_threads(struct Form form) {
    const struct ConvShape shape = shape_of(11, 10, 17, 40, 3, 2, 1);
    struct Defined c = defined_make(form, &shape, 9, 11);
    omp_set_num_threads(1);
    struct Results right = compute(form, &c, false);
    for (int threads = 2; threads < 5; threads++) {
        omp_set_num_threads(threads);
        struct Results found = compute(form, &c, false);
        assert_memory_equal(found.y, right.y, c.y_count * element_size(form));
        assert_memory_equal(found.dx, right.dx, c.x_count * element_size(form));
        assert_memory_equal(found.dw, right.dw, c.w_count * 4);
        results_release(&found);
    }
    omp_set_num_threads(2);
    results_release(&right);
    defined_release(&c);
}

static void test_bits_do_not_depend_on_threads(void **state) {
    (void)state;
    enum Variant best = variant_best(VARIANT_F32_V4);
    check_threads((struct Form){.variant = best, .precision = PRECISION_FP32});
    check_threads((struct Form){.variant = best, .precision = PRECISION_BF16});
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_passes),
                                       cmocka_unit_test(test_bits_do_not_depend_on_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
