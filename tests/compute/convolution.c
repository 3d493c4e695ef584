/* Every pass of every backend and variant against the definition, in double precision: in fp32, and
 * in bf16 by the library's fp32 kernels on copies and by its kernels for bf16. */
#include "definition.h"

#include "compute/convolution.h"

#define COUNTS 3
#define RANDOM_SHAPES 24

struct Subject {
    const struct Backend *backend;
    struct Form form;        /* its results are elements */
    enum Bf16Products as_if; /* what the CPU is taken for */
    bool in_turn;            /* weights are prepared before each pass */
};

static int create(const struct Subject *subject, struct Convolution **conv,
                  const struct ConvShape *shape, const int64_t *samples, int sample_counts,
                  unsigned passes) {
    struct Error error = {0};
    const struct ConvolutionRequest request = {.backend = subject->backend,
                                               .variant = subject->form.variant,
                                               .precision = subject->form.precision,
                                               .rule = CONVOLUTION_DIRECT,
                                               .shape = shape,
                                               .samples = samples,
                                               .sample_counts = sample_counts,
                                               .passes = passes,
                                               .in_turn = subject->in_turn,
                                               .as_if = &subject->as_if};
    return convolution_create(conv, &request, &error);
}

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

static void arrays_make(struct Arrays *a, struct Form form, const struct ConvShape *s,
                        int64_t samples, uint64_t state) {
    a->d = defined_make(form, s, samples, state);
    int64_t most = a->d.x_count + a->d.y_count + a->d.w_count + a->d.o_count;
    a->out = memory_allocate((size_t)(most * variant_bytes(form.variant)), "test");
}

static void arrays_release(struct Arrays *a) {
    defined_release(&a->d);
    memory_release(a->out);
}

static void spoil(void *array, size_t bytes) {
    memset(array, 0xff, bytes); /* NaN in every type */
}

static void check_near(const struct Subject *subject, struct Form form, const void *found,
                       const double *right, int64_t count, const struct ConvShape *s,
                       int64_t samples, const char *pass) {
    double off = element_deviation(form, found, right, count);
    if (!(off <= tolerance(form.variant)))
        fail_msg("%s %s %s%s %s: off by %g; %ld samples %ldx%ldx%ld -> %ld, kernel %ldx%ld stride "
                 "%ld,%ld pad %ld,%ld dilation %ld,%ld groups %ld",
                 subject->backend->name, variant_name(form.variant),
                 precision_names[subject->form.precision], bf16_products_name(subject->as_if), pass,
                 off, samples, s->height, s->width, s->in_channels, s->out_channels,
                 s->kernel_height, s->kernel_width, s->stride_height, s->stride_width,
                 s->pad_height, s->pad_width, s->dilation_height, s->dilation_width, s->groups);
}

static void check_passes(const struct Subject *subject, const struct ConvShape *s,
                         const struct Convolution *conv, int64_t samples, struct Arrays *a) {
    struct Form form = subject->form, weights = weight_form(form);
    size_t size = element_size(form), weight_size = element_size(weights);
    spoil(a->out, (size_t)a->d.y_count * size);
    convolution_forward(conv, samples, &a->d.input, a->d.real_w, a->prepared, NULL, a->out,
                        a->scratch);
    check_near(subject, form, a->out, a->d.y, a->d.y_count, s, samples, "forward");

    spoil(a->out, (size_t)a->d.y_count * size);
    convolution_forward(conv, samples, &a->d.input, a->d.real_w, a->prepared, a->d.real_b, a->out,
                        a->scratch);
    for (int64_t i = 0; i < a->d.y_count; i++)
        a->d.y[i] += a->d.b[i % s->out_channels];
    check_near(subject, form, a->out, a->d.y, a->d.y_count, s, samples, "forward with bias");

    spoil(a->out, (size_t)a->d.x_count * size);
    convolution_backward_data(conv, samples, a->d.real_dy, a->d.real_w, a->prepared, a->out,
                              a->scratch);
    check_near(subject, form, a->out, a->d.dx, a->d.x_count, s, samples, "backward data");

    for (int with_bias = 0; with_bias < 2; with_bias++) {
        void *bias = (char *)a->out + (size_t)a->d.w_count * weight_size;
        spoil(a->out, (size_t)(a->d.w_count + a->d.o_count) * weight_size);
        convolution_backward_weights(conv, samples, &a->d.input, a->d.real_dy, a->out,
                                     with_bias ? bias : NULL, a->scratch);
        check_near(subject, weights, a->out, a->d.dw, a->d.w_count, s, samples, "backward weights");
        if (with_bias)
            check_near(subject, weights, bias, a->d.db, a->d.o_count, s, samples, "backward bias");
    }
}

