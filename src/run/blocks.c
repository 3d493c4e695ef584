#include "run/blocks.h"

int block_sizes(int64_t count, int64_t sizes[2]) {
    int64_t rest = count % EVALUATE_BLOCK;
    int sizes_used = 0;
    if (count >= EVALUATE_BLOCK)
        sizes[sizes_used++] = EVALUATE_BLOCK;
    if (rest)
        sizes[sizes_used++] = rest;
    return sizes_used;
}
