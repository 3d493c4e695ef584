/* What the trials say about each searched key (search/analysis.h), and what to try next. */
#ifndef TRAINER_SEARCH_INSIGHT_H
#define TRAINER_SEARCH_INSIGHT_H

#include "search/analysis.h"
#include "search/search.h"

struct Insight {
    struct Axis axis; /* of the stage that the edge is about: the newest with enough trials */
    enum Edge edge;
    bool moves;                   /* the run file takes values beyond that edge */
    struct Axis next;             /* if so, the range to try next */
    bool measured;                /* there are enough trials to say what matters */
    struct Importance importance; /* in the first stage, whose ranges are the widest */
};

/* One for each searched key, into `insights`. Not collective. */
void search_insights(const struct Search *search, const struct SearchResults *results,
                     struct Insight *insights);

#endif
