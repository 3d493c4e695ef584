#include "nn/placement.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/memory.h"

static int by_size(const void *a, const void *b) {
    const struct Buffer *x = *(struct Buffer *const *)a, *y = *(struct Buffer *const *)b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return (x > y) - (x < y); /* a fixed order among equals */
}

static bool alive_together(const struct Buffer *a, const struct Buffer *b) {
    return a->birth <= b->death && b->birth <= a->death;
}

/* The lowest offset at which `buffer` overlaps none of those already placed. */
static size_t lowest_gap(const struct Buffer *buffer, struct Buffer *const *placed, int count) {
    size_t offset = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < count; i++) {
            const struct Buffer *other = placed[i];
            if (alive_together(buffer, other) && offset < other->offset + other->bytes &&
                other->offset < offset + buffer->bytes) {
                offset = other->offset + other->bytes;
                moved = true;
            }
        }
    }
    return offset;
}

size_t placement__solve(struct Buffer *buffers, int count) {
    struct Buffer **order = memory_array(struct Buffer *, count, "placement");
    int used = 0;
    for (int i = 0; i < count; i++) {
        buffers[i].bytes = memory_round_up(buffers[i].bytes);
        if (buffers[i].birth <= buffers[i].death && buffers[i].bytes)
            order[used++] = &buffers[i];
    }
    qsort(order, (size_t)used, sizeof *order, by_size);
    size_t total = 0;
    for (int i = 0; i < used; i++) {
        order[i]->offset = lowest_gap(order[i], order, i);
        if (order[i]->offset + order[i]->bytes > total)
            total = order[i]->offset + order[i]->bytes;
    }
    memory_release(order);
    return total;
}
