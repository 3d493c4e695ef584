#include "cli/reliability_series.h"

static const double ends[] = {0, 1};
const struct PlotSeries reliability_diagonal = {.title = "as sure as right",
                                                .style = PLOT_DASHED,
                                                .colour = 7,
                                                .count = 2,
                                                .x = ends,
                                                .y = ends};

struct PlotSeries reliability_series(const struct Reliability *reliability, const char *title,
                                     int colour, double *x, double *y) {
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
