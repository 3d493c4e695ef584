/* The inside of a run that was monitored: updates and activations, a curve for each parameter or
 * layer. */
#include <string.h>

#include "base/memory.h"
#include "cli/report/report.h"

#define MOST_CURVES 12 /* of a panel: with more, those are drawn that are spread over the depth */

struct Quantity {
    const char *kind, *key; /* of the lines: "parameter" by "name", "layer" by "layer" */
    const char *value;      /* what is drawn */
    const char *end;        /* of the names that are drawn; NULL: all */
    bool log_y;
    const char *file, *axis, *caption;
};

static const struct Quantity quantities[] = {
    {"parameter", "name", "ratio", "weight", true, "update-ratio", "update / weight",
     "Norm of the update over that of the weights: about 1e-3 is healthy, 1e-1 is a rate too high, "
     "1e-5 one too low"},
    {"parameter", "name", "gradient", "weight", true, "gradients", "norm",
     "Norm of each parameter's gradient"},
    {"layer", "layer", "std", NULL, true, "activations", "deviation",
     "Deviation of each layer's output: it should neither vanish nor explode with the depth"},
    {"layer", "layer", "zeros", NULL, false, "zeros", "share", "Share of outputs that are 0"},
    {"layer", "layer", "dead", NULL, false, "dead", "units",
     "Units that fire for no sample of the probe"},
    {"layer", "layer", "saturated", NULL, false, "saturated", "share",
     "Share of outputs where the activation is saturated"},
};

static int draw(struct Report *report, const struct MetricsTable *table,
                const struct Quantity *quantity, const char *const *names, int count,
                struct Error *error) {
    struct PlotSeries series[MOST_CURVES];
    double *points[2 * MOST_CURVES];
    int drawn = count < MOST_CURVES ? count : MOST_CURVES, code = OK;
    int64_t all = 0;
    for (int i = 0; i < drawn; i++) {
        const char *name = names[drawn > 1 ? i * (count - 1) / (drawn - 1) : 0];
        int64_t rows = metrics_table_points_of(table, quantity->kind, quantity->key, name, "step",
                                               quantity->value, &points[2 * i], &points[2 * i + 1]);
        series[i] = (struct PlotSeries){.title = name,
                                        .style = i < 8 ? PLOT_LINE : PLOT_DASHED,
                                        .colour = i,
                                        .count = rows,
                                        .x = points[2 * i],
                                        .y = points[2 * i + 1]};
        all += rows;
    }
    const struct Plot plot = {.x = "step",
                              .y = quantity->axis,
                              .log_y = quantity->log_y,
                              .series = series,
                              .series_count = drawn};
    if (all)
        code = report_plot(report, &plot, quantity->file, quantity->caption, error);
    for (int i = 0; i < 2 * drawn; i++)
        memory_release(points[i]);
    return code;
}

/* Keeps the names that end as the quantity wants, and returns how many. */
static int choose(const struct Quantity *quantity, const char **names, int count) {
    int kept = 0;
    for (int i = 0; i < count; i++)
        if (!quantity->end || text_ends_with(names[i], quantity->end))
            names[kept++] = names[i];
    return kept;
}

int report_add_inside(struct Report *report, struct Error *error) {
    const struct MetricsTable *table = &report->runs[0].monitor;
    int code = OK;
    if (report->run_count > 1 || !table->rows)
        return OK;
    page_section(&report->page, "Inside the network");
    for (size_t i = 0; i < sizeof quantities / sizeof *quantities && code == OK; i++) {
        const char **names;
        int count = metrics_table_names(table, quantities[i].kind, quantities[i].key, &names);
        count = choose(&quantities[i], names, count);
        if (count)
            code = draw(report, table, &quantities[i], names, count, error);
        memory_release(names);
    }
    return code ? code : report_add_histograms(report, error);
}
