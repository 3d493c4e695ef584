/* The pictures of a search. Each is defined once, for the folder of the search and for the page of
 * `trainer report`. */
#include "cli/search_plots.h"
#include "cli/note.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "report/metrics_table.h"

#define MOST_PAIRED 4  /* keys: each pair of them is drawn */
#define MOST_PAIRS 6   /* pairs of so many keys */
#define MOST_CURVES 40 /* those of the best trials */
#define NAMED_CURVES 5 /* those of the best of these */
#define GREY 7         /* a colour of report/plot.h */
#define MOST_STAGES 16

struct Plots {
    const struct Search *search;
    const struct SearchResults *results;
    double scale;   /* the factor of the metric: 100 for percent */
    char label[64]; /* of the metric */
    bool higher;    /* a higher metric is better */
    /* Arrays of (trials) elements, in the order of the trials' numbers: the number, the metric, and
     * for each axis the coordinate. If a trial diverged or failed, its metric is NaN, and `bad` is
     * the height at which it is drawn, beyond the worst metric; `bad` is NaN for all others. */
    double *number, *metric, *bad;
    double **place; /* (axes) */
    search_picture *sink;
    void *context;
};

/* ---- What is drawn ---- */

static bool is_bad(const struct TrialRecord *record) {
    return record->status == TRIAL_DIVERGED || record->status == TRIAL_FAILED;
}

/* The coordinate of a choice is the number of its value, shifted slightly so that points with the
 * same value do not hide one another. */
static double coordinate(const struct Plots *plots, int axis, int64_t index) {
    const struct Axis *wide = &plots->search->stages[0].axes[axis];
    const char *value = search_value(&plots->results->entries[index].record, axis);
    if (wide->kind == AXIS_CHOICE)
        return floor(axis_position(wide, value) * wide->count) + 0.12 * sin(2.4 * (double)index);
    double number = NAN;
    sscanf(value, "%lf", &number);
    return number;
}

/* The height beyond the worst metric at which trials without a metric are drawn. */
static double beyond_worst(const struct Plots *plots) {
    double least = INFINITY, most = -INFINITY;
    for (int64_t i = 0; i < plots->results->count; i++) {
        least = fmin(least, plots->metric[i]); /* fmin ignores NaN */
        most = fmax(most, plots->metric[i]);
    }
    double span = most > least ? most - least : fabs(most) + 1e-9;
    return plots->higher ? least - 0.06 * span : most + 0.06 * span;
}

static void fill(struct Plots *plots) {
    int64_t count = plots->results->count;
    int axes = plots->search->stages[0].count;
    plots->number = memory_array(double, count, "a plot");
    plots->metric = memory_array(double, count, "a plot");
    plots->bad = memory_array(double, count, "a plot");
    plots->place = memory_array(double *, axes, "a plot");
    for (int axis = 0; axis < axes; axis++)
        plots->place[axis] = memory_array(double, count, "a plot");
    for (int64_t i = 0; i < count; i++) {
        const struct TrialRecord *record = &plots->results->entries[i].record;
        plots->number[i] = (double)record->number;
        plots->metric[i] = is_bad(record) ? NAN : plots->scale * search_metric(record);
        for (int axis = 0; axis < axes; axis++)
            plots->place[axis][i] = coordinate(plots, axis, i);
    }
    double beyond = beyond_worst(plots);
    for (int64_t i = 0; i < count; i++)
        plots->bad[i] = is_bad(&plots->results->entries[i].record) ? beyond : NAN;
}

static void release(struct Plots *plots) {
    for (int axis = 0; axis < plots->search->stages[0].count; axis++)
        memory_release(plots->place[axis]);
    memory_release(plots->place);
    memory_release(plots->number);
    memory_release(plots->metric);
    memory_release(plots->bad);
}

static bool any(const double *values, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (!isnan(values[i]))
            return true;
    return false;
}

static int show(const struct Plots *plots, const char *name, const char *caption,
                const struct Plot *panels, int count, struct Error *error) {
    return plots->sink(plots->context, name, caption, panels, count, error);
}

/* ---- A key ---- */

/* Sets the scale and the label of the x axis for a key. */
static void set_x(struct Plot *plot, const struct Axis *axis) {
    bool choice = axis->kind == AXIS_CHOICE;
    plot->x = axis->key;
    plot->log_x = axis->kind == AXIS_LOG;
    plot->low_x = choice ? -0.5 : axis->low;
    plot->high_x = choice ? axis->count - 0.5 : axis->high;
    plot->names_x = axis->values;
    plot->name_count_x = choice ? axis->count : 0;
}

