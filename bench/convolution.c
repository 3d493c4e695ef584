/* GF/s of every convolution of the recipes and every matrix product of the MLP, for each pass and
 * each backend and each method of our own (the Winograd kernels count as much work as direct
 * convolution, and have a fourth figure: both backward passes at once), in fp32 and bf16, next to
 * the peak of the cores in use (fused multiply-adds in fp32, on registers alone).
 *
 *   bench_convolution [--threads N] [--samples N] [--variant V] [--backend NAME]... [--seconds S]
 *                     [--model NAME]
 *
 * Products with padding count as work, so small images can exceed 100 %. A figure is the best of
 * many short runs. With one thread the time is the thread's own, so that what other programs take
 * from a shared core does not count. The peak is measured again for each row. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "compute/convolution.h"
#include "compute/peak.h"
#include "compute/pixels.h"
#include "compute/strips.h"
#include "compute/winograd.h"

#define MAX_BACKENDS 4
#define HUGE_PAGE ((size_t)2 << 20)

struct Options {
    int threads;
    int64_t samples;
    enum Variant variant;
    double seconds; /* of one measurement */
    const char *backends[MAX_BACKENDS];
    int backend_count;
    const char *model; /* NULL: every one */
};

static const struct {
    const char *model;
    int64_t side, in, out, stride, groups;
} convolutions[] = {{"resnet20", 32, 3, 16, 1, 1},      {"resnet20", 32, 16, 16, 1, 1},
                    {"resnet20", 32, 16, 32, 2, 1},     {"resnet20", 16, 32, 32, 1, 1},
                    {"resnet20", 16, 32, 64, 2, 1},     {"resnet20", 8, 64, 64, 1, 1},
                    {"wrn16-4", 32, 64, 128, 2, 1},     {"wrn16-4", 16, 128, 256, 2, 1},
                    {"smallcnn", 32, 3, 64, 1, 1},      {"smallcnn", 32, 64, 64, 1, 1},
                    {"smallcnn", 16, 64, 128, 1, 1},    {"smallcnn", 16, 128, 128, 1, 1},
                    {"smallcnn", 8, 128, 256, 1, 1},    {"smallcnn", 8, 256, 256, 1, 1},
                    {"resnet50", 56, 128, 128, 2, 1},   {"resnet50", 28, 256, 256, 2, 1},
                    {"resnet50", 14, 512, 512, 2, 1},   {"depthwise", 32, 64, 64, 1, 64},
                    {"depthwise", 16, 128, 128, 2, 128}};

static const struct {
    const char *what;
    int64_t in, out;
} products[] = {{"mlp 3072→1024", 3072, 1024},
                {"mlp 1024→1024", 1024, 1024},
                {"mlp 1024→10", 1024, 10},
                {"smallcnn 4096→10", 4096, 10}};

typedef void Work(void *context);

/* Seconds of one call: those of the best batch of calls within `seconds`. */
static double best_time(Work *work, void *context, double seconds) {
    work(context);
    double start = peak_clock(), best = 1e30;
    work(context);
    double once = peak_clock() - start;
    int calls = once < 1e-3 ? (int)(1e-3 / once) + 1 : 1;
    while (peak_clock() - start < seconds) {
        double from = peak_clock();
        for (int i = 0; i < calls; i++)
            work(context);
        double each = (peak_clock() - from) / calls;
        best = each < best ? each : best;
    }
    return best < once ? best : once;
}

struct Task {
    const struct Backend *backend;
    struct Conv *conv;
    struct Convolution *convolution;
    const struct Method *method;
    const struct ConvShape *shape;
    int64_t samples;
    void *x, *y, *dx, *weights, *gradient, *prepared, *scratch;
    int64_t m, n, k; /* of a product */
};

static void forward(void *context) {
    struct Task *t = context;
    t->backend->conv_forward(t->conv, t->samples, t->x, t->weights, t->prepared, NULL, t->y,
                             t->scratch);
}

