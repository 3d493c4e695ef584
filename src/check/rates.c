/* Item 6: the learning-rate range test (Smith 2017, "Cyclical learning rates for training neural
 * networks", section 3.3): the rate rises exponentially from step to step, and the loss says at
 * which rates it barely moves, falls, and explodes. */
#include <inttypes.h>
#include <math.h>

#include "base/memory.h"
#include "check/inside.h"

#define LEAST_RATE 1e-5
#define MOST_RATE 30.0
#define LEAST_STEPS 40
#define MOST_STEPS 120
#define MEMORY 0.7     /* of the running mean: the newest loss counts 0.3 */
#define EXPLODES 4     /* times the loss at the start */
#define STARTS 10      /* steps whose mean is that loss, at rates that change nothing */
#define BELOW_LOWEST 5 /* the suggestion: the rate of the lowest loss divided by this */

/* ---- The test ---- */

static int raise_rate(struct Preflight *preflight, int64_t steps, struct Error *error) {
    struct Findings *findings = preflight->findings;
    double mean = 0, weight = 0, first = 0;
    findings->rates = memory_array(struct CheckRate, steps, "the range test");
    experiment_restart(preflight->experiment);
    for (int64_t i = 0; i < steps; i++) {
        struct ExperimentStep step;
        double along = (double)i / (double)(steps - 1);
        double rate = LEAST_RATE * pow(MOST_RATE / LEAST_RATE, along);
        int code = experiment_step(preflight->experiment, rate, &step, error);
        if (code)
            return code;
        mean = MEMORY * mean + (1 - MEMORY) * step.loss;
        weight = MEMORY * weight + (1 - MEMORY);
        if (i < STARTS)
            first += step.loss / STARTS;
        findings->rates[findings->rate_count++] =
            (struct CheckRate){.rate = rate, .loss = step.loss, .smooth = mean / weight};
        if (!step.finite || (i >= STARTS && step.loss > EXPLODES * first))
            break;
    }
    return OK;
}

/* ---- What it says ---- */

struct Curve {
    double start, noise; /* the loss at rates that change nothing, and its deviation */
    double lowest;       /* of the running mean */
    int lowest_at;
    double least; /* the rate from which on a tenth of the fall is done */
    double most;  /* from which on half of it is undone; the last rate if the loss exploded */
    bool falls, exploded;
};

static void measure_start(const struct Findings *findings, struct Curve *curve) {
    int count = findings->rate_count < STARTS ? findings->rate_count : STARTS;
    double squares = 0;
    for (int i = 0; i < count; i++)
        curve->start += findings->rates[i].loss / count;
    for (int i = 0; i < count; i++)
        squares += pow(findings->rates[i].loss - curve->start, 2);
    curve->noise = sqrt(squares / count);
}

/* Whether the loss has fallen by more than it goes up and down by itself. */
static bool has_fallen(const struct Curve *curve) {
    return curve->start - curve->lowest > fmax(0.03 * fabs(curve->start), 2 * curve->noise);
}

/* The first valley: with batch normalisation the loss may fall again at rates that are far too high
 * for many steps. */
static void find_valley(const struct Findings *findings, struct Curve *curve) {
    const struct CheckRate *rates = findings->rates;
    curve->lowest = curve->start;
    for (int i = STARTS; i < findings->rate_count; i++) {
        double rise = fmax(0.5 * (curve->start - curve->lowest), 2 * curve->noise);
        if (rates[i].smooth < curve->lowest) {
            curve->lowest = rates[i].smooth;
            curve->lowest_at = i;
        } else if (has_fallen(curve) && !(rates[i].smooth < curve->lowest + rise)) {
            curve->most = rates[i].rate;
            return;
        }
    }
}

