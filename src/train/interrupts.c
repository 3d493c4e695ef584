#include "train/interrupts.h"

#include <inttypes.h>
#include <math.h>

#include "base/clock.h"
#include "train/trainer.h"

/* The last notes say that a rank could not read its samples, and, of rank 0's clock, that it is
 * time for a validation or a checkpoint. */
enum {
    NOTE_UNREAD = EXCHANGE_NOTES - 1,
    NOTE_VALIDATE = EXCHANGE_NOTES - 2,
    NOTE_SAVE = EXCHANGE_NOTES - 3,
    NOTE_SAVE_NEWS = EXCHANGE_NOTES - 4 /* rank 0's enum SaveNews */
};
_Static_assert((int)INTERRUPT_COUNT <= (int)NOTE_SAVE_NEWS, "each interrupt has a note of its own");

static const char *const names[INTERRUPT_COUNT] = {
    [INTERRUPT_SAVE] = "SIGUSR1",
    [INTERRUPT_SIGTERM] = "SIGTERM",
    [INTERRUPT_SIGINT] = "SIGINT",
    [INTERRUPT_SIGUSR2] = "SIGUSR2",
    [INTERRUPT_SIGHUP] = "SIGHUP",
    [INTERRUPT_TIME_LIMIT] = "train.time_limit",
    [INTERRUPT_JOB_LIMIT] = "the job's time limit",
};

/* A checkpoint that nobody has timed yet is expected to be written no faster than this. */
#define EXPECTED_BYTES_PER_SECOND 1e8
/* For what follows a save until the processes are gone. */
#define SECONDS_TO_END 1
/* Slurm gives the end of a job in whole seconds, and counts from another moment. */
#define SECONDS_OF_JOB 5

static double seconds_of_save(const struct Trainer *trainer) {
    const struct Arena *arena = model_arena(trainer->parts.model);
    double copies = 2 + updater_slot_count(trainer->parts.updater);
    double bytes = copies * (double)arena_state_elements(arena) * sizeof(float);
    return trainer->interrupts.slowest_save > 0 ? trainer->interrupts.slowest_save
                                                : bytes / EXPECTED_BYTES_PER_SECOND;
}

/* The time that the run needs from now on to stop with a checkpoint: the rest of this step, one
 * more step in which all ranks learn of it, a save that has begun, and another one, each as slow as
 * the slowest. */
static double seconds_to_stop(const struct Trainer *trainer) {
    double saves = trainer->saving.later.begun ? 2.5 : 1.5;
    return 2 * trainer->interrupts.slowest_step + saves * seconds_of_save(trainer) + SECONDS_TO_END;
}

/* The limits in time that leave no time for another step. One step is always made, so that a run
 * that is started again and again comes to its end. Rank 0 looks at the clock for all. */
static unsigned limits_reached(const struct Trainer *trainer) {
    const struct Outside *outside = trainer->request->outside;
    if (ranks_rank(trainer->ranks) != 0 || trainer->interrupts.slowest_step == 0)
        return 0;
    double now = clock_seconds(), need = seconds_to_stop(trainer);
    double limit = trainer->options.train.time_limit;
    unsigned reached = 0;
    if (limit > 0 && now - outside->start + need >= limit)
        reached |= INTERRUPT_BIT(INTERRUPT_TIME_LIMIT);
    if (now + need + SECONDS_OF_JOB >= outside->job_end)
        reached |= INTERRUPT_BIT(INTERRUPT_JOB_LIMIT);
    return reached;
}

static unsigned pending(const struct Trainer *trainer) {
    const struct Outside *outside = trainer->request->outside;
    return outside ? outside->pending() | limits_reached(trainer) : 0;
}

static int check_own_samples(const struct Trainer *trainer, struct Error *error) {
    int code = loader_failed(trainer->parts.loader, error);
    return code ? code : dataset_check_read(trainer->parts.dataset, trainer->parts.train, error);
}

/* Have so many seconds of training passed since the run had trained for `since` seconds? */
static bool is_time(const struct Trainer *trainer, double seconds, double since) {
    return ranks_rank(trainer->ranks) == 0 && seconds > 0 &&
           trainer->saved.progress.seconds - since >= seconds;
}

/* While saves fail, save.c says when the next attempt is due. */
static void tell_times(const struct Trainer *trainer, float *notes) {
    const struct RunOptions *options = &trainer->options;
    const struct Saving *saving = &trainer->saving;
    notes[NOTE_VALIDATE] =
        trainer->parts.validation && is_time(trainer, options->validation.every.seconds,
                                             trainer->saved.progress.validated_seconds);
    notes[NOTE_SAVE] = !saving->failing && !saving->later.begun &&
                       is_time(trainer, options->checkpoint.every.seconds, saving->newest_seconds);
}

void trainer__tell_interrupts(void *context, float *notes) {
    const struct Trainer *trainer = context;
    struct Error ignored;
    unsigned mine = pending(trainer);
    notes[NOTE_UNREAD] = check_own_samples(trainer, &ignored) != OK;
    for (int i = 0; i < INTERRUPT_COUNT; i++)
        notes[i] = mine & INTERRUPT_BIT(i) ? 1 : 0;
    notes[NOTE_SAVE_NEWS] = (float)trainer__save_news(trainer);
    tell_times(trainer, notes);
}