static void set_y(struct Plot *plot, const struct Axis *axis) {
    bool choice = axis->kind == AXIS_CHOICE;
    plot->y = axis->key;
    plot->log_y = axis->kind == AXIS_LOG;
    plot->low_y = choice ? -0.5 : axis->low;
    plot->high_y = choice ? axis->count - 0.5 : axis->high;
    plot->names_y = axis->values;
    plot->name_count_y = choice ? axis->count : 0;
}

/* The name of a key's picture. */
static char *file_name(const char *key) {
    char *name = memory_print("key-%s", key);
    for (char *at = name; *at; at++)
        if (strchr("/\\'\" ", *at))
            *at = '-';
    return name;
}

/* The metrics of one stage, with NaN for the trials of other stages; the caller releases them. */
static double *of_stage(const struct Plots *plots, int stage) {
    int64_t count = plots->results->count;
    double *values = memory_array(double, count, "a plot");
    for (int64_t i = 0; i < count; i++)
        values[i] = plots->results->entries[i].record.stage == stage ? plots->metric[i] : NAN;
    return values;
}

static int draw_key(const struct Plots *plots, int axis, struct Error *error) {
    const struct Axis *wide = &plots->search->stages[0].axes[axis];
    struct PlotSeries series[MOST_STAGES + 1];
    double *metrics[MOST_STAGES];
    char titles[MOST_STAGES][24];
    int stages = plots->results->stages < MOST_STAGES ? plots->results->stages : MOST_STAGES;
    int64_t count = plots->results->count;
    for (int s = 0; s < stages; s++) {
        metrics[s] = of_stage(plots, s + 1);
        snprintf(titles[s], sizeof titles[s], stages > 1 ? "stage %d" : "trials", s + 1);
        series[s] = (struct PlotSeries){.title = titles[s],
                                        .style = PLOT_POINTS,
                                        .colour = s ? s + 1 : 0,
                                        .count = count,
                                        .x = plots->place[axis],
                                        .y = metrics[s]};
    }
    series[stages] = (struct PlotSeries){.title = "diverged or failed",
                                         .style = PLOT_CROSSES,
                                         .colour = 1,
                                         .count = count,
                                         .x = plots->place[axis],
                                         .y = plots->bad};
    struct Plot plot = {
        .y = plots->label, .series = series, .series_count = stages + any(plots->bad, count)};
    set_x(&plot, wide);
    char *name = file_name(wide->key);
    char *caption =
        memory_print("Each trial: %s against %s, on the key's own scale", plots->label, wide->key);
    int code = show(plots, name, caption, &plot, 1, error);
    for (int s = 0; s < stages; s++)
        memory_release(metrics[s]);
    memory_release(caption);
    memory_release(name);
    return code;
}

static int draw_pairs(const struct Plots *plots, struct Error *error) {
    int keys = plots->search->stages[0].count, count = 0;
    const struct Axis *axes = plots->search->stages[0].axes;
    struct Plot panels[MOST_PAIRS];
    struct PlotSeries series[MOST_PAIRS][2];
    int64_t trials = plots->results->count;
    bool bad = any(plots->bad, trials);
    keys = keys < MOST_PAIRED ? keys : MOST_PAIRED;
    for (int x = 0; x < keys; x++)
        for (int y = x + 1; y < keys; y++) {
            struct PlotSeries *own = series[count];
            own[0] = (struct PlotSeries){.style = PLOT_SHADED,
                                         .count = trials,
                                         .x = plots->place[x],
                                         .y = plots->place[y],
                                         .shade = plots->metric};
            own[1] = own[0];
            own[1].style = PLOT_CROSSES;
            own[1].colour = GREY;
            own[1].shade = plots->bad; /* its legend explains these points */
            panels[count] =
                (struct Plot){.shade = plots->label, .series = own, .series_count = 1 + bad};
            set_x(&panels[count], &axes[x]);
            set_y(&panels[count], &axes[y]);
            count++;
        }
    if (!count)
        return OK;
    return show(plots, "pairs",
                bad ? "A pair of keys, coloured by the metric; trials at a cross diverged or failed"
                    : "A pair of keys, coloured by the metric",
                panels, count, error);
}

/* ---- How the search went ---- */

static int draw_best(const struct Plots *plots, struct Error *error) {
    int64_t count = plots->results->count;
    double best = NAN, *so_far = memory_array(double, count, "a plot");
    for (int64_t i = 0; i < count; i++) {
        double metric = plots->metric[i];
        best = plots->higher ? fmax(best, metric) : fmin(best, metric);
        so_far[i] = best;
    }
    const struct PlotSeries series[] = {{.title = "trials",
                                         .style = PLOT_POINTS,
                                         .colour = GREY,
                                         .count = count,
                                         .x = plots->number,
                                         .y = plots->metric},
                                        {.title = "the best so far",
                                         .style = PLOT_STEPS,
                                         .count = count,
                                         .x = plots->number,
                                         .y = so_far}};
    const struct Plot plot = {.x = "trial", .y = plots->label, .series = series, .series_count = 2};
    int code = show(plots, "best", "The best so far, by the number of the trial", &plot, 1, error);
    memory_release(so_far);
    return code;
}

