/* The pictures of a search, drawn by gnuplot from a script that stays beside them. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/child.h"
#include "base/memory.h"
#include "base/whole_file.h"
#include "cli/search.h"
#include "cli/shown.h"

#define SCRIPT "plots.gp"
#define MOST_PAIRED 4  /* keys of which all pairs are drawn */
#define MOST_CURVES 40 /* trials, the best ones, */
#define NAMED_CURVES 5 /* of which so many have a name */

static const char *const terminals[][2] = {
    {"svg", "set terminal svg size 720,480 dynamic enhanced background 'white' font 'sans,13'"},
    {"png", "set terminal pngcairo size 1080,720 enhanced background 'white' font 'sans,15'"}};

struct Plots {
    FILE *script;
    const struct Search *search;
    const struct SearchResults *results;
    double scale;   /* of the metric: 100 for percent */
    char label[64]; /* of the metric */
    double low;     /* where trials without a metric are drawn */
    int bad;        /* how many diverged or failed */
    bool higher;    /* a higher metric is better */
};

/* ---- Texts of gnuplot ---- */

/* Between single quotes, for which an apostrophe of print stands; without the marks of enhanced
 * text. */
static void put_quoted(FILE *script, const char *text) {
    fputc('\'', script);
    for (; *text; text++) {
        if (strchr("_^{}@&~\\", *text))
            fputs("\\", script);
        fputs(*text == '\'' ? "\u2019" : (char[2]){*text < ' ' ? '?' : *text, 0}, script);
    }
    fputc('\'', script);
}

/* The key as part of a file's name. */
static void put_name(FILE *script, const char *key) {
    for (; *key; key++)
        fputc(strchr("/\\'\" ", *key) ? '-' : *key, script);
}

/* ---- The data of all trials, as a table that the script holds ---- */

static double metric_of(const struct Plots *plots, int64_t index) {
    const struct TrialRecord *record = &plots->results->entries[index].record;
    bool bad = record->status == TRIAL_DIVERGED || record->status == TRIAL_FAILED;
    return bad ? NAN : plots->scale * search_metric(record);
}

/* A choice has the number of its value; values close together are moved apart a little. */
static double coordinate(const struct Plots *plots, int axis, int64_t index) {
    const struct Axis *wide = &plots->search->stages[0].axes[axis];
    const char *value = search_value(&plots->results->entries[index].record, axis);
    if (wide->kind == AXIS_CHOICE)
        return floor(axis_position(wide, value) * wide->count) + 0.12 * sin(2.4 * (double)index);
    double number = NAN;
    sscanf(value, "%lf", &number);
    return number;
}

/* Columns: number, metric, stage, metric or the lowest, then a coordinate a key. */
static int put_table(const struct Plots *plots, const char *name, bool bad) {
    int rows = 0;
    fprintf(plots->script, "$%s << END\n", name);
    for (int64_t i = 0; i < plots->results->count; i++) {
        const struct TrialRecord *record = &plots->results->entries[i].record;
        double metric = metric_of(plots, i);
        bool open = record->status == TRIAL_OPEN;
        if (isnan(metric) != bad || (bad && open))
            continue;
        fprintf(plots->script, "%" PRId64 " %.9g %" PRId64, record->number,
                bad ? plots->low : metric, record->stage);
        rows++;
        for (int axis = 0; axis < plots->search->stages[0].count; axis++)
            fprintf(plots->script, " %.9g", coordinate(plots, axis, i));
        fputc('\n', plots->script);
    }
    fprintf(plots->script, "END\n");
    return rows;
}

static void find_low(struct Plots *plots) {
    double least = INFINITY, most = -INFINITY;
    for (int64_t i = 0; i < plots->results->count; i++) {
        double metric = metric_of(plots, i);
        if (isnan(metric))
            continue;
        least = fmin(least, metric);
        most = fmax(most, metric);
    }
    double span = most > least ? most - least : fabs(most) + 1e-9;
    plots->low = plots->higher ? least - 0.06 * span : most + 0.06 * span;
}

/* ---- The pictures ---- */

static void begin(const struct Plots *plots, int terminal, const char *name, const char *key) {
    fprintf(plots->script, "reset\n%s\nset output '%s", terminals[terminal][1], name);
    put_name(plots->script, key);
    fprintf(plots->script,
            ".%s'\nset grid lc rgb '#dddddd'\nset key outside bottom center horizontal\n",
            terminals[terminal][0]);
}

