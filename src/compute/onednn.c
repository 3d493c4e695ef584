/* Backend "onednn": fp32 convolution by oneDNN on plain NHWC activations, its own choice of
 * weights' layout, everything created before the first step. Compiles against oneDNN 2.6 and 3.x:
 * only the descriptors differ, and stand together at the top. What oneDNN would serve by its
 * reference loops goes to "openblas". An execution allocates nothing of ours; oneDNN itself makes a
 * map of the arguments, about 300 bytes. */
#include <dnnl.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "compute/backend.h"
#include "compute/libraries.h"

/* ---- what differs between oneDNN 2 and 3 ---- */

enum Pass { FORWARD, BACKWARD_DATA, BACKWARD_WEIGHTS, PASS_COUNT };

struct Geometry { /* of one convolution with one number of samples */
    dnnl_memory_desc_t x, weights, bias, y;
    dnnl_dims_t strides, dilates, padding;
};

#if DNNL_VERSION_MAJOR >= 3

typedef const_dnnl_memory_desc_t Layout; /* borrowed */
#define BORROW(description) (description)

static dnnl_status_t describe(dnnl_memory_desc_t *description, int rank, const dnnl_dims_t sizes,
                              dnnl_format_tag_t tag) {
    return dnnl_memory_desc_create_with_tag(description, rank, sizes, dnnl_f32, tag);
}

static dnnl_status_t describe_matrix(dnnl_memory_desc_t *description, const dnnl_dims_t sizes,
                                     const dnnl_dims_t strides) {
    return dnnl_memory_desc_create_with_strides(description, 2, sizes, dnnl_f32, strides);
}

static void forget(dnnl_memory_desc_t *description) {
    if (*description)
        dnnl_memory_desc_destroy(*description);
    *description = NULL;
}

static dnnl_status_t describe_pass(dnnl_primitive_desc_t *made, enum Pass pass,
                                   const struct Geometry *g, dnnl_engine_t engine,
                                   const_dnnl_primitive_attr_t attributes,
                                   const_dnnl_primitive_desc_t forward) {
    switch (pass) {
    case FORWARD:
        return dnnl_convolution_forward_primitive_desc_create(
            made, engine, dnnl_forward_training, dnnl_convolution_direct, g->x, g->weights, g->bias,
            g->y, g->strides, g->dilates, g->padding, g->padding, attributes);
    case BACKWARD_DATA:
        return dnnl_convolution_backward_data_primitive_desc_create(
            made, engine, dnnl_convolution_direct, g->x, g->weights, g->y, g->strides, g->dilates,
            g->padding, g->padding, forward, attributes);
    default:
        return dnnl_convolution_backward_weights_primitive_desc_create(
            made, engine, dnnl_convolution_direct, g->x, g->weights, NULL, g->y, g->strides,
            g->dilates, g->padding, g->padding, forward, attributes);
    }
}

static dnnl_status_t describe_product(dnnl_primitive_desc_t *made, Layout a, Layout b, Layout c,
                                      dnnl_engine_t engine,
                                      const_dnnl_primitive_attr_t attributes) {
    return dnnl_matmul_primitive_desc_create(made, engine, a, b, NULL, c, attributes);
}

static dnnl_status_t append_sum(dnnl_post_ops_t operations, float scale) {
    return dnnl_post_ops_append_sum(operations, scale, 0, dnnl_f32);
}

static dnnl_status_t append_relu(dnnl_post_ops_t operations, float slope) {
    return dnnl_post_ops_append_eltwise(operations, dnnl_eltwise_relu, slope, 0);
}

#else

typedef const dnnl_memory_desc_t *Layout;
#define BORROW(description) (&(description))

static dnnl_status_t describe(dnnl_memory_desc_t *description, int rank, const dnnl_dims_t sizes,
                              dnnl_format_tag_t tag) {
    return dnnl_memory_desc_init_by_tag(description, rank, sizes, dnnl_f32, tag);
}

