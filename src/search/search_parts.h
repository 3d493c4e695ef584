/* Inside search/ only. */
#ifndef TRAINER_SEARCH_SEARCH_PARTS_H
#define TRAINER_SEARCH_SEARCH_PARTS_H

#include "search/search.h"

#define SEARCH_BASE                                                                                \
    "base.yaml" /* the run file that trials are made from, in the search's folder                  \
                 */

/* open.c. Paths are the caller's. */
char *search__stage_path(const char *folder, int stage);
char *search__base_path(const char *folder);
bool search__stage_exists(const char *folder, int stage);
int search__write_text(const char *path, const char *text, struct Error *error);
/* Reads the file of the next stage. */
int search__know_stage(struct Search *search, struct Error *error);

/* results.c: entries → states. `scores` has room for count · rungs numbers. */
void search__states(const struct Search *search, const struct LedgerEntry *entries, int64_t count,
                    struct TrialState *states, double *scores);
/* results.c: indices of trials, the best first; returns how many have a score. */
int64_t search__order(const struct TrialState *states, int64_t count, int64_t *order);

/* narrow.c: writes the file of the stage after `stage`, whose trials these are, unless it is there.
 */
int search__write_next_stage(const struct Search *search, int stage,
                             const struct LedgerEntry *entries, const struct TrialState *states,
                             int64_t count, struct Error *error);
#endif
