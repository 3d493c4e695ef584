/* A trained model read back from its checkpoint, ready to predict alone or in an ensemble. */
#ifndef TRAINER_EVALUATE_MEMBER_H
#define TRAINER_EVALUATE_MEMBER_H

#include "comm/ranks.h"
#include "data/dataset/saved_encoding.h"
#include "data/dataset/saved_targets.h"
#include "evaluate/evaluate.h"
#include "evaluate/predictor.h"
#include "run/options.h"

struct Member {
    char *path; /* of the checkpoint */
    struct RunFile *file;
    struct RunOptions options;    /* train.convolution may be changed before member_attach */
    struct Preprocess preprocess; /* the checkpoint's, as are the next three */
    struct Targets targets;
    struct TargetScale scale;
    struct TableEncoding encoding; /* of the table that it was trained on; or zeros */
    struct Model *model;
    float *state;
    bool averaged; /* `state` is the average of weights */
    struct Plan *plan;
    struct Loader *loader;
    struct TestTime *test_time; /* NULL: the model runs once on each sample */
};

enum MemberParameters {
    MEMBER_AUTO, /* the average of weights if the checkpoint has one, else the model's */
    MEMBER_MODEL,
    MEMBER_AVERAGE
};

/* Rank 0 reads the file, every rank gets it and builds the model. ERROR_CHECKPOINT if the file has
 * not the parameters that are asked for. Collective. */
int member_open(struct Member *member, struct Ranks *ranks, const char *path,
                enum MemberParameters parameters, struct Error *error);
void member_release(struct Member *member);

/* Refuses, by name, a member whose input shape, classes or targets are not the data set's. Not
 * collective */
int member_match(const struct Member *member, const struct Dataset *dataset, struct Error *error);

/* How a member is to predict a split. */
struct Attachment {
    const struct Dataset *dataset;
    const struct Split *split;
    const struct Backend *backend;
    enum Variant variant;
    const char
        *precision; /* one of precision_names, in place of what the member's run says; NULL: that */
    const char *views;       /* test-time augmentation, as data/views.h takes it; NULL: none */
    int64_t dropout_samples; /* masks of Monte Carlo dropout for each view; 0: none */
    int64_t seed;            /* of the masks; −1: the run's own */
    struct StreamCut cut;    /* how the split is streamed, if it is */
};
/* Makes the plan and the loader for a split. A model without a random layer gets one mask. Views
 * need images: a preprocessing that makes vectors has none. Not collective. */
int member_attach(struct Member *member, const struct Attachment *attachment, struct Error *error);
/* Releases what member_attach made, so that the member can be attached to another split. */
void member_detach(struct Member *member);
/* What evaluates an attached member, as long as that lives. */
struct Predictor member_predictor(const struct Member *member);

#endif