static dnnl_status_t describe_matrix(dnnl_memory_desc_t *description, const dnnl_dims_t sizes,
                                     const dnnl_dims_t strides) {
    return dnnl_memory_desc_init_by_strides(description, 2, sizes, dnnl_f32, strides);
}

static void forget(dnnl_memory_desc_t *description) {
    (void)description; /* a plain struct */
}

static dnnl_status_t describe_pass(dnnl_primitive_desc_t *made, enum Pass pass,
                                   const struct Geometry *g, dnnl_engine_t engine,
                                   const_dnnl_primitive_attr_t attributes,
                                   const_dnnl_primitive_desc_t forward) {
    dnnl_convolution_desc_t operation;
    dnnl_status_t status;
    switch (pass) {
    case FORWARD:
        status = dnnl_dilated_convolution_forward_desc_init(
            &operation, dnnl_forward_training, dnnl_convolution_direct, &g->x, &g->weights,
            &g->bias, &g->y, g->strides, g->dilates, g->padding, g->padding);
        break;
    case BACKWARD_DATA:
        status = dnnl_dilated_convolution_backward_data_desc_init(
            &operation, dnnl_convolution_direct, &g->x, &g->weights, &g->y, g->strides, g->dilates,
            g->padding, g->padding);
        break;
    default:
        status = dnnl_dilated_convolution_backward_weights_desc_init(
            &operation, dnnl_convolution_direct, &g->x, &g->weights, NULL, &g->y, g->strides,
            g->dilates, g->padding, g->padding);
    }
    if (status != dnnl_success)
        return status;
    return dnnl_primitive_desc_create(made, &operation, attributes, engine, forward);
}

static dnnl_status_t describe_product(dnnl_primitive_desc_t *made, Layout a, Layout b, Layout c,
                                      dnnl_engine_t engine,
                                      const_dnnl_primitive_attr_t attributes) {
    dnnl_matmul_desc_t operation;
    dnnl_status_t status = dnnl_matmul_desc_init(&operation, a, b, NULL, c);
    if (status != dnnl_success)
        return status;
    return dnnl_primitive_desc_create(made, &operation, attributes, engine, NULL);
}

static dnnl_status_t append_sum(dnnl_post_ops_t operations, float scale) {
    return dnnl_post_ops_append_sum(operations, scale);
}

static dnnl_status_t append_relu(dnnl_post_ops_t operations, float slope) {
    return dnnl_post_ops_append_eltwise(operations, 1, dnnl_eltwise_relu, slope, 0);
}

#endif

/* ---- one primitive with its arguments, ready to run ---- */

#define ARGUMENTS 5

struct Primitive {
    dnnl_primitive_desc_t description; /* NULL: oneDNN does not serve this */
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t arguments[ARGUMENTS]; /* the last one is the scratchpad */
    int count;
};

static size_t round_up(size_t bytes) {
    return (bytes + MEMORY_ALIGNMENT - 1) / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT;
}

static Layout layout_of(const struct Primitive *primitive, int argument) {
    return dnnl_primitive_desc_query_md(primitive->description, dnnl_query_exec_arg_md, argument);
}

static size_t bytes_of(const struct Primitive *primitive, int argument) {
    return primitive->description
               ? round_up(dnnl_memory_desc_get_size(layout_of(primitive, argument)))
               : 0;
}

/* Attributes of every primitive: the caller's scratchpad, so that it may run on any thread and
 * allocates nothing. */
static dnnl_primitive_attr_t user_scratchpad(void) {
    dnnl_primitive_attr_t attributes;
    CHECK(dnnl_primitive_attr_create(&attributes) == dnnl_success);
    CHECK(dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user) ==
          dnnl_success);
    return attributes;
}

/* oneDNN's own ReLU makes 0 of a NaN; one with a slope lets it pass, and so small a slope leaves of
 * negative values what any rounding swallows, yet no denormal numbers. */
