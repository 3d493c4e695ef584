/* What trainer activations found, in words and in JSON. Rank 0 calls these. */
#ifndef TRAINER_CLI_ACTIVATIONS_REPORT_H
#define TRAINER_CLI_ACTIVATIONS_REPORT_H

#include "evaluate/probing.h"

struct ActivationsReport {
    const char *path; /* of the checkpoint or the run file */
    bool initial; /* the initial weights of a run file; outputs are then those of training, too */
    const struct Model *model;
    enum Variant variant;
    const float *state;
    const struct Dataset *dataset;
    const struct Split *split;
    int64_t samples;
    const struct Probing *outputs, *gradients; /* with `initial` the same */
};

/* The gradient with respect to a node's output; its count is 0 if the plan omits the node. */
struct ProbeValues activations_gradient_at(const struct ActivationsReport *report,
                                           const struct Node *node);
/* The norm of a parameter's gradient. */
double activations_gradient_norm(const struct ActivationsReport *report,
                                 const struct ArenaRow *row);

/* With a verdict and advice at the end. */
void activations_print_words(const struct ActivationsReport *report);
void activations_print_json(const struct ActivationsReport *report);

#endif
