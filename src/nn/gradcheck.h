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
    int64_t kinks;   /* left out: so near a kink that the differences cannot tell */
    int64_t wrong;   /* relative error above the tolerance, and no kink that could explain it */
    double worst;    /* largest relative error among those compared */
    double analytic, numeric; /* at the worst element */
    int64_t element;
};

/* Calls visit for every row, the input last. The relative error of an element is
 * |a − n| / max(|a|, |n|, floor), floor = max(1e-3 · rms of the row's gradient, 2e-5): elements
 * whose gradient is mere rounding do not decide. It has to be within the tolerance at one of
 * several widths.
 *
 * Elsewhere the one-sided differences decide. In a smooth place they differ by an amount
 * proportional to the width; what is left of their difference when that is taken off is the kinks'.
 * An error that this remainder can explain is a kink, any other is wrong.
 *
 * A deep network has so many ReLUs that one switches within any width that rounding allows. A row
 * in which nothing could be compared is tried at other elements of other base points, where the
 * normalisations' shifts keep most channels far above zero and some far below. ERROR_NUMERIC where
 * an element is wrong, or where nothing of a row could be compared there either. */
int gradcheck_run(const struct Model *model, const struct GradcheckRequest *request,
                  void (*visit)(void *context, const struct GradcheckRow *row), void *context,
                  struct Error *error);

#endif
