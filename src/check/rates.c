/* Item 6: the learning-rate range test (Smith 2017, "Cyclical learning rates for training neural
 * networks", section 3.3): the rate rises exponentially from step to step, and the loss says at
 * which rates it barely moves, falls, and explodes. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/sort.h"
#include "check/inside.h"

#define LEAST_RATE 1e-5
#define MOST_RATE 30.0
#define LEAST_STEPS 50
#define MOST_STEPS 120
#define MEMORY 0.7 /* of the running mean: the newest loss counts 0.3 */
#define EXPLODES 4 /* times the loss at the start */
#define STARTS 10  /* steps whose mean is that loss, at rates that change nothing */
/* Below this part of the loss at the start the samples are learnt, and what follows says nothing of
 * the rate. */
#define LEARNT 0.05
#define SECOND_LOOK 100 /* the second look, if there is one, begins so many times below its end */
/* The suggestion is the rate of the lowest loss divided by BELOW_LOWEST, or higher; for a run that
 * tunes_itself, multiplied by WARMED instead. */
#define BELOW_LOWEST 5
#define WARMED 4
#define WARM_STEPS 20
#define CLIMB 4     /* a higher suggestion that is tried: times the one before */
#define CLIMBS 3    /* how many of them, at most */
#define BETTER 0.99 /* of the loss before, at most */
#define FAR 3       /* times too high: bad, not only doubtful */

/* A warm-up that takes so many steps or more from the rate at which the loss rises here to the
 * run's own: the weights move to where the loss is less curved on the way, and bear a rate some
 * tens of times higher (Gilmer et al. 2021, "A loss curvature perspective on training instability
 * in deep learning"). This test passes a power of ten within a few steps. */
#define GENTLE_STEPS 50
#define GENTLE 30

/* ---- The test ---- */

