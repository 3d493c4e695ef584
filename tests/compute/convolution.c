/* Every pass of every backend and variant against the definition, in double precision. */
#include "definition.h"

#define COUNTS 3
#define RANDOM_SHAPES 24

struct Arrays {
    struct Defined d;
    void *out, *prepared, *scratch;
};

static void finish_shape(struct ConvShape *s) {
    s->out_height =
        (s->height + 2 * s->pad_height - s->dilation_height * (s->kernel_height - 1) - 1) /
            s->stride_height +
        1;
    s->out_width = (s->width + 2 * s->pad_width - s->dilation_width * (s->kernel_width - 1) - 1) /
                       s->stride_width +
                   1;
}

static void arrays_make(struct Arrays *a, enum Variant variant, const struct ConvShape *s,
                        int64_t samples, uint64_t state) {
    a->d = defined_make((struct Form){variant, PRECISION_FP32}, s, samples, state);
    int64_t most = a->d.x_count + a->d.y_count + a->d.w_count + a->d.o_count;
    a->out = memory_allocate((size_t)(most * variant_bytes(variant)), "test");
}

static void arrays_release(struct Arrays *a) {
    defined_release(&a->d);
    memory_release(a->out);
}

static void spoil(enum Variant variant, void *array, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        put(variant, array, i, NAN);
}

static void check_near(enum Variant variant, const void *found, const double *right, int64_t count,
                       const struct Backend *backend, const struct ConvShape *s, int64_t samples,
                       const char *pass) {
    double off = deviation(variant, found, right, count);
    if (!(off <= tolerance(variant)))
        fail_msg("%s %s %s: off by %g; %ld samples %ldx%ldx%ld -> %ld, kernel %ldx%ld stride "
                 "%ld,%ld pad %ld,%ld dilation %ld,%ld groups %ld",
                 backend->name, variant_name(variant), pass, off, samples, s->height, s->width,
                 s->in_channels, s->out_channels, s->kernel_height, s->kernel_width,
                 s->stride_height, s->stride_width, s->pad_height, s->pad_width, s->dilation_height,
                 s->dilation_width, s->groups);
}

static void check_passes(const struct Backend *backend, enum Variant variant,
                         const struct ConvShape *s, const struct Conv *conv, int64_t samples,
                         struct Arrays *a) {
    void *biased = (char *)a->out;
    spoil(variant, biased, a->d.y_count);
    backend->conv_forward(conv, samples, a->d.real_x, a->d.real_w, a->prepared, NULL, biased,
                          a->scratch);
    check_near(variant, biased, a->d.y, a->d.y_count, backend, s, samples, "forward");

    spoil(variant, biased, a->d.y_count);
    backend->conv_forward(conv, samples, a->d.real_x, a->d.real_w, a->prepared, a->d.real_b, biased,
                          a->scratch);
    for (int64_t i = 0; i < a->d.y_count; i++)
        a->d.y[i] += a->d.b[i % s->out_channels];
    check_near(variant, biased, a->d.y, a->d.y_count, backend, s, samples, "forward with bias");

    spoil(variant, a->out, a->d.x_count);
    backend->conv_backward_data(conv, samples, a->d.real_dy, a->d.real_w, a->prepared, a->out,
                                a->scratch);
    check_near(variant, a->out, a->d.dx, a->d.x_count, backend, s, samples, "backward data");

    for (int with_bias = 0; with_bias < 2; with_bias++) {
        void *bias = (char *)a->out + a->d.w_count * variant_bytes(variant);
        spoil(variant, a->out, a->d.w_count + a->d.o_count);
        backend->conv_backward_weights(conv, samples, a->d.real_x, a->d.real_dy, a->out,
                                       with_bias ? bias : NULL, a->scratch);
        check_near(variant, a->out, a->d.dw, a->d.w_count, backend, s, samples, "backward weights");
        if (with_bias)
            check_near(variant, bias, a->d.db, a->d.o_count, backend, s, samples, "backward bias");
    }
}

