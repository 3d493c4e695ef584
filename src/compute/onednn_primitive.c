#include "compute/onednn_primitive.h"

#include <stdint.h>

#include "base/error.h"

Layout primitive__layout(const struct Primitive *primitive, int argument) {
    return dnnl_primitive_desc_query_md(primitive->description, dnnl_query_exec_arg_md, argument);
}

size_t primitive__bytes(const struct Primitive *primitive, int argument) {
    return primitive->description
               ? memory_round_up(dnnl_memory_desc_get_size(primitive__layout(primitive, argument)))
               : 0;
}

dnnl_primitive_attr_t primitive__attributes(void) {
    dnnl_primitive_attr_t attributes;
    CHECK(dnnl_primitive_attr_create(&attributes) == dnnl_success);
    CHECK(dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user) ==
          dnnl_success);
    return attributes;
}

void primitive__attach(dnnl_primitive_attr_t attributes,
                       dnnl_status_t append(dnnl_post_ops_t operations, float value), float value) {
    dnnl_post_ops_t operations;
    CHECK(dnnl_post_ops_create(&operations) == dnnl_success);
    CHECK(append(operations, value) == dnnl_success);
    CHECK(dnnl_primitive_attr_set_post_ops(attributes, operations) == dnnl_success);
    dnnl_post_ops_destroy(operations);
}

void primitive__finish(struct Primitive *primitive, dnnl_engine_t engine, const int *arguments,
                       int count) {
    CHECK(dnnl_primitive_create(&primitive->primitive, primitive->description) == dnnl_success);
    primitive->count = count + 1;
    for (int i = 0; i <= count; i++) {
        dnnl_exec_arg_t *argument = &primitive->arguments[i];
        argument->arg = i < count ? arguments[i] : DNNL_ARG_SCRATCHPAD;
        CHECK(dnnl_memory_create(&argument->memory, primitive__layout(primitive, argument->arg),
                                 engine, DNNL_MEMORY_NONE) == dnnl_success);
    }
}

void primitive__release(struct Primitive *primitive) {
    for (int i = 0; i < primitive->count; i++)
        dnnl_memory_destroy(primitive->arguments[i].memory);
    if (primitive->primitive)
        dnnl_primitive_destroy(primitive->primitive);
    if (primitive->description)
        dnnl_primitive_desc_destroy(primitive->description);
}

void primitive__set(const struct Primitive *primitive, int i, const void *data) {
    CHECK(dnnl_memory_set_data_handle(primitive->arguments[i].memory, (void *)(uintptr_t)data) ==
          dnnl_success);
}

void primitive__run(const struct Primitive *primitive, dnnl_stream_t stream,
                    const void *scratchpad) {
    primitive__set(primitive, primitive->count - 1, scratchpad);
    CHECK(dnnl_primitive_execute(primitive->primitive, stream, primitive->count,
                                 primitive->arguments) == dnnl_success);
    CHECK(dnnl_stream_wait(stream) == dnnl_success);
}
