/* The curves of one run, or of several runs in the same panels. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/report/report.h"

#define MOST_POINTS 1500 /* of a curve; the eye cannot distinguish more */
#define MOST_SERIES 64
#define SMOOTHED 50 /* the smoothed curve averages over about a fiftieth of the run */

/* The curves of one panel, and the points that they own. */
struct Curves {
    struct PlotSeries series[MOST_SERIES];
    double *owned[2 * MOST_SERIES];
    char *titles[MOST_SERIES];
    int count, owned_count;
};

static void release(struct Curves *curves) {
    for (int i = 0; i < curves->owned_count; i++)
        memory_release(curves->owned[i]);
    for (int i = 0; i < curves->count; i++)
        memory_release(curves->titles[i]);
}

/* Replaces each group of adjacent points by its mean, so that at most MOST_POINTS are left. Returns
 * their number. */
static int64_t thin(int64_t count, double *x, double *y) {
    int64_t group = (count + MOST_POINTS - 1) / MOST_POINTS, kept = 0;
    for (int64_t first = 0; group > 1 && first < count; first += group) {
        int64_t end = first + group < count ? first + group : count;
        double sum_x = 0, sum_y = 0;
        for (int64_t i = first; i < end; i++) {
            sum_x += x[i];
            sum_y += y[i];
        }
        x[kept] = sum_x / (double)(end - first);
        y[kept++] = sum_y / (double)(end - first);
    }
    return group > 1 ? kept : count;
}

/* An exponential moving average whose start is corrected for bias, as Adam's moments are. */
static void smooth(int64_t count, double *y) {
    double keep = 1 - 1 / fmax(1, (double)count / SMOOTHED), sum = 0, weight = 0;
    for (int64_t i = 0; i < count; i++) {
        sum = keep * sum + (1 - keep) * y[i];
        weight = keep * weight + (1 - keep);
        y[i] = sum / weight;
    }
}

static void add_curve(struct Curves *curves, const struct ReportRun *run, const char *name,
                      char *title, enum PlotStyle style, int colour, bool smoothed) {
    double *x, *y;
    int64_t count = metrics_table_points(&run->metrics, "step", name, &x, &y);
    curves->owned[curves->owned_count++] = x;
    curves->owned[curves->owned_count++] = y;
    if (smoothed)
        smooth(count, y);
    count = thin(count, x, y);
    curves->titles[curves->count] = title;
    curves->series[curves->count++] = (struct PlotSeries){
        .title = title, .style = style, .colour = colour, .count = count, .x = x, .y = y};
}

static bool has(const struct Report *report, const char *name) {
    bool found = false;
    for (int i = 0; i < report->run_count; i++)
        found |= metrics_table_column(&report->runs[i].metrics, name) != NULL;
    return found;
}

/* Adds one curve for each run, of a figure that has no separate training and validation values. */
static int add_single(struct Report *report, const char *name, const char *axis, bool log_y,
                      bool smoothed, const char *caption, struct Error *error) {
    struct Curves curves = {0};
    if (!has(report, name))
        return OK;
    for (int r = 0; r < report->run_count && curves.count < MOST_SERIES; r++)
        add_curve(&curves, &report->runs[r], name,
                  report->run_count > 1 ? memory_copy_text(report->runs[r].name) : NULL, PLOT_LINE,
                  r, smoothed);
    struct Plot plot = {.x = "step",
                        .y = axis,
                        .log_y = log_y,
                        .series = curves.series,
                        .series_count = curves.count};
    int code = report_plot(report, &plot, name, caption, error);
    release(&curves);
    return code;
}

static char *title_of(const struct Report *report, int run, const char *what) {
    return report->run_count > 1 ? memory_print("%s, %s", report->runs[run].name, what)
                                 : memory_copy_text(what);
}

/* Adds the curves of a figure in training and validation. For a single run each of the two has its
 * colour; for several runs each run has its colour, and validation is dashed. */
static int add_pair(struct Report *report, const char *figure, const char *axis, bool log_y,
                    const char *caption, struct Error *error) {
    struct Curves curves = {0};
    char training[64], validation[64], average[64];
    bool single = report->run_count == 1;
    snprintf(training, sizeof training, "train_%s", figure);
    snprintf(validation, sizeof validation, "validation_%s", figure);
    snprintf(average, sizeof average, "average_%s", figure);
    if (!has(report, figure) && !has(report, training) && !has(report, validation))
        return OK;
    for (int r = 0; r < report->run_count && curves.count + 4 <= MOST_SERIES; r++) {
        const struct ReportRun *run = &report->runs[r];
        if (single && has(report, figure))
            add_curve(&curves, run, figure, memory_copy_text("each step"), PLOT_FAINT, 0, false);
        add_curve(&curves, run, has(report, figure) ? figure : training,
                  title_of(report, r, "training"), PLOT_LINE, single ? 0 : r, true);
        if (has(report, validation))
            add_curve(&curves, run, validation, title_of(report, r, "validation"),
                      single ? PLOT_LINE_POINTS : PLOT_DASHED, single ? 1 : r, false);
        if (single && has(report, average))
            add_curve(&curves, run, average, memory_copy_text("validation, averaged weights"),
                      PLOT_LINE_POINTS, 2, false);
    }
    struct Plot plot = {.x = "step",
                        .y = axis,
                        .log_y = log_y,
                        .series = curves.series,
                        .series_count = curves.count};
    int code = report_plot(report, &plot, figure, caption, error);
    release(&curves);
    return code;
}

int report_add_curves(struct Report *report, struct Error *error) {
    page_section(&report->page, "Curves");
    int code =
        add_pair(report, "loss", "loss", true,
                 report->run_count > 1
                     ? "Loss of the data, without penalty: training, smoothed, and validation"
                     : "Loss of the data, without penalty: each step, smoothed, and validation",
                 error);
    if (code == OK)
        code = add_pair(report, "accuracy", "accuracy", false,
                        "Accuracy: what lies between training and validation is the gap", error);
    if (code == OK)
        code = add_pair(report, "rmse", "RMSE", true, "Root of the mean squared error", error);
    if (code == OK)
        code =
            add_single(report, "validation_r2", "R2", false, false, "R² of the validation", error);
    if (code == OK)
        code = add_single(report, "rate", "learning rate", false, false, "Learning rate", error);
    if (code == OK)
        code = add_single(report, "penalty", "penalty", false, false,
                          "Penalty of the weights (L2, L1), which the loss does not hold", error);
    if (code == OK)
        code = add_single(report, "gradient_norm", "norm", true, true,
                          "Norm of the gradient before clipping, smoothed", error);
    if (code == OK)
        code = add_single(report, "images_per_second", "samples a second", false, true,
                          "Speed of training, smoothed", error);
    return code;
}
