/* Every pass of the Winograd kernels in every variant against the definition of convolution, in
 * double precision. */
#include "definition.h"

#include <omp.h>

#include "compute/winograd.h"

struct Case {
    struct Defined d;
    void *prepared[PASS_COUNT], *scratch;
};

static struct ConvShape shape_of(int64_t height, int64_t width, int64_t in, int64_t out,
                                 int64_t pad_height, int64_t pad_width, int64_t groups) {
    return (struct ConvShape){.height = height,
                              .width = width,
                              .in_channels = in,
                              .out_channels = out,
                              .kernel_height = 3,
                              .kernel_width = 3,
                              .stride_height = 1,
                              .stride_width = 1,
                              .pad_height = pad_height,
                              .pad_width = pad_width,
                              .dilation_height = 1,
                              .dilation_width = 1,
                              .groups = groups,
                              .out_height = height + 2 * pad_height - 2,
                              .out_width = width + 2 * pad_width - 2};
}

/* For every pass; full of NaN. */
static void *scratch_make(const struct Method *method, const struct ConvShape *shape,
                          int64_t samples) {
    size_t most = 0;
    for (int pass = 0; pass < PASS_COUNT; pass++) {
        size_t bytes = method->scratch_bytes(shape, (enum Pass)pass, samples);
        most = bytes > most ? bytes : most;
    }
    return spoiled(most);
}

static struct Case case_make(struct Form form, struct ConvShape shape, int64_t samples) {
    const struct Method *winograd = winograd__method(form.variant, form.precision);
    struct Case c = {.d = defined_make(form, &shape, samples, 7)};
    for (int i = 0; i < PASS_COUNT; i++) {
        enum Pass pass = (enum Pass)i;
        c.prepared[pass] = memory_allocate(winograd->prepared_bytes(&shape, pass), "test");
        winograd->prepare(&shape, pass, c.d.real_w, c.prepared[pass]);
    }
    c.scratch = scratch_make(winograd, &shape, samples);
    return c;
}

static void case_release(struct Case *c) {
    for (int pass = 0; pass < PASS_COUNT; pass++)
        memory_release(c->prepared[pass]);
    memory_release(c->scratch);
    defined_release(&c->d);
}

/* The root mean square of the error beyond rounding over that of what is right. */
static double error_of(struct Form form, const void *found, const double *right, int64_t count) {
    double errors = 0, squares = 0;
    for (int64_t i = 0; i < count; i++) {
        double error = error_beyond(form.precision, get_element(form, found, i), right[i]);
        errors += error * error;
        squares += right[i] * right[i];
    }
    return sqrt(errors / squares);
}

/* Room for `count` results between two guards, which must stay as they are; full of NaN. */
#define GUARD 64
static void *room_make(int64_t bytes) {
    char *room = memory_allocate((size_t)(bytes + 2 * GUARD), "test");
    memset(room, 0xff, (size_t)(bytes + 2 * GUARD));
    return room + GUARD;
}

static void room_release(void *results, int64_t bytes) {
    unsigned char *room = (unsigned char *)results - GUARD;
    for (int64_t i = 0; i < GUARD; i++) {
        assert_int_equal(room[i], 0xff);
        assert_int_equal(room[GUARD + bytes + i], 0xff);
    }
    memory_release(room);
}

static void check(struct Form form, const struct Case *c, const char *pass, void *found,
                  const double *right, int64_t count) {
    double error = error_of(form, found, right, count);
    const struct ConvShape *s = &c->d.shape;
    if (!(error <= (form.variant == VARIANT_F64 ? 4e-15 : 1.5e-6)))
        fail_msg("%s %s %s: error %g; %ld samples %ldx%ldx%ld -> %ld, pad %ld,%ld groups %ld",
                 precision_names[form.precision], variant_name(form.variant), pass, error,
                 c->d.samples, s->height, s->width, s->in_channels, s->out_channels, s->pad_height,
                 s->pad_width, s->groups);
}