static void backward_data(void *context) {
    struct Task *t = context;
    t->backend->conv_backward_data(t->conv, t->samples, t->y, t->weights, t->prepared, t->x,
                                   t->scratch);
}

static void backward_weights(void *context) {
    struct Task *t = context;
    t->backend->conv_backward_weights(t->conv, t->samples, t->x, t->y, t->gradient, NULL,
                                      t->scratch);
}

static void method_forward(void *context) {
    struct Task *t = context;
    const struct ConvInput x = {.x = t->x};
    t->method->forward(t->shape, t->samples, &x, t->weights, t->prepared, NULL, t->y, t->scratch);
}

static void method_data(void *context) {
    struct Task *t = context;
    t->method->backward_data(t->shape, t->samples, t->y, t->weights, t->prepared, t->dx,
                             t->scratch);
}

static void method_weights(void *context) {
    struct Task *t = context;
    const struct ConvInput x = {.x = t->x};
    t->method->backward_weights(t->shape, t->samples, &x, t->y, t->gradient, NULL, t->scratch);
}

static void method_backward(void *context) {
    struct Task *t = context;
    const struct ConvInput x = {.x = t->x};
    t->method->backward(t->shape, t->samples, &x, t->y, t->weights, t->prepared, t->dx, t->gradient,
                        NULL, t->scratch);
}

static void *filled(int64_t count) {
    float *array = memory_array(float, count, "bench");
    for (int64_t i = 0; i < count; i++)
        array[i] = (float)(i % 17) * 0.01f - 0.08f;
    return array;
}

static void task_release(struct Task *task) {
    void *all[] = {task->x,        task->y,        task->dx,     task->weights,
                   task->gradient, task->prepared, task->scratch};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        memory_release(all[i]);
}

static void print_row(const char *backend, const double *rates, int count, double peak) {
    printf(" | %-13s", backend);
    for (int i = 0; i < count; i++)
        if (rates[i] > 0)
            printf(" %6.1f %3.0f%%", rates[i], 100 * rates[i] / peak);
        else
            printf(" %6s     ", "-");
    printf("\n");
}

static struct ConvShape shape_of(size_t which) {
    int64_t side = convolutions[which].side, stride = convolutions[which].stride;
    return (struct ConvShape){.height = side,
                              .width = side,
                              .in_channels = convolutions[which].in,
                              .out_channels = convolutions[which].out,
                              .kernel_height = 3,
                              .kernel_width = 3,
                              .stride_height = stride,
                              .stride_width = stride,
                              .pad_height = 1,
                              .pad_width = 1,
                              .dilation_height = 1,
                              .dilation_width = 1,
                              .groups = convolutions[which].groups,
                              .out_height = side / stride,
                              .out_width = side / stride};
}

static void *filled_elements(int64_t count, enum Precision precision) {
    float *array = filled(count);
    bf16 *rounded = (bf16 *)array;
    for (int64_t i = 0; i < count && precision == PRECISION_BF16; i++)
        rounded[i] = bf16_round(array[i]);
    return array;
}

static void fill_arrays(struct Task *task, enum Precision precision) {
    const struct ConvShape *s = task->shape;
    int64_t x = task->samples * s->height * s->width * s->in_channels;
    int64_t y = task->samples * s->out_height * s->out_width * s->out_channels;
    task->x = filled_elements(x, precision);
    task->dx = filled_elements(x, precision);
    task->y = filled_elements(y, precision);
    task->weights = filled(9 * s->in_channels * s->out_channels);
    task->gradient = filled(9 * s->in_channels * s->out_channels);
}

static double operations_of(const struct Task *task) {
    const struct ConvShape *s = task->shape;
    return 2.0 * 9 * (double)(s->in_channels / s->groups * s->out_channels) *
           (double)(task->samples * s->out_height * s->out_width) * 1e-9;
}

