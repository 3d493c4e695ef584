/* What the confusion matrix of an evaluation of classes says. Inside check/ only. Not collective.
 */
#ifndef TRAINER_CHECK_CONFUSION_H
#define TRAINER_CHECK_CONFUSION_H

#include "evaluate/evaluate.h"

/* The most frequent class as a part of the samples. */
double check__majority(const struct Evaluation *evaluation);
/* How many standard errors a part of the samples is above that: the accuracy, and another part. */
double check__above_chance(const struct Evaluation *evaluation);
double check__part_above_chance(const struct Evaluation *evaluation, double part);

/* The part of the samples whose label is their prediction + shift, modulo the classes. */
double check__right_if_shifted(const struct Evaluation *evaluation, int64_t shift);
/* The most frequent truth of the samples that are taken for class k; −1: there are none. */
int64_t check__truth_of(const struct Evaluation *evaluation, int64_t k);
/* The part of the samples that are right if each class is renamed to its most frequent truth; 0 if
 * two would then have one name. *first: the first class that is renamed; −1: none is. */
double check__right_if_renamed(const struct Evaluation *evaluation, int64_t *first);
/* Half of Σ|p − q| over the classes, p of predictions and q of truths. */
double check__predicts_others(const struct Evaluation *evaluation);

#endif
