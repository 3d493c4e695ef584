/* Branches side by side in the channels, in their order: PyTorch's cat over dimension 1. Flattened
 * features are put side by side within each of the pixels folded into them, which is the same as
 * putting the images side by side before the flatten. */
#include <string.h>

#include "nn/layer.h"

static int64_t pixels_of(struct Shape shape) {
    return shape.height * shape.width * shape.fold_height * shape.fold_width;
}

static int describe(struct Describe *describe) {
    struct Node *node = describe->node;
    node->out = node->in[0];
    for (int i = 1; i < node->input_count; i++) /* of one size: branches checks that */
        node->out.channels += node->in[i].channels;
    return OK;
}

/* Where input `i` begins in a pixel of the output, and how many channels it has there. */
struct Part {
    int64_t pixels, width, before, length;
};
static struct Part part_of(const struct Operation *operation, int i) {
    int64_t pixels = pixels_of(operation->out);
    struct Part part = {pixels, shape_elements(operation->out) / pixels, 0,
                        shape_elements(operation->in[i]) / pixels};
    for (int j = 0; j < i; j++)
        part.before += shape_elements(operation->in[j]) / pixels;
    return part;
}

static void forward(const struct Call *call) {
    int64_t elements = call->samples * shape_elements(call->operation->out);
#pragma omp parallel for if (elements >= PARALLEL_ELEMENTS)
    for (int64_t sample = 0; sample < call->samples; sample++)
        for (int i = 0; i < call->operation->input_count; i++) {
            struct Part part = part_of(call->operation, i);
            const element *x = (const element *)call->input[i] + sample * part.pixels * part.length;
            element *y = (element *)call->output + sample * part.pixels * part.width + part.before;
            for (int64_t pixel = 0; pixel < part.pixels; pixel++)
                memcpy(y + pixel * part.width, x + pixel * part.length,
                       (size_t)part.length * sizeof(element));
        }
}

static void backward(const struct Call *call) {
    int64_t elements = call->samples * shape_elements(call->operation->out);
#pragma omp parallel for if (elements >= PARALLEL_ELEMENTS)
    for (int64_t sample = 0; sample < call->samples; sample++)
        for (int i = 0; i < call->operation->input_count; i++) {
            struct Part part = part_of(call->operation, i);
            const element *dy = (const element *)call->output_gradient +
                                sample * part.pixels * part.width + part.before;
            if (!call->input_gradient[i])
                continue;
            element *dx = (element *)call->input_gradient[i] + sample * part.pixels * part.length;
            for (int64_t pixel = 0; pixel < part.pixels; pixel++)
                memcpy(dx + pixel * part.length, dy + pixel * part.width,
                       (size_t)part.length * sizeof(element));
        }
}

const struct Layer KERNEL(layer_concat) = {
    .kind = {"concat", "branches side by side in the channels", NULL, 0},
    .describe = describe,
    .forward = forward,
    .backward = backward,
};
