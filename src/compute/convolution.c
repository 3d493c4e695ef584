#include "compute/convolution.h"

#include "base/memory.h"
#include "compute/library.h"
#include "compute/method.h"
#include "compute/pixels.h"
#include "compute/products.h"
#include "compute/strips.h"
#include "compute/winograd.h"

const char *const convolution_rule_names[] = {[CONVOLUTION_AUTO] = "auto",
                                              [CONVOLUTION_DIRECT] = "direct",
                                              [CONVOLUTION_WINOGRAD] = "winograd",
                                              [CONVOLUTION_FASTEST_1] = "fastest-1",
                                              [CONVOLUTION_FASTEST_2] = "fastest-2",
                                              [CONVOLUTION_BF16_1] = "bf16-1",
                                              [CONVOLUTION_FASTEST_3] = "fastest-3",
                                              [CONVOLUTION_FASTEST_4] = "fastest-4",
                                              [CONVOLUTION_FASTEST_5] = "fastest-5",
                                              [CONVOLUTION_BF16_2] = "bf16-2",
                                              NULL};

enum ConvolutionRule convolution_rule(enum ConvolutionRule rule, enum Precision precision) {
    if (rule != CONVOLUTION_AUTO)
        return rule;
    return precision == PRECISION_BF16 ? CONVOLUTION_BF16_2 : CONVOLUTION_FASTEST_5;
}

/* ---- the rule ---- */

/* The first row that the rule has and that holds for a pass of a shape, and whose method serves it;
 * if there is none, the library, in bf16 by its kernels for it where the CPU has instructions. A
 * bound of 0 is none, as is a kernel, a stride or a variant of 0. */
struct Row {
    const struct Method *(*method)(enum Variant variant, enum Precision precision);
    unsigned passes;
    int64_t kernel, stride;               /* exactly, in both directions */
    int64_t least_in, most_in, least_out; /* channels of a group */
    int64_t least_side, most_side;        /* of the output, in both directions */
    enum Variant variant;                 /* alone */
    enum ConvolutionRule since;           /* the first rule that has the row; 0: all */
};

static const struct Row fastest[] = {
    {winograd__method, EVERY_PASS, .kernel = 3, .stride = 1, .least_side = 3},
    {strips__method, PASS_BIT(FORWARD), .kernel = 3, .stride = 1, .most_in = 4},
    {strips__method, PASS_BIT(BACKWARD_WEIGHTS), .kernel = 3, .stride = 1, .most_in = 4,
     .least_out = 32},
    {pixels__method, PASS_BIT(BACKWARD_WEIGHTS), .kernel = 3, .stride = 2, .least_in = 64,
     .variant = VARIANT_F32_V3, .since = CONVOLUTION_FASTEST_5},
    {strips__method, PASS_BIT(FORWARD), .kernel = 3, .stride = 2, .least_in = 16,
     .variant = VARIANT_F32_V3, .since = CONVOLUTION_FASTEST_5},
    {strips__method, PASS_BIT(BACKWARD_DATA), .kernel = 3, .stride = 2, .least_in = 32,
     .variant = VARIANT_F32_V3, .since = CONVOLUTION_FASTEST_5},
    {strips__method, PASS_BIT(FORWARD), .kernel = 3, .stride = 2, .least_in = 16, .most_in = 16},
    {strips__method, PASS_BIT(BACKWARD_DATA), .kernel = 3, .stride = 2, .least_in = 32,
     .most_in = 64},
    {strips__method, PASS_BIT(BACKWARD_WEIGHTS), .kernel = 3, .stride = 2, .least_in = 32},
    {products__method, PASS_BIT(BACKWARD_WEIGHTS), .kernel = 1, .stride = 1, .most_side = 1,
     .since = CONVOLUTION_FASTEST_2},
    {products__method, PASS_BIT(FORWARD) | PASS_BIT(BACKWARD_DATA), .kernel = 1, .stride = 1,
     .most_side = 1, .variant = VARIANT_F32_V3, .since = CONVOLUTION_FASTEST_3},
    {pixels__method, PASS_BIT(BACKWARD_WEIGHTS), .kernel = 1, .least_side = 8,
     .variant = VARIANT_F32_V3, .since = CONVOLUTION_FASTEST_4},
    {pixels__method, PASS_BIT(BACKWARD_DATA), .kernel = 1, .most_in = 64, .least_side = 2,
     .variant = VARIANT_F32_V3, .since = CONVOLUTION_FASTEST_4},
    {pixels__method, PASS_BIT(BACKWARD_DATA), .kernel = 1, .least_side = 2, .most_side = 7,
     .variant = VARIANT_F32_V3, .since = CONVOLUTION_FASTEST_4},
    {NULL},
};

