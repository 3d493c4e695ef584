/* print_loss LOSS indices|distributions|values SAMPLES OUTPUTS: scores, targets, losses and the
 * gradient of their mean in float, as JSON, for test_losses_torch.py. */
#include "losses.h"

#include <stdio.h>
#include <stdlib.h>

static void print_values(const char *name, int64_t count, const double *values, const char *end) {
    printf("\"%s\": [", name);
    for (int64_t i = 0; i < count; i++)
        printf("%s%.9g", i ? ", " : "", values[i]);
    printf("]%s\n", end);
}

int main(int count, char **words) {
    struct RunFile *file;
    struct Choice choice;
    struct Error error;
    if (count != 5 || parse_loss(words[1], &file, &choice, &error)) {
        fprintf(stderr, "%s\n", count == 5 ? error.text : "print_loss LOSS KIND SAMPLES OUTPUTS");
        return 2;
    }
    int kind = 0;
    while (kind < TARGET_VALUES && strcmp(words[2], target_kind_names[kind]) != 0)
        kind++;
    int64_t samples = atoll(words[3]), outputs = atoll(words[4]), elements = samples * outputs;
    double *scores = memory_array(double, elements, "test");
    double *wide = memory_array(double, elements, "test");
    double *losses = memory_array(double, samples, "test");
    float *target = memory_array(float, elements, "test");
    float *single = memory_array(float, elements, "test");
    float *gradient = memory_array(float, elements, "test");
    double *weights = memory_array(double, outputs, "test");
    weight_classes(&choice, outputs, weights);
    fill_loss(1, (enum TargetKind)kind, samples, outputs, scores, target);
    for (int64_t i = 0; i < elements; i++)
        single[i] = (float)scores[i];
    const struct Loss *loss =
        loss_variant((const struct Loss *)choice.kind, variant_best(VARIANT_F32_V4));
    loss->evaluate(choice.options, samples, outputs, single, target, 1.0 / (double)samples, losses,
                   gradient);
    printf("{");
    print_values("scores", elements, scores, ",");
    for (int64_t i = 0; i < elements; i++)
        wide[i] = (double)target[i];
    print_values("target", elements, wide, ",");
    for (int64_t i = 0; i < elements; i++)
        wide[i] = (double)gradient[i];
    print_values("gradient", elements, wide, ",");
    print_values("losses", samples, losses, "}");
    memory_release(weights);
    memory_release(scores);
    memory_release(wide);
    memory_release(losses);
    memory_release(target);
    memory_release(single);
    memory_release(gradient);
    runfile_release(file);
    return 0;
}
