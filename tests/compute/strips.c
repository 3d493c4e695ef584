/* The direct kernels in strips against the definition, in double: borders, strides, kernels and
 * channels that fill no vector. */
#include <omp.h>

#include "compute/strips.h"
#include "each.h"

struct Case {
    struct ConvShape shape;
    int64_t samples, x_count, y_count, w_count;
    double *x, *w, *b, *dy, *y, *dx, *dw, *db;
    void *real_x, *real_w, *real_b, *real_dy;
};

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

/* The products of one pixel of x and one of y, which a tap joins. */
static void define_tap(struct Case *c, int64_t x, int64_t y, int64_t tap) {
    int64_t in = c->shape.in_channels, out = c->shape.out_channels;
    int64_t taps = c->shape.kernel_height * c->shape.kernel_width;
    for (int64_t o = 0; o < out; o++)
        for (int64_t i = 0; i < in; i++) {
            int64_t w = (o * taps + tap) * in + i;
            c->y[y * out + o] += c->x[x * in + i] * c->w[w];
            c->dx[x * in + i] += c->dy[y * out + o] * c->w[w];
            c->dw[w] += c->x[x * in + i] * c->dy[y * out + o];
        }
}

static void define(struct Case *c) {
    const struct ConvShape *s = &c->shape;
    int64_t taps = s->kernel_height * s->kernel_width;
    for (int64_t y = 0; y < c->samples * s->out_height * s->out_width; y++) {
        int64_t n = y / (s->out_height * s->out_width), p = y / s->out_width % s->out_height;
        for (int64_t tap = 0; tap < taps; tap++) {
            int64_t h = p * s->stride_height - s->pad_height + tap / s->kernel_width;
            int64_t w = y % s->out_width * s->stride_width - s->pad_width + tap % s->kernel_width;
            if (h >= 0 && h < s->height && w >= 0 && w < s->width)
                define_tap(c, (n * s->height + h) * s->width + w, y, tap);
        }
        for (int64_t o = 0; o < s->out_channels; o++)
            c->db[o] += c->dy[y * s->out_channels + o];
    }
}

static struct Case case_make(enum Variant variant, struct ConvShape shape, int64_t samples) {
    uint64_t state = 11;
    struct Case c = {.shape = shape, .samples = samples};
    c.x_count = samples * shape.height * shape.width * shape.in_channels;
    c.y_count = samples * shape.out_height * shape.out_width * shape.out_channels;
    c.w_count = shape.out_channels * shape.kernel_height * shape.kernel_width * shape.in_channels;
    c.real_x = numbers(variant, &state, c.x_count, &c.x);
    c.real_w = numbers(variant, &state, c.w_count, &c.w);
    c.real_b = numbers(variant, &state, shape.out_channels, &c.b);
    c.real_dy = numbers(variant, &state, c.y_count, &c.dy);
    c.y = memory_array(double, c.y_count, "test");
    c.dx = memory_array(double, c.x_count, "test");
    c.dw = memory_array(double, c.w_count, "test");
    c.db = memory_array(double, shape.out_channels, "test");
    define(&c);
    return c;
}

static void case_release(struct Case *c) {
    void *all[] = {c->x,  c->w,  c->b,      c->dy,     c->y,      c->dx,
                   c->dw, c->db, c->real_x, c->real_w, c->real_b, c->real_dy};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        memory_release(all[i]);
}

struct Results {
    void *y, *dx, *dw, *db;
};

/* Every pass, in memory that holds NaN before. */
static struct Results compute(enum Variant variant, const struct Case *c, bool relu) {
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

static void check(enum Variant variant, const struct Case *c, const char *pass, const void *found,
                  const double *right, int64_t count) {
    double off = deviation(variant, found, right, count);
    const struct ConvShape *s = &c->shape;
    if (!(off <= tolerance(variant)))
        fail_msg("%s %s: off by %g; %ldx%ldx%ld -> %ld, kernel %ld stride %ld pad %ld",
                 variant_name(variant), pass, off, s->height, s->width, s->in_channels,
                 s->out_channels, s->kernel_height, s->stride_height, s->pad_height);
}

static void check_shape(enum Variant variant, struct ConvShape shape, int64_t samples) {
    struct Case c = case_make(variant, shape, samples);
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
    case_release(&c);
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
    struct Case c = case_make(variant, shape_of(11, 10, 17, 40, 3, 2, 1), 9);
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
    case_release(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_passes),
                                       cmocka_unit_test(test_bits_do_not_depend_on_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
