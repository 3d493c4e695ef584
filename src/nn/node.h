/* A node of the model's graph, for everybody who reads a model. */
#ifndef TRAINER_NN_NODE_H
#define TRAINER_NN_NODE_H

#include <stdint.h>

#include "runfile/schema.h"

#define LAYER_INPUTS 8

/* The shape of one sample's tensor. Features (the output of flatten or linear) have height = width
 * = 1 and remember the pixels that were folded into them, because our order is (H,W,C) and
 * PyTorch's is (C,H,W): channels = fold_height · fold_width · (channels of a pixel). For images the
 * folds are 1. */
struct Shape {
    int64_t height, width, channels;
    int64_t fold_height, fold_width;
};
static inline int64_t shape_elements(struct Shape shape) {
    return shape.height * shape.width * shape.channels;
}
/* Do two tensors have the same size? The folds do not matter. */
static inline bool shape_equal(struct Shape a, struct Shape b) {
    return a.height == b.height && a.width == b.width && a.channels == b.channels;
}

struct Layer;

/* A layer between its input tensors and its one output tensor. */
struct Node {
    const struct Layer *layer;   /* its VARIANT_F32 form, which is the layer's identity */
    const struct Choice *choice; /* its place in the run file; inner nodes have their container's */
    const void *options;
    char *path; /* "3.body.1": the prefix of its rows' names */
    int block;  /* the outermost container with `recompute` that it is in, from 1 on; 0: none */
    int index;  /* in the graph; two dropout layers draw different numbers by it */
    int input_count, inputs[LAYER_INPUTS], output; /* tensors */
    struct Shape in[LAYER_INPUTS], out;
    int first_row, row_count; /* in the arena */
    double flops; /* of forward for a sample; a multiplication and an addition are two */
};

/* "conv": the layer's name in a run file. */
const char *node_layer_name(const struct Node *node);

#endif
