/* Checks of the file that a command is going to write. */
#ifndef TRAINER_CLI_OUTPUT_H
#define TRAINER_CLI_OUTPUT_H

#include <stdbool.h>

#include "base/error.h"

/* The kinds of output. */
enum OutputKind {
    OUTPUT_DATASET,
    OUTPUT_PREDICTIONS, /* in HDF5 */
    OUTPUT_CSV,         /* of predictions */
    OUTPUT_JSON_LINES,  /* of predictions */
    OUTPUT_PNG,
    OUTPUT_ENSEMBLE,
    OUTPUT_SVG,
    OUTPUT_TRACE /* of a profile */
};

/* To be called before anything is written. ERROR_USAGE if writing `out`, the value of `flag`, would
 * destroy something: if it is the same file as one of the `count` inputs, perhaps by links, or a
 * file of another kind than `kind`, such as a checkpoint, a table or a picture. An older output of
 * the same kind may be replaced. An input may be NULL or missing. Not collective. */
int output_check(const char *flag, const char *out, enum OutputKind kind, const char *const *inputs,
                 int count, struct Error *error);
/* The same; then makes the folders above `out` that are missing. ERROR_SYSTEM if that fails. */
int output_prepare(const char *flag, const char *out, enum OutputKind kind,
                   const char *const *inputs, int count, struct Error *error);
/* The same for a picture, whose name must end with .png or .svg. */
int output_prepare_picture(const char *flag, const char *out, const char *const *inputs, int count,
                           struct Error *error);

#endif