static void label_metric(const struct Plots *plots, const char *axis) {
    fprintf(plots->script, "set %slabel ", axis);
    put_quoted(plots->script, plots->label);
    fputc('\n', plots->script);
}

/* The scale and the label of `axis`, 'x' or 'y', for a key. */
static void set_axis(const struct Plots *plots, char side, int axis) {
    const struct Axis *wide = &plots->search->stages[0].axes[axis];
    FILE *script = plots->script;
    fprintf(script, "set %clabel ", side);
    put_quoted(script, wide->key);
    fputc('\n', script);
    if (wide->kind == AXIS_LOG)
        fprintf(script, "set logscale %c\nset format %c '10^{%%L}'\nset %crange [%.9g:%.9g]\n",
                side, side, side, wide->low, wide->high);
    if (wide->kind == AXIS_CHOICE) {
        fprintf(script, "set %crange [-0.5:%g]\nset %ctics (", side, wide->count - 0.5, side);
        for (int i = 0; i < wide->count; i++) {
            fputs(i ? ", " : "", script);
            put_quoted(script, wide->values[i]);
            fprintf(script, " %d", i);
        }
        fputs(")\n", script);
    }
}

static void draw_key(const struct Plots *plots, int terminal, int axis) {
    begin(plots, terminal, "key-", plots->search->stages[0].axes[axis].key);
    set_axis(plots, 'x', axis);
    label_metric(plots, "y");
    fprintf(plots->script,
            "plot for [s=1:%d] $trials using %d:($3==s ? $2 : NaN) with points pt 7 ps 1 lc s "
            "title %s",
            plots->results->stages, 4 + axis,
            plots->results->stages > 1 ? "sprintf('stage %d', s)" : "'trials'");
    if (plots->bad)
        fprintf(plots->script,
                ", $bad using %d:2 with points pt 2 ps 1 lc rgb '#c03020' title 'diverged or "
                "failed'",
                4 + axis);
    fputc('\n', plots->script);
}

static void draw_best(const struct Plots *plots, int terminal) {
    begin(plots, terminal, "best", "");
    label_metric(plots, "y");
    fprintf(plots->script,
            "set xlabel 'trial'\nbest = NaN\n"
            "follow(x) = (best = (best != best || x %s best) ? x : best)\n"
            "plot $trials using 1:2 with points pt 7 ps 0.7 lc rgb '#9ab0c8' title 'trials', "
            "'' using 1:(follow($2)) with steps lw 2 lc rgb '#204a87' title 'the best so far'\n",
            plots->higher ? ">" : "<");
}

static void draw_pairs(const struct Plots *plots, int terminal) {
    int count = plots->search->stages[0].count;
    int keys = count < MOST_PAIRED ? count : MOST_PAIRED, pairs = keys * (keys - 1) / 2;
    int columns = pairs > 3 ? 3 : pairs > 1 ? 2 : 1, rows = (pairs + columns - 1) / columns;
    if (pairs == 0)
        return;
    begin(plots, terminal, "pairs", "");
    fprintf(plots->script, "set multiplot layout %d,%d\n", rows, columns);
    for (int x = 0; x < keys; x++)
        for (int y = x + 1; y < keys; y++) {
            fprintf(plots->script,
                    "reset\nset grid lc rgb '#dddddd'\nunset key\nset tics font ',9'\n");
            set_axis(plots, 'x', x);
            set_axis(plots, 'y', y);
            label_metric(plots, "cb");
            fprintf(plots->script, "plot $trials using %d:%d:2 with points pt 7 ps 1 palette",
                    4 + x, 4 + y);
            if (plots->bad)
                fprintf(plots->script, ", $bad using %d:%d with points pt 2 lc rgb '#c03020'",
                        4 + x, 4 + y);
            fputc('\n', plots->script);
        }
    fprintf(plots->script, "unset multiplot\n");
}

