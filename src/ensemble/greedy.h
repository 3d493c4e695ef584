/* Greedy forward selection of an ensemble's members with repetition (Caruana, Niculescu-Mizil, Crew
 * and Ksikes 2004, "Ensemble selection from libraries of models"): each round adds the member,
 * which may be in the ensemble already, with which the ensemble is best; a member's weight is how
 * often it was added. Rounds go on after the best one, whose ensemble counts. Not collective. */
#ifndef TRAINER_ENSEMBLE_GREEDY_H
#define TRAINER_ENSEMBLE_GREEDY_H

#include "ensemble/pool.h"

#define GREEDY_ROUNDS 50  /* unless something else is asked for */
#define GREEDY_MOST 10000 /* rounds */

struct Greedy {
    int rounds;      /* that were looked at */
    int best;        /* the round whose ensemble is the best, from 1; the first of equal ones */
    int *added;      /* (rounds): the member that each round added, from 0 */
    double *figures; /* (rounds): of the ensemble after each round */
    double *weights; /* (members): of the best ensemble; sum to one */
    enum Figure by;
};

/* What members are chosen by unless something else is asked for: accuracy, or RMSE; and whether a
 * figure can be asked for: FIGURE_ACCURACY, FIGURE_LOG_LOSS or FIGURE_RMSE. Accuracy decides first,
 * and the log loss between equal ones, if the scores are probabilities; or the other way round. The
 * lowest number wins among members that are equal in both. */
enum Figure greedy_default(const struct Pool *pool);
bool greedy_can_use(const struct Pool *pool, enum Figure by);

/* Selects by the samples of the pool. Needs a second array as large as the pool's. */
struct Greedy greedy_select(const struct Pool *pool, enum Figure by, int rounds);
void greedy_release(struct Greedy *greedy);

#endif