static void print_shape(size_t which, double peak) {
    printf("%s %3ld→%-3ld %2ld² /%ld  peak %5.0f", convolutions[which].model,
           convolutions[which].in, convolutions[which].out, convolutions[which].side,
           convolutions[which].stride, peak);
}

static void prepare_pass(struct Task *task, enum Pass pass) {
    memory_release(task->prepared);
    size_t bytes = task->method->prepared_bytes(task->shape, pass);
    /* On huge pages, as a plan has the weights of all layers together. */
    task->prepared = memory_allocate(bytes < HUGE_PAGE ? HUGE_PAGE : bytes, "bench");
    task->method->prepare(task->shape, pass, task->weights, task->prepared);
}

static size_t most_scratch(const struct Task *task) {
    size_t most = 0;
    for (int pass = 0; pass < PASS_COUNT; pass++) {
        if (!task->method->serves(task->shape, (enum Pass)pass))
            continue;
        size_t bytes = task->method->scratch_bytes(task->shape, (enum Pass)pass, task->samples);
        most = bytes > most ? bytes : most;
    }
    return most;
}

static void bench_method(const struct Options *options, size_t which, enum Precision precision,
                         const struct Method *make(enum Variant, enum Precision)) {
    static Work *const works[PASS_COUNT] = {[FORWARD] = method_forward,
                                            [BACKWARD_DATA] = method_data,
                                            [BACKWARD_WEIGHTS] = method_weights};
    const struct Method *method = make(options->variant, precision);
    const struct ConvShape shape = shape_of(which);
    if (!method || !method->serves(&shape, BACKWARD_WEIGHTS)) /* they all serve this pass */
        return;
    struct Task task = {.method = method, .shape = &shape, .samples = options->samples};
    fill_arrays(&task, precision);
    task.scratch = memory_allocate(most_scratch(&task), "bench");
    double operations = operations_of(&task), rates[4] = {0};
    for (int pass = 0; pass < PASS_COUNT; pass++)
        if (method->serves(&shape, (enum Pass)pass)) {
            prepare_pass(&task, (enum Pass)pass);
            rates[pass] = operations / best_time(works[pass], &task, options->seconds);
        }
    prepare_pass(&task, BACKWARD_DATA);
    if (method->backward)
        rates[3] = 2 * operations / best_time(method_backward, &task, options->seconds);
    double peak = peak_flops(options->variant, options->threads) * 1e-9;
    print_shape(which, peak);
    char name[32];
    snprintf(name, sizeof name, "%s%s", method->name, precision == PRECISION_BF16 ? " bf16" : "");
    print_row(name, rates, method->backward ? 4 : 3, peak);
    task_release(&task);
}

static int bench_convolution(const struct Options *options, size_t which,
                             const struct Backend *backend, struct Error *error) {
    const struct ConvShape shape = shape_of(which);
    bool first = shape.in_channels == 3;
    struct Task task = {.backend = backend, .shape = &shape, .samples = options->samples};
    int code = backend->conv_create(&task.conv, &shape, &task.samples, 1, EVERY_PASS, error);
    if (code != OK)
        return code;
    fill_arrays(&task, PRECISION_FP32);
    task.prepared = memory_allocate(backend->conv_prepared_bytes(task.conv), "bench");
    task.scratch = memory_allocate(backend->conv_scratch_bytes(task.conv), "bench");
    backend->conv_prepare(task.conv, EVERY_PASS, task.weights, task.prepared);
    double operations = operations_of(&task), rates[3];
    rates[0] = operations / best_time(forward, &task, options->seconds);
    rates[2] = operations / best_time(backward_weights, &task, options->seconds);
    rates[1] = first ? 0 : operations / best_time(backward_data, &task, options->seconds);
    double peak = peak_flops(options->variant, options->threads) * 1e-9;
    print_shape(which, peak);
    print_row(backend->name, rates, 3, peak);
    backend->conv_release(task.conv);
    task_release(&task);
    return OK;
}

