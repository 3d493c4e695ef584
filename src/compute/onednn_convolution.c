/* Convolution by oneDNN: a primitive for each pass and number of samples, created in advance. In
 * bf16 a linear layer, a 1×1 convolution of an image of one pixel, is its inner product. */
#include <string.h>

#include "base/memory.h"
#include "compute/onednn.h"
#include "compute/onednn_primitive.h"

/* oneDNN's ReLU turns NaN into 0; its ReLU with a slope keeps NaN. The slope is so small that what
 * is left of negative values disappears in rounding, but large enough to make
 * no denormal numbers. */
#define RELU_SLOPE 1e-30f

/* Layouts of the weights: each pass and each number of samples may need another. */
#define LAYOUTS 8

struct Layouted { /* the weights in one of oneDNN's layouts, at `offset` of `prepared` */
    Layout layout;
    struct Primitive reorder;
    size_t offset;
    unsigned passes; /* that read it */
};

struct Counted { /* for one number of samples */
    int64_t samples;
    struct Primitive pass[PASS_COUNT];
    int layout[PASS_COUNT];   /* the weights' index in `layouts`; −1: OHWI as they are */
    struct Primitive reorder; /* the weights' gradient to OHWI, if it comes in another layout */
    size_t gradient_bytes;    /* of that gradient in the other layout, at the start of scratch */
};

struct Conv {
    struct Plain own;
    struct Conv *plain;               /* backend "openblas", for the other passes; NULL in bf16 */
    int64_t out_pixels, out_channels; /* of a sample */
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    bool linear;                /* by inner products */
    dnnl_memory_desc_t weights; /* OHWI, float */
    bool relu;                  /* after forward */
    float *zeros;               /* the bias of a convolution that has none */
    struct Counted *counts;
    int count_count;
    struct Layouted layouts[LAYOUTS];
    int layout_count;
    size_t prepared_bytes, plain_offset, reorder_offset; /* parts of `prepared` */
    size_t scratch_bytes;
};

/* False for the reference loops, which are far slower than backend "openblas". */
static bool optimised(const char *implementation) {
    return strncmp(implementation, "ref", 3) != 0;
}

static bool is_linear(const struct ConvShape *s) {
    return s->groups == 1 && s->height * s->width * s->out_height * s->out_width == 1 &&
           s->kernel_height * s->kernel_width == 1;
}

static dnnl_status_t describe_weights(dnnl_memory_desc_t *description, const struct ConvShape *s,
                                      bool linear, dnnl_data_type_t type, bool any) {
    if (s->groups == 1) {
        dnnl_dims_t sizes = {s->out_channels, s->in_channels, s->kernel_height, s->kernel_width};
        dnnl_format_tag_t tag = linear ? dnnl_oi : dnnl_ohwi;
        return describe_layout(description, linear ? 2 : 4, sizes, type,
                               any ? dnnl_format_tag_any : tag);
    }
    dnnl_dims_t sizes = {s->groups, s->out_channels / s->groups, s->in_channels / s->groups,
                         s->kernel_height, s->kernel_width};
    return describe_layout(description, 5, sizes, type, any ? dnnl_format_tag_any : dnnl_gohwi);
}

/* `type`: of x, y and the weights that are multiplied. */
static bool geometry_describe(struct Geometry *g, const struct ConvShape *s, bool linear,
                              int64_t samples, dnnl_data_type_t type) {
    dnnl_dims_t x = {samples, s->in_channels, s->height, s->width};
    dnnl_dims_t y = {samples, s->out_channels, s->out_height, s->out_width};
    dnnl_dims_t bias = {s->out_channels};
    *g = (struct Geometry){.strides = {s->stride_height, s->stride_width},
                           .dilates = {s->dilation_height - 1, s->dilation_width - 1},
                           .padding = {s->pad_height, s->pad_width}};
    int rank = linear ? 2 : 4;
    dnnl_format_tag_t tag = linear ? dnnl_nc : dnnl_nhwc;
    return describe_layout(&g->x, rank, x, type, tag) == dnnl_success &&
           describe_layout(&g->y, rank, y, type, tag) == dnnl_success &&
           describe_layout(&g->bias, 1, bias, dnnl_f32, dnnl_a) == dnnl_success &&
           describe_weights(&g->weights, s, linear, type, true) == dnnl_success &&
           describe_weights(&g->gradient, s, linear, dnnl_f32, true) == dnnl_success;
}

