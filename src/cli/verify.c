/* trainer verify FILE: is a file good, as a checkpoint or as a data set? */
#include <stdio.h>

#include "base/memory.h"
#include "checkpoint/ensemble.h"
#include "cli/command.h"
#include "cli/dataset/dataset.h"
#include "cli/examine.h"
#include "cli/inspect.h"
#include "cli/run_folder.h"
#include "cli/shown.h"
#include "evaluate/member.h"
#include "train/train.h"

static int verify_checkpoint(const char *path, struct Error *error) {
    int arrays, code = train_verify_checkpoint(path, &arrays, error);
    if (!code)
        printf("%s: good: a checkpoint of %d arrays\n", shown(path), arrays);
    return code;
}

/* Members answer the same question: a later one has the images and the classes of the first. */
static int compare(const struct Member *first, const struct Member *later, struct Error *error) {
    const struct Preprocess *input = &first->preprocess;
    const struct Dataset expected = {.path = first->path,
                                     .height = input->height,
                                     .width = input->width,
                                     .channels = input->channels,
                                     .targets = first->targets};
    return member_match(later, &expected, error);
}

/* Reads what the run of a member saved: statistics among it, which no prediction needs. */
static int read_saved(const char *name, struct Error *error) {
    struct Inspected inspected;
    int code = inspected_open(&inspected, name, error);
    inspected_release(&inspected);
    return code;
}

/* An ensemble is good if each of its members is whole and can predict. */
static int verify_ensemble(const char *path, struct Error *error) {
    struct EnsembleFile ensemble;
    struct Ranks *alone = ranks_alone();
    struct Member first = {0}, later;
    int code = ensemble_file_read(&ensemble, path, error);
    for (int i = 0; !code && i < ensemble.count; i++) {
        char *name = ensemble_file_member(path, i);
        struct Member *member = i ? &later : &first;
        code = member_open(member, alone, name, MEMBER_AUTO, error);
        if (!code && i)
            code = compare(&first, &later, error);
        if (!code)
            code = read_saved(name, error);
        if (i)
            member_release(&later);
        memory_release(name);
    }
    member_release(&first);
    if (!code)
        printf("%s: good: an ensemble of %d members\n", shown(path), ensemble.count);
    ensemble_file_release(&ensemble);
    ranks_release(alone);
    return code;
}

static int verify(const char *path, struct Error *error) {
    enum InspectKind kind;
    int code = inspect_kind(path, &kind, error);
    if (code)
        return code;
    return kind == INSPECT_DATASET    ? dataset_verify_file(path, false, error)
           : kind == INSPECT_ENSEMBLE ? verify_ensemble(path, error)
                                      : verify_checkpoint(path, error);
}

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error) {
    (void)command, (void)ranks;
    if (argument_given(arguments, "examine"))
        return examine_here(arguments->operands[0], error);
    int code = OK;
    for (int i = 0; !code && i < arguments->operand_count; i++) {
        char *path = run_folder_checkpoint(arguments->operands[i], error);
        code = path ? verify(path, error) : error->code;
        memory_release(path);
    }
    return code;
}

static const struct Flag flags[] = {
    {.name = "examine",
     .help = "only let the HDF5 library read everything that the file holds, in this process and "
             "with limits on memory and time; this is what other commands have a child do"},
    {0},
};

const struct Command command_verify = {
    .name = "verify",
    .operands = "FILE...",
    .least_operands = 1,
    .most_operands = -1,
    .summary = "check checkpoints, ensembles and data set files from end to end",
    .help =
        "A checkpoint is good if its seal and everything that a run resumes from are good, "
        "and if its arrays are those of the model and the optimizer in its run file. An "
        "ensemble is good if its seal is good and all of its members are whole and can predict. A "
        "run's folder stands for its best checkpoint. For a data set, does what trainer dataset "
        "verify does. Damaged files can crash the HDF5 library, so a child process with "
        "limits on memory and time reads each file first, here and in every other command that "
        "opens one.\n"
        "\n"
        "Examples:\n"
        "  trainer verify runs/demo/checkpoints/*.h5\n"
        "  trainer verify from-a-stranger.h5\n",
    .flags = flags,
    .run = run,
};
