#include "nn/recompute.h"

#include "nn/lifetimes.h"

static bool reads(const struct Operation *operation, int tensor) {
    for (int j = 0; j < operation->input_count; j++)
        if (operation->inputs[j] == tensor)
            return true;
    return false;
}

/* Does nothing outside of the block read the operation's result? */
static bool stays_inside(const struct Operations *operations, const struct Operation *operation) {
    if (operation->output == operations->output)
        return false;
    for (int i = 0; i < operations->count; i++)
        if (reads(&operations->items[i], operation->output) &&
            operations->items[i].node->block != operation->node->block)
            return false;
    return true;
}

/* A view has no memory of its own, so that it is made again only if what it shows is. */
static bool shows_what_is_kept(const struct Operations *operations,
                               const struct Operation *operation) {
    return operation__is_view(operation) &&
           !recompute__made_again(operations, operation->inputs[0]);
}

bool recompute__made_again(const struct Operations *operations, int tensor) {
    for (int i = 0; i < operations->count; i++)
        if (operations->items[i].output == tensor)
            return operations->items[i].again;
    return false;
}

bool recompute__mark(struct Operations *operations) {
    bool any = false;
    for (int i = 0; i < operations->count; i++) {
        struct Operation *operation = &operations->items[i];
        operation->again = operation->node->block && stays_inside(operations, operation) &&
                           !shows_what_is_kept(operations, operation);
        any |= operation->again;
    }
    /* The last operation of each block is the first to run backward. */
    for (int i = operations->count - 1, seen = 0; i >= 0 && any; i--) {
        int block = operations->items[i].node->block;
        operations->items[i].rebuilds = block && block != seen;
        seen = block ? block : seen;
    }
    return any;
}

int recompute__last(const struct Operations *operations, int block) {
    int last = operations->count - 1;
    while (operations->items[last].node->block != block)
        last--;
    return last;
}