static void geometry_release(struct Geometry *g) {
    forget_layout(&g->x);
    forget_layout(&g->y);
    forget_layout(&g->bias);
    forget_layout(&g->weights);
    forget_layout(&g->gradient);
}

static bool reorder_make(struct Conv *conv, struct Primitive *reorder, Layout from, Layout to) {
    const int arguments[] = {DNNL_ARG_FROM, DNNL_ARG_TO};
    dnnl_primitive_attr_t attributes = primitive__attributes();
    dnnl_status_t status = dnnl_reorder_primitive_desc_create(
        &reorder->description, from, conv->engine, to, conv->engine, attributes);
    dnnl_primitive_attr_destroy(attributes);
    if (status == dnnl_success)
        primitive__finish(reorder, conv->engine, arguments, 2);
    else
        reorder->description = NULL;
    return status == dnnl_success;
}

/* The index of the layout, which a pass reads, in conv->layouts, where it is added if it is new.
 * −1: it is OHWI; −2: it cannot be added. */
static int layout_index(struct Conv *conv, Layout layout, enum Pass pass) {
    if (dnnl_memory_desc_equal(layout, BORROW(conv->weights)))
        return -1;
    for (int i = 0; i < conv->layout_count; i++)
        if (dnnl_memory_desc_equal(layout, conv->layouts[i].layout)) {
            conv->layouts[i].passes |= PASS_BIT(pass);
            return i;
        }
    if (conv->layout_count == LAYOUTS)
        return -2;
    struct Layouted *made = &conv->layouts[conv->layout_count];
    made->layout = layout;
    made->passes = PASS_BIT(pass);
    made->offset = conv->prepared_bytes;
    if (!reorder_make(conv, &made->reorder, BORROW(conv->weights), layout))
        return -2;
    conv->prepared_bytes += primitive__bytes(&made->reorder, DNNL_ARG_TO);
    return conv->layout_count++;
}

/* Finds the layout of the weights or, for backward weights, of their gradient. */
static bool weights_connect(struct Conv *conv, struct Counted *counted, enum Pass pass) {
    struct Primitive *primitive = &counted->pass[pass];
    if (pass != BACKWARD_WEIGHTS) {
        counted->layout[pass] =
            layout_index(conv, primitive__layout(primitive, DNNL_ARG_WEIGHTS), pass);
        return counted->layout[pass] != -2;
    }
    Layout layout = primitive__layout(primitive, DNNL_ARG_DIFF_WEIGHTS);
    if (dnnl_memory_desc_equal(layout, BORROW(conv->weights)))
        return true;
    counted->gradient_bytes = primitive__bytes(primitive, DNNL_ARG_DIFF_WEIGHTS);
    return reorder_make(conv, &counted->reorder, layout, BORROW(conv->weights));
}

/* `called`: false for a forward pass that only the descriptions of the others refer to. */
static void pass_make(struct Conv *conv, struct Counted *counted, const struct Geometry *geometry,
                      enum Pass pass, bool called) {
    static const int arguments[PASS_COUNT][PRIMITIVE_ARGUMENTS] = {
        [FORWARD] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_BIAS, DNNL_ARG_DST},
        [BACKWARD_DATA] = {DNNL_ARG_DIFF_DST, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_SRC},
        [BACKWARD_WEIGHTS] = {DNNL_ARG_SRC, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_WEIGHTS}};
    struct Primitive *primitive = &counted->pass[pass];
    dnnl_primitive_attr_t attributes = primitive__attributes();
    if (conv->relu)
        primitive__attach(attributes, append_relu, RELU_SLOPE);
    dnnl_status_t status = (conv->linear ? describe_linear : describe_pass)(
        &primitive->description, pass, geometry, conv->engine, attributes,
        counted->pass[FORWARD].description);
    dnnl_primitive_attr_destroy(attributes);
    const char *implementation = "ref";
    if (status != dnnl_success)
        primitive->description = NULL;
    else
        dnnl_primitive_desc_query(primitive->description, dnnl_query_impl_info_str, 0,
                                  (void *)&implementation);
    if (status != dnnl_success || !optimised(implementation) || !called ||
        !weights_connect(conv, counted, pass))
        return;
    primitive__finish(primitive, conv->engine, arguments[pass], pass == FORWARD ? 4 : 3);
    size_t bytes = counted->gradient_bytes * (pass == BACKWARD_WEIGHTS) +
                   primitive__bytes(primitive, DNNL_ARG_SCRATCHPAD);
    if (pass == BACKWARD_WEIGHTS && counted->reorder.description)
        bytes += primitive__bytes(&counted->reorder, DNNL_ARG_SCRATCHPAD);
    if (bytes > conv->scratch_bytes)
        conv->scratch_bytes = bytes;
}

