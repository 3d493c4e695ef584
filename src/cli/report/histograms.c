/* Histograms of the outputs of layers in a monitored run: some layers have a panel each, with a
 * curve for each of some steps of the run. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/read_file.h"
#include "cli/report/report.h"

#define LAYERS 4  /* spread over the depth */
#define MOMENTS 4 /* spread over the run */
#define BINS 40

struct Histogram {
    json_t *edges, *counts; /* those of a line of monitor.jsonl; NULL if it has none */
};

struct Chosen {
    int layer_count, moment_count;
    const char *layers[LAYERS];
    double steps[MOMENTS];
    struct Histogram found[LAYERS][MOMENTS];
};

/* The index of element `i` of `chosen` elements that are spread evenly over `count`. */
static int64_t spread(int i, int chosen, int64_t count) {
    return chosen > 1 ? i * (count - 1) / (chosen - 1) : count - 1;
}

/* ---- What is shown ---- */

static void choose(const struct MetricsTable *table, struct Chosen *chosen) {
    const char **names;
    double *steps, *deviations;
    int count = metrics_table_names(table, "layer", "layer", &names);
    chosen->layer_count = count < LAYERS ? count : LAYERS;
    for (int i = 0; i < chosen->layer_count; i++)
        chosen->layers[i] = names[spread(i, chosen->layer_count, count)];
    if (count) {
        int64_t rows = metrics_table_points_of(table, "layer", "layer", names[0], "step", "std",
                                               &steps, &deviations);
        chosen->moment_count = rows < MOMENTS ? (int)rows : MOMENTS;
        for (int i = 0; i < chosen->moment_count; i++)
            chosen->steps[i] = steps[spread(i, chosen->moment_count, rows)];
        memory_release(steps);
        memory_release(deviations);
    }
    memory_release(names);
}

/* ---- Reading ---- */

static void keep(struct Chosen *chosen, json_t *line) {
    const char *layer = json_string_value(json_object_get(line, "layer"));
    const char *kind = json_string_value(json_object_get(line, "kind"));
    double step = json_number_value(json_object_get(line, "step"));
    json_t *edges = json_object_get(line, "edges"), *counts = json_object_get(line, "counts");
    if (!layer || !kind || strcmp(kind, "layer") != 0 || !json_array_size(counts) ||
        json_array_size(edges) != json_array_size(counts) + 1)
        return;
    for (int i = 0; i < chosen->layer_count; i++)
        for (int m = 0; m < chosen->moment_count; m++) {
            struct Histogram *found = &chosen->found[i][m];
            if (found->edges || step != chosen->steps[m] || strcmp(layer, chosen->layers[i]) != 0)
                continue;
            found->edges = json_incref(edges);
            found->counts = json_incref(counts);
        }
}

static int read_histograms(struct Chosen *chosen, const char *folder, struct Error *error) {
    char *path = memory_print("%s/monitor.jsonl", folder);
    struct FileLine line = {0};
    FILE *file;
    int code = read_file_regular(path, &file, error);
    while (file && read_file_line(file, &line) > 0) {
        json_t *object = json_loads(line.text, 0, NULL);
        keep(chosen, object);
        json_decref(object);
    }
    if (file)
        fclose(file);
    memory_release(line.text);
    memory_release(path);
    return code;
}

static void release_histograms(struct Chosen *chosen) {
    for (int i = 0; i < LAYERS; i++)
        for (int m = 0; m < MOMENTS; m++) {
            json_decref(chosen->found[i][m].edges);
            json_decref(chosen->found[i][m].counts);
        }
}

/* ---- Drawing ---- */

static double at(const json_t *list, size_t index) {
    return json_number_value(json_array_get(list, index));
}

/* The shares of equal bins from `low` to `high`. */
static void fill_bins(const struct Histogram *histogram, double low, double high, double *shares) {
    double width = (high - low) / BINS, total = 0;
    size_t count = json_array_size(histogram->counts);
    for (size_t k = 0; k < count; k++)
        total += at(histogram->counts, k);
    for (size_t k = 0; k < count; k++) {
        double from = at(histogram->edges, k), to = at(histogram->edges, k + 1);
        for (int i = 0; i < BINS; i++) {
            double left = low + i * width;
            double both = fmin(to, left + width) - fmax(from, left);
            if (both > 1e-9 * width) /* more than a rounding error */
                shares[i] += at(histogram->counts, k) / total * both / (to - from);
        }
    }
}

struct Panel {
    double places[BINS], shares[MOMENTS][BINS];
    char titles[MOMENTS][32];
    char *title;
    struct PlotSeries series[MOMENTS];
    int count;
};

static void fill_panel(const struct MetricsTable *monitor, const struct Chosen *chosen, int layer,
                       struct Panel *panel) {
    double low = INFINITY, high = -INFINITY;
    for (int m = 0; m < chosen->moment_count; m++) {
        const struct Histogram *found = &chosen->found[layer][m];
        if (!found->edges)
            continue;
        low = fmin(low, at(found->edges, 0));
        high = fmax(high, at(found->edges, json_array_size(found->edges) - 1));
    }
    panel->title = report_title(monitor, "layer", "layer", chosen->layers[layer]);
    for (int i = 0; i < BINS; i++)
        panel->places[i] = low + (i + 0.5) * (high - low) / BINS;
    for (int m = 0; m < chosen->moment_count; m++) {
        if (!chosen->found[layer][m].edges)
            continue;
        fill_bins(&chosen->found[layer][m], low, high, panel->shares[m]);
        snprintf(panel->titles[m], sizeof panel->titles[m], "step %.0f", chosen->steps[m]);
        panel->series[panel->count++] = (struct PlotSeries){.title = panel->titles[m],
                                                            .colour = m,
                                                            .count = BINS,
                                                            .x = panel->places,
                                                            .y = panel->shares[m]};
    }
}

int report_add_histograms(struct Report *report, struct Error *error) {
    struct Chosen chosen = {0};
    struct Panel *panels = memory_array(struct Panel, LAYERS, "histograms");
    struct Plot plots[LAYERS];
    int count = 0;
    choose(&report->runs[0].monitor, &chosen);
    int code = read_histograms(&chosen, report->runs[0].folder, error);
    for (int i = 0; code == OK && i < chosen.layer_count; i++) {
        struct Panel *panel = &panels[i];
        fill_panel(&report->runs[0].monitor, &chosen, i, panel);
        if (panel->count)
            plots[count++] = (struct Plot){.title = panel->title,
                                           .x = "output",
                                           .y = "share",
                                           .log_y = true,
                                           .series = panel->series,
                                           .series_count = panel->count};
    }
    for (int i = 0; i < count && code == OK; i++) {
        char *name = memory_print("histograms-%d", i + 1);
        code = report_plot(report, &plots[i], name,
                           "What a layer puts out, as histograms: they should neither shrink to a "
                           "point nor crowd at the ends",
                           error);
        memory_release(name);
    }
    for (int i = 0; i < LAYERS; i++)
        memory_release(panels[i].title);
    release_histograms(&chosen);
    memory_release(panels);
    return code;
}