static struct Curve read_curve(const struct Findings *findings) {
    const struct CheckRate *rates = findings->rates;
    int last = findings->rate_count - 1;
    struct Curve curve = {.least = NAN, .most = NAN};
    measure_start(findings, &curve);
    find_valley(findings, &curve);
    curve.falls = has_fallen(&curve);
    curve.exploded = rates[last].rate < 0.99 * MOST_RATE;
    if (curve.exploded && isnan(curve.most))
        curve.most = rates[last].rate;
    double tenth = 0.1 * (curve.start - curve.lowest);
    for (int i = curve.lowest_at; i >= 0 && rates[i].smooth < curve.start - tenth; i--)
        curve.least = rates[i].rate;
    return curve;
}

static void judge_rate(struct Finding *finding, const struct Curve *curve, double own,
                       double suggested) {
    if (own > curve->most)
        finding__blame(finding, own > 3 * curve->most ? CHECK_BAD : CHECK_DOUBTFUL,
                       "the learning rate is too high: there the loss rises",
                       "lower optimizer.rate");
    else if (own < suggested / 100)
        finding__blame(finding, own < suggested / 1000 ? CHECK_BAD : CHECK_DOUBTFUL,
                       "the learning rate is too low: there the loss barely moves",
                       "raise optimizer.rate");
}

/* The loss falls at no rate. */
static void blame_labels(struct Preflight *preflight, struct Finding *finding) {
    const struct Finding *cause = findings__bad(preflight->findings);
    if (cause && cause != finding)
        finding__blame(finding, CHECK_BAD, cause->cause, cause->advice);
    else if (preflight->overfits)
        finding__blame(finding, CHECK_BAD,
                       "a handful of samples can be learnt, but nothing that holds for new ones: "
                       "labels that do not go with the images (shuffled, or shifted by a row)",
                       "look at the samples and their labels");
    else
        finding__blame(finding, CHECK_BAD,
                       "nothing is learnt at any rate: the initial weights are bad, layers are "
                       "dead or frozen, or labels do not go with the images",
                       "look at a handful of samples first: item overfit");
}

static void report(struct Preflight *preflight, const struct Curve *curve, double own) {
    struct Finding *finding = findings__add(preflight->findings, CHECK_RATES, "range_test");
    double suggested = curve->falls ? preflight->best_rate : NAN;
    finding__figure(finding, "rate", own);
    finding__figure(finding, "suggested", suggested);
    finding__figure(finding, "least", curve->falls ? curve->least : NAN);
    finding__figure(finding, "most", curve->most);
    finding__figure(finding, "loss_at_start", curve->start);
    finding__figure(finding, "lowest_loss", curve->lowest);
    if (!curve->falls) {
        finding__say(finding, "the loss falls at no rate: %.4g at the start, at best %.4g",
                     curve->start, curve->lowest);
        finding__expect(finding, "a rate at which it falls");
        blame_labels(preflight, finding);
        return;
    }
    finding__say(finding, "the loss falls from about %.1e on", curve->least);
    if (isnan(curve->most))
        finding__say(finding, ", and never rises");
    else
        finding__say(finding, ", and rises at %.2g", curve->most);
    if (curve->exploded)
        finding__say(finding, ", and explodes at %.2g",
                     preflight->findings->rates[preflight->findings->rate_count - 1].rate);
    finding__say(finding, "; the run's rate is %.3g, suggested is %.2g", own, suggested);
    finding__expect(finding, "a rate between them; %.2g is a good start", suggested);
    judge_rate(finding, curve, own, suggested);
}

int check__rates(struct Preflight *preflight, struct Error *error) {
    int64_t steps;
    int code = check__affordable(preflight, LEAST_STEPS, MOST_STEPS, &steps, error);
    if (!code)
        code = raise_rate(preflight, steps, error);
    if (code)
        return code;
    const struct Curve curve = read_curve(preflight->findings);
    preflight->best_rate =
        curve.falls ? preflight->findings->rates[curve.lowest_at].rate / BELOW_LOWEST : 0;
    preflight->most_rate = curve.most;
    report(preflight, &curve, check__peak_rate(preflight->experiment));
    findings__soften(preflight->findings, CHECK_RATES, steps);
    return OK;
}
