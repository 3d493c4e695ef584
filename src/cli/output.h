/* The file that a command writes, and what it must not destroy. */
#ifndef TRAINER_CLI_OUTPUT_H
#define TRAINER_CLI_OUTPUT_H

#include <stdbool.h>

#include "base/error.h"

/* What a command writes. */
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

/* Whether two paths lead to the same file, also by way of links. */
bool output_is_same_file(const char *path, const char *other);

/* ERROR_USAGE if writing `out`, which `flag` gave, would destroy something: if it is the same file
 * as one of the `count` inputs, also by way of a link; or a file of another kind than `kind`, such
 * as a checkpoint, a table or a picture. An older output of the same kind may be replaced. An input
 * of NULL, or one that does not exist, is passed over. Call it before anything is written. Not
 * collective. */
int output_check(const char *flag, const char *out, enum OutputKind kind, const char *const *inputs,
                 int count, struct Error *error);

#endif
