#include <stdio.h>

#include "cli/ensemble_report.h"
#include "cli/note.h"
#include "cli/reliability_series.h"

void ensemble_plot(const struct EnsembleReport *report, const char *path) {
    const struct Mixture *final = report->study->final;
    double x[2][RELIABILITY_BINS], y[2][RELIABILITY_BINS];
    char title[80];
    struct Error error;
    if (!final->figures.measured[FIGURE_LOG_LOSS]) {
        note("there is nothing to draw: the predictions are not probabilities");
        return;
    }
    snprintf(title, sizeof title, "with temperature %.3g", final->temperature);
    const struct PlotSeries series[] = {
        reliability_diagonal,
        reliability_series(&final->before.reliability, "the ensemble", 1, x[0], y[0]),
        reliability_series(&final->after.reliability, title, 2, x[1], y[1])};
    const struct Plot plot = {.title = "Reliability of the ensemble",
                              .x = "mean confidence of a bin",
                              .y = "part that is right",
                              .low_y = 0,
                              .high_y = 1,
                              .series = series,
                              .series_count = final->temperature == 1 ? 2 : 3};
    if (plot_write(&plot, 1, 1, path, &error))
        note("no picture: %s", error.text);
}
