#include "compute/convolution.h"

#include "base/memory.h"
#include "compute/method.h"
#include "compute/strips.h"
#include "compute/winograd.h"

const char *const convolution_rule_names[] = {[CONVOLUTION_AUTO] = "auto",
                                              [CONVOLUTION_DIRECT] = "direct",
                                              [CONVOLUTION_WINOGRAD] = "winograd",
                                              [CONVOLUTION_FASTEST_1] = "fastest-1",
                                              NULL};

enum ConvolutionRule convolution_rule(enum ConvolutionRule rule) {
    return rule == CONVOLUTION_AUTO ? CONVOLUTION_FASTEST_1 : rule;
}

/* ---- the rule ---- */

/* FASTEST_1: the first row that holds for a pass of a shape, and whose method serves it; if there
 * is none, the library. A bound of 0 is none. */
static const struct Row {
    const struct Method *(*method)(enum Variant variant, enum Precision precision);
    unsigned passes;
    int64_t kernel, stride;               /* exactly, in both directions */
    int64_t least_in, most_in, least_out; /* channels of a group */
    int64_t least_side;                   /* of the output, in both directions */
} fastest_1[] = {
    {winograd__method, EVERY_PASS, .kernel = 3, .stride = 1, .least_side = 3},
    {strips__method, PASS_BIT(FORWARD), .kernel = 3, .stride = 1, .most_in = 4},
    {strips__method, PASS_BIT(BACKWARD_WEIGHTS), .kernel = 3, .stride = 1, .most_in = 4,
     .least_out = 32},
    {strips__method, PASS_BIT(FORWARD), .kernel = 3, .stride = 2, .least_in = 16, .most_in = 16},
    {strips__method, PASS_BIT(BACKWARD_DATA), .kernel = 3, .stride = 2, .least_in = 32,
     .most_in = 64},
    {strips__method, PASS_BIT(BACKWARD_WEIGHTS), .kernel = 3, .stride = 2, .least_in = 32},
};

static bool within(int64_t value, int64_t least, int64_t most) {
    return value >= least && (!most || value <= most);
}

static bool holds(const struct Row *row, const struct ConvShape *s, enum Pass pass) {
    return row->passes & PASS_BIT(pass) && s->kernel_height == row->kernel &&
           s->kernel_width == row->kernel && s->stride_height == row->stride &&
           s->stride_width == row->stride &&
           within(s->in_channels / s->groups, row->least_in, row->most_in) &&
           within(s->out_channels / s->groups, row->least_out, 0) &&
           within(s->out_height, row->least_side, 0) && within(s->out_width, row->least_side, 0);
}

/* The method that serves a pass; NULL: the library. */
static const struct Method *choose(const struct ConvolutionRequest *request, enum Pass pass) {
    enum ConvolutionRule rule = convolution_rule(request->rule);
    const struct Method *winograd = winograd__method(request->variant, request->precision);
    if (rule == CONVOLUTION_DIRECT)
        return NULL;
    if (rule == CONVOLUTION_WINOGRAD && winograd->serves(request->shape, pass))
        return winograd;
    for (size_t i = 0; i < sizeof fastest_1 / sizeof *fastest_1; i++) {
        const struct Method *method = fastest_1[i].method(request->variant, request->precision);
        if (holds(&fastest_1[i], request->shape, pass) && method->serves(request->shape, pass))
            return method;
    }
    return NULL;
}

/* ---- a convolution ---- */

struct Convolution {
    struct ConvShape shape;
    const struct Backend *backend;
    struct Conv *library; /* NULL: it serves no pass */
    unsigned passes;
    const struct Method *methods[PASS_COUNT]; /* NULL: the library */
    size_t prepared_offsets[PASS_COUNT];      /* of the methods; the library's part is the first */
    size_t prepared_bytes, scratch_bytes;
};

static int make_library(struct Convolution *made, const struct ConvolutionRequest *request,
                        unsigned passes, struct Error *error) {
    if (!passes)
        return OK;
    int code = made->backend->conv_create(&made->library, request->shape, request->samples,
                                          request->sample_counts, passes, error);
    if (code)
        return code;
    made->prepared_bytes = made->backend->conv_prepared_bytes(made->library);
    made->scratch_bytes = made->backend->conv_scratch_bytes(made->library);
    return OK;
}

static void make_room(struct Convolution *made, enum Pass pass, int64_t samples) {
    const struct Method *method = made->methods[pass];
    size_t scratch = method->scratch_bytes ? method->scratch_bytes(&made->shape, pass, samples) : 0;
    made->scratch_bytes = scratch > made->scratch_bytes ? scratch : made->scratch_bytes;
    made->prepared_offsets[pass] = memory_round_up(made->prepared_bytes);
    if (method->prepared_bytes)
        made->prepared_bytes =
            made->prepared_offsets[pass] + method->prepared_bytes(&made->shape, pass);
}

