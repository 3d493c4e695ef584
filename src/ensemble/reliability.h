/* How often predictions of a certain confidence are right: a diagram of bins, and how far it is
 * from the diagonal (Guo, Pleiss, Sun and Weinberger 2017, "On calibration of modern neural
 * networks"). */
#ifndef TRAINER_ENSEMBLE_RELIABILITY_H
#define TRAINER_ENSEMBLE_RELIABILITY_H

#include <stdbool.h>
#include <stdint.h>

#define RELIABILITY_BINS 15

/* Bin b holds the predictions with a confidence in (b, b + 1] / RELIABILITY_BINS, 0 too in the
 * first. All zeros before the first prediction. */
struct Reliability {
    int64_t counts[RELIABILITY_BINS];
    double confidence[RELIABILITY_BINS]; /* the mean; 0 if the bin is empty */
    double accuracy[RELIABILITY_BINS];   /* the part that is right; 0 if the bin is empty */
    double expected_error;               /* Σ counts / all · |accuracy − confidence| (ECE) */
    double largest_error;                /* the largest of these differences (MCE) */
};

void reliability_add(struct Reliability *reliability, double confidence, bool right);
/* Once, after the last prediction: turns sums into means. */
void reliability_finish(struct Reliability *reliability);

#endif
