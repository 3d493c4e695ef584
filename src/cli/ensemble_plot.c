#include <stdio.h>

#include "cli/ensemble_report.h"
#include "report/plot.h"

/* Accuracy against confidence, the bins that hold something. */
static struct PlotSeries bins(const struct Reliability *reliability, const char *title, int colour,
                              double *x, double *y) {
    int64_t count = 0;
    for (int b = 0; b < RELIABILITY_BINS; b++)
        if (reliability->counts[b]) {
            x[count] = reliability->confidence[b];
            y[count++] = reliability->accuracy[b];
        }
    return (struct PlotSeries){.title = title,
                               .style = PLOT_LINE_POINTS,
                               .colour = colour,
                               .count = count,
                               .x = x,
                               .y = y};
}

void ensemble_plot(const struct EnsembleReport *report, const char *path) {
    static const double ends[] = {0, 1};
    const struct Mixture *final = report->study->final;
    double x[2][RELIABILITY_BINS], y[2][RELIABILITY_BINS];
    char title[80];
    struct Error error;
    if (!final->figures.measured[FIGURE_LOG_LOSS]) {
        fprintf(stderr, "there is nothing to draw: the predictions are no probabilities\n");
        return;
    }
    snprintf(title, sizeof title, "with temperature %.3g", final->temperature);
    const struct PlotSeries series[] = {
        {.title = "as sure as right", .style = PLOT_DASHED, .count = 2, .x = ends, .y = ends},
        bins(&final->before, "the ensemble", 1, x[0], y[0]),
        bins(&final->after, title, 2, x[1], y[1])};
    const struct Plot plot = {.title = "Reliability of the ensemble",
                              .x = "mean confidence of a bin",
                              .y = "part that is right",
                              .low_y = 0,
                              .high_y = 1,
                              .series = series,
                              .series_count = final->temperature == 1 ? 2 : 3};
    if (plot_write(&plot, 1, 1, path, &error))
        fprintf(stderr, "no picture: %s\n", error.text);
}
