/* A trained model read back from its checkpoint, ready to predict alone or in an ensemble. */
#ifndef TRAINER_TRAIN_MEMBER_H
#define TRAINER_TRAIN_MEMBER_H

#include "checkpoint/checkpoint.h"
#include "comm/ranks.h"
#include "train/evaluate.h"
#include "train/run.h"

struct Member {
    struct Checkpoint *checkpoint;
    struct RunFile *file;
    struct RunOptions options;
    struct Preprocess preprocess; /* the checkpoint's own */
    struct Model *model;
    float *state;
    struct Plan *plan;
    struct Loader *loader;
};

/* Rank 0 reads the file, every rank gets it and builds the model. Collective. */
int member_open(struct Member *member, struct Ranks *ranks, const char *path, struct Error *error);
void member_release(struct Member *member);

/* The preprocessing that a checkpoint carries, as a copy; released with preprocess_release. */
void member_preprocess(struct Preprocess *preprocess, const struct Checkpoint *checkpoint);

/* Refuses, by name, a member whose input shape or classes are not the data set's. Not collective */
int member_match(const struct Member *member, const struct Dataset *dataset, struct Error *error);

/* Makes plan and loader for a split. Not collective. */
int member_attach(struct Member *member, const struct Dataset *dataset, const struct Split *split,
                  const struct Backend *backend, enum Variant variant, struct Error *error);

#endif
