/* A run file and the parts of its run, without training, for describe and gradcheck. */
#ifndef TRAINER_CLI_BLUEPRINT_H
#define TRAINER_CLI_BLUEPRINT_H

#include "checkpoint/checkpoint.h"
#include "cli/command.h"
#include "run/check.h"

struct Blueprint {
    struct RunFile *file;
    struct RunOptions options;
    bool without_data;  /* --input gave the shape of an image */
    bool without_donor; /* and the file of start_from is missing, so it is not checked */
    struct Shape input; /* the shape that --input gave */
    struct Checkpoint *donor;
    struct RunParts parts;
};

#define BLUEPRINT_FLAGS                                                                            \
    {.name = "set",                                                                                \
     .argument = "KEY=VALUE",                                                                      \
     .repeated = true,                                                                             \
     .help = "change a key of the run file; KEY= alone restores its default"},                     \
    {                                                                                              \
        .name = "input", .argument = "HxWxC",                                                      \
        .help = "shape of an image, if the data set is not available (default: the data set's)"    \
    }

/* Reads the run file, and --input if it is given. Release with blueprint_release, also after a
 * failure. */
int blueprint_open(struct Blueprint *blueprint, const struct Arguments *arguments,
                   struct Error *error);
/* Calls run_check_model with as many ranks as there are shards. */
int blueprint_check_model(struct Blueprint *blueprint, struct Error *error);
/* Refuses what train would refuse on `ranks` ranks of this machine; calls run_check. */
int blueprint_check(struct Blueprint *blueprint, int64_t ranks, struct Error *error);
void blueprint_release(struct Blueprint *blueprint);

#endif
