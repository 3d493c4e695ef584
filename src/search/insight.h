/* What the trials say about each searched key (search/analysis.h), and what to try next. */
#ifndef TRAINER_SEARCH_INSIGHT_H
#define TRAINER_SEARCH_INSIGHT_H

#include "search/analysis.h"
#include "search/search.h"

struct Insight {
    struct Axis
        axis;       /* of the stage that shows the edge, or else of the newest with enough trials */
    enum Edge edge; /* the newest ranges still end there */
    bool moves;     /* the run file takes values beyond that edge */
    struct Axis next;             /* if so, the range to try next */
    bool measured;                /* there are enough trials to say what matters */
    struct Importance importance; /* in the first stage, whose ranges are the widest */
};

/* One for each searched key, into `insights`. Not collective. */
void search_insights(const struct Search *search, const struct SearchResults *results,
                     struct Insight *insights);
/* Whether the shares of all keys add up to far more than the whole variance: in so few trials, keys
 * have gone up and down together by chance. */
bool search_insights_overlap(const struct Insight *insights, int count);

#endif
