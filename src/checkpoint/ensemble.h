/* An ensemble in one HDF5 file: its members, their weights and a temperature. docs/checkpoint.md
 * has the layout. A member is a checkpoint that holds only the parameters that predict, and is
 * opened by the path "FILE.h5:/members/0". The file has a seal as a checkpoint has. Not
 * collective. */
#ifndef TRAINER_CHECKPOINT_ENSEMBLE_H
#define TRAINER_CHECKPOINT_ENSEMBLE_H

#include <stdbool.h>

#include "base/error.h"

#define ENSEMBLE_MOST 100000 /* members */

struct EnsembleFile {
    int count;
    char **members;     /* (count): the path of the checkpoint that each was saved from */
    bool *averaged;     /* (count): whether it predicts with its average of weights */
    double *weights;    /* (count): their sum is 1 */
    char *mean;         /* "arithmetic" or "geometric" */
    double temperature; /* divides the mean's log probabilities or log odds; 1 has no effect */
    char *split;        /* the split on which all of this was chosen; "": none */
};
void ensemble_file_release(struct EnsembleFile *ensemble); /* leaves zeros */

/* Whether `path` is an HDF5 file whose attribute `format` is that of an ensemble. */
bool ensemble_file_is_one(const char *path);
/* The path of a member, "FILE.h5:/members/0", for checkpoint_open; the caller releases it. And
 * whether a path has that form. */
char *ensemble_file_member(const char *path, int number);
bool ensemble_file_is_member(const char *path);

/* Writes an ensemble of the checkpoints at the paths ensemble->members, which may be members of
 * another such file, without their optimiser states. The file is complete or absent, as with
 * checkpoint_try. */
int ensemble_file_write(const struct EnsembleFile *ensemble, const char *path, struct Error *error);
/* Reads everything except the members' arrays. ERROR_CHECKPOINT, also if the seal is missing or
 * wrong, or if a weight or the temperature is out of range. */
int ensemble_file_read(struct EnsembleFile *ensemble, const char *path, struct Error *error);

#endif
