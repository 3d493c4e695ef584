/* The curve of a range test as a picture, drawn by gnuplot. */
#ifndef TRAINER_CLI_CHECK_PICTURE_H
#define TRAINER_CLI_CHECK_PICTURE_H

#include "base/error.h"
#include "check/finding.h"

/* ERROR_USAGE unless FILE ends with .png or .svg and may be written. `run_path`: the run file. */
int check_picture_path(const char *path, const char *run_path, struct Error *error);
/* Says so on stderr if there is no gnuplot, or no curve. ERROR_SYSTEM if it cannot be drawn. */
int check_picture_draw(const char *path, const struct Findings *findings, struct Error *error);

#endif
