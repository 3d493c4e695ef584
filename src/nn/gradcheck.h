/* Gradient check: backward against central differences in double precision (CS231n, "Gradient
 * checks"). Not collective. */
#ifndef TRAINER_NN_GRADCHECK_H
#define TRAINER_NN_GRADCHECK_H

#include "nn/model.h"

struct GradcheckRequest {
    const struct Choice *loss;
    const struct Backend *backend; /* of VARIANT_F64 */
    int64_t samples;
    int64_t elements; /* checked of each row and of the input, spread evenly; 0: all */
    double tolerance; /* relative, e.g. 1e-6 */
    uint64_t seed;
    bool no_merging;
};

/* One row of the arena, or the model's input. */
struct GradcheckRow {
    const char *name;
    int64_t checked; /* elements compared */
    int64_t kinks;   /* left out: the differences at several widths disagree, as at a kink */
    int64_t wrong;   /* relative error above the tolerance while the differences agree */
    double worst;    /* largest relative error among those compared */
    double analytic, numeric; /* at the worst element */
    int64_t element;
};

/* Calls visit for every row, the input last. The relative error of an element is
 * |a − n| / max(|a|, |n|, 1e-3 · rms of the row's gradient): the last term keeps elements whose
 * gradient is mere rounding from deciding. ERROR_NUMERIC where any element is wrong. */
int gradcheck_run(const struct Model *model, const struct GradcheckRequest *request,
                  void (*visit)(void *context, const struct GradcheckRow *row), void *context,
                  struct Error *error);

#endif