void onednn__conv_release(struct Conv *conv) {
    if (!conv)
        return;
    for (int i = 0; i < conv->count_count; i++) {
        for (int pass = 0; pass < PASS_COUNT; pass++)
            primitive__release(&conv->counts[i].pass[pass]);
        primitive__release(&conv->counts[i].reorder);
    }
    for (int i = 0; i < conv->layout_count; i++)
        primitive__release(&conv->layouts[i].reorder);
    forget_layout(&conv->weights);
    if (conv->stream)
        dnnl_stream_destroy(conv->stream);
    if (conv->engine)
        dnnl_engine_destroy(conv->engine);
    if (conv->plain)
        conv->own.backend->conv_release(conv->plain);
    memory_release(conv->zeros);
    memory_release(conv->counts);
    memory_release(conv);
}

static struct Counted *counted_find(const struct Conv *conv, int64_t samples) {
    for (int i = 0; i < conv->count_count; i++)
        if (conv->counts[i].samples == samples)
            return &conv->counts[i];
    return NULL;
}

/* Makes the passes for one number of samples; false if oneDNN itself fails, or, in bf16, does one
 * of them slowly. */
static bool counted_make(struct Conv *conv, const struct ConvShape *shape, int64_t samples,
                         unsigned passes) {
    struct Geometry geometry;
    bool described = geometry_describe(&geometry, shape, conv->linear, samples,
                                       conv->own.backend ? dnnl_f32 : dnnl_bf16);
    if (described) {
        struct Counted *counted = &conv->counts[conv->count_count++];
        counted->samples = samples;
        for (int pass = FORWARD; pass < PASS_COUNT; pass++)
            if (pass == FORWARD || passes & PASS_BIT(pass))
                pass_make(conv, counted, &geometry, (enum Pass)pass, passes & PASS_BIT(pass));
    }
    geometry_release(&geometry);
    for (int pass = 0; described && !conv->own.backend && pass < PASS_COUNT; pass++)
        if (passes & PASS_BIT(pass) && !counted_find(conv, samples)->pass[pass].primitive)
            return false;
    return described;
}

/* Adds the space of backend "openblas" and of the reorders after that of oneDNN's layouts. */
static void spaces_finish(struct Conv *conv) {
    const struct Backend *plain = conv->own.backend;
    size_t scratch = plain ? plain->conv_scratch_bytes(conv->plain) : 0, reorder = 0;
    if (scratch > conv->scratch_bytes)
        conv->scratch_bytes = scratch;
    conv->plain_offset = conv->prepared_bytes;
    conv->reorder_offset =
        conv->plain_offset + (plain ? memory_round_up(plain->conv_prepared_bytes(conv->plain)) : 0);
    for (int i = 0; i < conv->layout_count; i++) {
        size_t bytes = primitive__bytes(&conv->layouts[i].reorder, DNNL_ARG_SCRATCHPAD);
        reorder = bytes > reorder ? bytes : reorder;
    }
    conv->prepared_bytes = conv->reorder_offset + reorder;
}

int onednn__conv_create(struct Plain own, struct Conv **conv, const struct ConvShape *shape,
                        const int64_t *samples, int sample_counts, unsigned passes,
                        struct Error *error) {
    struct Conv *made = memory_allocate(sizeof *made, "convolution");
    made->own = own;
    made->out_pixels = shape->out_height * shape->out_width;
    made->out_channels = shape->out_channels;
    made->relu = shape->relu;
    made->linear = !own.backend && is_linear(shape);
    CHECK(!shape->relu || passes == PASS_BIT(FORWARD));
    made->zeros = memory_array(float, shape->out_channels, "zero bias");
    made->counts = memory_array(struct Counted, sample_counts, "convolution");
    int code = own.backend ? own.backend->conv_create(&made->plain, shape, samples, sample_counts,
                                                      passes, error)
                           : OK;
    if (code) {
        onednn__conv_release(made);
        return code;
    }
    bool there =
        dnnl_engine_create(&made->engine, dnnl_cpu, 0) == dnnl_success &&
        dnnl_stream_create(&made->stream, made->engine, dnnl_stream_default_flags) ==
            dnnl_success &&
        describe_weights(&made->weights, shape, made->linear, dnnl_f32, false) == dnnl_success;
    for (int i = 0; there && i < sample_counts; i++)
        if (!counted_find(made, samples[i]))
            there = counted_make(made, shape, samples[i], passes);
    if (!there) {
        onednn__conv_release(made);
        return fail(error, ERROR_SYSTEM, "oneDNN cannot compute this convolution");
    }
    spaces_finish(made);
    *conv = made;
    return OK;
}