/* Forward that ends with a ReLU, and lets a NaN pass. */
static void check_rectified(const struct Backend *backend, enum Variant variant,
                            const struct ConvShape *plain, int64_t samples) {
    struct ConvShape shape = *plain;
    struct Error error = {0};
    struct Conv *conv;
    struct Arrays a;
    uint64_t state = 29;
    shape.relu = true;
    assert_int_equal(backend->conv_create(&conv, &shape, &samples, 1, PASS_BIT(FORWARD), &error),
                     OK);
    arrays_make(&a, variant, &shape, samples, state);
    a.prepared = memory_allocate(backend->conv_prepared_bytes(conv), "test");
    a.scratch = memory_allocate(backend->conv_scratch_bytes(conv), "test");
    backend->conv_prepare(conv, a.d.real_w, a.prepared);
    backend->conv_forward(conv, samples, a.d.real_x, a.d.real_w, a.prepared, a.d.real_b, a.out,
                          a.scratch);
    for (int64_t i = 0; i < a.d.y_count; i++)
        a.d.y[i] = fmax(0, a.d.y[i] + a.d.b[i % shape.out_channels]);
    check_near(variant, a.out, a.d.y, a.d.y_count, backend, &shape, samples, "forward with a ReLU");
    spoil(variant, a.d.real_b, a.d.o_count);
    backend->conv_forward(conv, samples, a.d.real_x, a.d.real_w, a.prepared, a.d.real_b, a.out,
                          a.scratch);
    for (int64_t i = 0; i < a.d.y_count; i++)
        assert_true(isnan(get(variant, a.out, i)));
    memory_release(a.prepared);
    memory_release(a.scratch);
    arrays_release(&a);
    backend->conv_release(conv);
}

static void check_shape(const struct Backend *backend, enum Variant variant,
                        const struct ConvShape *s, const int64_t samples[COUNTS]) {
    struct Error error = {0};
    struct Conv *conv;
    assert_int_equal(backend->conv_create(&conv, s, samples, COUNTS, EVERY_PASS, &error), OK);
    size_t prepared = backend->conv_prepared_bytes(conv),
           scratch = backend->conv_scratch_bytes(conv);
    for (int i = 0; i < COUNTS; i++) {
        uint64_t state = 17 + (uint64_t)i;
        struct Arrays a;
        arrays_make(&a, variant, s, samples[i], state);
        a.prepared = memory_allocate(prepared, "test");
        a.scratch = memory_allocate(scratch, "test");
        backend->conv_prepare(conv, a.d.real_w, a.prepared);
        memset(a.scratch, 0xff, scratch); /* NaN */
        check_passes(backend, variant, s, conv, samples[i], &a);
        memory_release(a.prepared);
        memory_release(a.scratch);
        arrays_release(&a);
    }
    backend->conv_release(conv);
    check_rectified(backend, variant, s, samples[0]);
}

static int64_t pick(uint64_t *state, const int64_t *values, int count) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return values[(*state >> 33) % (uint64_t)count];
}
#define PICK(...)                                                                                  \
    pick(&state, (const int64_t[]){__VA_ARGS__},                                                   \
         (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)))

static struct ConvShape random_shape(uint64_t seed) {
    uint64_t state = seed * 7919 + 1;
    struct ConvShape s = {.height = PICK(5, 7, 9, 11, 13, 16),
                          .width = PICK(5, 6, 9, 12, 17),
                          .in_channels = PICK(1, 3, 5, 16, 17, 33),
                          .out_channels = PICK(1, 3, 8, 17, 32, 33),
                          .kernel_height = PICK(1, 3, 5),
                          .kernel_width = PICK(1, 3, 5),
                          .stride_height = PICK(1, 2, 3),
                          .stride_width = PICK(1, 2),
                          .pad_height = PICK(0, 1, 2),
                          .pad_width = PICK(0, 1, 2),
                          .dilation_height = PICK(1, 1, 2),
                          .dilation_width = PICK(1, 1, 2),
                          .groups = 1};
    int64_t kind = PICK(0, 0, 0, 0, 1, 2);
    if (kind == 1) { /* depthwise */
        s.out_channels = s.groups = s.in_channels;
    } else if (kind == 2) {
        s.groups = PICK(2, 3);
        s.in_channels = s.groups * PICK(1, 4, 5, 16);
        s.out_channels = s.groups * PICK(1, 3, 8, 16);
    }
    /* The window has to fit. */
    if (s.dilation_height * (s.kernel_height - 1) + 1 > s.height + 2 * s.pad_height)
        s.dilation_height = 1;
    if (s.dilation_width * (s.kernel_width - 1) + 1 > s.width + 2 * s.pad_width)
        s.dilation_width = 1;
    finish_shape(&s);
    return s;
}

