#include "ensemble/study.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

static double *equal_weights(int members) {
    double *weights = memory_array(double, members, "weights");
    for (int m = 0; m < members; m++)
        weights[m] = 1.0 / members;
    return weights;
}

/* The figures of a weighted mean; its predictions stay in `scores`. */
static struct Figures measure(const struct Pool *pool, const double *weights, double *scores) {
    pool_combine(pool, weights, scores);
    return pool_measure(pool, scores);
}

static double *make_scores(const struct Pool *pool) {
    return memory_array(double, pool->samples * pool->outputs, "an ensemble's scores");
}

/* ---- Mixtures ---- */

static void calibrate(struct Mixture *mixture, const struct StudyRequest *request, double *scores) {
    const struct Pool *pool = request->reported;
    mixture->before = calibration_measure(pool, scores);
    pool_cool(pool, mixture->temperature, scores);
    mixture->after = calibration_measure(pool, scores);
    mixture->calibrated = pool_measure(pool, scores);
}

/* Takes the weights over. */
static void measure_mixture(struct Mixture *mixture, const struct StudyRequest *request,
                            double *weights) {
    const struct Pool *pool = request->chosen_on;
    mixture->weights = weights;
    mixture->temperature = 1;
    if (pool) {
        double *scores = make_scores(pool);
        mixture->chosen_on = measure(pool, weights, scores);
        if (calibration_is_possible(pool))
            mixture->temperature = calibration_temperature(pool, scores);
        memory_release(scores);
    }
    double *scores = make_scores(request->reported);
    mixture->figures = measure(request->reported, weights, scores);
    if (calibration_is_possible(request->reported))
        calibrate(mixture, request, scores);
    else
        mixture->calibrated = mixture->figures;
    memory_release(scores);
}

static const struct Mixture *choose(const struct Study *study) {
    enum Figure by = study->by;
    if (study->given.weights)
        return &study->given;
    if (study->greedy.weights &&
        figure_is_better(by, study->greedy.chosen_on.value[by], study->equal.chosen_on.value[by]))
        return &study->greedy;
    return &study->equal;
}

/* ---- Members ---- */

static int best_of(const struct Study *study, const struct Figures *figures) {
    int best = 0;
    for (int m = 1; m < study->members; m++)
        if (figure_is_better(study->by, figures[m].value[study->by],
                             figures[best].value[study->by]))
            best = m;
    return best;
}

static void measure_members(struct Study *study, const struct StudyRequest *request) {
    for (int m = 0; m < study->members; m++) {
        if (request->chosen_on)
            study->chosen_on[m] =
                pool_measure(request->chosen_on, pool_member(request->chosen_on, m));
        study->alone[m] = pool_measure(request->reported, pool_member(request->reported, m));
        study->calibration_errors[m] =
            calibration_is_possible(request->reported)
                ? calibration_measure(request->reported, pool_member(request->reported, m))
                      .reliability.expected_error
                : NAN;
        study->mean += study->alone[m].value[study->by] / study->members;
    }
    study->best = best_of(study, study->alone);
    study->best_chosen = request->chosen_on ? best_of(study, study->chosen_on) : -1;
}

/* The figures of a mixture without each member in turn. */
static void leave_out(const struct Pool *pool, const struct Mixture *mixture,
                      struct Figures *without) {
    double *weights = memory_array(double, pool->members, "weights"), *scores = make_scores(pool);
    for (int out = 0; out < pool->members; out++) {
        double left = 0;
        for (int m = 0; m < pool->members; m++)
            left += m == out ? 0 : mixture->weights[m];
        for (int m = 0; m < pool->members; m++)
            weights[m] = m == out || left == 0 ? 0 : mixture->weights[m] / left;
        if (mixture->weights[out] == 0)
            without[out] = mixture->figures;
        else if (left > 0)
            without[out] = measure(pool, weights, scores);
    }
    memory_release(weights);
    memory_release(scores);
}

/* ---- The verdict ---- */

static double error_of_gain(const struct Pool *pool, enum Figure by, const double *weights,
                            int rival) {
    const struct GainOf of = {by, pool->targets, pool->split, pool->outputs};
    const double *alone = pool_member(pool, rival);
    double *together = make_scores(pool);
    struct GainSums sums = {0};
    pool_combine(pool, weights, together);
    for (int64_t i = 0, at = 0; i < pool->samples; i++, at += pool->outputs)
        gain_add(&sums, &of, i, together + at, alone + at);
    memory_release(together);
    return gain_error(&sums, by);
}

static void compare_with_rival(struct Study *study, const struct Pool *pool) {
    enum Figure by = study->by;
    study->rival = study->best_chosen >= 0 ? study->best_chosen : study->best;
    study->gain =
        gain_of(by, study->final->figures.value[by], study->alone[study->rival].value[by]);
    study->gain_error = error_of_gain(pool, by, study->final->weights, study->rival);
}

/* ---- All of it ---- */

void study_make(struct Study *study, const struct StudyRequest *request) {
    int members = request->reported->members;
    *study = (struct Study){
        .members = members,
        .by = request->by,
        .chosen_on = memory_array(struct Figures, members, "figures"),
        .alone = memory_array(struct Figures, members, "figures"),
        .calibration_errors = memory_array(double, members, "calibration errors"),
        .equal_without = memory_array(struct Figures, members, "figures"),
        .final_without = memory_array(struct Figures, members, "figures"),
        .disagreement = memory_array(double, (int64_t)members *members, "disagreements")};
    measure_members(study, request);
    measure_mixture(&study->equal, request, equal_weights(members));
    if (request->chosen_on) {
        study->search = greedy_select(request->chosen_on, request->by, request->rounds);
        measure_mixture(&study->greedy, request,
                        memory_copy_array(study->search.weights, members, "weights"));
    }
    if (request->weights)
        measure_mixture(&study->given, request,
                        memory_copy_array(request->weights, members, "weights"));
    study->final = choose(study);
    compare_with_rival(study, request->reported);
    leave_out(request->reported, &study->equal, study->equal_without);
    if (study->final == &study->equal)
        memcpy(study->final_without, study->equal_without,
               (size_t)members * sizeof *study->final_without);
    else
        leave_out(request->reported, study->final, study->final_without);
    pool_disagreement(request->reported, study->disagreement);
}

void study_release(struct Study *study) {
    memory_release(study->chosen_on);
    memory_release(study->alone);
    memory_release(study->calibration_errors);
    memory_release(study->equal_without);
    memory_release(study->final_without);
    memory_release(study->disagreement);
    memory_release(study->equal.weights);
    memory_release(study->greedy.weights);
    memory_release(study->given.weights);
    greedy_release(&study->search);
    *study = (struct Study){0};
}
