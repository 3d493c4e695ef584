/* What people see on stderr while a run goes on: a bar on a terminal, clean lines in a log file.
 * Rank 0 alone has one. */
#ifndef TRAINER_REPORT_PROGRESS_BAR_H
#define TRAINER_REPORT_PROGRESS_BAR_H

#include <stdint.h>
#include <stdio.h>

#include "report/metrics_file.h"

struct ProgressBar;

/* `quiet`: prints nothing. */
struct ProgressBar *progress_create(FILE *stream, bool quiet, int64_t total_steps,
                                    int64_t steps_per_epoch, int64_t first_step);
void progress_release(struct ProgressBar *bar); /* clears the bar; NULL is allowed */

void progress_step(struct ProgressBar *bar, const struct StepReport *report);
/* Epochs without a validation are left out if they end within a second, but for the first and the
 * last. */
void progress_epoch(struct ProgressBar *bar, const struct EpochReport *report);
/* A validation within an epoch. */
void progress_validation(struct ProgressBar *bar, const struct EpochReport *report);
/* A job over samples: `done` of `total`, with the samples a second and the time left. */
void progress_samples(struct ProgressBar *bar, const char *what, int64_t done, int64_t total);
/* An answer to somebody who asked: a line of its own even if `quiet`. A NULL bar prints nothing. */
void progress_say(struct ProgressBar *bar, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A line of its own; a NULL bar prints nothing, so that every rank may call it. */
void progress_note(struct ProgressBar *bar, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
