/* The blocks of samples that evaluation takes at a time. They do not depend on the number of ranks,
 * and so neither do the figures. */
#ifndef TRAINER_RUN_BLOCKS_H
#define TRAINER_RUN_BLOCKS_H

#include <stdint.h>

#define EVALUATE_BLOCK 200 /* samples */

/* The sizes of the blocks of a split of `count` samples, for a plan; returns how many there are. */
int block_sizes(int64_t count, int64_t sizes[2]);

#endif