#define RELU_SLOPE 1e-30f

/* Lets a matrix product add to what is there (scale), or a convolution end with a ReLU. */
static void attach(dnnl_primitive_attr_t attributes,
                   dnnl_status_t append(dnnl_post_ops_t operations, float value), float value) {
    dnnl_post_ops_t operations;
    CHECK(dnnl_post_ops_create(&operations) == dnnl_success);
    CHECK(append(operations, value) == dnnl_success);
    CHECK(dnnl_primitive_attr_set_post_ops(attributes, operations) == dnnl_success);
    dnnl_post_ops_destroy(operations);
}

/* `primitive->description` is there; `arguments` are `count` of DNNL_ARG_*, the scratchpad aside.
 */
static void primitive_finish(struct Primitive *primitive, dnnl_engine_t engine,
                             const int *arguments, int count) {
    CHECK(dnnl_primitive_create(&primitive->primitive, primitive->description) == dnnl_success);
    primitive->count = count + 1;
    for (int i = 0; i <= count; i++) {
        dnnl_exec_arg_t *argument = &primitive->arguments[i];
        argument->arg = i < count ? arguments[i] : DNNL_ARG_SCRATCHPAD;
        CHECK(dnnl_memory_create(&argument->memory, layout_of(primitive, argument->arg), engine,
                                 DNNL_MEMORY_NONE) == dnnl_success);
    }
}

static void primitive_release(struct Primitive *primitive) {
    for (int i = 0; i < primitive->count; i++)
        dnnl_memory_destroy(primitive->arguments[i].memory);
    if (primitive->primitive)
        dnnl_primitive_destroy(primitive->primitive);
    if (primitive->description)
        dnnl_primitive_desc_destroy(primitive->description);
}

/* oneDNN's handles are not const; it writes only to what is an output. */
static void set_argument(const struct Primitive *primitive, int i, const void *data) {
    CHECK(dnnl_memory_set_data_handle(primitive->arguments[i].memory, (void *)(uintptr_t)data) ==
          dnnl_success);
}

static void run(const struct Primitive *primitive, dnnl_stream_t stream, const void *scratchpad) {
    set_argument(primitive, primitive->count - 1, scratchpad);
    CHECK(dnnl_primitive_execute(primitive->primitive, stream, primitive->count,
                                 primitive->arguments) == dnnl_success);
    CHECK(dnnl_stream_wait(stream) == dnnl_success);
}

/* ---- convolution ---- */

#define LAYOUTS                                                                                    \
    8 /* of the weights: forward and backward data may want others, as may small counts */

struct Layouted { /* the weights in one of oneDNN's layouts, within `prepared` */
    Layout layout;
    struct Primitive reorder;
    size_t offset;
};

struct Counted { /* for one number of samples */
    int64_t samples;
    struct Primitive pass[PASS_COUNT];
    int layout[PASS_COUNT];   /* the weights', or -1: OHWI as they are */
    struct Primitive reorder; /* of the weights' gradient to OHWI, if it is needed */
    size_t gradient_bytes;    /* of the weights' gradient before that, at the start of scratch */
};

struct Plain { /* our own code in the variant in use */
    const struct Backend *backend;
    void (*sum)(int64_t rows, int64_t channels, const float *matrix, float *sum);
};

struct Conv {
    struct Plain own;
    struct Conv *plain;               /* for the passes that oneDNN does not serve */
    int64_t out_pixels, out_channels; /* of a sample */
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_memory_desc_t weights; /* OHWI */
    bool relu;                  /* behind forward */
    float *zeros;               /* the bias of a convolution without */
    struct Counted *counts;
    int count_count;
    struct Layouted layouts[LAYOUTS];
    int layout_count;
    size_t prepared_bytes, plain_offset, reorder_offset; /* `prepared`: layouts, plain's, scratch */
    size_t scratch_bytes;
};