/* Forward that ends with a ReLU, and lets a NaN pass. */
static void check_rectified(const struct Subject *subject, const struct ConvShape *plain,
                            int64_t samples) {
    struct ConvShape shape = *plain;
    struct Convolution *conv;
    struct Arrays a;
    uint64_t state = 29;
    shape.relu = true;
    assert_int_equal(create(subject, &conv, &shape, &samples, 1, PASS_BIT(FORWARD)), OK);
    arrays_make(&a, subject->form, &shape, samples, state);
    a.prepared = memory_allocate(convolution_prepared_bytes(conv), "test");
    a.scratch = memory_allocate(convolution_scratch_bytes(conv), "test");
    convolution_prepare(conv, EVERY_PASS, a.d.real_w, a.prepared);
    convolution_forward(conv, samples, &a.d.input, a.d.real_w, a.prepared, a.d.real_b, a.out,
                        a.scratch);
    for (int64_t i = 0; i < a.d.y_count; i++)
        a.d.y[i] = fmax(0, a.d.y[i] + a.d.b[i % shape.out_channels]);
    check_near(subject, subject->form, a.out, a.d.y, a.d.y_count, &shape, samples,
               "forward with a ReLU");
    spoil(a.d.real_b, (size_t)a.d.o_count * element_size(weight_form(subject->form)));
    convolution_forward(conv, samples, &a.d.input, a.d.real_w, a.prepared, a.d.real_b, a.out,
                        a.scratch);
    for (int64_t i = 0; i < a.d.y_count; i++)
        assert_true(isnan(get_element(subject->form, a.out, i)));
    memory_release(a.prepared);
    memory_release(a.scratch);
    arrays_release(&a);
    convolution_release(conv);
}

static void check_shape(const struct Subject *subject, const struct ConvShape *s,
                        const int64_t samples[COUNTS]) {
    struct Convolution *conv;
    assert_int_equal(create(subject, &conv, s, samples, COUNTS, EVERY_PASS), OK);
    size_t prepared = convolution_prepared_bytes(conv), scratch = convolution_scratch_bytes(conv);
    for (int i = 0; i < COUNTS; i++) {
        uint64_t state = 17 + (uint64_t)i;
        struct Arrays a;
        arrays_make(&a, subject->form, s, samples[i], state);
        a.prepared = memory_allocate(prepared, "test");
        a.scratch = memory_allocate(scratch, "test");
        convolution_prepare(conv, EVERY_PASS, a.d.real_w, a.prepared);
        memset(a.scratch, 0xff, scratch); /* NaN */
        check_passes(subject, s, conv, samples[i], &a);
        memory_release(a.prepared);
        memory_release(a.scratch);
        arrays_release(&a);
    }
    convolution_release(conv);
    check_rectified(subject, s, samples[0]);
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
    struct ConvShape s = {.height = side,
                          .width = side,
                          .in_channels = in,
                          .out_channels = out,
                          .kernel_height = kernel,
                          .kernel_width = kernel,
                          .stride_height = stride,
                          .stride_width = stride,
                          .pad_height = kernel / 2,
                          .pad_width = kernel / 2,
                          .dilation_height = 1,
                          .dilation_width = 1,
                          .groups = groups};
    finish_shape(&s);
    return s;
}

static void test_random_shapes(const struct Subject *subject) {
    for (uint64_t seed = 0; seed < RANDOM_SHAPES; seed++) {
        struct ConvShape shape = random_shape(seed);
        check_shape(subject, &shape, (const int64_t[COUNTS]){3, 1, 3});
    }
}

