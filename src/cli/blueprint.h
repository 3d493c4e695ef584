/* What describe and gradcheck share: a run file and its model, without training. */
#ifndef TRAINER_CLI_BLUEPRINT_H
#define TRAINER_CLI_BLUEPRINT_H

#include "cli/command.h"
#include "data/dataset/dataset.h"
#include "nn/model.h"
#include "run/options.h"

struct Blueprint {
    struct RunFile *file;
    struct RunOptions options;
    struct Dataset *dataset;                /* NULL where --input gave the shape */
    const struct Split *train, *validation; /* of it; validation NULL: none */
    struct Model *model;
};

#define BLUEPRINT_FLAGS                                                                            \
    {.name = "set",                                                                                \
     .argument = "KEY=VALUE",                                                                      \
     .repeated = true,                                                                             \
     .help = "changes a key of the run file; KEY= alone: back to its default"},                    \
    {                                                                                              \
        .name = "input", .argument = "HxWxC",                                                      \
        .help = "shape of an image, when the data set is not at hand (default: the data set's)"    \
    }

/* With the data set at hand it refuses what train would. */
int blueprint_open(struct Blueprint *blueprint, const struct Arguments *arguments,
                   struct Error *error);
void blueprint_release(struct Blueprint *blueprint);

#endif
