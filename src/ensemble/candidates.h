/* The models of which an ensemble may be made. Each rank opens those that it runs (fill.h), and the
 * first one; what all ranks must know of the others, they tell each other. */
#ifndef TRAINER_ENSEMBLE_CANDIDATES_H
#define TRAINER_ENSEMBLE_CANDIDATES_H

#include "base/digest.h"
#include "comm/ranks.h"
#include "ensemble/fill.h"
#include "evaluate/member.h"

struct CandidateFacts {
    bool known; /* by this rank itself */
    bool averaged;
    enum Prediction prediction;
    int64_t parameters;
    int64_t folds, held_out; /* data.folds of its run */
    /* The rest of its run's section `data` as far as it says which samples are trained on, and
     * which are validated with; without the files' names. */
    struct Digest data;
};

struct Candidates {
    struct Ranks *ranks, *alone;
    int count;
    char *const *paths; /* the caller's, the same on every rank */
    enum MemberParameters parameters;
    struct Member *items;
    bool *is_open;
    struct CandidateFacts *facts;
    struct Attachment attachment; /* how candidates_fill attaches them */
};

/* ERROR_CHECKPOINT, too, if one predicts something else than the first does. Collective. Release
 * with candidates_release, also after a failure. */
int candidates_open(struct Candidates *candidates, struct Ranks *ranks, char *const *paths,
                    int count, enum MemberParameters parameters, struct Error *error);
void candidates_release(struct Candidates *candidates);

/* Whether the runs of all hold out the same fold, or none; and whether their data sections say the
 * same: else some may have been trained on samples with which others are validated. */
bool candidates_share_fold(const struct Candidates *candidates);
bool candidates_share_data(const struct Candidates *candidates);

/* Refuses, by name, one that does not fit the data set. Collective. */
int candidates_match(const struct Candidates *candidates, const struct Dataset *dataset,
                     struct Error *error);
/* Fills a pool. `attachment` says how all of them predict; of `fill`, ranks and what attaches is
 * set here. Collective. */
int candidates_fill(struct Candidates *candidates, const struct Attachment *attachment,
                    struct Pool *pool, struct Fill fill, struct Error *error);

#endif
