/* One of oneDNN's primitives with its arguments, ready to run. For onednn*.c only. A failure of
 * oneDNN in these functions is a bug. */
#ifndef TRAINER_COMPUTE_ONEDNN_PRIMITIVE_H
#define TRAINER_COMPUTE_ONEDNN_PRIMITIVE_H

#include <stddef.h>

#include "base/memory.h"
#include "compute/onednn_api.h"

#ifdef TRAINER_WITH_ONEDNN

#define PRIMITIVE_ARGUMENTS 5

struct Primitive {
    dnnl_primitive_desc_t description; /* NULL: oneDNN does not do this */
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t arguments[PRIMITIVE_ARGUMENTS]; /* the last one is the scratchpad */
    int count;
};

/* The layout and the bytes of one argument (DNNL_ARG_*); 0 bytes without a description. */
Layout primitive__layout(const struct Primitive *primitive, int argument);
size_t primitive__bytes(const struct Primitive *primitive, int argument);

/* Attributes for every primitive: the caller provides the scratchpad, so that the primitive may run
 * on any thread and allocates nothing. The caller destroys them. */
dnnl_primitive_attr_t primitive__attributes(void);

/* Adds a post-operation with a value: adding to the old contents of the output times a scale
 * (append_sum), or a ReLU with a slope (append_relu). */
void primitive__attach(dnnl_primitive_attr_t attributes,
                       dnnl_status_t append(dnnl_post_ops_t operations, float value), float value);

/* Creates the primitive from its description. `arguments`: `count` of DNNL_ARG_*, without the
 * scratchpad. */
void primitive__finish(struct Primitive *primitive, dnnl_engine_t engine, const int *arguments,
                       int count);
void primitive__release(struct Primitive *primitive);

/* Sets the i-th of these arguments. oneDNN's handles are not const,
 * but it writes only to outputs. */
void primitive__set(const struct Primitive *primitive, int i, const void *data);
/* Runs it, and returns when it is done. */
void primitive__run(const struct Primitive *primitive, dnnl_stream_t stream,
                    const void *scratchpad);

#endif
#endif
