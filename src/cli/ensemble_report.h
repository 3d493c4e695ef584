/* What trainer ensemble says, in words and in JSON. */
#ifndef TRAINER_CLI_ENSEMBLE_REPORT_H
#define TRAINER_CLI_ENSEMBLE_REPORT_H

#include "ensemble/candidates.h"
#include "ensemble/study.h"

struct EnsembleReport {
    const struct Study *study;
    const struct Candidates *candidates;
    const struct Dataset *dataset;
    const struct Split *chosen_on, *reported; /* chosen_on NULL: none */
    enum EnsembleMean mean;
    const char *why_not; /* why nothing was chosen; NULL: something was */
    const char *saved;   /* the file that was written, or NULL */
};

/* "equal", "greedy" or "given": the mixture that is the study's last word. */
const char *ensemble_final_name(const struct Study *study);

/* Draws the reliability diagram, before and after calibration, as SVG or PNG. A line on stderr if
 * that cannot be done. */
void ensemble_plot(const struct EnsembleReport *report, const char *path);

void ensemble_print_words(const struct EnsembleReport *report);
void ensemble_print_json(const struct EnsembleReport *report);

#endif