/* Those that networks are made of, where the fast paths are. */
static void test_usual_shapes(const struct Subject *subject) {
    struct ConvShape shapes[] = {
        square(32, 3, 16, 3, 1, 1), square(32, 3, 64, 3, 1, 1),   square(16, 16, 16, 3, 1, 1),
        square(8, 64, 64, 3, 1, 1), square(16, 16, 32, 3, 2, 1),  square(16, 16, 32, 1, 2, 1),
        square(8, 32, 64, 1, 1, 1), square(8, 32, 32, 3, 1, 32),  square(9, 12, 24, 3, 1, 12),
        square(8, 16, 32, 1, 1, 2), square(11, 20, 20, 3, 2, 20), square(12, 8, 8, 5, 3, 8),
        square(1, 40, 24, 1, 1, 1)};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        check_shape(subject, &shapes[i], (const int64_t[COUNTS]){2, 5, 1});
}

/* Prepares the weights for a pass that is next: all passes before the first, or each in its turn.
 */
static void prepare_next(const struct Subject *subject, const struct Convolution *conv,
                         enum Pass pass, const void *weights, void *prepared) {
    if (!subject->in_turn && pass != FORWARD)
        return;
    spoil(prepared, convolution_prepared_bytes(conv));
    convolution_prepare(conv, subject->in_turn ? PASS_BIT(pass) : EVERY_PASS, weights, prepared);
}

/* The same bits again, from and to other addresses, and with weights that are prepared in turn. */
static void test_repeats(const struct Subject *asked) {
    struct ConvShape shapes[] = {square(16, 3, 16, 3, 1, 1), square(16, 16, 32, 3, 2, 1),
                                 square(13, 17, 33, 3, 1, 1), square(9, 32, 32, 3, 1, 32),
                                 square(1, 40, 24, 1, 1, 1)};
    const int64_t samples = 6;
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        const struct ConvShape *s = &shapes[k];
        char *kept = NULL;
        size_t bytes = 0;
        for (int round = 0; round < 3; round++) {
            uint64_t state = 5;
            struct Form form = asked->form;
            struct Subject own = *asked, *subject = &own;
            own.in_turn = round == 2;
            struct Arrays a;
            struct Convolution *conv;
            void *gap = memory_allocate((size_t)(64 + 4160 * round), "test");
            assert_int_equal(create(subject, &conv, s, &samples, 1, EVERY_PASS), OK);
            arrays_make(&a, form, s, samples, state);
            void *prepared = memory_allocate(convolution_prepared_bytes(conv), "test");
            void *scratch = memory_allocate(convolution_scratch_bytes(conv), "test");
            size_t y_bytes = memory_round_up((size_t)a.d.y_count * element_size(form));
            size_t x_bytes = memory_round_up((size_t)a.d.x_count * element_size(form));
            bytes = y_bytes + x_bytes + (size_t)a.d.w_count * element_size(weight_form(form));
            char *out = memory_allocate(bytes, "test"), *dx = out + y_bytes, *dw = dx + x_bytes;
            memset(out, 0, bytes);
            prepare_next(subject, conv, FORWARD, a.d.real_w, prepared);
            convolution_forward(conv, samples, &a.d.input, a.d.real_w, prepared, a.d.real_b, out,
                                scratch);
            prepare_next(subject, conv, BACKWARD_DATA, a.d.real_w, prepared);
            convolution_backward_data(conv, samples, a.d.real_dy, a.d.real_w, prepared, dx,
                                      scratch);
            convolution_backward_weights(conv, samples, &a.d.input, a.d.real_dy, dw, NULL, scratch);
            if (kept)
                assert_memory_equal(kept, out, bytes);
            memory_release(kept);
            kept = out;
            arrays_release(&a);
            memory_release(prepared);
            memory_release(scratch);
            memory_release(gap);
            convolution_release(conv);
        }
        memory_release(kept);
    }
}

static struct {
    void (*test)(const struct Subject *);
    int count[PRECISION_COUNT], native;
} running;

/* An environment variable may keep oneDNN from AVX-512. */
static bool library_knows_bf16(const struct Backend *backend) {
    char instructions[BACKEND_VERSIONS];
    return backend->bf16 && strstr(backend_instructions(instructions), "AVX-512");
}

