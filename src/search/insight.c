#include "search/insight.h"

#include <math.h>

#include "base/memory.h"

#define MOST_SHARES 1.2 /* of all keys together */

/* The points of one stage: trials that came to an end of some sort, except for failures, which say
 * nothing about how good the values are. */
struct StagePoints {
    struct Points points;
    double *position, *score, *place;
    int *choices;
};

static bool is_point(const struct SearchResults *results, int64_t index, int stage) {
    const struct TrialState *state = &results->states[index];
    return results->entries[index].record.stage == stage &&
           (state->status == TRIAL_DIVERGED || state->rungs > 0) && state->status != TRIAL_FAILED;
}

static bool are_equal(const struct SearchResults *results, int64_t one, int64_t other) {
    return !schedule_is_better(&results->states[one], &results->states[other]) &&
           !schedule_is_better(&results->states[other], &results->states[one]);
}

static void add_point(struct StagePoints *stage, const struct Space *space,
                      const struct TrialRecord *record, double score) {
    int at = stage->points.count++;
    for (int i = 0; i < space->count; i++) {
        double position = axis_position(&space->axes[i], search_value(record, i));
        stage->position[at * space->count + i] = fmin(fmax(position, 0), 1);
    }
    stage->score[at] = score;
}

static void points_make(struct StagePoints *stage, const struct Search *search,
                        const struct SearchResults *results, int number) {
    const struct Space *space = &search->stages[number - 1];
    *stage = (struct StagePoints){
        .position = memory_array(double, results->count * space->count, "positions"),
        .score = memory_array(double, results->count, "scores"),
        .place = memory_array(double, results->count, "places"),
        .choices = memory_array(int, space->count, "choices")};
    int64_t last = -1;
    double score = 0;
    for (int64_t i = 0; i < results->count; i++) {
        int64_t index = results->order[i];
        if (!is_point(results, index, number))
            continue;
        if (i >= results->scored)
            score = -INFINITY;
        else if (last >= 0 && !are_equal(results, last, index))
            score--;
        last = index;
        add_point(stage, space, &results->entries[index].record, score);
    }
    for (int i = 0; i < space->count; i++)
        stage->choices[i] = space->axes[i].kind == AXIS_CHOICE ? space->axes[i].count : 0;
    stage->points.axes = space->count;
    stage->points.position = stage->position;
    stage->points.place = stage->place;
    stage->points.choices = stage->choices;
    analysis_places(stage->score, stage->points.count, stage->place);
}

static void points_release(struct StagePoints *stage) {
    memory_release(stage->position);
    memory_release(stage->score);
    memory_release(stage->place);
    memory_release(stage->choices);
}

/* The range beyond the edge: as far as half its width, or as far as the run file allows. */
static void find_next(const struct Search *search, struct Insight *insight) {
    bool up = insight->edge == EDGE_HIGH;
    for (double part = 1; part > 0.01 && !insight->moves; part /= 2) {
        char value[AXIS_TEXT];
        insight->next = axis_shift(&insight->axis, up, part);
        axis_value(&insight->next, up ? 1 : 0, value);
        insight->moves = search_takes(search, insight->axis.key, value);
    }
}

/* The newest stage with enough trials; the first if none has. */
static int stage_for_edges(const struct SearchResults *results) {
    for (int stage = results->stages; stage > 1; stage--) {
        int64_t points = 0;
        for (int64_t i = 0; i < results->count; i++)
            points += is_point(results, i, stage);
        if (points >= ANALYSIS_LEAST)
            return stage;
    }
    return 1;
}

/* Looks for an edge of each key without one among the trials of a stage. It counts only if the
 * ranges of `newest` still end there. */
static void find_edges(const struct Search *search, const struct SearchResults *results, int stage,
                       int newest, struct Insight *insights) {
    struct StagePoints found;
    points_make(&found, search, results, stage);
    for (int i = 0; i < search->stages[0].count; i++) {
        const struct Axis *here = &search->stages[stage - 1].axes[i];
        const struct Axis *last = &search->stages[newest - 1].axes[i];
        enum Edge edge = insights[i].edge ? EDGE_NONE : analysis_edge(&found.points, i);
        if ((edge == EDGE_HIGH && here->high == last->high) ||
            (edge == EDGE_LOW && here->low == last->low)) {
            insights[i].axis = *here;
            insights[i].edge = edge;
            find_next(search, &insights[i]);
        }
    }
    points_release(&found);
}

void search_insights(const struct Search *search, const struct SearchResults *results,
                     struct Insight *insights) {
    struct StagePoints widest;
    int newest = stage_for_edges(results);
    points_make(&widest, search, results, 1);
    for (int i = 0; i < search->stages[0].count; i++)
        insights[i] = (struct Insight){.axis = search->stages[newest - 1].axes[i],
                                       .measured = widest.points.count >= ANALYSIS_LEAST,
                                       .importance = analysis_importance(&widest.points, i)};
    points_release(&widest);
    for (int stage = newest; stage >= 1; stage--)
        find_edges(search, results, stage, newest, insights);
}

bool search_insights_overlap(const struct Insight *insights, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += insights[i].measured ? fmax(insights[i].importance.share, 0) : 0;
    return sum > MOST_SHARES;
}