/* False for the reference loops, which im2col leaves far behind. */
static bool optimised(const char *implementation) {
    return strncmp(implementation, "ref", 3) != 0;
}

static dnnl_status_t describe_weights(dnnl_memory_desc_t *description, const struct ConvShape *s,
                                      bool any) {
    if (s->groups == 1) {
        dnnl_dims_t sizes = {s->out_channels, s->in_channels, s->kernel_height, s->kernel_width};
        return describe(description, 4, sizes, any ? dnnl_format_tag_any : dnnl_ohwi);
    }
    dnnl_dims_t sizes = {s->groups, s->out_channels / s->groups, s->in_channels / s->groups,
                         s->kernel_height, s->kernel_width};
    return describe(description, 5, sizes, any ? dnnl_format_tag_any : dnnl_gohwi);
}

static bool geometry_describe(struct Geometry *g, const struct ConvShape *s, int64_t samples) {
    dnnl_dims_t x = {samples, s->in_channels, s->height, s->width};
    dnnl_dims_t y = {samples, s->out_channels, s->out_height, s->out_width};
    dnnl_dims_t bias = {s->out_channels};
    *g = (struct Geometry){.strides = {s->stride_height, s->stride_width},
                           .dilates = {s->dilation_height - 1, s->dilation_width - 1},
                           .padding = {s->pad_height, s->pad_width}};
    return describe(&g->x, 4, x, dnnl_nhwc) == dnnl_success &&
           describe(&g->y, 4, y, dnnl_nhwc) == dnnl_success &&
           describe(&g->bias, 1, bias, dnnl_a) == dnnl_success &&
           describe_weights(&g->weights, s, true) == dnnl_success;
}

static void geometry_release(struct Geometry *g) {
    forget(&g->x);
    forget(&g->y);
    forget(&g->bias);
    forget(&g->weights);
}

static bool reorder_make(struct Conv *conv, struct Primitive *reorder, Layout from, Layout to) {
    const int arguments[] = {DNNL_ARG_FROM, DNNL_ARG_TO};
    dnnl_primitive_attr_t attributes = user_scratchpad();
    dnnl_status_t status = dnnl_reorder_primitive_desc_create(
        &reorder->description, from, conv->engine, to, conv->engine, attributes);
    dnnl_primitive_attr_destroy(attributes);
    if (status == dnnl_success)
        primitive_finish(reorder, conv->engine, arguments, 2);
    else
        reorder->description = NULL;
    return status == dnnl_success;
}

/* The index in conv->layouts (-1: OHWI), a new one if need be; -2 if that cannot be. */
static int layout_index(struct Conv *conv, Layout layout) {
    if (dnnl_memory_desc_equal(layout, BORROW(conv->weights)))
        return -1;
    for (int i = 0; i < conv->layout_count; i++)
        if (dnnl_memory_desc_equal(layout, conv->layouts[i].layout))
            return i;
    if (conv->layout_count == LAYOUTS)
        return -2;
    struct Layouted *made = &conv->layouts[conv->layout_count];
    made->layout = layout;
    made->offset = conv->prepared_bytes;
    if (!reorder_make(conv, &made->reorder, BORROW(conv->weights), layout))
        return -2;
    conv->prepared_bytes += bytes_of(&made->reorder, DNNL_ARG_TO);
    return conv->layout_count++;
}

/* Where the weights of this pass come from or go to. */
static bool weights_connect(struct Conv *conv, struct Counted *counted, enum Pass pass) {
    struct Primitive *primitive = &counted->pass[pass];
    if (pass != BACKWARD_WEIGHTS) {
        counted->layout[pass] = layout_index(conv, layout_of(primitive, DNNL_ARG_WEIGHTS));
        return counted->layout[pass] != -2;
    }
    Layout layout = layout_of(primitive, DNNL_ARG_DIFF_WEIGHTS);
    if (dnnl_memory_desc_equal(layout, BORROW(conv->weights)))
        return true;
    counted->gradient_bytes = bytes_of(primitive, DNNL_ARG_DIFF_WEIGHTS);
    return reorder_make(conv, &counted->reorder, layout, BORROW(conv->weights));
}

