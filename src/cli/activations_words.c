/* What trainer activations found as tables, and a verdict. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/wrapped.h"
#include "cli/activations_report.h"
#include "cli/shown.h"

#define VERDICT "verdict  "
#define ADVICE "advice   "

struct ProbeValues activations_gradient_at(const struct ActivationsReport *report,
                                           const struct Node *node) {
    for (int i = 0; i < probing_node_count(report->gradients); i++) {
        struct ProbeNode found;
        probing_node(report->gradients, i, &found);
        if (found.node == node)
            return found.gradient;
    }
    return (struct ProbeValues){0};
}

double activations_gradient_norm(const struct ActivationsReport *report,
                                 const struct ArenaRow *row) {
    return probe_array(VARIANT_F64, row->count, probing_gradient(report->gradients) + row->offset,
                       NULL)
        .norm;
}

static void print_part(int64_t part, int64_t count, bool measured) {
    if (measured && count > 0)
        printf(" %7.2f %%", 100 * (double)part / (double)count);
    else
        printf(" %9s", "-");
}

static void print_number(double number, bool measured) {
    char text[32] = "-";
    if (measured)
        snprintf(text, sizeof text, "%.4g", number);
    printf(" %10s", text);
}

/* The columns of names, as wide as the longest of each; parameters have 28 at least. */
struct Widths {
    int path, kind, parameter;
};

static struct Widths widths_of(const struct ActivationsReport *report) {
    const struct Arena *arena = model_arena(report->model);
    struct Widths widths = {(int)strlen("layer"), 0, 28};
    for (int r = 0; r < arena->row_count; r++) {
        int name = (int)strlen(arena->rows[r].name);
        widths.parameter = name > widths.parameter ? name : widths.parameter;
    }
    for (int i = 0; i < probing_node_count(report->outputs); i++) {
        struct ProbeNode node;
        probing_node(report->outputs, i, &node);
        int path = (int)strlen(node.node->path), kind = (int)strlen(node_layer_name(node.node));
        widths.path = path > widths.path ? path : widths.path;
        widths.kind = kind > widths.kind ? kind : widths.kind;
    }
    return widths;
}

static void print_layer(const struct ActivationsReport *report, struct Widths widths, int index) {
    struct ProbeNode node;
    probing_node(report->outputs, index, &node);
    const struct ProbeValues *output = &node.output;
    struct ProbeValues gradient = activations_gradient_at(report, node.node);
    printf("%-*s %-*s", widths.path, node.node->path, widths.kind, node_layer_name(node.node));
    print_number(output->mean, output->count > 0);
    print_number(output->std, output->count > 0);
    print_part(output->zeros, output->count, true);
    print_part(output->saturated, output->count, node.saturates);
    printf(" %5" PRId64 " of %-4" PRId64, node.dead, node.units);
    print_number(gradient.std, gradient.count > 0);
    if (output->nonfinite + gradient.nonfinite)
        printf("  %" PRId64 " NaN or Inf", output->nonfinite + gradient.nonfinite);
    putchar('\n');
}

/* The worst values among all layers except the last, whose outputs are the scores. */
struct Worst {
    const struct Node *dead_at, *saturated_at, *least_at, *most_at;
    double dead, saturated, least, most; /* shares of units and of outputs; two deviations */
    int64_t nonfinite;
};

#define FEW_UNITS 4 /* in a layer of so few units, dead ones are not reported */

static void keep_larger(double value, const struct Node *node, double *most,
                        const struct Node **at) {
    if (*at && value <= *most)
        return;
    *most = value;
    *at = node;
}

static struct Worst find_worst(const struct ActivationsReport *report) {
    struct Worst worst = {0};
    int last = probing_node_count(report->outputs) - 1;
    double negative = 0;
    for (int i = 0; i <= last; i++) {
        struct ProbeNode node;
        probing_node(report->outputs, i, &node);
        worst.nonfinite +=
            node.output.nonfinite + activations_gradient_at(report, node.node).nonfinite;
        if (i == last || !node.output.count)
            continue;
        if (!strcmp(node_layer_name(node.node), "relu") && node.units >= FEW_UNITS)
            keep_larger((double)node.dead / (double)node.units, node.node, &worst.dead,
                        &worst.dead_at);
        if (node.saturates)
            keep_larger((double)node.output.saturated / (double)node.output.count, node.node,
                        &worst.saturated, &worst.saturated_at);
        keep_larger(node.output.std, node.node, &worst.most, &worst.most_at);
        keep_larger(-node.output.std, node.node, &negative, &worst.least_at);
    }
    worst.least = -negative;
    return worst;
}

static bool are_equal(const float *values, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (!(values[i] == values[0])) /* NaN equals nothing */
            return false;
    return true;
}

/* The weights of a layer of several units that are all the same, so that its units stay the same;
 * NULL if there are none. Those of the last layer may be: each of its units has its own target. */
