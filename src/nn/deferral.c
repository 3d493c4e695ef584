#include "nn/deferral.h"

#include "nn/copies.h"

/* The only reader of a tensor, once and as its first input, or NULL. The model's output has another
 * reader, the loss. */
static struct Operation *only_reader(const struct Operations *operations, int tensor) {
    struct Operation *reader = NULL;
    int reads = tensor == operations->output;
    for (int i = 0; i < operations->count; i++)
        for (int j = 0; j < operations->items[i].input_count; j++)
            if (operations->items[i].inputs[j] == tensor) {
                reads++;
                reader = j == 0 ? &operations->items[i] : NULL;
            }
    return reads == 1 ? reader : NULL;
}

/* Neither works on copies, and both have elements of one kind. */
static bool same_elements(const struct Operations *operations, const struct Operation *first,
                          const struct Operation *second) {
    return first->precision == second->precision &&
           !copies__has(operations, first, first->inputs[0]) &&
           !copies__has(operations, first, first->output) &&
           !copies__has(operations, second, second->output);
}

/* Blocks that run again find their inputs in memory. */
static bool runs_once(const struct Operation *operation) {
    return operation->node->block == 0;
}

void deferral__mark(struct Operations *operations, const struct Planning *planning) {
    for (int i = 0; i < operations->count; i++) {
        struct Operation *first = &operations->items[i];
        if (!first->layer->defers || !first->layer->defers(first) || !runs_once(first))
            continue;
        struct Operation *second = only_reader(operations, first->output);
        if (!second || !second->layer->normalises || !runs_once(second) ||
            !same_elements(operations, first, second))
            continue;
        struct Planning asked = *planning;
        asked.operation = second;
        if (!second->layer->normalises(&asked))
            continue;
        first->deferred = true;
        second->normaliser = first;
    }
}
