/* A hyperparameter search: trials, each an ordinary run in a folder of its own, by groups of ranks
 * that train side by side. The groups share nothing but the search's folder (search/ledger.h), so
 * that they may belong to one job or to several. A search that was interrupted goes on when it is
 * started again: finished trials are kept, and those that ran are resumed. */
#ifndef TRAINER_SEARCH_SEARCH_H
#define TRAINER_SEARCH_SEARCH_H

#include "comm/ranks.h"
#include "report/figures.h"
#include "search/ledger.h"
#include "search/space.h"
#include "train/outside.h"
#include "train/train.h"

/* A trial has come to a rung or an end. Called on rank 0 of the group. `best`: the best trial so
 * far; 0: none. */
struct SearchNews {
    const struct TrialRecord *record;
    int64_t best, trials; /* of the stage */
};

struct SearchRequest {
    const char *space_path;
    const char *const *overrides; /* of the run file: key.sub=value */
    int override_count;
    const char *folder;
    bool one_stage; /* stop before the next stage, whose file can then be looked at and changed */
    struct Watch *watch;
    const struct Outside *outside;
    /* Before a trial: a process that crashes is to write a byte at this place of the file. -1: the
     * trial is over. May be NULL. */
    void (*guard)(int file, int64_t place);
    void (*tell)(void *context, const struct SearchNews *news); /* may be NULL */
    void *context;
};

struct Search {
    const struct SearchRequest *request;
    struct Space *stages; /* options.stages of them; read as far as their files exist */
    int known;            /* how many are read */
    int last;             /* the last one that this process works on */
    int rungs;
    double epochs; /* of a run; 0: its length is in steps */
};

/* Reads the space and its run file, and makes the folder or, if it holds this search already,
 * checks that it is the same. Collective over all ranks of the process's job. ERROR_RUN_FILE,
 * ERROR_SYSTEM. Release with search_release, also after a failure. */
int search_open(struct Search *search, struct Ranks *ranks, const struct SearchRequest *request,
                struct Error *error);
void search_release(struct Search *search);
/* Whether the folder holds a search. */
bool search_is_one(const char *folder);
/* The search of request->folder, to look at its results alone: nothing is written. Not collective.
 * Release with search_release, also after a failure. */
int search_look(struct Search *search, const struct SearchRequest *request, struct Error *error);

/* Trains trials until there is nothing left to do for this group. ERROR_STOPPED if it was asked to
 * stop. Collective over the group. */
int search_run(struct Search *search, struct Ranks *group, struct Error *error);

/* ---- Results, for one process ---- */

/* The trials that have begun, by number, in all stages. */
struct SearchResults {
    int64_t count;
    struct LedgerEntry *entries;
    struct TrialState *states;
    double *scores; /* that the states point into */
    int64_t *order; /* the best first */
    enum Figure figure;
    int64_t scored; /* trials with a score, which come first in the order */
    int stages;     /* that have begun */
};
/* Release with search_results_release, also after a failure. */
int search_results(struct Search *search, struct SearchResults *results, struct Error *error);
void search_results_release(struct SearchResults *results);

/* The metric of a trial at its newest rung; NaN: none. */
double search_metric(const struct TrialRecord *record);
/* The text after "=" of a trial's value on an axis. */
const char *search_value(const struct TrialRecord *record, int axis);

/* What people and trials.csv call a status. */
const char *search_status_name(enum TrialStatus status);
/* FOLDER/trials.csv: a line for each trial that has begun. */
int search_write_csv(const struct Search *search, const struct SearchResults *results,
                     struct Error *error);

/* The trial's values, whatever has begun: `texts` gets space.count texts of the caller. */
void search_values(const struct Search *search, int stage, int64_t index, char **texts);
/* Trials of a stage that is known. */
int64_t search_stage_trials(const struct Search *search, int stage);

/* Whether the run file takes the value of the axis. */
bool search_takes(const struct Search *search, const char *key, const char *value);

#endif
