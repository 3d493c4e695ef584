/* The members that eval and predict run: checkpoints, a split, and everything ready to run over
 * it. */
#ifndef TRAINER_CLI_MEMBERS_H
#define TRAINER_CLI_MEMBERS_H

#include <jansson.h>

#include "base/text.h"
#include "cli/command.h"
#include "cli/members_tables.h"
#include "cli/operands.h"
#include "evaluate/member.h"
#include "sources/picture_list.h"

/* Pictures or rows of tables to be predicted (cli/members_files.h). */
struct MembersFiles {
    bool listed; /* false: something else is predicted */
    struct PictureList pictures;
    struct PictureShape shape;
    struct NodeMemory *decoded; /* pictures that --skip-bad decoded; or NULL */
    bool guessed_resize;        /* nothing states how pictures are resized */
    struct MembersRows rows;
    struct Feed *feed;
};

struct Members {
    struct MembersFiles files;
    bool predicts; /* the truth need not be known */
    struct Operands operands;
    struct Member *items;
    struct Predictor *predictors;
    int count;
    double *weights; /* their sum is 1 */
    enum MemberParameters parameters;
    enum EnsembleMean mean;
    struct Dataset *dataset;
    char *choices; /* the splits among which --split can choose, if it was not given; or NULL */
    const struct Split *split;
    bool trained_on;         /* the split is the one that a member was trained on */
    struct NodeMemory *held; /* its images, if they are read into memory */
    const struct Backend *backend;
    const char *views;       /* the value of --views; NULL: none */
    int64_t dropout_samples; /* --dropout-samples; 0: none */
    int64_t seed;            /* of the masks; −1: each member uses its run's train.seed */
};

/* The flags that members_open reads; a command's table of flags includes them. */
#define MEMBERS_FLAGS                                                                              \
    {.name = "data",                                                                               \
     .argument = "FILE",                                                                           \
     .help = "data set (default: the one that the first checkpoint was trained on)"},              \
        {.name = "split",                                                                          \
         .argument = "NAME",                                                                       \
         .help = "split of it (default: test, or else the run's validation split)"},               \
        {.name = "mean",                                                                           \
         .argument = "arithmetic|geometric",                                                       \
         .help = "how the members' predictions are averaged; geometric needs probabilities "       \
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
         .help = "seed of the masks (default: each run's own train.seed)"},                        \
        {.name = "parameters",                                                                     \
         .argument = "auto|model|average",                                                         \
         .help = "parameters that each checkpoint uses: the model's or their average "             \
                 "(default: auto, the average if the file has one)"},                              \
        {.name = "backend", .argument = "NAME", .help = "auto, openblas or onednn"},               \
        {.name = "convolution",                                                                    \
         .argument = "RULE",                                                                       \
         .help = "kernels that compute convolutions, a value of train.convolution (default: as "   \
                 "in the "                                                                         \
                 "checkpoint's run)"},                                                             \
        {.name = "precision",                                                                      \
         .argument = "fp32|bf16",                                                                  \
         .help = "format of activations in memory (default: as in each checkpoint's run)"},        \
    {                                                                                              \
        .name = "threads", .argument = "N", .help = "OpenMP threads of each rank (default: 1)"     \
    }

/* Read and check flags that trainer ensemble also has. members_parse_weights fills one weight for
 * each of `count` members, scaled so that their sum is 1. members_check_mean refuses a geometric
 * mean of predictions that are no probabilities. */
int members_parse_weights(const char *text, int count, double *weights, struct Error *error);
int members_read_parameters(const struct Arguments *arguments, enum MemberParameters *parameters,
                            struct Error *error);
int members_check_precision(const struct Arguments *arguments, struct Error *error);
/* Checks the values of flags that members_open checks and that need no member: for commands that do
 * something else first. */
int members_check_flags(const struct Arguments *arguments, struct Error *error);
int members_read_mean(const struct Arguments *arguments, enum EnsembleMean *mean,
                      struct Error *error);
int members_check_mean(enum EnsembleMean mean, const struct Member *first, struct Error *error);

/* Opens the checkpoints that the operands name, the data and the split. With `predicts`, operands
 * after the checkpoints name what to predict (cli/operands.h), and the truth need not be known.
 * Collective. Release with members_release, also after a failure. */
int members_open(struct Members *members, const struct Arguments *arguments, bool predicts,
                 struct Ranks *ranks, struct Error *error);
void members_release(struct Members *members);

/* Completes the failure to open the data set of a member's run: names the run, and advises to name
 * the data set if it is not where the run found it. Returns the code. */
int members_blame_data(const struct Member *first, struct Error *error);

/* Whether a member was trained on the split of that name, in its run's data set or, if it is not
 * NULL, in the file `data`. */
bool members_was_trained_on(const struct Member *member, const char *split, const char *data);
/* Warns of figures of such a split; rank 0 calls it before it prints them. */
void members_warn_of_training(const struct Members *members);

/* Adds the source of a sample: "shapes.h5:/test/images[12]". */
int members_name_sample(const struct Members *members, int64_t sample, struct Text *text,
                        struct Error *error);
/* Prints ", split test (of train, test)", or ", split test" if there was no choice. */
void members_print_split(const struct Members *members, FILE *stream);

/* Whether each class is predicted independently of the others: multi-label. */
bool members_predict_sets(const struct Members *members);
/* Whether they predict probabilities; otherwise they predict scores, whose sum has no meaning. */
bool members_predict_probabilities(const struct Members *members);

/* Prints the effect of --views and --dropout-samples: ", the mean of 4 passes over each (--views
 * mirror, --dropout-samples 2, seed 1)"; nothing if neither was given. */
void members_print_test_time(const struct Members *members, FILE *stream);
/* Adds "passes", "views" (null: none) and "dropout_samples" (0: none); with masks also "seeds",
 * with a seed for each member (null if the member has nothing random). */
void members_describe_test_time(const struct Members *members, json_t *object);

/* Whether memory can hold the scores of all samples, which areas under curves need. */
bool members_can_rank(const struct Members *members);

/* members_request: the request for an evaluation of all members (evaluate/evaluate.h).
 * members_evaluate: the evaluation of a request; ERROR_DATA, also if the data file was changed
 * meanwhile. Collective. */
struct EvaluateRequest members_request(const struct Members *members);
int members_evaluate(const struct Members *members, const struct EvaluateRequest *request,
                     struct Ranks *ranks, struct Evaluation *results, struct Error *error);

#endif
