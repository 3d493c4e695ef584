/* print_metrics: reads cases from stdin and prints the figures of each as a line of JSON, for
 * test_sets_sklearn.py. A case: samples, classes (int64), a threshold (double); scores, log odds
 * (double, (samples, classes)); truth (float, the same). */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/memory.h"
#include "evaluate/metrics.h"

static void print_figures(const struct Figures *figures) {
    const char *before = "{";
    for (int f = 0; f < FIGURE_COUNT; f++) {
        if (!figures->measured[f])
            continue;
        printf(isnan(figures->value[f]) ? "%s\"%s\": null" : "%s\"%s\": %.17g", before,
               figure_kinds[f].name, figures->value[f]);
        before = ", ";
    }
    printf("}");
}

static void measure(const struct Split *split, int64_t classes, double threshold,
                    const double *scores) {
    struct Ranks *ranks = ranks_alone();
    double sums[8] = {0};
    struct Evaluation evaluation = {
        .samples = split->count, .outputs = classes, .threshold = threshold};
    ranking_create(&evaluation.ranking, ranks, split, classes);
    metrics_sets.start(&evaluation, split);
    for (int64_t first = 0; first < split->count; first += 7) {
        int64_t left = split->count - first;
        const struct PredictedBlock block = {.split = split,
                                             .first = first,
                                             .count = left < 7 ? left : 7,
                                             .predictions = scores + first * classes};
        metrics_sets.add_block(&evaluation, &block, sums);
    }
    metrics_sets.finish(&evaluation, ranks, sums);
    printf("{\"all\": ");
    print_figures(&evaluation.figures);
    for (int64_t k = 0; k < classes; k++) {
        printf("%s", k ? ", " : ", \"classes\": [");
        print_figures(&evaluation.of_output[k]);
    }
    printf("]}\n");
    evaluation_release(&evaluation);
    ranks_release(ranks);
}

int main(void) {
    int64_t size[2];
    double threshold;
    while (fread(size, sizeof *size, 2, stdin) == 2) {
        int64_t values = size[0] * size[1];
        double *scores = memory_array(double, values, "test");
        float *truth = memory_array(float, values, "test");
        if (fread(&threshold, sizeof threshold, 1, stdin) != 1 ||
            fread(scores, sizeof *scores, (size_t)values, stdin) != (size_t)values ||
            fread(truth, sizeof *truth, (size_t)values, stdin) != (size_t)values)
            return 2;
        const struct Split split = {.count = size[0], .targets = truth};
        measure(&split, size[1], threshold, scores);
        memory_release(scores);
        memory_release(truth);
    }
    return 0;
}
