/* What changes a run file from the command line: --set, and the flags that stand for one of its
 * keys. */
#ifndef TRAINER_CLI_OVERRIDES_H
#define TRAINER_CLI_OVERRIDES_H

#include "cli/command.h"

#define OVERRIDE_SHORTCUTS 2

struct Overrides {
    const char **texts; /* "key.sub=value", in the order in which they apply */
    int count;
    char *made[OVERRIDE_SHORTCUTS]; /* from the other flags */
};

/* The flags that stand for a key, to be pasted into a command's table beside --set. */
#define OVERRIDE_FLAGS                                                                             \
    {.name = "backend",                                                                            \
     .argument = "NAME",                                                                           \
     .help = "auto, openblas or onednn; short for --set train.backend=NAME"},                      \
    {                                                                                              \
        .name = "threads", .argument = "N",                                                        \
        .help = "OpenMP threads of each rank; short for --set train.threads=N"                     \
    }

/* From --set and those of the shortcuts that the command has and was given; these come last. */
struct Overrides overrides_collect(const struct Arguments *arguments);
void overrides_release(struct Overrides *overrides);

#endif
