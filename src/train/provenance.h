/* Where the bits of a run come from, besides its run file: recorded in each checkpoint and compared
 * when a run resumes. */
#ifndef TRAINER_TRAIN_PROVENANCE_H
#define TRAINER_TRAIN_PROVENANCE_H

#include <stdint.h>

#include "base/saved.h"

struct Provenance {
    uint64_t seed;
    int64_t shards;
    int64_t threads; /* of a rank */
    char *instruction_set;
    char *versions; /* of the libraries that compute */
    char *backend;
    char *data_digest;       /* of the training split */
    char *weights_digest;    /* of the weights of its samples; "" or NULL: they have none */
    char *blocks_digest;     /* split_block_digest; "" or NULL: not streamed, or not known */
    char *validation_digest; /* "" or NULL: no validation, or not known */
};
extern const struct SavedTable provenance_saved;

#endif
