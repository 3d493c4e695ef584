/* Pixels and channels become features. Only the shape changes: the folds tell how to go from our
 * (H,W,C) to PyTorch's (C,H,W) when parameters after it are read or written. */
#include "nn/layer.h"

static int describe(struct Describe *describe) {
    struct Shape in = describe->node->in[0];
    describe->node->out = (struct Shape){1, 1, shape_elements(in), in.height * in.fold_height,
                                         in.width * in.fold_width};
    return OK;
}

const struct Layer KERNEL(layer_flatten) = {
    .kind = {"flatten", "turns an image into one row of features; costs nothing", NULL, 0},
    .describe = describe,
    .drops_space = true,
};
