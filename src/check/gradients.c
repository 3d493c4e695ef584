/* Item 3: the gradient check of the user's own model, in double precision. */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "check/inside.h"
#include "nn/gradcheck.h"

#define SAMPLES 2
#define ELEMENTS 2 /* of each parameter */
#define TOLERANCE 1e-6

/* What the rows come to. */
struct Compared {
    struct Beat *beat;
    int64_t checked, kinks, zeros, wrong;
    double worst;          /* of all that were compared */
    struct Text unchecked; /* the names of rows of which nothing could be compared */
    struct Text first;     /* what is wrong with the first wrong element */
    int rows, unchecked_rows;
};

static void add_row(void *context, const struct GradcheckRow *row) {
    struct Compared *compared = context;
    beat_move(compared->beat);
    compared->rows++;
    compared->checked += row->checked;
    compared->kinks += row->kinks;
    compared->zeros += row->zeros;
    compared->wrong += row->wrong;
    if (row->checked && !(row->worst <= compared->worst))
        compared->worst = row->worst;
    if (row->wrong && !compared->first.length)
        text_add(&compared->first,
                 "; backward says %.6g for %s[%" PRId64 "], central differences %.6g",
                 row->analytic, row->name, row->element, row->numeric);
    if (row->checked)
        return;
    text_add(&compared->unchecked, "%s%s (%s)", compared->unchecked_rows++ ? ", " : "", row->name,
             row->kinks ? "all on kinks" : "0 in both");
}

static void add_finding(struct Preflight *preflight, const struct Compared *compared) {
    struct Finding *finding = findings__add(preflight->findings, CHECK_GRADIENTS, "gradient_check");
    finding__figure(finding, "worst_relative_error", compared->worst);
    finding__figure(finding, "elements_compared", (double)compared->checked);
    finding__figure(finding, "elements_wrong", (double)compared->wrong);
    finding__figure(finding, "elements_on_kinks", (double)compared->kinks);
    finding__figure(finding, "elements_zero", (double)compared->zeros);
    finding__figure(finding, "parameters_unchecked", (double)compared->unchecked_rows);
    finding__say(finding, "relative error at most %.1e over %" PRId64 " elements of %d parameters",
                 compared->worst, compared->checked, compared->rows - compared->unchecked_rows);
    finding__expect(finding, "at most %.0e", TOLERANCE);
    if (compared->unchecked_rows)
        finding__say(finding, "; not checked: %s", compared->unchecked.data);
    if (compared->wrong) {
        finding__say(finding, "%s", compared->first.data);
        finding__blame(finding, CHECK_BAD,
                       "backward of this layer is wrong: it does not compute "
                       "the gradient of its forward",
                       "check the layer by itself, and report it as a fault of the program if it "
                       "is not your own");
    }
    if (compared->unchecked_rows)
        finding__blame(finding, CHECK_DOUBTFUL,
                       "nothing of these parameters could be compared: units are dead, nothing "
                       "depends on them, or all elements tried lie on kinks of ReLUs",
                       "check them with more elements and another seed");
}

int check__gradients(struct Preflight *preflight, struct Error *error) {
    const struct RunOptions *options = experiment_options(preflight->experiment);
    struct Compared compared = {.beat = ranks_beat(preflight->ranks)};
    struct GradcheckRequest request = {.loss = &options->loss,
                                       .convolution =
                                           (enum ConvolutionRule)options->train.convolution,
                                       .samples = SAMPLES,
                                       .elements = ELEMENTS,
                                       .tolerance = TOLERANCE,
                                       .seed = (uint64_t)options->train.seed};
    int code = OK;
    beat_enter(ranks_beat(preflight->ranks), BEAT_EVALUATING);
    if (ranks_rank(preflight->ranks) == 0) {
        request.backend = backend_find("openblas", VARIANT_F64, error);
        code = request.backend ? gradcheck_run(experiment_parts(preflight->experiment)->model,
                                               &request, add_row, &compared, error)
                               : error->code;
        if (!code || code == ERROR_NUMERIC) { /* which is in the rows */
            code = OK;
            add_finding(preflight, &compared);
        }
    }
    text_release(&compared.unchecked);
    text_release(&compared.first);
    return ranks_agree(preflight->ranks, code, error);
}