/* BF16_1 and BF16_2 without instructions for bf16: the library would compute on copies in fp32, and
 * our own kernels convert what they read and write. */
static const struct Row bf16_copying[] = {
    {winograd__method, EVERY_PASS, .kernel = 3, .stride = 1, .least_side = 3},
    {strips__method, .passes = EVERY_PASS},
    {NULL},
};

/* The same with AVX512_BF16: products of bf16 run at twice the rate of fp32, which Winograd's 2.25
 * to 4 times fewer products beat (Zen 4, one core, GF/s as direct: Winograd 200 to 390 forward and
 * backward data, 180 to 290 backward weights; oneDNN in bf16 212 to 261 and 175 to 232). Where
 * Winograd's kernels do not serve, the library does, except that its kernels for the gradient of an
 * image of few channels are slow (35). */
static const struct Row bf16_avx512[] = {
    {winograd__method, EVERY_PASS, .kernel = 3, .stride = 1, .least_side = 3},
    {strips__method, PASS_BIT(BACKWARD_DATA), .most_in = 4},
    {NULL},
};

/* The same with AMX: tiles multiply 14 times as fast as fp32 does, so that the library's forward
 * and backward data reach 490 to 1310 GF/s on 3×3 convolutions of 16 to 256 channels (Sapphire
 * Rapids, one core), against 200 to 400 of Winograd's. Its backward weights reach 330 to 570,
 * against Winograd's 210 to 320, but on 256 channels only 311 against 340. */
static const struct Row bf16_amx[] = {
    {winograd__method, PASS_BIT(BACKWARD_WEIGHTS), .kernel = 3, .stride = 1, .least_in = 256,
     .least_out = 256, .least_side = 3},
    {strips__method, PASS_BIT(BACKWARD_WEIGHTS), .kernel = 3, .most_in = 4},
    {NULL},
};

static const struct Row *const rows_of_bf16[] = {
    [BF16_NOT_NATIVE] = bf16_copying, [BF16_AVX512] = bf16_avx512, [BF16_AMX] = bf16_amx};

static bool within(int64_t value, int64_t least, int64_t most) {
    return value >= least && (!most || value <= most);
}

static bool exactly(int64_t value, int64_t wanted) {
    return !wanted || value == wanted;
}

static bool holds(const struct Row *row, const struct ConvShape *s, enum Pass pass) {
    return row->passes & PASS_BIT(pass) && exactly(s->kernel_height, row->kernel) &&
           exactly(s->kernel_width, row->kernel) && exactly(s->stride_height, row->stride) &&
           exactly(s->stride_width, row->stride) &&
           within(s->in_channels / s->groups, row->least_in, row->most_in) &&
           within(s->out_channels / s->groups, row->least_out, 0) &&
           within(s->out_height, row->least_side, row->most_side) &&
           within(s->out_width, row->least_side, row->most_side);
}

static enum Bf16Products products_of(const struct Backend *backend,
                                     const enum Bf16Products *as_if) {
    if (!backend->bf16)
        return BF16_NOT_NATIVE;
    return as_if ? *as_if : backend_bf16();
}

