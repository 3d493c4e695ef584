/* Item 5: a handful of samples, to be learnt by heart (run/overfit.h). The rate is the run's own,
 * reduced as the batch is (Goyal et al. 2017, "Accurate, large minibatch SGD"), or, for optimisers
 * that divide by the size of gradients, as its root is (Malladi et al. 2022, "On the SDEs and
 * scaling rules for adaptive gradient algorithms"). If that does not do it, others are tried, to
 * tell a wrong rate from a model that cannot learn. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/digest.h"
#include "base/memory.h"
#include "check/inside.h"
#include "run/overfit.h"

#define SAMPLES 20
#define OWN_STEPS 150
#define TRIED_STEPS 60  /* at each of the other rates */
#define USUAL_RATE 0.01 /* about which they lie if the run's own is 1,000 times away, or 0 */
#define NEAR 30         /* a rate this many times away is no other rate */
#define ENOUGH 0.1      /* of the loss of scores that are 0 */

/* A small model makes more steps, which take no time. */
#define SMALL 100000 /* parameters */
#define MORE 4       /* times as many */

struct Learnt {
    int64_t steps;
    double loss, accuracy; /* of the last step; accuracy NaN: values */
    bool finite, done;
};

/* What can be reached at best: samples that are equal and have different labels cannot all be
 * right. */
struct Reach {
    double accuracy, loss;
    int64_t equal; /* so many of them */
};

/* The part of the samples in the group of sample `first`, from there on, that its most frequent
 * label has; marks the group. */
static int64_t count_group(const struct Digest *digests, const int32_t *labels, int64_t count,
                           int64_t first, bool *counted, int64_t *size) {
    int64_t most = 0;
    *size = 0;
    for (int64_t i = first; i < count; i++) {
        int64_t same = 0;
        if (memcmp(&digests[i], &digests[first], sizeof *digests) != 0)
            continue;
        counted[i] = true;
        ++*size;
        for (int64_t j = first; j < count; j++)
            same += labels[j] == labels[i] && !memcmp(&digests[j], &digests[i], sizeof *digests);
        most = same > most ? same : most;
    }
    return most;
}

static struct Reach find_reach(const struct Experiment *experiment) {
    const struct RunParts *parts = experiment_parts(experiment);
    const struct Split *split = parts->train;
    struct Reach reach = {.accuracy = 1, .loss = ENOUGH * check__chance(experiment)};
    int64_t right = 0, size;
    if (!split->labels)
        return reach;
    struct Digest *digests = memory_array(struct Digest, split->count, "digests of samples");
    bool *counted = memory_array(bool, split->count, "samples that are counted");
    for (int64_t i = 0; i < split->count; i++)
        digests[i] = digest_bytes(dataset_image(parts->dataset, split, i),
                                  dataset_image_bytes(parts->dataset, split));
    for (int64_t i = 0; i < split->count; i++) {
        if (counted[i])
            continue;
        int64_t most = count_group(digests, split->labels, split->count, i, counted, &size);
        right += most;
        reach.equal += most < size ? size : 0;
    }
    reach.accuracy = (double)right / (double)split->count;
    reach.loss += check__chance(experiment) * (double)reach.equal / (double)split->count;
    memory_release(digests);
    memory_release(counted);
    return reach;
}

static bool is_learnt(const struct ExperimentStep *step, const struct Reach *reach) {
    bool right = isnan(step->accuracy) || step->accuracy >= reach->accuracy - 1e-6;
    return step->finite && right && step->loss < reach->loss;
}

/* Up to `most` steps from the beginning at one rate. */
static int learn(struct Experiment *experiment, double rate, int64_t most,
                 const struct Reach *reach, struct Learnt *learnt, struct Error *error) {
    if (model_arena(experiment_parts(experiment)->model)->parameters < SMALL)
        most *= MORE;
    struct ExperimentStep step = {.finite = true};
    *learnt = (struct Learnt){.finite = true};
    experiment_restart(experiment);
    while (learnt->steps < most && learnt->finite && !learnt->done) {
        int code = experiment_step(experiment, rate, &step, error);
        if (code)
            return code;
        learnt->steps++;
        learnt->loss = step.loss;
        learnt->accuracy = step.accuracy;
        learnt->finite = step.finite;
        learnt->done = is_learnt(&step, reach);
    }
    return OK;
}