static int64_t most_samples(const struct ConvolutionRequest *request) {
    int64_t most = 0;
    for (int i = 0; i < request->sample_counts; i++)
        most = request->samples[i] > most ? request->samples[i] : most;
    return most;
}

int convolution_create(struct Convolution **convolution, const struct ConvolutionRequest *request,
                       struct Error *error) {
    struct Convolution *made = memory_allocate(sizeof *made, "a convolution");
    unsigned library = 0;
    CHECK(request->precision == PRECISION_FP32);
    *made = (struct Convolution){
        .shape = *request->shape, .backend = request->backend, .passes = request->passes};
    for (int pass = 0; pass < PASS_COUNT; pass++) {
        if (!(request->passes & PASS_BIT(pass)))
            continue;
        made->methods[pass] = choose(request, (enum Pass)pass);
        library |= made->methods[pass] ? 0 : PASS_BIT(pass);
    }
    int code = make_library(made, request, library, error);
    if (code) {
        convolution_release(made);
        return code;
    }
    for (int pass = 0; pass < PASS_COUNT; pass++)
        if (made->methods[pass])
            make_room(made, (enum Pass)pass, most_samples(request));
    *convolution = made;
    return OK;
}

void convolution_release(struct Convolution *convolution) {
    if (!convolution)
        return;
    if (convolution->library)
        convolution->backend->conv_release(convolution->library);
    memory_release(convolution);
}

const char *convolution_kernels(const struct Convolution *convolution, enum Pass pass) {
    if (!(convolution->passes & PASS_BIT(pass)))
        return NULL;
    const struct Method *method = convolution->methods[pass];
    return method ? method->name : convolution->backend->name;
}

size_t convolution_scratch_bytes(const struct Convolution *convolution) {
    return convolution->scratch_bytes;
}

size_t convolution_prepared_bytes(const struct Convolution *convolution) {
    return convolution->prepared_bytes;
}

void convolution_prepare(const struct Convolution *convolution, const void *weights,
                         void *prepared) {
    if (convolution->library)
        convolution->backend->conv_prepare(convolution->library, weights, prepared);
    for (int pass = 0; pass < PASS_COUNT; pass++) {
        const struct Method *method = convolution->methods[pass];
        if (method && method->prepare)
            method->prepare(&convolution->shape, (enum Pass)pass, weights,
                            (char *)prepared + convolution->prepared_offsets[pass]);
    }
}

void convolution_forward(const struct Convolution *convolution, int64_t samples, const void *x,
                         const void *weights, const void *prepared, const void *bias, void *y,
                         void *scratch) {
    const struct Method *method = convolution->methods[FORWARD];
    if (method)
        method->forward(&convolution->shape, samples, x, weights,
                        (const char *)prepared + convolution->prepared_offsets[FORWARD], bias, y,
                        scratch);
    else
        convolution->backend->conv_forward(convolution->library, samples, x, weights, prepared,
                                           bias, y, scratch);
}

void convolution_backward_data(const struct Convolution *convolution, int64_t samples,
                               const void *dy, const void *weights, const void *prepared, void *dx,
                               void *scratch) {
    const struct Method *method = convolution->methods[BACKWARD_DATA];
    if (method)
        method->backward_data(&convolution->shape, samples, dy, weights,
                              (const char *)prepared + convolution->prepared_offsets[BACKWARD_DATA],
                              dx, scratch);
    else
        convolution->backend->conv_backward_data(convolution->library, samples, dy, weights,
                                                 prepared, dx, scratch);
}

void convolution_backward_weights(const struct Convolution *convolution, int64_t samples,
                                  const void *x, const void *dy, void *dw, void *dbias,
                                  void *scratch) {
    const struct Method *method = convolution->methods[BACKWARD_WEIGHTS];
    if (method)
        method->backward_weights(&convolution->shape, samples, x, dy, dw, dbias, scratch);
    else
        convolution->backend->conv_backward_weights(convolution->library, samples, x, dy, dw, dbias,
                                                    scratch);
}

bool convolution_is_joint(const struct Convolution *convolution) {
    const struct Method *method = convolution->methods[BACKWARD_DATA];
    return method && method == convolution->methods[BACKWARD_WEIGHTS] && method->backward;
}

void convolution_backward(const struct Convolution *convolution, int64_t samples, const void *x,
                          const void *dy, const void *weights, const void *prepared, void *dx,
                          void *dw, void *dbias, void *scratch) {
    CHECK(convolution_is_joint(convolution));
    convolution->methods[BACKWARD_DATA]->backward(&convolution->shape, samples, x, dy, weights,
                                                  (const char *)prepared +
                                                      convolution->prepared_offsets[BACKWARD_DATA],
                                                  dx, dw, dbias, scratch);
}
