/* The table at the top of the page: the progress of each run, and its best figures. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/sort.h"
#include "cli/report/report.h"

static double last_of(const struct MetricsTable *metrics, const char *name) {
    const double *values = metrics_table_column(metrics, name);
    for (int64_t i = metrics->rows - 1; values && i >= 0; i--)
        if (!isnan(values[i]))
            return values[i];
    return NAN;
}

static double best_of(const struct MetricsTable *metrics, const char *name, bool highest) {
    const double *values = metrics_table_column(metrics, name);
    double best = NAN;
    for (int64_t i = 0; values && i < metrics->rows; i++)
        if (!isnan(values[i]) && (isnan(best) || (highest ? values[i] > best : values[i] < best)))
            best = values[i];
    return best;
}

static double median_of(const struct MetricsTable *metrics, const char *name) {
    double *x, *y, median = NAN;
    int64_t count = metrics_table_points(metrics, "step", name, &x, &y);
    if (count)
        median = sort_median(y, count);
    memory_release(x);
    memory_release(y);
    return median;
}

/* `format` is "%" for a share in percent, or the number of digits after the point. */
static void add_cell(struct Page *page, double value, const char *format) {
    char text[64];
    if (isnan(value)) {
        page_cell(page, "–");
        return;
    }
    if (!strcmp(format, "%"))
        snprintf(text, sizeof text, "%.2f %%", 100 * value);
    else
        snprintf(text, sizeof text, "%.*f", format[0] - '0', value);
    page_cell(page, "%s", text);
}

static void add_run(struct Page *page, const struct ReportRun *run, bool classes) {
    const struct MetricsTable *metrics = &run->metrics;
    page_row(page);
    page_cell(page, "%s", run->name);
    add_cell(page, last_of(metrics, "step"), "0");
    add_cell(page, last_of(metrics, "epoch"), "0");
    add_cell(page, last_of(metrics, "train_loss"), "4");
    add_cell(page, best_of(metrics, "validation_loss", false), "4");
    if (classes) {
        double training = last_of(metrics, "train_accuracy");
        double validation = last_of(metrics, "validation_accuracy");
        add_cell(page, training, "%");
        add_cell(page, best_of(metrics, "validation_accuracy", true), "%");
        add_cell(page, 100 * (training - validation), "2");
    }
    add_cell(page, last_of(metrics, "seconds"), "0");
    add_cell(page, median_of(metrics, "images_per_second"), "0");
}

int report_add_overview(struct Report *report, struct Error *error) {
    (void)error;
    static const char *const heads[] = {"run",
                                        "steps",
                                        "epoch",
                                        "last training loss",
                                        "best validation loss",
                                        "last training accuracy",
                                        "best validation accuracy",
                                        "gap at the end, points",
                                        "seconds",
                                        "samples a second"};
    static const char *const heads_of_values[] = {
        "run",     "steps",           "epoch", "last training loss", "best validation loss",
        "seconds", "samples a second"};
    bool classes = false;
    for (int i = 0; i < report->run_count; i++)
        classes |= metrics_table_column(&report->runs[i].metrics, "train_accuracy") != NULL;
    page_section(&report->page, "Overview");
    if (classes)
        page_table(&report->page, heads, sizeof heads / sizeof *heads);
    else
        page_table(&report->page, heads_of_values,
                   sizeof heads_of_values / sizeof *heads_of_values);
    for (int i = 0; i < report->run_count; i++)
        add_run(&report->page, &report->runs[i], classes);
    page_table_end(&report->page);
    return OK;
}
