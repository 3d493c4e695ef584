/* Gradient check: backward against central differences in double precision (CS231n, "Gradient
 * checks"). Not collective. */
#ifndef TRAINER_NN_GRADCHECK_H
#define TRAINER_NN_GRADCHECK_H

#include "compute/convolution.h"
#include "nn/model.h"

struct GradcheckRequest {
    const struct Choice *loss;
    const struct Backend *backend; /* of VARIANT_F64 */
    enum ConvolutionRule convolution;
    int64_t samples;
    int64_t elements; /* to check of each row and of the input, spread evenly; 0: all */
    double tolerance; /* relative, e.g. 1e-6 */
    uint64_t seed;
    bool no_fusion;
};

/* One row of the arena, or the model's input. */
struct GradcheckRow {
    const char *name;
    int64_t checked; /* elements compared, without the next two */
    int64_t zeros;   /* left out: backward and the differences say 0, which checks nothing */
    int64_t kinks;   /* left out: too near a kink for the differences to tell */
    int64_t wrong;   /* relative error above the tolerance, and no kink explains it */
    double worst;    /* largest relative error among those compared */
    double analytic, numeric; /* at the worst element */
    int64_t element;
};

/* Calls visit for every row, the input last. The relative error of an element is
 * |a − n| / max(|a|, |n|, floor), floor = max(1e-3 · rms of the row's gradient, 2e-5), so that an
 * element whose gradient is mere rounding cannot fail. The error must be within the tolerance at
 * one of several widths.
 *
 * If it is not, the one-sided differences decide. At a smooth point they differ by an amount
 * proportional to the width; the rest of their difference comes from kinks. If this rest can
 * explain the error, the element is near a kink; else it is wrong.
 *
 * A deep network has so many ReLUs that one switches within any width that rounding allows. If
 * nothing of a row could be compared, other elements are tried at other base points, at which the
 * normalisations' shifts keep most channels far above zero and some far below. ERROR_NUMERIC if an
 * element is wrong, or if nothing of a row could be compared at any base point: all that was tried
 * lies on kinks, or has no gradient because units are dead. */
int gradcheck_run(const struct Model *model, const struct GradcheckRequest *request,
                  void (*visit)(void *context, const struct GradcheckRow *row), void *context,
                  struct Error *error);

#endif