/* ---- the library in bf16, as compute/convolution.h uses it: on copies, or by its kernels ---- */

static void seam_forward(void *context) {
    struct Task *t = context;
    const struct ConvInput x = {.x = t->x};
    convolution_forward(t->convolution, t->samples, &x, t->weights, t->prepared, NULL, t->y,
                        t->scratch);
}

static void seam_data(void *context) {
    struct Task *t = context;
    convolution_backward_data(t->convolution, t->samples, t->y, t->weights, t->prepared, t->x,
                              t->scratch);
}

static void seam_weights(void *context) {
    struct Task *t = context;
    const struct ConvInput x = {.x = t->x};
    convolution_backward_weights(t->convolution, t->samples, &x, t->y, t->gradient, NULL,
                                 t->scratch);
}

static void bench_library_in_bf16(const struct Options *options, size_t which,
                                  const struct Backend *backend) {
    const struct ConvShape shape = shape_of(which);
    struct Error error = {0};
    struct Task task = {.backend = backend, .shape = &shape, .samples = options->samples};
    const struct ConvolutionRequest request = {.backend = backend,
                                               .variant = options->variant,
                                               .precision = PRECISION_BF16,
                                               .rule = CONVOLUTION_DIRECT,
                                               .shape = &shape,
                                               .samples = &task.samples,
                                               .sample_counts = 1,
                                               .passes = EVERY_PASS};
    if (convolution_create(&task.convolution, &request, &error))
        return;
    fill_arrays(&task, PRECISION_BF16);
    task.prepared = memory_allocate(convolution_prepared_bytes(task.convolution), "bench");
    task.scratch = memory_allocate(convolution_scratch_bytes(task.convolution), "bench");
    convolution_prepare(task.convolution, EVERY_PASS, task.weights, task.prepared);
    double operations = operations_of(&task), rates[3];
    rates[0] = operations / best_time(seam_forward, &task, options->seconds);
    rates[1] = operations / best_time(seam_data, &task, options->seconds);
    rates[2] = operations / best_time(seam_weights, &task, options->seconds);
    double peak = peak_flops(options->variant, options->threads) * 1e-9;
    char name[40];
    snprintf(name, sizeof name, "%s in bf16", convolution_kernels(task.convolution, FORWARD));
    print_shape(which, peak);
    print_row(name, rates, 3, peak);
    convolution_release(task.convolution);
    task_release(&task);
}

/* ---- products: a linear layer's three ---- */

static void linear_forward(void *context) { /* Y = X · Wᵀ */
    struct Task *t = context;
    t->backend->gemm(false, true, t->m, t->n, t->k, 1, t->x, t->k, t->weights, t->k, 0, t->y, t->n);
}

static void linear_data(void *context) { /* dX = dY · W */
    struct Task *t = context;
    t->backend->gemm(false, false, t->m, t->k, t->n, 1, t->y, t->n, t->weights, t->k, 0, t->x,
                     t->k);
}

static void linear_weights(void *context) { /* dW = dYᵀ · X */
    struct Task *t = context;
    t->backend->gemm(true, false, t->n, t->k, t->m, 1, t->y, t->n, t->x, t->k, 0, t->gradient,
                     t->k);
}

static void bench_product(const struct Options *options, size_t which,
                          const struct Backend *backend) {
    struct Task task = {.backend = backend,
                        .m = options->samples,
                        .n = products[which].out,
                        .k = products[which].in};
    task.x = filled(task.m * task.k);
    task.y = filled(task.m * task.n);
    task.weights = filled(task.n * task.k);
    task.gradient = filled(task.n * task.k);
    double operations = 2.0 * (double)(task.m * task.n * task.k) * 1e-9, rates[3];
    rates[0] = operations / best_time(linear_forward, &task, options->seconds);
    rates[2] = operations / best_time(linear_weights, &task, options->seconds);
    rates[1] = operations / best_time(linear_data, &task, options->seconds);
    double peak = peak_flops(options->variant, options->threads) * 1e-9;
    printf("%-20s    peak %5.0f", products[which].what, peak);
    print_row(backend->name, rates, 3, peak);
    task_release(&task);
}