static void pass_make(struct Conv *conv, struct Counted *counted, const struct Geometry *geometry,
                      enum Pass pass) {
    static const int arguments[PASS_COUNT][ARGUMENTS] = {
        [FORWARD] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_BIAS, DNNL_ARG_DST},
        [BACKWARD_DATA] = {DNNL_ARG_DIFF_DST, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_SRC},
        [BACKWARD_WEIGHTS] = {DNNL_ARG_SRC, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_WEIGHTS}};
    struct Primitive *primitive = &counted->pass[pass];
    dnnl_primitive_attr_t attributes = user_scratchpad();
    if (conv->relu)
        attach(attributes, append_relu, RELU_SLOPE);
    dnnl_status_t status = describe_pass(&primitive->description, pass, geometry, conv->engine,
                                         attributes, counted->pass[FORWARD].description);
    dnnl_primitive_attr_destroy(attributes);
    const char *implementation = "ref";
    if (status != dnnl_success)
        primitive->description = NULL;
    else
        dnnl_primitive_desc_query(primitive->description, dnnl_query_impl_info_str, 0,
                                  (void *)&implementation);
    if (status != dnnl_success || !optimised(implementation) ||
        !weights_connect(conv, counted, pass))
        return;
    primitive_finish(primitive, conv->engine, arguments[pass], pass == FORWARD ? 4 : 3);
    size_t bytes = counted->gradient_bytes * (pass == BACKWARD_WEIGHTS) +
                   bytes_of(primitive, DNNL_ARG_SCRATCHPAD);
    if (pass == BACKWARD_WEIGHTS && counted->reorder.description)
        bytes += bytes_of(&counted->reorder, DNNL_ARG_SCRATCHPAD);
    if (bytes > conv->scratch_bytes)
        conv->scratch_bytes = bytes;
}

