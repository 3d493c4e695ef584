/* Draws the curve of a range test by gnuplot. */
#ifndef TRAINER_CLI_CHECK_PICTURE_H
#define TRAINER_CLI_CHECK_PICTURE_H

#include "base/error.h"
#include "check/finding.h"

/* If there is no gnuplot or no curve, prints that on stderr. ERROR_SYSTEM if drawing fails. */
int check_picture_draw(const char *path, const struct Findings *findings, struct Error *error);

#endif
