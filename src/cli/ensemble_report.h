/* The results of trainer ensemble, in words and in JSON. Rank 0 calls these. */
#ifndef TRAINER_CLI_ENSEMBLE_REPORT_H
#define TRAINER_CLI_ENSEMBLE_REPORT_H

#include "ensemble/candidates.h"
#include "ensemble/study.h"

struct EnsembleReport {
    const struct Study *study;
    const struct Candidates *candidates;
    const struct Dataset *dataset;
    const struct Split *chosen_on, *reported; /* chosen_on may be NULL */
    enum EnsembleMean mean;
    const char *why_not; /* why nothing was chosen; NULL if something was */
    const char *saved;   /* the file that was written, or NULL */
};

/* The name of the mixture that the study ends with: "equal", "greedy" or "given". */
const char *ensemble_final_name(const struct Study *study);

/* Draws the reliability diagram, before and after calibration, as SVG or PNG. Prints a line on
 * stderr if that fails. */
void ensemble_plot(const struct EnsembleReport *report, const char *path);

void ensemble_print_words(const struct EnsembleReport *report);
void ensemble_print_json(const struct EnsembleReport *report);

#endif