/* The method that serves a pass; NULL: the library. */
static const struct Method *choose(const struct ConvolutionRequest *request, enum Pass pass) {
    enum ConvolutionRule rule = request->rule;
    const struct Method *winograd = winograd__method(request->variant, request->precision);
    if (rule == CONVOLUTION_DIRECT)
        return NULL;
    if (rule == CONVOLUTION_WINOGRAD && winograd->serves(request->shape, pass))
        return winograd;
    if (rule == CONVOLUTION_WINOGRAD)
        rule = request->precision == PRECISION_BF16 ? CONVOLUTION_BF16_1 : CONVOLUTION_FASTEST_1;
    rule = convolution_rule(rule, request->precision);
    const struct Row *row = fastest;
    bool for_bf16 = rule == CONVOLUTION_BF16_1 || rule == CONVOLUTION_BF16_2;
    if (for_bf16 && request->precision == PRECISION_BF16)
        row = rows_of_bf16[products_of(request->backend, request->as_if)];
    else if (for_bf16)
        rule = CONVOLUTION_FASTEST_2;
    for (; row->method; row++) {
        const struct Method *method = row->method(request->variant, request->precision);
        if (rule >= row->since && (!row->variant || row->variant == request->variant) &&
            holds(row, request->shape, pass) && method && method->serves(request->shape, pass))
            return method;
    }
    return NULL;
}

unsigned convolution_own_passes(const struct ConvolutionRequest *request) {
    unsigned own = 0;
    for (int pass = 0; pass < PASS_COUNT; pass++)
        if (request->passes & PASS_BIT(pass) && choose(request, (enum Pass)pass))
            own |= PASS_BIT(pass);
    return own;
}

bool convolution_linear_in_bf16(enum ConvolutionRule rule, const struct Backend *backend) {
    return convolution_rule(rule, PRECISION_BF16) == CONVOLUTION_BF16_2 &&
           products_of(backend, NULL) != BF16_NOT_NATIVE;
}

static bool pass_normalises(const struct ConvolutionRequest *request, enum Pass pass) {
    const struct Method *method = choose(request, pass);
    return method && method->normalises && method->normalises(request->shape);
}

bool convolution_normalises(const struct ConvolutionRequest *request) {
    return pass_normalises(request, FORWARD) && pass_normalises(request, BACKWARD_WEIGHTS);
}

/* ---- a convolution ---- */

struct Convolution {
    struct ConvShape shape;
    struct Library *library; /* NULL: it serves no pass */
    unsigned passes;
    const struct Method *methods[PASS_COUNT]; /* NULL: the library */
    /* Where the methods' parts begin: after the library's, or, if passes are prepared in turn, in
     * its place. */
    size_t prepared_offsets[PASS_COUNT];
    bool in_turn;
    size_t prepared_bytes, scratch_bytes;
};

