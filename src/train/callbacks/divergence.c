/* Ends a run whose loss rises, if its request asks for that (struct TrainRequest, diverged): for
 * runs of which many are tried. The loss of a step is smoothed by an exponential mean, and counts
 * as twice the limit at most, so that about five bad steps in a row end the run and one alone does
 * not. */
#include <math.h>

#include "train/trainer.h"

#define WEIGHT 0.1 /* of the newest step: the mean is over about ten */

struct State {
    double first, smoothed; /* losses; 0: there was no step yet */
};

static const struct SavedField fields[] = {
    SAVED_FIELD(struct State, "first", first, .optional = true),
    SAVED_FIELD(struct State, "smoothed", smoothed, .optional = true), SAVED_END};
static const struct SavedTable saved = {.what = "the watch for divergence", .fields = fields};

static int on_step(struct Trainer *trainer, void *callback, const struct StepReport *report,
                   struct Error *error) {
    struct State *state = callback;
    (void)error;
    if (!(trainer->request->diverged > 0) || report->fate != STEP_DONE)
        return OK;
    double loss = report->figures.value[FIGURE_LOSS];
    if (state->first == 0)
        state->first = state->smoothed = loss;
    double most = 2 * trainer->request->diverged * state->first;
    state->smoothed += WEIGHT * (fmin(loss, most) - state->smoothed);
    return OK;
}

static bool wants_stop(const struct Trainer *trainer, const void *callback,
                       struct StopReport *report) {
    const struct State *state = callback;
    const struct Progress *progress = &trainer->saved.progress;
    double factor = trainer->request->diverged;
    if (!(factor > 0) || !(state->first > 0) || !(state->smoothed > factor * state->first))
        return false;
    *report = (struct StopReport){.step = progress->step,
                                  .epoch = progress->epoch + 1,
                                  .figure = FIGURE_LOSS,
                                  .best = state->first,
                                  .diverged = true};
    return true;
}

const struct Callback callback_divergence = {.name = "divergence",
                                             .state_size = sizeof(struct State),
                                             .saved = &saved,
                                             .prefix = "divergence_",
                                             .on_step = on_step,
                                             .wants_stop = wants_stop};
