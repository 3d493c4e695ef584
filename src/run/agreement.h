/* Before a run or an evaluation begins, all ranks compare what its bits depend on: each rank reads
 * its own run file and opens its own data set, and the nodes' copies may differ. The functions
 * fail, on every rank alike, with a line that names the rank, its host, the key or the part, and
 * both values. Collective. */
#ifndef TRAINER_RUN_AGREEMENT_H
#define TRAINER_RUN_AGREEMENT_H

#include "base/kernel.h"
#include "comm/ranks.h"
#include "nn/plan.h"
#include "run/options.h"

/* Every key of the run file, overrides included. ERROR_RUN_FILE. */
int run_agree_options(struct Ranks *ranks, const struct RunOptions *options, struct Error *error);

/* The best kernels that every rank has; `best`: the best that this rank has and may use. Limits the
 * libraries to the instructions for bf16 that every rank has. Never fails. */
enum Variant run_agree_variant(struct Ranks *ranks, enum Variant best);

/* The backend, its libraries, the threads that it really has, and the instruction set. After
 * backend_configure. ERROR_SYSTEM. */
int run_agree_backend(struct Ranks *ranks, const struct Backend *backend, enum Variant variant,
                      struct Error *error);

/* Checks each of the splits (an entry may be NULL) against the digests in its file, as data.check
 * says: the ranks of a host share the work. `code` is what came before, on this rank; if it is not
 * OK, the rest of the arguments is not looked at. ERROR_DATA. */
int run_check_splits(struct Ranks *ranks, struct Dataset *dataset,
                     const struct Split *const *splits, int split_count, enum DatasetCheck when,
                     int code, struct Error *error);

/* The data set: shapes, names, statistics, and for each of the splits (an entry may be NULL) its
 * size, its stored digest, all labels and targets, and some of the images. Where the file lies may
 * differ from node to node. ERROR_DATA. */
int run_agree_data(struct Ranks *ranks, const struct Dataset *dataset,
                   const struct Split *const *splits, int split_count, struct Error *error);

#endif