static void run_all(const struct Backend *backend, enum Variant variant) {
    struct Subject subject = {.backend = backend, .form = {.variant = variant}};
    running.test(&subject);
    running.count[PRECISION_FP32]++;
    if (variant == VARIANT_F64)
        return;
    subject.form.precision = PRECISION_BF16;
    running.test(&subject);
    running.count[PRECISION_BF16]++;
    if (!library_knows_bf16(backend))
        return;
    /* The library's kernels for bf16 also work on a CPU without instructions for it. */
    subject.form.rounds_weights = true;
    subject.as_if = BF16_AVX512;
    running.test(&subject);
    running.native++;
}

static void run_on_all(void (*test)(const struct Subject *)) {
    memset(&running, 0, sizeof running);
    running.test = test;
    assert_true(for_each_backend(run_all) >= 2);
    assert_true(running.count[PRECISION_FP32] >= 2 && running.count[PRECISION_BF16] >= 1);
    if (!running.native)
        print_message("skipped: no library with kernels for bf16 in this build on this CPU\n");
}

static void check_choice(enum Bf16Products as_if, struct ConvShape shape,
                         const char *const right[]) {
    struct Error error = {0};
    enum Variant variant = variant_best(VARIANT_F32_V4);
    const struct Backend *backend = backend_find("auto", variant, &error);
    if (as_if != BF16_NOT_NATIVE && !library_knows_bf16(backend)) {
        print_message("skipped: no library with kernels for bf16 in this build on this CPU\n");
        return;
    }
    const int64_t samples = 2;
    const struct ConvolutionRequest request = {.backend = backend,
                                               .variant = variant,
                                               .precision = PRECISION_BF16,
                                               .shape = &shape,
                                               .samples = &samples,
                                               .sample_counts = 1,
                                               .passes = EVERY_PASS,
                                               .as_if = &as_if};
    struct Convolution *conv;
    assert_int_equal(convolution_create(&conv, &request, &error), OK);
    for (int pass = 0; pass < PASS_COUNT; pass++) {
        const char *found = convolution_kernels(conv, (enum Pass)pass);
        assert_string_equal(found, right[pass] ? right[pass] : backend->name);
    }
    convolution_release(conv);
}
#define CHECK_CHOICE(as_if, shape, ...)                                                            \
    check_choice(as_if, shape, (const char *const[PASS_COUNT]){__VA_ARGS__})

/* docs/design.md: forward, backward data, backward weights. NULL: the library in fp32. */
static void what_bf16_1_chooses(void **state) {
    (void)state;
    const struct ConvShape first = square(32, 3, 16, 3, 1, 1), usual = square(8, 16, 16, 3, 1, 1),
                           wide = square(8, 256, 256, 3, 1, 1), half = square(16, 16, 32, 3, 2, 1),
                           grouped = square(8, 32, 32, 3, 1, 32);
    CHECK_CHOICE(BF16_NOT_NATIVE, first, "strips", "strips", "strips");
    CHECK_CHOICE(BF16_NOT_NATIVE, usual, "winograd", "winograd", "winograd");
    CHECK_CHOICE(BF16_NOT_NATIVE, half, "strips", "strips", "strips");
    CHECK_CHOICE(BF16_NOT_NATIVE, grouped, NULL, NULL, NULL);
    CHECK_CHOICE(BF16_AVX512, first, "onednn bf16", "strips", "onednn bf16");
    CHECK_CHOICE(BF16_AVX512, usual, "winograd", "winograd", "winograd");
    CHECK_CHOICE(BF16_AVX512, half, "onednn bf16", "onednn bf16", "onednn bf16");
    CHECK_CHOICE(BF16_AMX, usual, "onednn bf16", "onednn bf16", "onednn bf16");
    CHECK_CHOICE(BF16_AMX, wide, "onednn bf16", "onednn bf16", "winograd");
    CHECK_CHOICE(BF16_AMX, first, "onednn bf16", "onednn bf16", "strips");
}

static void random_shapes(void **state) {
    (void)state;
    run_on_all(test_random_shapes);
}

static void usual_shapes(void **state) {
    (void)state;
    run_on_all(test_usual_shapes);
}

static void repeats(void **state) {
    (void)state;
    run_on_all(test_repeats);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_shapes),
                                       cmocka_unit_test(usual_shapes), cmocka_unit_test(repeats),
                                       cmocka_unit_test(what_bf16_1_chooses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
