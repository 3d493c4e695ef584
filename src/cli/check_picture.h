/* Draws the curve of a range test by gnuplot. */
#ifndef TRAINER_CLI_CHECK_PICTURE_H
#define TRAINER_CLI_CHECK_PICTURE_H

#include "base/error.h"
#include "check/finding.h"

/* ERROR_USAGE unless `path` ends with .png or .svg and may be written. `run_path` is the run file,
 * which must not be overwritten. */
int check_picture_path(const char *path, const char *run_path, struct Error *error);
/* If there is no gnuplot or no curve, prints that on stderr. ERROR_SYSTEM if drawing fails. */
int check_picture_draw(const char *path, const struct Findings *findings, struct Error *error);

#endif
