/* Places buffers with lifetimes into one pool: buffers that are never alive together share memory.
 * Greedy by size (Pisarchyk & Lee 2020, "Efficient memory management for deep neural net
 * inference"). */
#ifndef TRAINER_NN_PLACEMENT_H
#define TRAINER_NN_PLACEMENT_H

#include <stddef.h>

struct Buffer {
    size_t bytes;
    int birth, death; /* positions of nn/lifetimes.h, inclusive; birth > death: never used */
    size_t offset;    /* the answer, a multiple of 64 */
};

/* Fills in the offsets; returns the pool's size. */
size_t placement__solve(struct Buffer *buffers, int count);

#endif