static void conv_release(struct Conv *conv) {
    if (!conv)
        return;
    for (int i = 0; i < conv->count_count; i++) {
        for (int pass = 0; pass < PASS_COUNT; pass++)
            primitive_release(&conv->counts[i].pass[pass]);
        primitive_release(&conv->counts[i].reorder);
    }
    for (int i = 0; i < conv->layout_count; i++)
        primitive_release(&conv->layouts[i].reorder);
    forget(&conv->weights);
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

/* All passes for one number of samples; false where oneDNN itself fails. */
static bool counted_make(struct Conv *conv, const struct ConvShape *shape, int64_t samples,
                         bool training, bool needs_data) {
    struct Geometry geometry;
    bool described = geometry_describe(&geometry, shape, samples);
    if (described) {
        struct Counted *counted = &conv->counts[conv->count_count++];
        counted->samples = samples;
        pass_make(conv, counted, &geometry, FORWARD);
        if (training && needs_data)
            pass_make(conv, counted, &geometry, BACKWARD_DATA);
        if (training)
            pass_make(conv, counted, &geometry, BACKWARD_WEIGHTS);
    }
    geometry_release(&geometry);
    return described;
}

/* The space of what "openblas" serves, and of the reorders, behind our own. */
static void spaces_finish(struct Conv *conv) {
    size_t plain_scratch = conv->own.backend->conv_scratch_bytes(conv->plain), reorder = 0;
    if (plain_scratch > conv->scratch_bytes)
        conv->scratch_bytes = plain_scratch;
    conv->plain_offset = conv->prepared_bytes;
    conv->reorder_offset =
        conv->plain_offset + round_up(conv->own.backend->conv_prepared_bytes(conv->plain));
    for (int i = 0; i < conv->layout_count; i++) {
        size_t bytes = bytes_of(&conv->layouts[i].reorder, DNNL_ARG_SCRATCHPAD);
        reorder = bytes > reorder ? bytes : reorder;
    }
    conv->prepared_bytes = conv->reorder_offset + reorder;
}

static int create(struct Plain own, struct Conv **conv, const struct ConvShape *shape,
                  const int64_t *samples, int sample_counts, bool training, bool needs_data,
                  struct Error *error) {
    struct Conv *made = memory_allocate(sizeof *made, "convolution");
    made->own = own;
    made->out_pixels = shape->out_height * shape->out_width;
    made->out_channels = shape->out_channels;
    made->relu = shape->relu;
    CHECK(!shape->relu || !training);
    made->zeros = memory_allocate((size_t)shape->out_channels * sizeof(float), "zero bias");
    made->counts = memory_allocate((size_t)sample_counts * sizeof *made->counts, "convolution");
    int status = own.backend->conv_create(&made->plain, shape, samples, sample_counts, training,
                                          needs_data, error);
    if (status != OK) {
        conv_release(made);
        return status;
    }
    bool there = dnnl_engine_create(&made->engine, dnnl_cpu, 0) == dnnl_success &&
                 dnnl_stream_create(&made->stream, made->engine, dnnl_stream_default_flags) ==
                     dnnl_success &&
                 describe_weights(&made->weights, shape, false) == dnnl_success;
    for (int i = 0; there && i < sample_counts; i++)
        if (!counted_find(made, samples[i]))
            there = counted_make(made, shape, samples[i], training, needs_data);
    if (!there) {
        conv_release(made);
        return fail(error, ERROR_SYSTEM, "oneDNN cannot describe this convolution");
    }
    spaces_finish(made);
    *conv = made;
    return OK;
}

static size_t conv_scratch_bytes(const struct Conv *conv) {
    return conv->scratch_bytes;
}

static size_t conv_prepared_bytes(const struct Conv *conv) {
    return conv->prepared_bytes;
}

static void conv_prepare(const struct Conv *conv, const void *weights, void *prepared) {
    char *space = prepared;
    for (int i = 0; i < conv->layout_count; i++) {
        const struct Layouted *layouted = &conv->layouts[i];
        set_argument(&layouted->reorder, 0, weights);
        set_argument(&layouted->reorder, 1, space + layouted->offset);
        run(&layouted->reorder, conv->stream, space + conv->reorder_offset);
    }
    conv->own.backend->conv_prepare(conv->plain, weights, space + conv->plain_offset);
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

static void conv_forward(const struct Conv *conv, int64_t samples, const void *x,
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
    set_argument(pass, 0, x);
    set_argument(pass, 1, weights_of(conv, counted->layout[FORWARD], weights, prepared));
    set_argument(pass, 2, bias ? bias : conv->zeros);
    set_argument(pass, 3, y);
    run(pass, conv->stream, scratch);
}

static void conv_backward_data(const struct Conv *conv, int64_t samples, const void *dy,
                               const void *weights, const void *prepared, void *dx, void *scratch) {
    const struct Counted *counted = counted_of(conv, samples);
    const struct Primitive *pass = &counted->pass[BACKWARD_DATA];
    if (!pass->primitive) {
        conv->own.backend->conv_backward_data(conv->plain, samples, dy, weights,
                                              (const char *)prepared + conv->plain_offset, dx,
                                              scratch);
        return;
    }
    set_argument(pass, 0, dy);
    set_argument(pass, 1, weights_of(conv, counted->layout[BACKWARD_DATA], weights, prepared));
    set_argument(pass, 2, dx);
    run(pass, conv->stream, scratch);
}

static void conv_backward_weights(const struct Conv *conv, int64_t samples, const void *x,
                                  const void *dy, void *dw, void *dbias, void *scratch) {
    const struct Counted *counted = counted_of(conv, samples);
    const struct Primitive *pass = &counted->pass[BACKWARD_WEIGHTS];
    if (!pass->primitive) {
        conv->own.backend->conv_backward_weights(conv->plain, samples, x, dy, dw, dbias, scratch);
        return;
    }
    bool reordered = counted->reorder.primitive;
    char *scratchpad = (char *)scratch + counted->gradient_bytes;
    set_argument(pass, 0, x);
    set_argument(pass, 1, dy);
    set_argument(pass, 2, reordered ? scratch : dw);
    run(pass, conv->stream, scratchpad);
    if (reordered) {
        set_argument(&counted->reorder, 0, scratch);
        set_argument(&counted->reorder, 1, dw);
        run(&counted->reorder, conv->stream, scratchpad);
    }
    if (dbias)
        conv->own.sum(samples * conv->out_pixels, conv->out_channels, dy, dbias);
}

/* ---- matrix product ---- */

/* matmul by oneDNN's "brg" kernels beats OpenBLAS (AVX-512: 110 to 87-101 GF/s); its other one, for
 * older instruction sets, loses up to half (AVX2: 50 to 97). dnnl_sgemm allocates in every call.
 * gemm() has no object to keep a primitive in, so each thread remembers the shapes it met last;
 * what is computed depends on the arguments alone. */
#define PRODUCTS 64

struct Product {
    struct ProductKey {
        int64_t m, n, k, lda, ldb, ldc;
        double beta;
        int64_t transpose_a, transpose_b, threads;
    } key;
    struct Primitive primitive; /* unfinished where OpenBLAS is to do it */
    void *scratchpad;
};

static _Thread_local struct {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    struct Product *products;
    int count, oldest;
} remembered;

static void product_describe(struct Product *product) {
    const struct ProductKey *key = &product->key;
    dnnl_dims_t a_sizes = {key->m, key->k}, a_strides = {key->lda, 1}, a_turned = {1, key->lda};
    dnnl_dims_t b_sizes = {key->k, key->n}, b_strides = {key->ldb, 1}, b_turned = {1, key->ldb};
    dnnl_dims_t c_sizes = {key->m, key->n}, c_strides = {key->ldc, 1};
    dnnl_memory_desc_t a, b, c;
    CHECK(describe_matrix(&a, a_sizes, key->transpose_a ? a_turned : a_strides) == dnnl_success);
    CHECK(describe_matrix(&b, b_sizes, key->transpose_b ? b_turned : b_strides) == dnnl_success);
    CHECK(describe_matrix(&c, c_sizes, c_strides) == dnnl_success);
    dnnl_primitive_attr_t attributes = user_scratchpad();
    if (key->beta != 0)
        attach(attributes, append_sum, (float)key->beta);
    if (describe_product(&product->primitive.description, BORROW(a), BORROW(b), BORROW(c),
                         remembered.engine, attributes) != dnnl_success)
        product->primitive.description = NULL;
    dnnl_primitive_attr_destroy(attributes);
    forget(&a);
    forget(&b);
    forget(&c);
}

static void product_make(struct Product *product) {
    const int arguments[] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST};
    product_describe(product);
    const char *implementation = "none";
    if (product->primitive.description)
        dnnl_primitive_desc_query(product->primitive.description, dnnl_query_impl_info_str, 0,
                                  (void *)&implementation);
    if (strncmp(implementation, "brg", 3) != 0)
        return;
    primitive_finish(&product->primitive, remembered.engine, arguments, 3);
    product->scratchpad =
        memory_allocate(bytes_of(&product->primitive, DNNL_ARG_SCRATCHPAD), "matrix product");
}

static const struct Product *product_of(const struct ProductKey *key) {
    for (int i = 0; i < remembered.count; i++)
        if (!memcmp(&remembered.products[i].key, key, sizeof *key))
            return &remembered.products[i];
    if (!remembered.count) {
        remembered.products =
            memory_allocate(PRODUCTS * sizeof *remembered.products, "matrix products");
        CHECK(dnnl_engine_create(&remembered.engine, dnnl_cpu, 0) == dnnl_success);
        CHECK(dnnl_stream_create(&remembered.stream, remembered.engine,
                                 dnnl_stream_default_flags) == dnnl_success);
    }
    struct Product *product = &remembered.products[remembered.oldest];
    remembered.oldest = (remembered.oldest + 1) % PRODUCTS;
    if (remembered.count == PRODUCTS) {
        primitive_release(&product->primitive);
        memory_release(product->scratchpad);
    } else {
        remembered.count++;
    }
    *product = (struct Product){.key = *key};
    product_make(product);
    return product;
}

/* False where it is not for oneDNN to do. */
static bool multiply(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k,
                     double alpha, const void *a, int64_t lda, const void *b, int64_t ldb,
                     double beta, void *c, int64_t ldc) {
    struct ProductKey key = {m,   n,    k,           lda,         ldb,
                             ldc, beta, transpose_a, transpose_b, omp_get_max_threads()};
    const struct Product *product = alpha == 1 ? product_of(&key) : NULL;
    if (!product || !product->primitive.primitive)
        return false;
    set_argument(&product->primitive, 0, a);
    set_argument(&product->primitive, 1, b);
    set_argument(&product->primitive, 2, c);
    run(&product->primitive, remembered.stream, product->scratchpad);
    return true;
}

/* ---- the library ---- */

void onednn_configure(enum Variant variant) {
    /* Refused once oneDNN has looked at the CPU: a second call changes nothing, as promised. */
    if (variant == VARIANT_F32)
        dnnl_set_max_cpu_isa(dnnl_cpu_isa_sse41);
    else if (variant == VARIANT_F32_V3)
        dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2);
}