/* A launcher that does not wait long enough is something to know before it matters. */
static void note_grace(const struct Trainer *trainer) {
    const struct Outside *outside = trainer->request->outside;
    double need = trainer->interrupts.slowest_step + seconds_of_save(trainer);
    if (outside && need > outside->grace)
        progress_note(trainer->bar,
                      "note: a step and a save take %.1f s, but the launcher ends all processes "
                      "%.3g s after it gets SIGTERM or SIGINT; SIGUSR2 to it has no such limit",
                      need, outside->grace);
}

void trainer__hear_interrupts(struct Trainer *trainer, double seconds) {
    struct Interrupts *interrupts = &trainer->interrupts;
    const float *notes = exchange_notes(trainer->shards.exchange);
    bool first = interrupts->slowest_step == 0;
    interrupts->slowest_step = fmax(interrupts->slowest_step, seconds);
    interrupts->validates = notes[NOTE_VALIDATE] > 0;
    interrupts->saves = notes[NOTE_SAVE] > 0;
    for (int i = 0; i < INTERRUPT_COUNT; i++)
        if (notes[i] > 0)
            interrupts->heard |= INTERRUPT_BIT(i);
    if (first)
        note_grace(trainer);
}

int trainer__check_samples(const struct Trainer *trainer, struct Error *error) {
    if (!(exchange_notes(trainer->shards.exchange)[NOTE_UNREAD] > 0))
        return OK;
    return ranks_agree(trainer->ranks, check_own_samples(trainer, error), error);
}

void trainer__share_interrupts(struct Trainer *trainer) {
    unsigned mine = pending(trainer);
    int64_t told[INTERRUPT_COUNT];
    for (int i = 0; i < INTERRUPT_COUNT; i++)
        told[i] = mine & INTERRUPT_BIT(i) ? 1 : 0;
    ranks_maximum(trainer->ranks, told, INTERRUPT_COUNT);
    for (int i = 0; i < INTERRUPT_COUNT; i++)
        if (told[i])
            trainer->interrupts.heard |= INTERRUPT_BIT(i);
}

bool trainer__stop_is_pending(void *trainer) {
    return pending(trainer) & INTERRUPT_STOPS;
}

bool trainer__is_stopping(const struct Trainer *trainer) {
    return trainer->interrupts.heard & INTERRUPT_STOPS;
}

bool trainer__save_is_asked(const struct Trainer *trainer) {
    return trainer->interrupts.heard & INTERRUPT_SAVES;
}

static void answer(struct Trainer *trainer, int64_t step, bool written) {
    progress_say(trainer->bar, "%s after step %" PRId64 ", as %s asked%s",
                 written ? "saved" : "could not save", step, names[INTERRUPT_SAVE],
                 trainer__is_stopping(trainer) ? "" : "; the run goes on");
}

void trainer__begin_save(struct Trainer *trainer) {
    if (!trainer__save_is_asked(trainer))
        return;
    if (trainer->request->outside)
        trainer->request->outside->forget(INTERRUPT_SAVES);
    trainer->interrupts.heard &= ~INTERRUPT_SAVES;
}

void trainer__end_save(struct Trainer *trainer, bool written, double seconds) {
    if (written)
        trainer->interrupts.slowest_save = fmax(trainer->interrupts.slowest_save, seconds);
    /* What arrives while the checkpoint is written asks for the same state: it is answered too. */
    trainer__share_interrupts(trainer);
    if (trainer->interrupts.heard & INTERRUPT_BIT(INTERRUPT_SAVE))
        answer(trainer, trainer->saved.progress.step, written);
    trainer__begin_save(trainer);
}

void trainer__end_later_save(struct Trainer *trainer, const struct LaterSave *save, bool written,
                             double seconds) {
    if (written)
        trainer->interrupts.slowest_save = fmax(trainer->interrupts.slowest_save, seconds);
    if (save->answers)
        answer(trainer, save->step, written);
}

int trainer__heard_news(const struct Trainer *trainer) {
    return (int)exchange_notes(trainer->shards.exchange)[NOTE_SAVE_NEWS];
}

const char *trainer__stop_reason(const struct Trainer *trainer) {
    for (int i = 0; i < INTERRUPT_COUNT; i++)
        if (trainer->interrupts.heard & INTERRUPT_STOPS & INTERRUPT_BIT(i))
            return names[i];
    return NULL;
}

int trainer__stopped_waiting(const struct Trainer *trainer, struct Error *error) {
    error_context(error, "stopped by %s before the run's folder was free",
                  trainer__stop_reason(trainer));
    error->code = ERROR_STOPPED;
    return error_advise(error, ADVICE_GO_ON, NULL, NULL, 0);
}

int trainer__stopped(const struct Trainer *trainer, struct Error *error) {
    fail(error, ERROR_STOPPED, "stopped by %s after step %" PRId64, trainer__stop_reason(trainer),
         trainer->saved.progress.step);
    return error_advise(error, ADVICE_GO_ON, NULL, NULL, 0);
}
