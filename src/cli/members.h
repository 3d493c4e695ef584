/* What eval and predict share: checkpoints, a split, and everything ready to run over it. */
#ifndef TRAINER_CLI_MEMBERS_H
#define TRAINER_CLI_MEMBERS_H

#include <jansson.h>

#include "cli/command.h"
#include "evaluate/member.h"

struct Members {
    struct Member *items;
    struct Predictor *predictors;
    int count;
    double *weights; /* sum to one */
    enum MemberParameters parameters;
    enum Mean mean;
    struct Dataset *dataset;
    const struct Split *split;
    const char *backend;     /* its name, for people */
    const char *views;       /* as --views says; NULL: none */
    int64_t dropout_samples; /* --dropout-samples; 0: none */
    int64_t seed;            /* of the masks; −1: each member has that of its run */
};

/* The flags that members_open reads, to be pasted into a command's table. */
#define MEMBERS_FLAGS                                                                              \
    {.name = "data",                                                                               \
     .argument = "FILE",                                                                           \
     .help = "data set (default: the one that the first checkpoint was trained on)"},              \
        {.name = "split", .argument = "NAME", .help = "split of it (default: test)"},              \
        {.name = "mean",                                                                           \
         .argument = "arithmetic|geometric",                                                       \
         .help = "how members' predictions are averaged; geometric: probabilities alone "          \
                 "(default: arithmetic)"},                                                         \
        {.name = "weights",                                                                        \
         .argument = "W,W,...",                                                                    \
         .help = "weight of each member, scaled to sum to one (default: equal)"},                  \
        {.name = "views",                                                                          \
         .argument = "SET",                                                                        \
         .help = "test-time augmentation: the mean over views of each image; mirror, five_crop, "  \
                 "ten_crop or shifts, with keys as in \"ten_crop: {pad: 2}\" (docs/toolbox.md)"},  \
        {.name = "dropout-samples",                                                                \
         .argument = "K",                                                                          \
         .help = "Monte Carlo dropout: the mean over K random masks"},                             \
        {.name = "seed",                                                                           \
         .argument = "N",                                                                          \
         .help = "of the masks (default: each run's own train.seed)"},                             \
        {.name = "parameters",                                                                     \
         .argument = "auto|model|average",                                                         \
         .help = "of each checkpoint: those of the model, or their average (default: auto: the "   \
                 "average where the file has one)"},                                               \
        {.name = "backend", .argument = "NAME", .help = "auto, openblas or onednn"}, {             \
        .name = "threads", .argument = "N", .help = "OpenMP threads of each rank (default: 1)"     \
    }

/* Collective. Release with members_release whatever it returned. */
int members_open(struct Members *members, const struct Arguments *arguments, struct Ranks *ranks,
                 struct Error *error);
void members_release(struct Members *members);

/* Else scores, which sum to nothing in particular. */
bool members_predict_probabilities(const struct Members *members);

/* What --views and --dropout-samples did, if they are given: ", the mean of 4 passes over each
 * (--views mirror, --dropout-samples 2, seed 1)". */
void members_print_test_time(const struct Members *members);
/* Always "passes", "views" (null: none), "dropout_samples" (0: none); with masks "seeds", one a
 * member (null: nothing in it is random). */
void members_describe_test_time(const struct Members *members, json_t *object);

/* The request for evaluate/evaluate.h over all of them. */
struct EvaluateRequest members_request(const struct Members *members);

#endif
