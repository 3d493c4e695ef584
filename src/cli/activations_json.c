/* What trainer activations found as one JSON object, with histograms. */
#include <jansson.h>
#include <stdio.h>

#include "base/memory.h"
#include "cli/activations_report.h"
#include "cli/shown.h"

static json_t *describe_numbers(int count, const double *numbers) {
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(list, json_real(numbers[i]));
    return list;
}

static void add_values(json_t *object, const struct ProbeValues *values) {
    double edges[PROBE_SHOWN + 1], counts[PROBE_SHOWN], count = (double)values->count;
    int bins = probe_histogram(values, edges, counts);
    json_object_set_new(object, "count", json_integer(values->count));
    json_object_set_new(object, "nonfinite", json_integer(values->nonfinite));
    if (!values->count)
        return;
    json_object_set_new(object, "mean", json_real(values->mean));
    json_object_set_new(object, "std", json_real(values->std));
    json_object_set_new(object, "min", json_real(values->least));
    json_object_set_new(object, "max", json_real(values->most));
    json_object_set_new(object, "zeros", json_real((double)values->zeros / count));
    json_object_set_new(object, "edges", describe_numbers(bins ? bins + 1 : 0, edges));
    json_object_set_new(object, "counts", describe_numbers(bins, counts));
}

static json_t *describe_layer(const struct ActivationsReport *report, int index) {
    struct ProbeNode node;
    probing_node(report->outputs, index, &node);
    struct ProbeValues gradient = activations_gradient_at(report, node.node);
    json_t *object = json_pack("{s:s, s:s, s:i}", "layer", node.node->path, "type",
                               node_layer_name(node.node), "depth", node.node->index);
    add_values(object, &node.output);
    if (node.saturates && node.output.count)
        json_object_set_new(object, "saturated",
                            json_real((double)node.output.saturated / (double)node.output.count));
    json_object_set_new(object, "units", json_integer(node.units));
    json_object_set_new(object, "dead", json_integer(node.dead));
    json_t *arriving = json_object();
    add_values(arriving, &gradient);
    json_object_set_new(object, "gradient", arriving);
    return object;
}

static json_t *describe_parameter(const struct ActivationsReport *report, int index) {
    const struct ArenaRow *row = &model_arena(report->model)->rows[index];
    double *bins = memory_array(double, PROBE_BINS, "a histogram");
    struct ProbeValues values =
        probe_array(report->variant, row->count, report->state + row->offset, bins);
    json_t *object = json_pack("{s:s, s:s, s:f, s:f}", "name", row->name, "layer",
                               model_node_of_row(report->model, index)->path, "norm", values.norm,
                               "gradient", activations_gradient_norm(report, row));
    add_values(object, &values);
    memory_release(bins);
    return object;
}

void activations_print_json(const struct ActivationsReport *report) {
    const struct Arena *arena = model_arena(report->model);
    json_t *layers = json_array(), *parameters = json_array();
    for (int i = 0; i < probing_node_count(report->outputs); i++)
        json_array_append_new(layers, describe_layer(report, i));
    for (int r = 0; r < arena->row_count; r++)
        if (arena->rows[r].role != ROLE_STATISTIC)
            json_array_append_new(parameters, describe_parameter(report, r));
    json_t *object =
        json_pack("{s:o, s:o, s:o, s:I, s:b, s:o, s:o}", "file", shown_json(report->path), "data",
                  shown_json(report->dataset->path), "split", shown_json(report->split->name),
                  "samples", (json_int_t)report->samples, "initial", report->initial, "layers",
                  layers, "parameters", parameters);
    json_dumpf(object, stdout, JSON_ENSURE_ASCII | JSON_REAL_PRECISION(9));
    fputc('\n', stdout);
    json_decref(object);
}