/* The validations of one trial, from its metrics.jsonl, as points that the caller releases; none if
 * the file cannot be read. */
static int64_t read_curve(const struct Plots *plots, const struct TrialRecord *record, double **x,
                          double **y) {
    struct MetricsTable table;
    struct Error ignored;
    int64_t count = 0;
    *x = *y = NULL;
    char *folder = ledger_trial_folder(plots->search->request->folder, record->number);
    char *path = memory_print("%s/metrics.jsonl", folder);
    const char *figure = figure_kinds[plots->results->figure].name;
    if (!metrics_table_read(&table, path, &ignored)) {
        char *name = memory_print("average_%s", figure);
        if (!metrics_table_column(&table, name)) {
            memory_release(name);
            name = memory_print("validation_%s", figure);
        }
        count = metrics_table_points(&table, "step", name, x, y);
        memory_release(name);
    }
    for (int64_t i = 0; i < count; i++)
        (*y)[i] *= plots->scale;
    metrics_table_release(&table);
    memory_release(path);
    memory_release(folder);
    return count;
}

/* The best curves are drawn on top, and only they have a name. */
static int draw_curves(const struct Plots *plots, struct Error *error) {
    struct PlotSeries series[MOST_CURVES];
    double *x[MOST_CURVES], *y[MOST_CURVES];
    char titles[NAMED_CURVES][32];
    int64_t most = plots->results->count < MOST_CURVES ? plots->results->count : MOST_CURVES;
    int count = (int)most;
    for (int i = 0; i < count; i++) {
        const struct TrialRecord *record =
            &plots->results->entries[plots->results->order[i]].record;
        int64_t points = read_curve(plots, record, &x[i], &y[i]);
        bool named = i < NAMED_CURVES && points;
        if (named)
            snprintf(titles[i], sizeof titles[i], "trial %" PRId64, record->number);
        series[count - 1 - i] = (struct PlotSeries){.title = named ? titles[i] : NULL,
                                                    .style = named ? PLOT_LINE_POINTS : PLOT_FAINT,
                                                    .colour = named ? i : GREY,
                                                    .count = points,
                                                    .x = x[i],
                                                    .y = y[i]};
    }
    const struct Plot plot = {
        .x = "step", .y = plots->label, .series = series, .series_count = count};
    int code =
        show(plots, "curves", "Validation of each trial; the best have a name", &plot, 1, error);
    for (int i = 0; i < count; i++) {
        memory_release(x[i]);
        memory_release(y[i]);
    }
    return code;
}

int search_pictures(const struct Search *search, const struct SearchResults *results,
                    search_picture *sink, void *context, struct Error *error) {
    const struct FigureKind *kind = &figure_kinds[results->figure];
    struct Plots plots = {.search = search,
                          .results = results,
                          .scale = kind->unit == FIGURE_FRACTION ? 100 : 1,
                          .higher = kind->higher_is_better,
                          .sink = sink,
                          .context = context};
    if (!results->scored)
        return OK;
    snprintf(plots.label, sizeof plots.label, "validation %s%s", kind->label,
             kind->unit == FIGURE_FRACTION ? " (%)" : "");
    fill(&plots);
    int code = OK;
    for (int axis = 0; axis < search->stages[0].count && !code; axis++)
        code = draw_key(&plots, axis, error);
    if (!code)
        code = draw_pairs(&plots, error);
    if (!code)
        code = draw_best(&plots, error);
    if (!code)
        code = draw_curves(&plots, error);
    release(&plots);
    return code;
}

/* ---- In the folder of the search ---- */

static int write_picture(void *context, const char *name, const char *caption,
                         const struct Plot *panels, int count, struct Error *error) {
    static const char *const endings[] = {"svg", "png"};
    const char *folder = context;
    int code = OK;
    (void)caption;
    for (int i = 0; i < 2 && !code; i++) {
        char *path = memory_print("%s/%s.%s", folder, name, endings[i]);
        code = plot_write(panels, count, count > 3 ? 3 : count, path, error);
        memory_release(path);
    }
    return code;
}

void search_draw(const struct Search *search, const struct SearchResults *results) {
    struct Error error;
    char *folder = memory_print("%s/plots", search->request->folder);
    if (!plot_is_possible()) {
        note("note: no pictures: gnuplot is not installed (package gnuplot-nox)");
    } else {
        mkdir(folder, 0777);
        if (search_pictures(search, results, write_picture, folder, &error))
            note("note: no pictures: %s", error.text);
    }
    memory_release(folder);
}
