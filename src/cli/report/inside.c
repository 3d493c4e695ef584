/* The updates and activations of a monitored run, with a curve for each parameter or layer. */
#include <string.h>

#include "base/memory.h"
#include "cli/report/report.h"

#define MOST_CURVES 12 /* of a panel; if there are more, some that are spread over the depth */

struct Quantity {
    const char *kind, *key; /* of the lines: "parameter" by "name", "layer" by "layer" */
    const char *value;      /* the column that is drawn */
    const char *end;        /* only names with this ending are drawn; NULL: all are */
    bool log_y;
    /* Curves that are 0 everywhere are left out, and this stands there if all are; NULL: none is.
     */
    const char *nothing;
    const char *file, *axis, *caption;
};

static const struct Quantity quantities[] = {
    {"parameter", "name", "ratio", "weight", true, NULL, "update-ratio", "update / weight",
     "Norm of the update over that of the weights: about 1e-3 is healthy, 1e-1 is a rate too high, "
     "1e-5 one too low"},
    {"parameter", "name", "gradient", "weight", true, NULL, "gradients", "norm",
     "Norm of each parameter's gradient"},
    {"layer", "layer", "std", NULL, true, NULL, "activations", "deviation",
     "Deviation of each layer's output: it should neither vanish nor explode with the depth"},
    {"layer", "layer", "zeros", NULL, false, "No layer has outputs that are 0.", "zeros", "share",
     "Share of outputs that are 0. Layers that have none are left out"},
    {"layer", "layer", "dead", NULL, false,
     "No unit is dead: each fires for some sample of the probe.", "dead", "units",
     "Units that fire for no sample of the probe. Layers that have none are left out"},
    {"layer", "layer", "saturated", NULL, false, NULL, "saturated", "share",
     "Share of outputs where the activation is saturated"},
};

char *report_title(const struct MetricsTable *monitor, const char *kind, const char *key,
                   const char *name) {
    const char *layer = metrics_table_text(monitor, kind, key, name, "layer");
    const char *type = layer ? metrics_table_text(monitor, "layer", "layer", layer, "type") : NULL;
    return type ? memory_print("%s (%s)", name, type) : memory_copy_text(name);
}

static int draw(struct Report *report, const struct MetricsTable *table,
                const struct Quantity *quantity, const char *const *names, int count,
                struct Error *error) {
    struct PlotSeries series[MOST_CURVES];
    double *points[2 * MOST_CURVES];
    char *titles[MOST_CURVES];
    int drawn = count < MOST_CURVES ? count : MOST_CURVES, code = OK;
    int64_t all = 0;
    for (int i = 0; i < drawn; i++) {
        const char *name = names[drawn > 1 ? i * (count - 1) / (drawn - 1) : 0];
        int64_t rows = metrics_table_points_of(table, quantity->kind, quantity->key, name, "step",
                                               quantity->value, &points[2 * i], &points[2 * i + 1]);
        titles[i] = report_title(table, quantity->kind, quantity->key, name);
        series[i] = (struct PlotSeries){.title = titles[i],
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
    for (int i = 0; i < drawn; i++)
        memory_release(titles[i]);
    return code;
}

/* Whether there is such a curve; with `nonzero`, one that is not 0 everywhere. */
static bool has_curve(const struct MetricsTable *table, const struct Quantity *quantity,
                      const char *name, bool nonzero) {
    double *x, *y;
    if (quantity->end && !text_ends_with(name, quantity->end))
        return false;
    int64_t rows = metrics_table_points_of(table, quantity->kind, quantity->key, name, "step",
                                           quantity->value, &x, &y);
    bool has = rows && !nonzero;
    for (int64_t i = 0; i < rows; i++)
        has |= y[i] != 0;
    memory_release(x);
    memory_release(y);
    return has;
}

/* Moves the names that have a curve to the front, and returns their number. */
static int choose(const struct MetricsTable *table, const struct Quantity *quantity, bool nonzero,
                  const char **names, int count) {
    int kept = 0;
    for (int i = 0; i < count; i++)
        if (has_curve(table, quantity, names[i], nonzero)) {
            const char *name = names[i];
            names[i] = names[kept];
            names[kept++] = name;
        }
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
        count = choose(table, &quantities[i], false, names, count);
        int drawn =
            quantities[i].nothing ? choose(table, &quantities[i], true, names, count) : count;
        if (drawn)
            code = draw(report, table, &quantities[i], names, drawn, error);
        else if (count)
            page_words(&report->page, "%s", quantities[i].nothing);
        memory_release(names);
    }
    return code ? code : report_add_histograms(report, error);
}