static int raise_rate(struct Preflight *preflight, int64_t steps, double low, double high,
                      struct Error *error) {
    struct Findings *findings = preflight->findings;
    double mean = 0, weight = 0, first = 0;
    memory_release(findings->rates);
    findings->rates = memory_array(struct CheckRate, steps, "the range test");
    findings->rate_count = 0;
    experiment_restart(preflight->experiment);
    for (int64_t i = 0; i < steps; i++) {
        struct ExperimentStep step;
        double along = (double)i / (double)(steps - 1);
        double rate = low * pow(high / low, along);
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

/* A part of the loss at the start by which it must fall. */
#define SMALL_FALL 0.03
/* Losses that go up and down so much by themselves, as a part of the loss at the start, that the
 * curve says little. */
#define NOISY 0.05

/* The losses of the same batches with the initial weights, to which those of raise_rate are then
 * related: what is left of their going up and down is due to the rate. `losses`: those of each
 * step, related. */
static int relate_to_start(struct Preflight *preflight, double *losses, struct Error *error) {
    struct Findings *findings = preflight->findings;
    double before = 0, now = 0, start = 0;
    int count = findings->rate_count;
    experiment_restart(preflight->experiment);
    for (int i = 0; i < count; i++) {
        struct CheckRate *rate = &findings->rates[i];
        struct ExperimentStep step;
        int code = experiment_step(preflight->experiment, NAN, &step, error);
        if (code)
            return code;
        before = i ? MEMORY * before + (1 - MEMORY) * step.loss : step.loss;
        now = i ? MEMORY * now + (1 - MEMORY) * rate->loss : rate->loss;
        start += step.loss / count;
        rate->smooth = now / fmax(before, 1e-30);
        losses[i] = rate->loss / fmax(step.loss, 1e-30);
    }
    for (int i = 0; i < count; i++) {
        findings->rates[i].smooth *= start;
        losses[i] *= start;
    }
    return OK;
}

/* ---- What it says ---- */

struct Curve {
    double start;  /* the loss at rates that change nothing */
    double noise;  /* the deviation of the losses about the lowest, but for their way */
    double lowest; /* of the running mean */
    int lowest_at; /* the step of the lowest, or of the first that is nearly 0 */
    double least;  /* the rate from which on a tenth of the fall is done */
    double most;   /* from which on it is undone; the last rate if the loss exploded; or NaN */
    double learnt; /* at which the samples are learnt, and after which most is NaN; or NaN */
    bool falls, exploded;
    /* The losses of short trainings; NaN: not tried. */
    double suggested_loss; /* at the suggested rate */
    double own_loss;       /* at the run's own rate, which seems too high */
    double tried_rate;     /* that of suggested_loss */
};

/* The deviation of the losses that end at `last`, from the differences of neighbours: the median,
 * because a few are of an explosion. */
#define NEAR_STEPS 20
#define DEVIATION_OF_MEDIAN 1.0484 /* 1 / (√2 · 0.6745), if they are normal */
static double noise_at(const double *losses, int last) {
    double differences[NEAR_STEPS];
    int count = last < NEAR_STEPS ? last : NEAR_STEPS;
    for (int i = 0; i < count; i++)
        differences[i] = fabs(losses[last - i] - losses[last - i - 1]);
    return count ? DEVIATION_OF_MEDIAN * sort_median(differences, count) : 0;
}

/* Whether the loss has fallen by more than it goes up and down by itself. */
static bool has_fallen(const struct Curve *curve) {
    return curve->start - curve->lowest > fmax(SMALL_FALL * fabs(curve->start), 2 * curve->noise);
}

/* The first valley, which ends where half of the fall is undone, or all of a small one. With batch
 * normalisation the loss may fall again at rates that are far too high for many steps. A long fall
 * from above the loss of chance counts from there on, because a network that is lost returns to it.
 */
static void find_valley(const struct Findings *findings, const double *losses, double chance,
                        struct Curve *curve) {
    const struct CheckRate *rates = findings->rates;
    curve->lowest = curve->start;
    for (int i = STARTS; i < findings->rate_count && isfinite(losses[i]); i++) {
        double noise = noise_at(losses, i);
        double fall = (curve->lowest < 0.5 * chance ? fmin(curve->start, chance) : curve->start) -
                      curve->lowest;
        double rise = fmax(fmax(0.5 * fall, fmin(fall, 0.15 * curve->start)), 2 * noise);
        if (rates[i].smooth < curve->lowest) {
            curve->lowest = rates[i].smooth;
            curve->lowest_at = i;
            curve->noise = noise;
        } else if (has_fallen(curve) && !(rates[i].smooth < curve->lowest + rise)) {
            curve->most = rates[i].rate;
            return;
        }
    }
}

/* `losses`: those of each step; the running mean is in the findings. */
static struct Curve read_curve(const struct Preflight *preflight, const double *losses,
                               int64_t steps) {
    const struct Findings *findings = preflight->findings;
    const struct CheckRate *rates = findings->rates;
    int last = findings->rate_count - 1, starts = last + 1 < STARTS ? last + 1 : STARTS;
    struct Curve curve = {
        .least = NAN, .most = NAN, .learnt = NAN, .suggested_loss = NAN, .own_loss = NAN};
    for (int i = 0; i < starts; i++)
        curve.start += losses[i] / starts;
    curve.noise = noise_at(losses, starts - 1);
    find_valley(findings, losses, check__chance(preflight->experiment), &curve);
    curve.falls = has_fallen(&curve);
    curve.exploded = findings->rate_count < steps; /* it ended before its highest rate */
    if (curve.exploded && isnan(curve.most))
        curve.most = rates[last].rate;
    double tenth = 0.1 * (curve.start - curve.lowest);
    for (int i = curve.lowest_at; i >= 0 && rates[i].smooth < curve.start - tenth; i--)
        curve.least = rates[i].rate;
    while (curve.lowest_at > 0 && rates[curve.lowest_at - 1].smooth < LEARNT * curve.start)
        curve.lowest_at--;
    if (isnan(curve.most) && rates[curve.lowest_at].smooth < LEARNT * curve.start)
        curve.learnt = rates[curve.lowest_at].rate;
    return curve;
}

/* Steps of the run's warm-up from the first at a rate above `most` to the first at the highest. */
static int64_t gentle_steps(const struct Experiment *experiment, double most, double own) {
    int64_t total = experiment_parts(experiment)->time.total, above = 0;
    while (above < total && !(experiment_rate(experiment, above) > most))
        above++;
    int64_t highest = above;
    while (above > 0 && highest < total && experiment_rate(experiment, highest) < 0.99 * own)
        highest++;
    return highest - above;
}

/* Whether the run is still on the way to its highest rate after so many steps. */
static bool warms_up(const struct Experiment *experiment, int64_t steps) {
    return steps < experiment_parts(experiment)->time.total &&
           experiment_rate(experiment, steps) < 0.99 * check__peak_rate(experiment);
}

/* The weights of a network with batch normalisation have no scale of their own: at a high rate
 * their norm grows until the steps suit it (Arora et al. 2019, "Theoretical analysis of auto
 * rate-tuning by batch normalization"). If the rate begins low, the loss does not suffer from that.
 * This test gives the weights no time. Optimisers that divide by the size of gradients do the
 * tuning themselves, and need no higher rate. */
static bool tunes_itself(const struct Experiment *experiment) {
    const struct Arena *arena = model_arena(experiment_parts(experiment)->model);
    bool normalised = false;
    for (int i = 0; i < arena->row_count; i++)
        normalised |= arena->rows[i].role == ROLE_STATISTIC;
    return check__follows_gradient(experiment) && normalised && warms_up(experiment, WARM_STEPS);
}

/* For such a run: not above what it would be told to bear. */
static double suggest_more(const struct Experiment *experiment, const struct Curve *curve,
                           double lowest) {
    double most = warms_up(experiment, 2 * GENTLE_STEPS) ? GENTLE * curve->most : curve->most / 2;
    return fmin(WARMED * lowest, most);
}

/* The highest rate that the run bears, as far as this test can say; NaN: any. */
static double bearable(const struct Experiment *experiment, double most, double own) {
    return own > most && gentle_steps(experiment, most, own) >= GENTLE_STEPS ? GENTLE * most : most;
}

/* The highest rate of which this test knows that the run bears it. */
static double known_to_bear(const struct Experiment *experiment, const struct Curve *curve,
                            double own) {
    return isnan(curve->learnt) ? bearable(experiment, curve->most, own) : curve->learnt;
}

/* Without batch normalisation the loss often rises for a few steps long before the highest rate
 * that the run bears. If there is time, short trainings with higher rates are made, as long as they
 * lead to a lower loss. */
static int climb(struct Preflight *preflight, int64_t steps, struct Curve *curve,
                 struct Error *error) {
    double seconds = (1 + CLIMBS) * (double)steps * preflight->step_seconds, loss;
    if (!curve->falls || tunes_itself(preflight->experiment) ||
        seconds > preflight->request->seconds)
        return OK;
    int code = check__train(preflight->experiment, steps, preflight->best_rate,
                            &curve->suggested_loss, error);
    for (int i = 0; i < CLIMBS && !code && curve->suggested_loss > LEARNT * curve->start; i++) {
        code =
            check__train(preflight->experiment, steps, CLIMB * preflight->best_rate, &loss, error);
        if (code || !(loss < BETTER * curve->suggested_loss))
            break;
        curve->suggested_loss = loss;
        preflight->best_rate *= CLIMB;
    }
    return code;
}

/* A rate that is passed within a few steps may look too high where it is not, and one that comes
 * after the samples are learnt shows nothing. If the run's own is above the highest that the run
 * seems to bear, as many steps are made at it as at the rate that would be suggested. */
static int try_own(struct Preflight *preflight, int64_t steps, double own, struct Curve *curve,
                   struct Error *error) {
    double most = known_to_bear(preflight->experiment, curve, own);
    if (!curve->falls || !(own > most))
        return OK;
    int code = check__train(preflight->experiment, steps, own, &curve->own_loss, error);
    if (!code && isnan(curve->suggested_loss))
        code = check__train(preflight->experiment, steps, preflight->best_rate,
                            &curve->suggested_loss, error);
    return code;
}

/* Whether the loss falls at the run's own rate, beyond the noise of a mean of so many losses,
 * although the test shows no fall. */
static bool falls_at_own(const struct Curve *curve, int64_t steps) {
    double noise = curve->noise / sqrt(fmax(1, (double)(steps / 4)));
    return !curve->falls &&
           curve->own_loss < curve->start - fmax(SMALL_FALL * fabs(curve->start), 3 * noise);
}

/* Small batches may differ by more than the loss falls while the test passes the rates that suit.
 * As many steps at the run's own rate tell; if the loss does not fall there either, it is looked
 * for what hinders it. */
static int try_in_noise(struct Preflight *preflight, int64_t steps, double own, struct Curve *curve,
                        struct Error *error) {
    int code = check__train(preflight->experiment, steps, own, &curve->own_loss, error);
    if (!code && !falls_at_own(curve, steps))
        code = check__hindrance(preflight, steps, own, error);
    return code;
}

/* Whether the run's own rate was tried and is the better one; or hardly worse. */
static bool own_is_better(const struct Curve *curve) {
    return curve->own_loss < curve->suggested_loss;
}
static bool own_is_fine(const struct Curve *curve) {
    double fall = curve->start - curve->suggested_loss;
    return curve->own_loss < curve->suggested_loss + fmax(0, 0.1 * fall);
}

/* A rate at which the loss falls in this test is not too low, however much higher is suggested. */
static void judge_rate(const struct Preflight *preflight, struct Finding *finding,
                       const struct Curve *curve, double most, double own) {
    double suggested = preflight->best_rate;
    if (own > most)
        finding__blame(finding, own > FAR * most ? CHECK_BAD : CHECK_DOUBTFUL,
                       "the learning rate is too high: there the loss rises",
                       "lower optimizer.rate");
    else if (own < suggested / 100 && own < curve->least)
        check__blame_low_rate(
            preflight, finding, own < suggested / 1000 ? CHECK_BAD : CHECK_DOUBTFUL,
            "the learning rate is too low: there the loss barely moves", "raise optimizer.rate");
}

#define FEW_SAMPLES 1000 /* in all steps of the test; after fewer it is not sure */

/* The loss falls at no rate. */
static void blame_labels(struct Preflight *preflight, struct Finding *finding) {
    int64_t batch = experiment_options(preflight->experiment)->train.batch;
    int64_t seen = batch * preflight->findings->rate_count;
    enum CheckVerdict verdict = seen < FEW_SAMPLES ? CHECK_DOUBTFUL : CHECK_BAD;
    if (finding__blame_earlier(preflight->findings, finding, verdict))
        return;
    if (preflight->hindered.cause)
        finding__blame(finding, verdict, preflight->hindered.cause, preflight->hindered.advice);
    else if (preflight->overfits)
        finding__blame(
            finding, verdict,
            "a handful of samples can be learnt, but nothing that holds for new ones: "
            "labels or values that do not go with the samples (shuffled, or shifted by a row)",
            "look at the samples and their labels");
    else
        finding__blame(finding, verdict,
                       "nothing is learnt at any rate: the initial weights are bad, layers are "
                       "dead or frozen, or labels do not go with the samples",
                       "look at a handful of samples first: item overfit");
}

static void report(struct Preflight *preflight, const struct Curve *curve, int64_t steps,
                   double own) {
    struct Finding *finding = findings__add(preflight->findings, CHECK_RATES, "range_test");
    bool more = tunes_itself(preflight->experiment);
    double suggested = !curve->falls ? NAN
                       : more && !own_is_better(curve)
                           ? suggest_more(preflight->experiment, curve, preflight->lowest_at)
                           : preflight->best_rate;
    finding__figure(finding, "rate", own);
    finding__figure(finding, "suggested", suggested);
    finding__figure(finding, "least", curve->falls ? curve->least : NAN);
    finding__figure(finding, "most", curve->most);
    finding__figure(finding, "loss_at_start", curve->start);
    finding__figure(finding, "lowest_loss", curve->lowest);
    if (!curve->falls) {
        finding__say(
            finding,
            "while the rate rises, the loss does not fall: %.4g at the start, at best %.4g",
            curve->start, curve->lowest);
        if (falls_at_own(curve, steps))
            finding__say(finding, "; it does in as many steps at the run's rate, %.3g: to %.4g",
                         own, curve->own_loss);
        finding__expect(finding, "a rate at which it falls");
        if (!falls_at_own(curve, steps))
            blame_labels(preflight, finding);
        return;
    }
    finding__say(finding, "the loss falls from a rate of %.1e on", curve->least);
    if (!isnan(curve->learnt))
        finding__say(finding,
                     ", and at %.1e the samples are learnt, so that higher ones show nothing",
                     curve->learnt);
    else if (isnan(curve->most))
        finding__say(finding, " and never rises");
    else
        finding__say(finding, "%s rises at %.2g", curve->exploded ? "," : " and", curve->most);
    if (curve->exploded)
        finding__say(finding, " and explodes at %.2g",
                     preflight->findings->rates[preflight->findings->rate_count - 1].rate);
    finding__say(finding, "; the run's rate is %.3g, suggested is %.2g%s", own, suggested,
                 more ? ", after the run's warm-up" : "");
    double bears = known_to_bear(preflight->experiment, curve, own);
    if (isfinite(curve->own_loss))
        finding__say(finding, "; as many steps at it lead to a loss of %.3g, at %.2g to %.3g",
                     curve->own_loss, curve->tried_rate, curve->suggested_loss);
    else if (!isnan(curve->own_loss))
        finding__say(finding, "; steps at it soon end in NaN or Inf");
    if (own_is_fine(curve))
        bears = own;
    else if (bears > curve->most)
        finding__say(finding, "; a warm-up as long as the run's bears up to about %.2g", bears);
    finding__expect(finding, !isnan(curve->learnt)     ? "a rate at which it falls"
                             : suggested > curve->most ? "about the suggested rate"
                                                       : "a rate between them");
    preflight->too_high = own > bears;
    judge_rate(preflight, finding, curve, bears, own);
}

/* The rates from `low` to `high`, and what the losses there say. `losses` has room for all steps.
 */
static int look(struct Preflight *preflight, int64_t steps, double low, double high, double *losses,
                struct Curve *curve, struct Error *error) {
    int code = raise_rate(preflight, steps, low, high, error);
    if (code)
        return code;
    for (int i = 0; i < preflight->findings->rate_count; i++)
        losses[i] = preflight->findings->rates[i].loss;
    *curve = read_curve(preflight, losses, steps);
    return OK;
}

/* A clear curve is taken as it is, unless the run's rate `own` is too high for it. */
static int find_curve(struct Preflight *preflight, int64_t steps, double own, double *losses,
                      struct Curve *curve, struct Error *error) {
    int code = look(preflight, steps, LEAST_RATE, MOST_RATE, losses, curve, error);
    if (code)
        return code;
    if (!curve->falls && steps < MOST_STEPS) { /* a few steps a power of ten may be too few */
        double end = preflight->findings->rates[preflight->findings->rate_count - 1].rate;
        code = look(preflight, steps, end / SECOND_LOOK, end, losses, curve, error);
        if (code)
            return code;
    }
    if (curve->falls && curve->noise <= NOISY * curve->start &&
        !(own > bearable(preflight->experiment, curve->most, own)))
        return OK;
    code = relate_to_start(preflight, losses, error);
    if (!code)
        *curve = read_curve(preflight, losses, steps);
    return code;
}

int check__rates(struct Preflight *preflight, struct Error *error) {
    int64_t steps;
    struct Curve curve;
    double own = check__peak_rate(preflight->experiment);
    int code = check__affordable(preflight, LEAST_STEPS, MOST_STEPS, &steps, error);
    if (code)
        return code;
    double *losses = memory_array(double, steps, "losses of the range test");
    code = find_curve(preflight, steps, own, losses, &curve, error);
    memory_release(losses);
    if (!code && !curve.falls)
        code = try_in_noise(preflight, steps, own, &curve, error);
    if (code)
        return code;
    preflight->lowest_at = curve.falls ? preflight->findings->rates[curve.lowest_at].rate : 0;
    preflight->best_rate = preflight->lowest_at / BELOW_LOWEST;
    code = climb(preflight, steps, &curve, error);
    if (!code)
        code = try_own(preflight, steps, own, &curve, error);
    if (code)
        return code;
    curve.tried_rate = preflight->best_rate;
    if (own_is_better(&curve))
        preflight->best_rate = own;
    report(preflight, &curve, steps, own);
    findings__soften(preflight->findings, CHECK_RATES, steps);
    return OK;
}