static void check_forward(struct Form form, struct Case *c) {
    const struct Method *winograd = winograd__method(form.variant, form.precision);
    int64_t bytes = c->d.y_count * (int64_t)element_size(form);
    int64_t channels = c->d.shape.out_channels;
    void *y = room_make(bytes);
    winograd->forward(&c->d.shape, c->d.samples, &c->d.input, c->d.real_w, c->prepared[FORWARD],
                      NULL, y, c->scratch);
    check(form, c, "forward", y, c->d.y, c->d.y_count);
    for (int64_t i = 0; i < c->d.y_count; i++)
        c->d.y[i] += c->d.b[i % channels];
    winograd->forward(&c->d.shape, c->d.samples, &c->d.input, c->d.real_w, c->prepared[FORWARD],
                      c->d.real_b, y, c->scratch);
    check(form, c, "forward with bias", y, c->d.y, c->d.y_count);
    for (int64_t i = 0; i < c->d.y_count; i++)
        c->d.y[i] = fmax(0, c->d.y[i]);
    struct ConvShape rectified = c->d.shape;
    rectified.relu = true;
    winograd->forward(&rectified, c->d.samples, &c->d.input, c->d.real_w, c->prepared[FORWARD],
                      c->d.real_b, y, c->scratch);
    check(form, c, "forward with a ReLU", y, c->d.y, c->d.y_count);
    for (int64_t o = 0; o < channels; o++)
        put(form.variant, c->d.real_b, o, NAN);
    winograd->forward(&rectified, c->d.samples, &c->d.input, c->d.real_w, c->prepared[FORWARD],
                      c->d.real_b, y, c->scratch);
    for (int64_t i = 0; i < c->d.y_count; i++)
        assert_true(isnan(get_element(form, y, i)));
    room_release(y, bytes);
}

static void check_backward(struct Form form, const struct Case *c) {
    const struct Method *winograd = winograd__method(form.variant, form.precision);
    int64_t size = variant_bytes(form.variant), channels = c->d.shape.out_channels;
    int64_t x_bytes = c->d.x_count * (int64_t)element_size(form);
    int64_t w_bytes = c->d.w_count * size, b_bytes = channels * size;
    void *dx = room_make(x_bytes), *dw = room_make(w_bytes), *db = room_make(b_bytes);
    void *both_dx = room_make(x_bytes), *both_dw = room_make(w_bytes);
    winograd->backward_data(&c->d.shape, c->d.samples, c->d.real_dy, c->d.real_w,
                            c->prepared[BACKWARD_DATA], dx, c->scratch);
    check(form, c, "backward data", dx, c->d.dx, c->d.x_count);
    winograd->backward_weights(&c->d.shape, c->d.samples, &c->d.input, c->d.real_dy, dw, NULL,
                               c->scratch);
    check(weight_form(form), c, "backward weights", dw, c->d.dw, c->d.w_count);
    winograd->backward(&c->d.shape, c->d.samples, &c->d.input, c->d.real_dy, c->d.real_w,
                       c->prepared[BACKWARD_DATA], both_dx, both_dw, db, c->scratch);
    check(weight_form(form), c, "backward bias", db, c->d.db, channels);
    assert_memory_equal(dx, both_dx, (size_t)x_bytes);
    assert_memory_equal(dw, both_dw, (size_t)w_bytes);
    room_release(dx, x_bytes);
    room_release(dw, w_bytes);
    room_release(db, b_bytes);
    room_release(both_dx, x_bytes);
    room_release(both_dw, w_bytes);
}

static void check_shape(struct Form form, struct ConvShape shape, int64_t samples) {
    struct Case c = case_make(form, shape, samples);
    check_backward(form, &c);
    check_forward(form, &c);
    case_release(&c);
}

static void check_shapes(struct Form form) {
    for (int64_t pad = 0; pad < 3; pad++) /* every remainder of the sides */
        for (int64_t side = 4; side < 8; side++)
            check_shape(form, shape_of(side, 11 - side, 17, 16, pad, 2 - pad, 1), 2);
    check_shape(form, shape_of(3, 3, 16, 16, 1, 1, 1), 1);
    check_shape(form, shape_of(1, 1, 16, 20, 1, 1, 1), 3);
    check_shape(form, shape_of(8, 8, 33, 64, 1, 1, 1), 7); /* more than one block */
    check_shape(form, shape_of(16, 13, 48, 19, 1, 1, 1), 2);
    check_shape(form, shape_of(9, 8, 40, 70, 1, 1, 1), 1);
    check_shape(form, shape_of(6, 7, 40, 60, 1, 0, 2), 3);
    check_shape(form, shape_of(4, 4, 80, 150, 1, 1, 1), 2);
}

static void test_passes(void **state) {
    (void)state;
    for_each_form(check_shapes);
}

/* All results of a case, one after the other. */
static char *results_of(struct Form form, const struct Case *c, size_t *bytes) {
    const struct Method *winograd = winograd__method(form.variant, form.precision);
    size_t y = (size_t)c->d.y_count * element_size(form);
    size_t dx = (size_t)c->d.x_count * element_size(form);
    size_t dw = (size_t)c->d.w_count * element_size(weight_form(form));
    *bytes = y + dx + dw;
    char *results = memory_allocate(*bytes, "test");
    void *scratch = scratch_make(winograd, &c->d.shape, c->d.samples);
    winograd->forward(&c->d.shape, c->d.samples, &c->d.input, c->d.real_w, c->prepared[FORWARD],
                      c->d.real_b, results, scratch);
    winograd->backward(&c->d.shape, c->d.samples, &c->d.input, c->d.real_dy, c->d.real_w,
                       c->prepared[BACKWARD_DATA], results + y, results + y + dx, NULL, scratch);
    memory_release(scratch);
    return results;
}

