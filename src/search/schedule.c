#include "search/schedule.h"

#include <math.h>

static double score_at(const struct TrialState *trial, int rung) {
    if (trial->status == TRIAL_DIVERGED || trial->status == TRIAL_FAILED || rung < 0 ||
        rung >= trial->rungs || isnan(trial->scores[rung]))
        return -INFINITY;
    return trial->scores[rung];
}

/* Trials that reached the rung count, and so do those that came to a bad end on their way to it. */
static bool counts_at(const struct TrialState *trial, int rung) {
    bool ended = trial->status == TRIAL_DIVERGED || trial->status == TRIAL_FAILED;
    return trial->rungs > rung || (ended && trial->rungs == rung);
}

/* How many trials at the rung are better; of equal ones the earlier. */
static int64_t better_than(const struct Stage *stage, int64_t trial, int rung) {
    double own = score_at(&stage->trials[trial], rung);
    int64_t better = 0;
    for (int64_t i = 0; i < stage->count; i++) {
        double other = score_at(&stage->trials[i], rung);
        better +=
            counts_at(&stage->trials[i], rung) && (other > own || (other == own && i < trial));
    }
    return better;
}

/* The best paused trial whose newest rung is `rung`; -1: none. */
static int64_t best_paused(const struct Stage *stage, int rung) {
    int64_t best = -1;
    for (int64_t i = 0; i < stage->count; i++) {
        const struct TrialState *trial = &stage->trials[i];
        if (trial->status == TRIAL_PAUSED && !trial->taken && trial->rungs == rung + 1 &&
            (best < 0 || score_at(trial, rung) > score_at(&stage->trials[best], rung)))
            best = i;
    }
    return best;
}

static int64_t find_promotion(const struct Stage *stage) {
    for (int rung = stage->rungs - 2; rung >= 0; rung--) {
        int64_t here = 0, best = best_paused(stage, rung);
        for (int64_t i = 0; i < stage->count; i++)
            here += counts_at(&stage->trials[i], rung);
        if (best >= 0 && better_than(stage, best, rung) < here / stage->factor)
            return best;
    }
    return -1;
}

static int64_t find_status(const struct Stage *stage, enum TrialStatus status, bool taken) {
    for (int64_t i = 0; i < stage->count; i++)
        if (stage->trials[i].status == status && stage->trials[i].taken == taken)
            return i;
    return -1;
}

struct Next schedule_next(const struct Stage *stage, bool may_begin) {
    int64_t trial = find_status(stage, TRIAL_OPEN, false);
    if (trial >= 0)
        return (struct Next){NEXT_RESUME, trial};
    trial = find_promotion(stage);
    if (trial >= 0)
        return (struct Next){NEXT_PROMOTE, trial};
    trial = find_status(stage, TRIAL_NEW, false);
    if (trial >= 0 && may_begin)
        return (struct Next){NEXT_BEGIN, trial};
    for (int64_t i = 0; i < stage->count; i++)
        if (stage->trials[i].taken)
            return (struct Next){NEXT_WAIT, i};
    bool ended = find_status(stage, TRIAL_FINISHED, false) >= 0;
    for (int rung = stage->rungs - 2; rung >= 0 && !ended; rung--) {
        trial = best_paused(stage, rung);
        if (trial >= 0)
            return (struct Next){NEXT_PROMOTE, trial};
    }
    return (struct Next){NEXT_DONE, -1};
}

bool schedule_is_better(const struct TrialState *one, const struct TrialState *other) {
    bool one_ended = one->status == TRIAL_FINISHED, other_ended = other->status == TRIAL_FINISHED;
    double one_last = score_at(one, one->rungs - 1), other_last = score_at(other, other->rungs - 1);
    bool one_counts = one_last > -INFINITY, other_counts = other_last > -INFINITY;
    if (one_counts != other_counts || !one_counts)
        return one_counts;
    if (one_ended != other_ended)
        return one_ended;
    if (!one_ended && one->rungs != other->rungs)
        return one->rungs > other->rungs;
    return one_last > other_last;
}

int64_t schedule_epochs(int64_t first, int64_t factor, int rung) {
    double epochs = (double)first * pow((double)factor, rung);
    return epochs < 1e15 ? (int64_t)epochs : INT64_MAX;
}

int schedule_rungs(int64_t first, int64_t factor, double epochs) {
    int rungs = 1;
    while (first && (double)schedule_epochs(first, factor, rungs - 1) < epochs)
        rungs++;
    return rungs;
}