/* The validations of one trial, from its metrics.jsonl; false: it has none. */
static bool put_curve(const struct Plots *plots, const struct TrialRecord *record) {
    char *folder = ledger_trial_folder(plots->search->request->folder, record->number);
    char *path = memory_print("%s/metrics.jsonl", folder), line[8192], name[64], average[64];
    FILE *stream = fopen(path, "re");
    bool any = false;
    snprintf(name, sizeof name, "validation_%s", figure_kinds[plots->results->figure].name);
    snprintf(average, sizeof average, "average_%s", figure_kinds[plots->results->figure].name);
    while (stream && fgets(line, sizeof line, stream)) {
        json_t *object = strstr(line, "\"epoch\",") ? json_loads(line, 0, NULL) : NULL;
        const json_t *value = json_object_get(object, average);
        value = json_is_number(value) ? value : json_object_get(object, name);
        if (json_is_number(value)) {
            if (!any)
                fprintf(plots->script, "$curve%" PRId64 " << END\n", record->number);
            fprintf(plots->script, "%" JSON_INTEGER_FORMAT " %.9g\n",
                    json_integer_value(json_object_get(object, "step")),
                    plots->scale * json_number_value(value));
            any = true;
        }
        json_decref(object);
    }
    if (any)
        fputs("END\n", plots->script);
    if (stream)
        fclose(stream);
    memory_release(path);
    memory_release(folder);
    return any;
}

static void draw_curves(const struct Plots *plots, int terminal, const int64_t *numbers,
                        int64_t count) {
    if (!count)
        return;
    begin(plots, terminal, "curves", "");
    label_metric(plots, "y");
    fprintf(plots->script, "set xlabel 'step'\nplot ");
    for (int64_t i = count - 1; i >= 0; i--) { /* the best on top, and they alone have a name */
        fprintf(plots->script, "$curve%" PRId64 " using 1:2 with linespoints pt 7 ps 0.4 ",
                numbers[i]);
        if (i < NAMED_CURVES)
            fprintf(plots->script, "lw 2 lc %" PRId64 " title 'trial %" PRId64 "'", i + 1,
                    numbers[i]);
        else
            fputs("lc rgb '#c8c8c8' notitle", plots->script);
        fputs(i ? ", " : "", plots->script);
    }
    fputc('\n', plots->script);
}

static int64_t put_curves(const struct Plots *plots, int64_t numbers[MOST_CURVES]) {
    int64_t count = 0;
    for (int64_t i = 0; i < plots->results->count && count < MOST_CURVES; i++) {
        const struct TrialRecord *record =
            &plots->results->entries[plots->results->order[i]].record;
        if (put_curve(plots, record))
            numbers[count++] = record->number;
    }
    return count;
}

static void write_script(struct Plots *plots) {
    int64_t numbers[MOST_CURVES];
    fputs("# Draws the pictures, in this folder: gnuplot " SCRIPT "\nset encoding utf8\n",
          plots->script);
    find_low(plots);
    put_table(plots, "trials", false);
    plots->bad = put_table(plots, "bad", true);
    int64_t curves = put_curves(plots, numbers);
    for (int terminal = 0; terminal < 2; terminal++) {
        for (int axis = 0; axis < plots->search->stages[0].count; axis++)
            draw_key(plots, terminal, axis);
        draw_best(plots, terminal);
        draw_pairs(plots, terminal);
        draw_curves(plots, terminal, numbers, curves);
    }
}

/* ---- Drawing ---- */

static void run_gnuplot(const char *folder) {
    static const char *const words[] = {"gnuplot", SCRIPT, NULL};
    struct Error error;
    int status;
    if (child_run(words, folder, -1, -1, &status, &error))
        fprintf(stderr, "note: no pictures: %s (package gnuplot-nox)\n", error.text);
    else if (status)
        fprintf(stderr, "note: gnuplot could not draw %s/" SCRIPT "\n", shown(folder));
}

void search_draw(const struct Search *search, const struct SearchResults *results) {
    const struct FigureKind *kind = &figure_kinds[results->figure];
    struct WholeFile file;
    struct Error error;
    if (!results->scored)
        return;
    char *folder = memory_print("%s/plots", search->request->folder);
    char *path = memory_print("%s/" SCRIPT, folder);
    struct Plots plots = {.search = search,
                          .results = results,
                          .scale = kind->unit == FIGURE_FRACTION ? 100 : 1,
                          .higher = kind->higher_is_better};
    snprintf(plots.label, sizeof plots.label, "validation %s%s", kind->label,
             kind->unit == FIGURE_FRACTION ? " (%)" : "");
    mkdir(folder, 0777);
    int code = whole_file_open(&file, path, &error);
    if (!code) {
        plots.script = file.stream;
        write_script(&plots);
        code = whole_file_publish(&file, &error);
    }
    whole_file_close(&file);
    if (code)
        fprintf(stderr, "note: no pictures: %s\n", error.text);
    else
        run_gnuplot(folder);
    memory_release(path);
    memory_release(folder);
}
