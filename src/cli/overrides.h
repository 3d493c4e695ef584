/* Changes to a run file by the command line: --set, and the flags that are short for a key. */
#ifndef TRAINER_CLI_OVERRIDES_H
#define TRAINER_CLI_OVERRIDES_H

#include "cli/command.h"

#define OVERRIDE_SHORTCUTS 4

struct Overrides {
    const char **texts; /* "key.sub=value", in the order in which they apply */
    int count;
    char *made[OVERRIDE_SHORTCUTS]; /* the texts that were made from the other flags */
};

/* The flags that are short for a key; a command's table of flags includes them beside --set. */
#define OVERRIDE_FLAGS                                                                             \
    {.name = "backend",                                                                            \
     .argument = "NAME",                                                                           \
     .help = "auto, openblas or onednn; short for --set train.backend=NAME"},                      \
    {                                                                                              \
        .name = "threads", .argument = "N",                                                        \
        .help = "OpenMP threads of each rank; short for --set train.threads=N"                     \
    }

/* The flags for trials with less data. */
#define LIMIT_FLAGS                                                                                \
    {.name = "limit-train",                                                                        \
     .argument = "N",                                                                              \
     .help =                                                                                       \
         "train on the first N samples; short for --set data.limit.train=N (data.limit.choose "    \
         "and per_class choose others)"},                                                          \
    {                                                                                              \
        .name = "limit-validation", .argument = "N",                                               \
        .help = "validate with the first N samples; short for --set data.limit.validation=N"       \
    }

/* Collects the values of --set and then of the short flags that were given. */
struct Overrides overrides_collect(const struct Arguments *arguments);
void overrides_release(struct Overrides *overrides);

#endif