static int make_library(struct Convolution *made, const struct ConvolutionRequest *request,
                        unsigned passes, struct Error *error) {
    if (!passes)
        return OK;
    bool native = request->precision == PRECISION_BF16 &&
                  products_of(request->backend, request->as_if) != BF16_NOT_NATIVE;
    int code = library__create(&made->library, request, passes, native ? passes : 0, error);
    if (code)
        return code;
    made->prepared_bytes = library__prepared_bytes(made->library);
    made->scratch_bytes = library__scratch_bytes(made->library);
    return OK;
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static void make_room(struct Convolution *made, enum Pass pass, int64_t samples) {
    const struct Method *method = made->methods[pass];
    if (method->scratch_bytes)
        made->scratch_bytes =
            larger(made->scratch_bytes, method->scratch_bytes(&made->shape, pass, samples));
    made->prepared_offsets[pass] = made->in_turn ? 0 : memory_round_up(made->prepared_bytes);
    if (method->prepared_bytes)
        made->prepared_bytes =
            larger(made->prepared_bytes,
                   made->prepared_offsets[pass] + method->prepared_bytes(&made->shape, pass));
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
    *made = (struct Convolution){
        .shape = *request->shape, .passes = request->passes, .in_turn = request->in_turn};
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
    library__release(convolution->library);
    memory_release(convolution);
}

const char *convolution_kernels(const struct Convolution *convolution, enum Pass pass) {
    if (!(convolution->passes & PASS_BIT(pass)))
        return NULL;
    const struct Method *method = convolution->methods[pass];
    return method ? method->name : library__kernels(convolution->library, pass);
}

size_t convolution_scratch_bytes(const struct Convolution *convolution) {
    return convolution->scratch_bytes;
}

size_t convolution_prepared_bytes(const struct Convolution *convolution) {
    return convolution->prepared_bytes;
}

void convolution_prepare(const struct Convolution *convolution, unsigned passes,
                         const void *weights, void *prepared) {
    if (convolution->library)
        library__prepare(convolution->library, passes, weights, prepared);
    for (int pass = 0; pass < PASS_COUNT; pass++) {
        const struct Method *method = convolution->methods[pass];
        if (passes & PASS_BIT(pass) && method && method->prepare)
            method->prepare(&convolution->shape, (enum Pass)pass, weights,
                            (char *)prepared + convolution->prepared_offsets[pass]);
    }
}

void convolution_forward(const struct Convolution *convolution, int64_t samples,
                         const struct ConvInput *x, const void *weights, const void *prepared,
                         const void *bias, void *y, void *scratch) {
    const struct Method *method = convolution->methods[FORWARD];
    if (method)
        method->forward(&convolution->shape, samples, x, weights,
                        (const char *)prepared + convolution->prepared_offsets[FORWARD], bias, y,
                        scratch);
    else
        library__forward(convolution->library, samples, x->x, weights, prepared, bias, y, scratch);
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
        library__backward_data(convolution->library, samples, dy, weights, prepared, dx, scratch);
}

void convolution_backward_weights(const struct Convolution *convolution, int64_t samples,
                                  const struct ConvInput *x, const void *dy, void *dw, void *dbias,
                                  void *scratch) {
    const struct Method *method = convolution->methods[BACKWARD_WEIGHTS];
    if (method)
        method->backward_weights(&convolution->shape, samples, x, dy, dw, dbias, scratch);
    else
        library__backward_weights(convolution->library, samples, x->x, dy, dw, dbias, scratch);
}

int64_t convolution_pair_samples(const struct Convolution *convolution) {
    const struct Method *method = convolution->methods[BACKWARD_WEIGHTS];
    return method && method->pair_samples ? method->pair_samples(&convolution->shape) : 0;
}

void convolution_backward_weights_of_pair(const struct Convolution *convolution, int64_t samples,
                                          int64_t cut, const struct ConvInput *x, const void *dy,
                                          void *dw, void *dbias, void *scratch) {
    CHECK(0 < cut && cut < samples && samples <= convolution_pair_samples(convolution));
    convolution->methods[BACKWARD_WEIGHTS]->backward_weights_of_pair(
        &convolution->shape, samples, cut, x, dy, dw, dbias, scratch);
}

bool convolution_is_joint(const struct Convolution *convolution) {
    const struct Method *method = convolution->methods[BACKWARD_DATA];
    return method && method == convolution->methods[BACKWARD_WEIGHTS] && method->backward;
}

void convolution_backward(const struct Convolution *convolution, int64_t samples,
                          const struct ConvInput *x, const void *dy, const void *weights,
                          const void *prepared, void *dx, void *dw, void *dbias, void *scratch) {
    CHECK(convolution_is_joint(convolution));
    convolution->methods[BACKWARD_DATA]->backward(&convolution->shape, samples, x, dy, weights,
                                                  (const char *)prepared +
                                                      convolution->prepared_offsets[BACKWARD_DATA],
                                                  dx, dw, dbias, scratch);
}