static const struct ArenaRow *find_equal_weights(const struct ActivationsReport *report) {
    const struct Arena *arena = model_arena(report->model);
    const struct ArenaRow *found = NULL;
    for (int r = 0; r < arena->row_count; r++) {
        const struct ArenaRow *row = &arena->rows[r];
        if (row->role != ROLE_WEIGHT || row->rank < 2)
            continue;
        if (found)
            return found;
        if (row->size[0] > 1 && are_equal(report->state + row->offset, row->count))
            found = row;
    }
    return NULL;
}

/* What to do if the weights have become what they are in training. A network that is not trained
 * has no rate to blame. */
static const char *or_rate(const struct ActivationsReport *report) {
    return report->initial ? "" : "lower optimizer.rate, ";
}

static void print_verdict(const struct ActivationsReport *report) {
    const struct Worst worst = find_worst(report);
    const struct ArenaRow *equal = find_equal_weights(report);
    putchar('\n');
    if (worst.nonfinite) {
        wrapped_line(stdout, VERDICT, "numbers are NaN or Inf: %sthe initial weights are too large",
                     report->initial ? "" : "the rate was too high, or ");
        wrapped_line(stdout, ADVICE, "%sinitialise with kaiming_normal or xavier", or_rate(report));
    } else if (equal) {
        wrapped_line(stdout, VERDICT,
                     "all of %s are the same: the units of that layer stay the same", equal->name);
        wrapped_line(stdout, ADVICE,
                     "initialise with random weights: kaiming_normal (ReLU) or xavier "
                     "(tanh)");
    } else if (worst.dead_at && worst.dead > 0.5) {
        wrapped_line(stdout, VERDICT,
                     "%.0f %% of the units of layer %s (%s) are dead: they fire for none of the "
                     "samples; expected: few",
                     100 * worst.dead, worst.dead_at->path, node_layer_name(worst.dead_at));
        wrapped_line(stdout, ADVICE,
                     "%sbegin with biases of 0 or slightly above it and a smaller last layer, or "
                     "use leaky_relu",
                     or_rate(report));
    } else if (worst.saturated_at && worst.saturated > 0.5) {
        wrapped_line(stdout, VERDICT,
                     "%.0f %% of the outputs of layer %s (%s) are saturated and pass no gradient "
                     "on; expected: few",
                     100 * worst.saturated, worst.saturated_at->path,
                     node_layer_name(worst.saturated_at));
        wrapped_line(stdout, ADVICE, "%sinitialise with xavier, or centre and scale the inputs",
                     or_rate(report));
    } else if (worst.least_at && worst.least < 0.02) {
        wrapped_line(stdout, VERDICT,
                     "the outputs of layer %s (%s) hardly vary, deviation %.2g; expected: about 1 "
                     "at every depth",
                     worst.least_at->path, node_layer_name(worst.least_at), worst.least);
        wrapped_line(stdout, ADVICE,
                     "initialise with kaiming_normal (ReLU) or xavier (tanh), or add batch "
                     "normalisation");
    } else if (worst.most_at && worst.most > 100) {
        wrapped_line(stdout, VERDICT,
                     "the outputs of layer %s (%s) are large, deviation %.2g; expected: about 1 at "
                     "every depth",
                     worst.most_at->path, node_layer_name(worst.most_at), worst.most);
        wrapped_line(stdout, ADVICE,
                     "initialise with smaller weights, scale the inputs, or add batch "
                     "normalisation");
    } else {
        wrapped_line(stdout, VERDICT,
                     "as expected: no layer is dead or saturated, and none of their "
                     "outputs collapse or explode");
    }
}

void activations_print_words(const struct ActivationsReport *report) {
    const struct Arena *arena = model_arena(report->model);
    struct Widths widths = widths_of(report);
    printf("%s, split %s of %s, %" PRId64 " sample%s\n", shown(report->path),
           shown(report->split->name), shown(report->dataset->path), report->samples,
           report->samples == 1 ? "" : "s");
    puts(report->initial
             ? "outputs: as in training; gradient: std of the gradient at them\n"
             : "outputs: as in prediction; gradient: std of the gradient at them, as in "
               "training\n");
    printf("%-*s %-*s %10s %10s %9s %9s %13s %10s\n", widths.path, "layer", widths.kind, "", "mean",
           "std", "zeros", "saturated", "dead units", "gradient");
    for (int i = 0; i < probing_node_count(report->outputs); i++)
        print_layer(report, widths, i);
    printf("\n%-*s %10s %10s %10s %10s\n", widths.parameter, "parameter", "mean", "std", "norm",
           "gradient");
    for (int r = 0; r < arena->row_count; r++) {
        const struct ArenaRow *row = &arena->rows[r];
        if (row->role == ROLE_STATISTIC)
            continue;
        struct ProbeValues values =
            probe_array(report->variant, row->count, report->state + row->offset, NULL);
        printf("%-*s", widths.parameter, row->name);
        print_number(values.mean, true);
        print_number(values.std, true);
        print_number(values.norm, true);
        print_number(activations_gradient_norm(report, row), true);
        putchar('\n');
    }
    print_verdict(report);
}