void onednn_version(char *text, size_t bytes) {
    const dnnl_version_t *version = dnnl_version();
    snprintf(text, bytes, "oneDNN %d.%d.%d", version->major, version->minor, version->patch);
}

/* ---- the tables ---- */

#define ONEDNN_BACKEND(suffix)                                                                     \
    extern const struct Backend backend_openblas_##suffix, backend_onednn_##suffix;                \
    void columns_sum_##suffix(int64_t rows, int64_t channels, const float *matrix, float *sum);    \
    static int create_##suffix(struct Conv **conv, const struct ConvShape *shape,                  \
                               const int64_t *samples, int sample_counts, bool training,           \
                               bool needs_data, struct Error *error) {                             \
        return create((struct Plain){&backend_openblas_##suffix, columns_sum_##suffix}, conv,      \
                      shape, samples, sample_counts, training, needs_data, error);                 \
    }                                                                                              \
    static void gemm_##suffix(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, \
                              double alpha, const void *a, int64_t lda, const void *b,             \
                              int64_t ldb, double beta, void *c, int64_t ldc) {                    \
        if (!multiply(transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc))     \
            backend_openblas_##suffix.gemm(transpose_a, transpose_b, m, n, k, alpha, a, lda, b,    \
                                           ldb, beta, c, ldc);                                     \
    }                                                                                              \
    const struct Backend backend_onednn_##suffix = {.name = "onednn",                              \
                                                    .conv_create = create_##suffix,                \
                                                    .conv_release = conv_release,                  \
                                                    .conv_scratch_bytes = conv_scratch_bytes,      \
                                                    .conv_prepared_bytes = conv_prepared_bytes,    \
                                                    .conv_prepare = conv_prepare,                  \
                                                    .conv_forward = conv_forward,                  \
                                                    .conv_backward_data = conv_backward_data,      \
                                                    .conv_backward_weights =                       \
                                                        conv_backward_weights,                     \
                                                    .gemm = gemm_##suffix}

ONEDNN_BACKEND(f32);
#ifdef TRAINER_ALL_VARIANTS
ONEDNN_BACKEND(f32_v3);
ONEDNN_BACKEND(f32_v4);
#endif
