/* One of oneDNN's primitives with its arguments, ready to run. onednn*.c only. */
#ifndef TRAINER_COMPUTE_ONEDNN_PRIMITIVE_H
#define TRAINER_COMPUTE_ONEDNN_PRIMITIVE_H

#include <stddef.h>

#include "base/memory.h"
#include "compute/onednn_api.h"

#ifdef TRAINER_WITH_ONEDNN

#define PRIMITIVE_ARGUMENTS 5

struct Primitive {
    dnnl_primitive_desc_t description; /* NULL: oneDNN does not serve this */
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t arguments[PRIMITIVE_ARGUMENTS]; /* the last one is the scratchpad */
    int count;
};

/* To a multiple of the allocator's alignment. */
static inline size_t round_up(size_t bytes) {
    return (bytes + MEMORY_ALIGNMENT - 1) / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT;
}

Layout primitive_layout(const struct Primitive *primitive, int argument);
size_t primitive_bytes(const struct Primitive *primitive, int argument);

/* Attributes of every primitive: the caller's scratchpad, so that it may run on any thread and
 * allocates nothing. */
dnnl_primitive_attr_t primitive_attributes(void);

/* Lets a matrix product add to what is there (scale), or a convolution end with a ReLU. */
void primitive_attach(dnnl_primitive_attr_t attributes,
                      dnnl_status_t append(dnnl_post_ops_t operations, float value), float value);

/* `primitive->description` is there; `arguments` are `count` of DNNL_ARG_*, without the scratchpad.
 */
void primitive_finish(struct Primitive *primitive, dnnl_engine_t engine, const int *arguments,
                      int count);
void primitive_release(struct Primitive *primitive);

/* oneDNN's handles are not const; it writes only to what is an output. */
void primitive_set(const struct Primitive *primitive, int i, const void *data);
void primitive_run(const struct Primitive *primitive, dnnl_stream_t stream, const void *scratchpad);

#endif
#endif