static void check_threads(struct Form form) {
    struct Case c = case_make(form, shape_of(10, 9, 32, 24, 1, 1, 1), 30);
    size_t bytes;
    omp_set_num_threads(1);
    char *right = results_of(form, &c, &bytes);
    for (int threads = 2; threads < 5; threads++) {
        omp_set_num_threads(threads);
        char *found = results_of(form, &c, &bytes);
        assert_memory_equal(found, right, bytes);
        memory_release(found);
    }
    omp_set_num_threads(2);
    memory_release(right);
    case_release(&c);
}

static void test_bits_do_not_depend_on_threads(void **state) {
    (void)state;
    enum Variant best = variant_best(VARIANT_F32_V4);
    check_threads((struct Form){.variant = best, .precision = PRECISION_FP32});
    check_threads((struct Form){.variant = best, .precision = PRECISION_BF16});
}

/* What the kernels should make of element `i` of the input, before it is rounded. */
static double normalised(const struct Case *c, int64_t i, const double *scale, const double *shift,
                         bool relu) {
    int64_t channel = i % c->d.shape.in_channels;
    double value = c->d.x[i] * scale[channel] + shift[channel];
    return relu ? fmax(0, value) : value;
}

/* Inputs that are normalised beforehand give the same bits as those that the kernels normalise. The
 * scales are powers of two, so that a multiplication is exact, whether it is fused with the
 * addition or not. */
static void check_normalised(struct Form form, struct ConvShape shape, int64_t samples, bool relu) {
    struct Case c = case_make(form, shape, samples);
    int64_t channels = shape.in_channels;
    uint64_t state = 11;
    double *scale, *shift;
    void *real_scale = numbers(form.variant, &state, channels, &scale);
    void *real_shift = numbers(form.variant, &state, channels, &shift);
    for (int64_t i = 0; i < channels; i++) {
        scale[i] = (i % 2 ? -1 : 1) * ldexp(1, (int)(i % 3) - 1);
        put(form.variant, real_scale, i, scale[i]);
    }
    size_t bytes;
    c.d.input = (struct ConvInput){c.d.real_x, real_scale, real_shift, relu};
    char *found = results_of(form, &c, &bytes);
    c.d.input = (struct ConvInput){.x = c.d.real_x};
    for (int64_t i = 0; i < c.d.x_count; i++)
        put_element(form, c.d.real_x, i, normalised(&c, i, scale, shift, relu));
    char *right = results_of(form, &c, &bytes);
    assert_memory_equal(found, right, bytes);
    void *all[] = {scale, shift, real_scale, real_shift, found, right};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        memory_release(all[i]);
    case_release(&c);
}

static void check_normalised_shapes(struct Form form) {
    for (int64_t pad = 0; pad < 3; pad++)
        check_normalised(form, shape_of(9, 6, 16, 20, pad, 2 - pad, 1), 3, pad % 2 == 0);
    check_normalised(form, shape_of(16, 16, 48, 17, 1, 1, 1), 2, true);
    check_normalised(form, shape_of(5, 8, 64, 60, 1, 1, 2), 2, true);
}

static void test_normalised_inputs(void **state) {
    (void)state;
    for_each_form(check_normalised_shapes);
    const struct ConvShape rest = shape_of(8, 8, 17, 16, 1, 1, 1);
    assert_false(winograd__method(VARIANT_F32, PRECISION_FP32)->normalises(&rest));
}

static bool served(struct ConvShape shape) {
    return winograd__method(VARIANT_F32, PRECISION_FP32)->serves(&shape, FORWARD);
}

static void test_what_it_serves(void **state) {
    (void)state;
    const struct ConvShape good = shape_of(8, 8, 16, 32, 1, 1, 1);
    struct ConvShape s = good;
    assert_true(served(s));
    s.stride_width = 2;
    assert_false(served(s));
    s = good, s.kernel_height = 5;
    assert_false(served(s));
    s = good, s.pad_height = 3;
    assert_false(served(s));
    s = good, s.dilation_height = 2;
    assert_false(served(s));
    s = good, s.groups = 2; /* 8 input channels each */
    assert_false(served(s));
    s = good, s.in_channels = 3;
    assert_false(served(s));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_it_serves),
        cmocka_unit_test(test_passes),
        cmocka_unit_test(test_normalised_inputs),
        cmocka_unit_test(test_bits_do_not_depend_on_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