size_t onednn__conv_scratch_bytes(const struct Conv *conv) {
    return conv->scratch_bytes;
}

size_t onednn__conv_prepared_bytes(const struct Conv *conv) {
    return conv->prepared_bytes;
}

void onednn__conv_prepare(const struct Conv *conv, unsigned passes, const void *weights,
                          void *prepared) {
    char *space = prepared;
    for (int i = 0; i < conv->layout_count; i++) {
        const struct Layouted *layouted = &conv->layouts[i];
        if (!(layouted->passes & passes))
            continue;
        primitive__set(&layouted->reorder, 0, weights);
        primitive__set(&layouted->reorder, 1, space + layouted->offset);
        primitive__run(&layouted->reorder, conv->stream, space + conv->reorder_offset);
    }
    if (conv->plain)
        conv->own.backend->conv_prepare(conv->plain, passes, weights, space + conv->plain_offset);
}

static const struct Counted *counted_of(const struct Conv *conv, int64_t samples) {
    const struct Counted *counted = counted_find(conv, samples);
    CHECK(counted); /* conv_create was told every number of samples */
    return counted;
}

static const void *weights_of(const struct Conv *conv, int layout, const void *weights,
                              const void *prepared) {
    return layout < 0 ? weights : (const char *)prepared + conv->layouts[layout].offset;
}

void onednn__conv_forward(const struct Conv *conv, int64_t samples, const void *x,
                          const void *weights, const void *prepared, const void *bias, void *y,
                          void *scratch) {
    const struct Counted *counted = counted_of(conv, samples);
    const struct Primitive *pass = &counted->pass[FORWARD];
    if (!pass->primitive) {
        conv->own.backend->conv_forward(conv->plain, samples, x, weights,
                                        (const char *)prepared + conv->plain_offset, bias, y,
                                        scratch);
        return;
    }
    primitive__set(pass, 0, x);
    primitive__set(pass, 1, weights_of(conv, counted->layout[FORWARD], weights, prepared));
    primitive__set(pass, 2, bias ? bias : conv->zeros);
    primitive__set(pass, 3, y);
    primitive__run(pass, conv->stream, scratch);
}

void onednn__conv_backward_data(const struct Conv *conv, int64_t samples, const void *dy,
                                const void *weights, const void *prepared, void *dx,
                                void *scratch) {
    const struct Counted *counted = counted_of(conv, samples);
    const struct Primitive *pass = &counted->pass[BACKWARD_DATA];
    if (!pass->primitive) {
        conv->own.backend->conv_backward_data(conv->plain, samples, dy, weights,
                                              (const char *)prepared + conv->plain_offset, dx,
                                              scratch);
        return;
    }
    primitive__set(pass, 0, dy);
    primitive__set(pass, 1, weights_of(conv, counted->layout[BACKWARD_DATA], weights, prepared));
    primitive__set(pass, 2, dx);
    primitive__run(pass, conv->stream, scratch);
}

void onednn__conv_backward_weights(const struct Conv *conv, int64_t samples, const void *x,
                                   const void *dy, void *dw, void *dbias, void *scratch) {
    const struct Counted *counted = counted_of(conv, samples);
    const struct Primitive *pass = &counted->pass[BACKWARD_WEIGHTS];
    if (!pass->primitive) {
        conv->own.backend->conv_backward_weights(conv->plain, samples, x, dy, dw, dbias, scratch);
        return;
    }
    bool reordered = counted->reorder.primitive;
    char *scratchpad = (char *)scratch + counted->gradient_bytes;
    primitive__set(pass, 0, x);
    primitive__set(pass, 1, dy);
    primitive__set(pass, 2, reordered ? scratch : dw);
    primitive__run(pass, conv->stream, scratchpad);
    if (reordered) {
        primitive__set(&counted->reorder, 0, scratch);
        primitive__set(&counted->reorder, 1, dw);
        primitive__run(&counted->reorder, conv->stream, scratchpad);
    }
    if (dbias)
        conv->own.sum(samples * conv->out_pixels, conv->out_channels, dy, dbias);
}
