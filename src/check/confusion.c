#include "check/confusion.h"

#include <math.h>

#include "base/memory.h"

double check__majority(const struct Evaluation *evaluation) {
    int64_t classes = evaluation->outputs, most = 0;
    for (int64_t truth = 0; truth < classes; truth++) {
        int64_t sum = 0;
        for (int64_t k = 0; k < classes; k++)
            sum += evaluation->confusion[truth * classes + k];
        most = sum > most ? sum : most;
    }
    return (double)most / (double)evaluation->samples;
}

double check__part_above_chance(const struct Evaluation *evaluation, double part) {
    double p = check__majority(evaluation);
    return (part - p) / sqrt(fmax(p * (1 - p), 1e-9) / (double)evaluation->samples);
}

double check__right_if_shifted(const struct Evaluation *evaluation, int64_t shift) {
    int64_t classes = evaluation->outputs, right = 0;
    for (int64_t k = 0; k < classes; k++)
        right += evaluation->confusion[(k + shift + classes) % classes * classes + k];
    return (double)right / (double)evaluation->samples;
}

double check__above_chance(const struct Evaluation *evaluation) {
    return check__part_above_chance(evaluation, check__right_if_shifted(evaluation, 0));
}

int64_t check__truth_of(const struct Evaluation *evaluation, int64_t k) {
    int64_t classes = evaluation->outputs, most = 0, at = -1;
    for (int64_t truth = 0; truth < classes; truth++)
        if (evaluation->confusion[truth * classes + k] > most) {
            most = evaluation->confusion[truth * classes + k];
            at = truth;
        }
    return at;
}

double check__right_if_renamed(const struct Evaluation *evaluation, int64_t *first) {
    int64_t classes = evaluation->outputs, right = 0;
    bool *taken = memory_array(bool, classes, "names of classes"), unique = true;
    *first = -1;
    for (int64_t k = 0; k < classes; k++) {
        int64_t truth = check__truth_of(evaluation, k);
        if (truth < 0)
            continue;
        unique &= !taken[truth];
        taken[truth] = true;
        right += evaluation->confusion[truth * classes + k];
        *first = *first < 0 && truth != k ? k : *first;
    }
    memory_release(taken);
    return unique ? (double)right / (double)evaluation->samples : 0;
}

double check__predicts_others(const struct Evaluation *evaluation) {
    int64_t classes = evaluation->outputs;
    double sum = 0;
    for (int64_t k = 0; k < classes; k++) {
        int64_t difference = 0;
        for (int64_t j = 0; j < classes; j++)
            difference +=
                evaluation->confusion[j * classes + k] - evaluation->confusion[k * classes + j];
        sum += fabs((double)difference) / 2;
    }
    return sum / (double)evaluation->samples;
}