static struct ConvShape square(int64_t side, int64_t in, int64_t out, int64_t kernel,
                               int64_t stride, int64_t groups) {
    struct ConvShape s = {side,       side,       in, out, kernel, kernel, stride, stride,
                          kernel / 2, kernel / 2, 1,  1,   groups, 0,      0,      false};
    finish_shape(&s);
    return s;
}

static void test_random_shapes(const struct Backend *backend, enum Variant variant) {
    for (uint64_t seed = 0; seed < RANDOM_SHAPES; seed++) {
        struct ConvShape shape = random_shape(seed);
        check_shape(backend, variant, &shape, (const int64_t[COUNTS]){3, 1, 3});
    }
}

/* Those that networks are made of, where the fast paths are. */
static void test_usual_shapes(const struct Backend *backend, enum Variant variant) {
    struct ConvShape shapes[] = {
        square(32, 3, 16, 3, 1, 1), square(32, 3, 64, 3, 1, 1),   square(16, 16, 16, 3, 1, 1),
        square(8, 64, 64, 3, 1, 1), square(16, 16, 32, 3, 2, 1),  square(16, 16, 32, 1, 2, 1),
        square(8, 32, 64, 1, 1, 1), square(8, 32, 32, 3, 1, 32),  square(9, 12, 24, 3, 1, 12),
        square(8, 16, 32, 1, 1, 2), square(11, 20, 20, 3, 2, 20), square(12, 8, 8, 5, 3, 8)};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        check_shape(backend, variant, &shapes[i], (const int64_t[COUNTS]){2, 5, 1});
}

/* The same bits again, from and to other addresses. */
static void test_repeats(const struct Backend *backend, enum Variant variant) {
    struct ConvShape shapes[] = {square(16, 3, 16, 3, 1, 1), square(16, 16, 32, 3, 2, 1),
                                 square(13, 17, 33, 3, 1, 1), square(9, 32, 32, 3, 1, 32)};
    const int64_t samples = 6;
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        const struct ConvShape *s = &shapes[k];
        char *kept = NULL;
        size_t bytes = 0;
        for (int round = 0; round < 3; round++) {
            uint64_t state = 5;
            struct Error error = {0};
            struct Arrays a;
            struct Conv *conv;
            void *gap = memory_allocate((size_t)(64 + 4160 * round), "test");
            assert_int_equal(backend->conv_create(&conv, s, &samples, 1, EVERY_PASS, &error), OK);
            arrays_make(&a, variant, s, samples, state);
            void *prepared = memory_allocate(backend->conv_prepared_bytes(conv), "test");
            void *scratch = memory_allocate(backend->conv_scratch_bytes(conv), "test");
            int width = variant_bytes(variant);
            bytes = (size_t)((a.d.y_count + a.d.x_count + a.d.w_count + 16) * width) + 3 * 64;
            char *out = memory_allocate(bytes, "test"), *y = out;
            char *dx = y + (a.d.y_count * width + 63) / 64 * 64;
            char *dw = dx + (a.d.x_count * width + 63) / 64 * 64;
            backend->conv_prepare(conv, a.d.real_w, prepared);
            backend->conv_forward(conv, samples, a.d.real_x, a.d.real_w, prepared, a.d.real_b, y,
                                  scratch);
            backend->conv_backward_data(conv, samples, a.d.real_dy, a.d.real_w, prepared, dx,
                                        scratch);
            backend->conv_backward_weights(conv, samples, a.d.real_x, a.d.real_dy, dw, NULL,
                                           scratch);
            if (kept)
                assert_memory_equal(kept, out, bytes);
            memory_release(kept);
            kept = out;
            arrays_release(&a);
            memory_release(prepared);
            memory_release(scratch);
            memory_release(gap);
            backend->conv_release(conv);
        }
        memory_release(kept);
    }
}

static void random_shapes(void **state) {
    (void)state;
    assert_true(for_each_backend(test_random_shapes) >= 2);
}

static void usual_shapes(void **state) {
    (void)state;
    assert_true(for_each_backend(test_usual_shapes) >= 2);
}

static void repeats(void **state) {
    (void)state;
    assert_true(for_each_backend(test_repeats) >= 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_shapes),
                                       cmocka_unit_test(usual_shapes), cmocka_unit_test(repeats)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
