/* An ensemble in one HDF5 file: members, each as a checkpoint of what predicts, with their weights
 * and a temperature (docs/checkpoint.md has the layout). Sealed as a checkpoint is. A member is
 * opened as the checkpoint "FILE.h5:/members/0". Not collective. */
#ifndef TRAINER_CHECKPOINT_ENSEMBLE_H
#define TRAINER_CHECKPOINT_ENSEMBLE_H

#include <stdbool.h>

#include "base/error.h"

#define ENSEMBLE_MOST 100000 /* members */

struct EnsembleFile {
    int count;
    char **members;     /* (count): where each was saved from, for people */
    bool *averaged;     /* (count): it was an average of weights */
    double *weights;    /* (count): sum to one */
    char *mean;         /* "arithmetic" or "geometric" */
    double temperature; /* by which the mean's log probabilities or log odds are divided; 1: none */
    char *split;        /* on which members, weights and temperature were chosen; "": on none */
};
void ensemble_file_release(struct EnsembleFile *ensemble); /* leaves zeros */

/* Whether a file is an HDF5 file whose attribute `format` says that it is an ensemble. */
bool ensemble_file_is_one(const char *path);
/* The path of a member, "FILE.h5:/members/0", as checkpoint_open takes it; the caller releases it.
 * Whether a path is one of that form. */
char *ensemble_file_member(const char *path, int number);
bool ensemble_file_is_member(const char *path);

/* Writes the checkpoints that ensemble->members names, which may be members of another such file,
 * without their optimisers: whole or not at all, as checkpoint_try. */
int ensemble_file_write(const struct EnsembleFile *ensemble, const char *path, struct Error *error);
/* Reads all but the members. ERROR_CHECKPOINT also if the seal is missing or wrong, or if numbers
 * make no sense. */
int ensemble_file_read(struct EnsembleFile *ensemble, const char *path, struct Error *error);

#endif
