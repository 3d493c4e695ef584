#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include "cli/ensemble_report.h"
#include "cli/figures_json.h"
#include "cli/shown.h"

static json_t *numbers(const double *values, int64_t count) {
    json_t *list = json_array();
    for (int64_t i = 0; i < count; i++)
        json_array_append_new(list, number_json(values[i]));
    return list;
}

static json_t *figures_of(const struct Figures *figures) {
    json_t *object = json_object();
    figures_add_json(object, "", figures);
    return object;
}

/* What a member contributes; null if the ensemble without it has no figure. */
static json_t *contribution(const struct Study *study, const struct Mixture *mixture,
                            const struct Figures *without) {
    enum Figure by = study->by;
    return without->measured[by]
               ? number_json(gain_of(by, mixture->figures.value[by], without->value[by]))
               : json_null();
}

static json_t *describe_member(const struct EnsembleReport *report, int m) {
    const struct Study *study = report->study;
    const struct CandidateFacts *facts = &report->candidates->facts[m];
    json_t *object = json_pack(
        "{s:o, s:s, s:I}", "checkpoint", shown_json(report->candidates->paths[m]), "parameters",
        facts->averaged ? "average" : "model", "elements", (json_int_t)facts->parameters);
    json_object_set_new(object, "weight", json_real(study->final->weights[m]));
    if (report->chosen_on)
        json_object_set_new(object, "chosen_on", figures_of(&study->chosen_on[m]));
    json_object_set_new(object, "reported", figures_of(&study->alone[m]));
    json_object_set_new(object, "expected_calibration_error",
                        number_json(study->calibration_errors[m]));
    json_object_set_new(object, "equal_without", figures_of(&study->equal_without[m]));
    json_object_set_new(object, "equal_contribution",
                        contribution(study, &study->equal, &study->equal_without[m]));
    json_object_set_new(object, "final_without", figures_of(&study->final_without[m]));
    json_object_set_new(object, "final_contribution",
                        contribution(study, study->final, &study->final_without[m]));
    return object;
}

static json_t *describe_reliability(const struct Calibration *measured) {
    const struct Reliability *reliability = &measured->reliability;
    json_t *counts = json_array();
    for (int b = 0; b < RELIABILITY_BINS; b++)
        json_array_append_new(counts, json_integer(reliability->counts[b]));
    return json_pack("{s:f, s:f, s:f, s:o, s:o, s:o}", "expected_calibration_error",
                     reliability->expected_error, "largest_calibration_error",
                     reliability->largest_error, "brier", measured->brier, "counts", counts,
                     "confidence", numbers(reliability->confidence, RELIABILITY_BINS), "accuracy",
                     numbers(reliability->accuracy, RELIABILITY_BINS));
}

static json_t *describe_mixture(const struct EnsembleReport *report,
                                const struct Mixture *mixture) {
    const struct Study *study = report->study;
    double value = mixture->figures.value[study->by];
    json_t *object = json_object();
    json_object_set_new(object, "weights", numbers(mixture->weights, study->members));
    if (report->chosen_on)
        json_object_set_new(object, "chosen_on", figures_of(&mixture->chosen_on));
    json_object_set_new(object, "reported", figures_of(&mixture->figures));
    json_object_set_new(object, "gain_over_mean",
                        number_json(gain_of(study->by, value, study->mean)));
    json_object_set_new(
        object, "gain_over_best",
        number_json(gain_of(study->by, value, study->alone[study->best].value[study->by])));
    if (study->best_chosen >= 0)
        json_object_set_new(
            object, "gain_over_chosen",
            number_json(
                gain_of(study->by, value, study->alone[study->best_chosen].value[study->by])));
    if (!mixture->figures.measured[FIGURE_LOG_LOSS])
        return object;
    json_object_set_new(object, "temperature", json_real(mixture->temperature));
    json_object_set_new(object, "calibrated", figures_of(&mixture->calibrated));
    json_object_set_new(object, "reliability", describe_reliability(&mixture->before));
    json_object_set_new(object, "calibrated_reliability", describe_reliability(&mixture->after));
    return object;
}

static json_t *describe_rounds(const struct Greedy *greedy) {
    json_t *list = json_array();
    for (int i = 0; i < greedy->rounds; i++)
        json_array_append_new(list, json_pack("{s:i, s:f}", "member", greedy->added[i],
                                              figure_kinds[greedy->by].name, greedy->figures[i]));
    return json_pack("{s:i, s:o}", "best_round", greedy->best, "rounds", list);
}

static json_t *describe_split(const struct Split *split) {
    return split ? json_pack("{s:o, s:I}", "split", shown_json(split->name), "samples",
                             (json_int_t)split->count)
                 : json_null();
}

static void add_mixtures(const struct EnsembleReport *report, json_t *object) {
    const struct Study *study = report->study;
    json_object_set_new(object, "equal", describe_mixture(report, &study->equal));
    if (study->greedy.weights) {
        json_t *greedy = describe_mixture(report, &study->greedy);
        json_object_set_new(greedy, "search", describe_rounds(&study->search));
        json_object_set_new(object, "greedy", greedy);
    }
    if (study->given.weights)
        json_object_set_new(object, "given", describe_mixture(report, &study->given));
    json_object_set_new(object, "final", json_string(ensemble_final_name(study)));
}

void ensemble_print_json(const struct EnsembleReport *report) {
    const struct Study *study = report->study;
    json_t *members = json_array(), *matrix = json_array();
    for (int m = 0; m < study->members; m++) {
        json_array_append_new(members, describe_member(report, m));
        json_array_append_new(matrix,
                              numbers(study->disagreement + m * study->members, study->members));
    }
    json_t *object =
        json_pack("{s:o, s:o, s:o, s:s, s:s, s:o, s:f, s:i}", "data",
                  shown_json(report->dataset->path), "chosen_on", describe_split(report->chosen_on),
                  "reported", describe_split(report->reported), "figure",
                  figure_kinds[study->by].name, "mean", ensemble_mean_names[report->mean],
                  "members", members, "mean_member", study->mean, "best_member", study->best);
    json_object_set_new(object, "chosen_member",
                        study->best_chosen < 0 ? json_null() : json_integer(study->best_chosen));
    add_mixtures(report, object);
    json_object_set_new(object, "gain", number_json(study->gain));
    json_object_set_new(object, "gain_error", number_json(study->gain_error));
    json_object_set_new(object, "disagreement", matrix);
    json_object_set_new(object, "saved", shown_json(report->saved));
    json_dumpf(object, stdout, JSON_ENSURE_ASCII | JSON_REAL_PRECISION(17));
    fputc('\n', stdout);
    json_decref(object);
}
