/* How a run learns of what it is asked from outside (train/outside.h), and acts on it after the
 * same step on all ranks: it travels in the notes of each step's exchange (comm/exchange.h). */
#ifndef TRAINER_TRAIN_INTERRUPTS_H
#define TRAINER_TRAIN_INTERRUPTS_H

#include "train/outside.h"

/* What a run knows of what it is asked. */
struct Interrupts {
    unsigned heard;                    /* by all ranks */
    double slowest_step, slowest_save; /* seconds, of this process; 0: not known yet */
    /* What the clock said during the newest step (validation.every, checkpoint.every): the same on
     * every rank, because rank 0 alone looks at it. */
    bool validates, saves;
};

struct Trainer;
struct Error;

/* For shards__poll: writes into `notes` what this rank has to tell. Not collective. */
void trainer__tell_interrupts(void *trainer, float *notes);
/* After a step of `seconds`: takes in what the ranks have told one another. Not collective. */
void trainer__hear_interrupts(struct Trainer *trainer, double seconds);
/* After a step's exchange: fails on all ranks if one of them could not read samples of the step,
 * or read damaged ones (dataset_check_read).
 * Collective. */
int trainer__check_samples(const struct Trainer *trainer, struct Error *error);
/* The same outside of a step. Collective. */
void trainer__share_interrupts(struct Trainer *trainer);

/* Has this rank something that will stop the run? Other ranks may not know it yet. */
bool trainer__stop_is_pending(void *trainer);
/* Are all ranks to stop, or to save, here? The same on every rank. */
bool trainer__is_stopping(const struct Trainer *trainer);
bool trainer__save_is_asked(const struct Trainer *trainer);

/* A checkpoint of the present state was written, or could not be, in `seconds`: answers the request
 * for it, and reads the requests that reached any rank meanwhile, so that a run that is to stop
 * needs no further step. Collective. */
void trainer__end_save(struct Trainer *trainer, bool written, double seconds);
/* The same for a save that goes on while the run does: it has begun, so that a request from now on
 * asks for another one; and it was written, or could not be. Not collective. */
struct LaterSave;
void trainer__begin_save(struct Trainer *trainer);
void trainer__end_later_save(struct Trainer *trainer, const struct LaterSave *save, bool written,
                             double seconds);
/* What rank 0 said about that save in the newest exchange (trainer__save_news). */
int trainer__heard_news(const struct Trainer *trainer);
/* The signal or the limit that the run is asked to stop by, for people; NULL: none. */
const char *trainer__stop_reason(const struct Trainer *trainer);
/* ERROR_STOPPED, with the reason. */
int trainer__stopped(const struct Trainer *trainer, struct Error *error);
/* The same before the run has begun; `error` says who holds its folder. */
int trainer__stopped_waiting(const struct Trainer *trainer, struct Error *error);

#endif