static int run(const struct Options *options, struct Error *error) {
    backend_configure(options->threads, options->variant);
    printf("%s; %s; %d threads, %ld samples; GF/s and %% of the peak beside it:"
           " forward, backward data, backward weights\n",
           backend_versions((char[BACKEND_VERSIONS]){0}), variant_name(options->variant),
           options->threads, options->samples);
    const struct Backend *backends[MAX_BACKENDS];
    for (int b = 0; b < options->backend_count; b++)
        if (!(backends[b] = backend_find(options->backends[b], options->variant, error)))
            return error->code;
    for (size_t i = 0; i < sizeof convolutions / sizeof *convolutions; i++) {
        if (options->model && strcmp(options->model, convolutions[i].model))
            continue;
        for (int b = 0; b < options->backend_count; b++) {
            int code = bench_convolution(options, i, backends[b], error);
            if (code != OK)
                return code;
        }
        for (int precision = 0; precision < PRECISION_COUNT; precision++) {
            bench_method(options, i, (enum Precision)precision, winograd__method);
            bench_method(options, i, (enum Precision)precision, strips__method);
            bench_method(options, i, (enum Precision)precision, pixels__method);
        }
        for (int b = 0; b < options->backend_count; b++)
            bench_library_in_bf16(options, i, backends[b]);
    }
    for (size_t i = 0; !options->model && i < sizeof products / sizeof *products; i++)
        for (int b = 0; b < options->backend_count; b++)
            bench_product(options, i, backends[b]);
    return OK;
}

static int parse(int argc, char **argv, struct Options *options) {
    for (int i = 1; i < argc; i += 2) {
        const char *flag = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        int variant = value ? variant_by_name(value) : -1;
        if (!value)
            return ERROR_USAGE;
        if (!strcmp(flag, "--threads"))
            options->threads = atoi(value);
        else if (!strcmp(flag, "--samples"))
            options->samples = atol(value);
        else if (!strcmp(flag, "--seconds"))
            options->seconds = atof(value);
        else if (!strcmp(flag, "--variant") && variant > VARIANT_F64)
            options->variant = (enum Variant)variant;
        else if (!strcmp(flag, "--model"))
            options->model = value;
        else if (!strcmp(flag, "--backend") && options->backend_count < MAX_BACKENDS)
            options->backends[options->backend_count++] = value;
        else
            return ERROR_USAGE;
    }
    return options->threads > 0 && options->samples > 0 ? OK : ERROR_USAGE;
}

int main(int argc, char **argv) {
    struct Options options = {
        .threads = 1, .samples = 128, .variant = variant_best(VARIANT_F32_V4), .seconds = 0.4};
    struct Error error = {0};
    const char *core = backend_better_openblas_core();
    if (core && !getenv("OPENBLAS_CORETYPE") && !setenv("OPENBLAS_CORETYPE", core, 1))
        execv("/proc/self/exe", argv); /* returns only on failure: then with slower kernels */
    if (parse(argc, argv, &options) != OK) {
        fprintf(stderr, "usage: bench_convolution [--threads N] [--samples N] [--seconds S] "
                        "[--variant baseline|avx2|avx512] [--backend NAME]... [--model NAME]\n");
        return ERROR_USAGE;
    }
    if (!options.backend_count) {
        options.backends[options.backend_count++] = "openblas";
        if (backend_find("onednn", options.variant, &error))
            options.backends[options.backend_count++] = "onednn";
    }
    int code = run(&options, &error);
    if (code != OK)
        fprintf(stderr, "bench_convolution: %s\n", error.text);
    return code;
}
