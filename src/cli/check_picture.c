#include "cli/check_picture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/note.h"
#include "report/plot.h"

static double figure_of(const struct Findings *findings, const char *name) {
    for (int i = 0; i < findings->count; i++)
        for (int k = 0; k < findings->rows[i].figure_count; k++)
            if (findings->rows[i].item == CHECK_RATES &&
                !strcmp(findings->rows[i].figures[k].name, name))
                return findings->rows[i].figures[k].value;
    return NAN;
}

/* A vertical line at a rate, if there is such a rate. */
struct Mark {
    double x[2];
    char title[32];
};

static struct PlotSeries mark(const struct Findings *findings, const char *name, const char *label,
                              int colour, const double range[2], struct Mark *place) {
    double rate = figure_of(findings, name);
    *place = (struct Mark){.x = {rate, rate}};
    snprintf(place->title, sizeof place->title, "%s: %.2g", label, rate);
    return (struct PlotSeries){.title = isfinite(rate) && rate > 0 ? place->title : NULL,
                               .style = PLOT_DASHED,
                               .colour = colour,
                               .count = 2,
                               .x = place->x,
                               .y = range};
}

static int draw(const char *path, const struct Findings *findings, struct Error *error) {
    int64_t count = findings->rate_count;
    double lowest = figure_of(findings, "lowest_loss");
    const double range[] = {fmin(lowest, 0.9 * lowest), 1.5 * figure_of(findings, "loss_at_start")};
    double *values = memory_array(double, 3 * count, "the curve of a range test");
    double *rate = values, *loss = values + count, *smooth = values + 2 * count;
    struct Mark places[3];
    for (int64_t i = 0; i < count; i++) {
        rate[i] = findings->rates[i].rate;
        loss[i] = findings->rates[i].loss;
        smooth[i] = isfinite(loss[i]) ? findings->rates[i].smooth : NAN;
    }
    const struct PlotSeries series[] = {
        {.title = "each step", .style = PLOT_POINTS, .count = count, .x = rate, .y = loss},
        {.title = "running mean", .colour = 1, .count = count, .x = rate, .y = smooth},
        mark(findings, "rate", "run", 2, range, &places[0]),
        mark(findings, "suggested", "suggested", 3, range, &places[1]),
        mark(findings, "most", "rises", 4, range, &places[2])};
    const struct Plot plot = {.title = "Learning-rate range test",
                              .x = "rate",
                              .y = "loss",
                              .log_x = true,
                              .low_y = range[0],
                              .high_y = range[1],
                              .series = series,
                              .series_count = sizeof series / sizeof *series};
    int code = plot_write(&plot, 1, 1, path, error);
    memory_release(values);
    return code;
}

int check_picture_draw(const char *path, const struct Findings *findings, struct Error *error) {
    if (!findings->rate_count) {
        note("note: no picture: the item rates was not looked at");
        return OK;
    }
    if (!plot_is_possible()) {
        note("note: no picture: gnuplot is not installed (package gnuplot-nox)");
        return OK;
    }
    return draw(path, findings, error) ? error_blame_option(error, "picture", NULL) : OK;
}
