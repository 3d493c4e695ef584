/* What differs between oneDNN 2.6 and 3.x: descriptions of layouts and of operations. For onednn*.c
 * only. */
#ifndef TRAINER_COMPUTE_ONEDNN_API_H
#define TRAINER_COMPUTE_ONEDNN_API_H

#ifdef TRAINER_WITH_ONEDNN

#include <dnnl.h>

#include "compute/backend.h"

struct Geometry { /* of one convolution, or one linear layer, with one number of samples */
    dnnl_memory_desc_t x, weights, gradient, bias, y; /* gradient: of the weights */
    dnnl_dims_t strides, dilates, padding;
};

#if DNNL_VERSION_MAJOR >= 3

typedef const_dnnl_memory_desc_t Layout; /* not owned */
#define BORROW(description) (description)

static inline dnnl_status_t describe_layout(dnnl_memory_desc_t *description, int rank,
                                            const dnnl_dims_t sizes, dnnl_data_type_t type,
                                            dnnl_format_tag_t tag) {
    return dnnl_memory_desc_create_with_tag(description, rank, sizes, type, tag);
}

static inline dnnl_status_t describe_matrix(dnnl_memory_desc_t *description,
                                            const dnnl_dims_t sizes, const dnnl_dims_t strides) {
    return dnnl_memory_desc_create_with_strides(description, 2, sizes, dnnl_f32, strides);
}

static inline void forget_layout(dnnl_memory_desc_t *description) {
    if (*description)
        dnnl_memory_desc_destroy(*description);
    *description = NULL;
}

static inline dnnl_status_t describe_pass(dnnl_primitive_desc_t *made, enum Pass pass,
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
            made, engine, dnnl_convolution_direct, g->x, g->gradient, NULL, g->y, g->strides,
            g->dilates, g->padding, g->padding, forward, attributes);
    }
}

static inline dnnl_status_t describe_linear(dnnl_primitive_desc_t *made, enum Pass pass,
                                            const struct Geometry *g, dnnl_engine_t engine,
                                            const_dnnl_primitive_attr_t attributes,
                                            const_dnnl_primitive_desc_t forward) {
    switch (pass) {
    case FORWARD:
        return dnnl_inner_product_forward_primitive_desc_create(
            made, engine, dnnl_forward_training, g->x, g->weights, g->bias, g->y, attributes);
    case BACKWARD_DATA:
        return dnnl_inner_product_backward_data_primitive_desc_create(
            made, engine, g->x, g->weights, g->y, forward, attributes);
    default:
        return dnnl_inner_product_backward_weights_primitive_desc_create(
            made, engine, g->x, g->gradient, NULL, g->y, forward, attributes);
    }
}

static inline dnnl_status_t describe_product(dnnl_primitive_desc_t *made, Layout a, Layout b,
                                             Layout c, dnnl_engine_t engine,
                                             const_dnnl_primitive_attr_t attributes) {
    return dnnl_matmul_primitive_desc_create(made, engine, a, b, NULL, c, attributes);
}

static inline dnnl_status_t append_sum(dnnl_post_ops_t operations, float scale) {
    return dnnl_post_ops_append_sum(operations, scale, 0, dnnl_f32);
}

static inline dnnl_status_t append_relu(dnnl_post_ops_t operations, float slope) {
    return dnnl_post_ops_append_eltwise(operations, dnnl_eltwise_relu, slope, 0);
}

#else

typedef const dnnl_memory_desc_t *Layout;
#define BORROW(description) (&(description))

static inline dnnl_status_t describe_layout(dnnl_memory_desc_t *description, int rank,
                                            const dnnl_dims_t sizes, dnnl_data_type_t type,
                                            dnnl_format_tag_t tag) {
    return dnnl_memory_desc_init_by_tag(description, rank, sizes, type, tag);
}

static inline dnnl_status_t describe_matrix(dnnl_memory_desc_t *description,
                                            const dnnl_dims_t sizes, const dnnl_dims_t strides) {
    return dnnl_memory_desc_init_by_strides(description, 2, sizes, dnnl_f32, strides);
}

static inline void forget_layout(dnnl_memory_desc_t *description) {
    (void)description; /* a plain struct */
}

static inline dnnl_status_t describe_pass(dnnl_primitive_desc_t *made, enum Pass pass,
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
            &operation, dnnl_convolution_direct, &g->x, &g->gradient, NULL, &g->y, g->strides,
            g->dilates, g->padding, g->padding);
    }
    if (status != dnnl_success)
        return status;
    return dnnl_primitive_desc_create(made, &operation, attributes, engine, forward);
}

static inline dnnl_status_t describe_linear(dnnl_primitive_desc_t *made, enum Pass pass,
                                            const struct Geometry *g, dnnl_engine_t engine,
                                            const_dnnl_primitive_attr_t attributes,
                                            const_dnnl_primitive_desc_t forward) {
    dnnl_inner_product_desc_t operation;
    dnnl_status_t status;
    switch (pass) {
    case FORWARD:
        status = dnnl_inner_product_forward_desc_init(&operation, dnnl_forward_training, &g->x,
                                                      &g->weights, &g->bias, &g->y);
        break;
    case BACKWARD_DATA:
        status = dnnl_inner_product_backward_data_desc_init(&operation, &g->x, &g->weights, &g->y);
        break;
    default:
        status = dnnl_inner_product_backward_weights_desc_init(&operation, &g->x, &g->gradient,
                                                               NULL, &g->y);
    }
    if (status != dnnl_success)
        return status;
    return dnnl_primitive_desc_create(made, &operation, attributes, engine, forward);
}

static inline dnnl_status_t describe_product(dnnl_primitive_desc_t *made, Layout a, Layout b,
                                             Layout c, dnnl_engine_t engine,
                                             const_dnnl_primitive_attr_t attributes) {
    dnnl_matmul_desc_t operation;
    dnnl_status_t status = dnnl_matmul_desc_init(&operation, a, b, NULL, c);
    if (status != dnnl_success)
        return status;
    return dnnl_primitive_desc_create(made, &operation, attributes, engine, NULL);
}

static inline dnnl_status_t append_sum(dnnl_post_ops_t operations, float scale) {
    return dnnl_post_ops_append_sum(operations, scale);
}

static inline dnnl_status_t append_relu(dnnl_post_ops_t operations, float slope) {
    return dnnl_post_ops_append_eltwise(operations, 1, dnnl_eltwise_relu, slope, 0);
}

#endif

#endif
#endif