/* Another rate at which the samples are learnt; 0: none was found. */
static int try_rates(struct Experiment *experiment, double own, const struct Reach *reach,
                     double *found, struct Error *error) {
    static const double factors[] = {1, 0.1, 10, 0.01, 100, 1e-3, 1e3};
    bool unusual = own < USUAL_RATE / 1000 || own > USUAL_RATE * 1000;
    struct Learnt learnt = {0};
    int code = OK;
    *found = 0;
    for (size_t i = unusual ? 0 : 1; i < sizeof factors / sizeof *factors && !*found && !code;
         i++) {
        double rate = (unusual ? USUAL_RATE : own) * factors[i];
        code = learn(experiment, rate, TRIED_STEPS, reach, &learnt, error);
        *found = learnt.done ? rate : 0;
    }
    return code;
}

static void blame(struct Preflight *preflight, struct Finding *finding, const struct Learnt *learnt,
                  double own, double other) {
    if (other > own / NEAR && other < own * NEAR)
        return;
    if (other > own)
        check__blame_low_rate(preflight, finding, CHECK_BAD,
                              "the learning rate is too low: the same samples are learnt at a "
                              "higher one",
                              "raise optimizer.rate; the range test below says to what");
    else if (other > 0)
        finding__blame(finding, CHECK_BAD,
                       "the learning rate is too high: the same samples are "
                       "learnt at a lower one",
                       "lower optimizer.rate; the range test below says to what");
    else if (finding__blame_earlier(preflight->findings, finding, CHECK_BAD))
        return;
    else if (!learnt->finite)
        finding__blame(finding, CHECK_BAD, "numbers overflow at every rate that was tried",
                       "look at the initial weights and at the preprocessing");
    else
        finding__blame(finding, CHECK_BAD,
                       "the model cannot even learn a handful of samples by heart, at any rate "
                       "that was tried: it is too small, layers are frozen or dead, or its last "
                       "layer or loss is the wrong one",
                       "simplify the model until it can, then add layers one by one");
}

static void report(struct Preflight *preflight, const struct Reach *reach, int64_t samples,
                   const struct Learnt *learnt, double own, double other) {
    struct Finding *finding = findings__add(preflight->findings, CHECK_OVERFIT, "learnt_by_heart");
    finding__figure(finding, "samples", (double)samples);
    finding__figure(finding, "steps", (double)learnt->steps);
    finding__figure(finding, "loss", learnt->loss);
    finding__figure(finding, "accuracy", learnt->accuracy);
    finding__figure(finding, "other_rate", other);
    finding__say(finding, "%" PRId64 " samples, after %" PRId64 " steps at rate %.3g: loss ",
                 samples, learnt->steps, own);
    if (learnt->finite)
        finding__say(finding, "%.3g", learnt->loss);
    else
        finding__say(finding, "NaN or Inf");
    if (learnt->finite && !isnan(learnt->accuracy))
        finding__say(finding, ", accuracy %.0f %%", 100 * learnt->accuracy);
    if (other > 0)
        finding__say(finding, "; learnt at rate %.3g", other);
    if (reach->equal)
        finding__say(finding,
                     "; %" PRId64 " of them are equal and have different labels, so that %.0f %% "
                     "can be right",
                     reach->equal, 100 * reach->accuracy);
    finding__expect(finding, isnan(learnt->accuracy) ? "a loss near 0"
                             : reach->equal          ? "as many right as can be"
                                                     : "a loss near 0, all of them right");
    if (!learnt->done)
        blame(preflight, finding, learnt, own, other);
}

int check__overfit(struct Preflight *preflight, struct Error *error) {
    const struct RunOptions *options = experiment_options(preflight->experiment);
    int64_t shards = options->train.shards;
    int64_t count = experiment_parts(preflight->experiment)->train->count;
    int64_t samples = (SAMPLES + shards - 1) / shards * shards;
    struct TrainRequest request = *preflight->request->train;
    struct Experiment *experiment;
    struct Learnt learnt = {0};
    double other = 0;
    request.overfit = samples < count ? samples : count / shards * shards;
    int code = experiment_create(&experiment, preflight->ranks, &request, error);
    if (code)
        return code;
    double batch = (double)options->train.batch;
    double part = fmin(1, (double)samples / batch);
    double own = check__peak_rate(preflight->experiment) *
                 (check__follows_gradient(preflight->experiment) ? part : sqrt(part));
    const struct Reach reach = find_reach(experiment);
    code = learn(experiment, own, OWN_STEPS, &reach, &learnt, error);
    if (!code && !learnt.done)
        code = try_rates(experiment, own, &reach, &other, error);
    if (!code)
        report(preflight, &reach, request.overfit, &learnt, own, other);
    preflight->overfits = learnt.done || other > 0;
    experiment_release(experiment);
    return code;
}
