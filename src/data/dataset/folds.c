#include "data/dataset/folds.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"

/* Instances of RANDOM_SPLIT; part.c uses 0, limit.c 2. */
enum { INSTANCE = 1, INSTANCE_VALUES = 3, INSTANCE_SETS = 4 };

/* ---- Values ---- */

struct Column {
    const float *values;
    int64_t stride;
};

static int by_value(const void *a, const void *b, void *context) {
    const struct Column *column = context;
    int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
    float one = column->values[first * column->stride];
    float other = column->values[second * column->stride];
    return one != other ? (one > other) - (one < other) : (first > second) - (first < second);
}

static int by_rank(const void *a, const void *b, void *context) {
    const int64_t *ranks = context;
    int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
    int64_t one = ranks[first], other = ranks[second];
    return one != other ? (one > other) - (one < other) : (first > second) - (first < second);
}

/* Sorts the samples by the sum of their ranks in all columns. */
static void sort_samples(const struct FoldsRequest *request, int64_t *sorted) {
    int64_t count = request->count, *ranks = memory_array(int64_t, count, "folds");
    for (int64_t i = 0; i < count; i++)
        sorted[i] = i;
    for (int64_t k = 0; k < request->columns; k++) {
        struct Column column = {request->targets + k, request->columns};
        qsort_r(sorted, (size_t)count, sizeof *sorted, by_value, &column);
        for (int64_t i = 0; i < count; i++)
            ranks[sorted[i]] += i;
    }
    qsort_r(sorted, (size_t)count, sizeof *sorted, by_rank, ranks);
    memory_release(ranks);
}

static void assign_values(const struct FoldsRequest *request, int64_t *fold) {
    int64_t *sorted = memory_array(int64_t, request->count, "folds");
    int64_t *order = memory_array(int64_t, request->folds, "folds");
    sort_samples(request, sorted);
    for (int64_t i = 0; i < request->count; i++) {
        int64_t place = i % request->folds;
        if (!place) {
            struct RandomStream stream = random_stream(request->seed, RANDOM_SPLIT, INSTANCE_VALUES,
                                                       0, (uint64_t)(i / request->folds));
            random_permutation(&stream, request->folds, order);
        }
        fold[sorted[i]] = order[place];
    }
    memory_release(order);
    memory_release(sorted);
}

/* ---- Sets of classes ---- */

struct Sets {
    const struct FoldsRequest *request;
    int64_t *order;  /* (count): the samples in a random order */
    int64_t *left;   /* (columns): samples of each class that have no fold yet */
    int64_t *room;   /* (folds): samples that each fold can still take */
    double *desired; /* (columns, folds): samples of each class that each fold should still get */
};

static void start_sets(struct Sets *sets) {
    const struct FoldsRequest *request = sets->request;
    int64_t count = request->count, folds = request->folds, columns = request->columns;
    struct RandomStream stream = random_stream(request->seed, RANDOM_SPLIT, INSTANCE_SETS, 0, 0);
    sets->order = memory_array(int64_t, count, "folds");
    sets->left = memory_array(int64_t, columns, "folds");
    sets->room = memory_array(int64_t, folds, "folds");
    sets->desired = memory_array(double, columns *folds, "folds");
    random_permutation(&stream, count, sets->order);
    for (int64_t i = 0; i < count; i++)
        for (int64_t k = 0; k < columns; k++)
            sets->left[k] += request->targets[i * columns + k] != 0;
    for (int64_t f = 0; f < folds; f++)
        sets->room[f] = count / folds + (f < count % folds);
    for (int64_t k = 0; k < columns; k++)
        for (int64_t f = 0; f < folds; f++)
            sets->desired[k * folds + f] = (double)sets->left[k] / (double)folds;
}

/* Returns the fold with room that lacks most samples of class k (k = −1: no class); among equals,
 * the one with most room; among these, the first from `begin` on. */
static int64_t choose(const struct Sets *sets, int64_t k, int64_t begin) {
    int64_t folds = sets->request->folds, best = -1;
    const double *desired = k < 0 ? NULL : sets->desired + k * folds;
    for (int64_t i = 0; i < folds; i++) {
        int64_t f = (begin + i) % folds;
        if (!sets->room[f])
            continue;
        double more = best < 0 ? 1 : desired ? desired[f] - desired[best] : 0;
        if (more > 0 || (more == 0 && sets->room[f] > sets->room[best]))
            best = f;
    }
    return best;
}

/* Returns the class with the fewest samples left, but at least one; −1: no class has any left. */
static int64_t rarest(const struct Sets *sets) {
    int64_t found = -1;
    for (int64_t k = 0; k < sets->request->columns; k++)
        if (sets->left[k] > 0 && (found < 0 || sets->left[k] < sets->left[found]))
            found = k;
    return found;
}

/* Assigns folds to the samples of class k (−1: to all samples) that have none yet. */
static void assign_class(struct Sets *sets, int64_t k, int64_t *fold) {
    const struct FoldsRequest *request = sets->request;
    int64_t columns = request->columns;
    for (int64_t i = 0; i < request->count; i++) {
        int64_t sample = sets->order[i];
        const float *row = request->targets + sample * columns;
        if (fold[sample] >= 0 || (k >= 0 && row[k] == 0))
            continue;
        int64_t f = choose(sets, k, i % request->folds);
        fold[sample] = f;
        sets->room[f]--;
        for (int64_t c = 0; c < columns; c++)
            if (row[c] != 0) {
                sets->left[c]--;
                sets->desired[c * request->folds + f]--;
            }
    }
}

static void assign_sets(const struct FoldsRequest *request, int64_t *fold) {
    struct Sets sets = {.request = request};
    start_sets(&sets);
    for (int64_t i = 0; i < request->count; i++)
        fold[i] = -1;
    for (int64_t k; (k = rarest(&sets)) >= 0;)
        assign_class(&sets, k, fold);
    assign_class(&sets, -1, fold);
    memory_release(sets.order);
    memory_release(sets.left);
    memory_release(sets.room);
    memory_release(sets.desired);
}

/* ---- Classes ---- */

/* Deals the samples to the folds in turn, one class after another, each in a random order. */
static void assign_classes(const struct FoldsRequest *request, int64_t *fold) {
    int64_t next = 0;
    int64_t *members = memory_array(int64_t, request->count, "folds");
    int64_t *order = memory_array(int64_t, request->count, "folds");
    int64_t *starts = memory_array(int64_t, request->classes + 1, "folds");
    for (int64_t i = 0; i < request->count; i++)
        starts[(request->labels ? request->labels[i] : 0) + 1]++;
    for (int64_t c = 0; c < request->classes; c++)
        starts[c + 1] += starts[c];
    for (int64_t i = 0; i < request->count; i++)
        members[starts[request->labels ? request->labels[i] : 0]++] = i;
    for (int64_t c = 0, begin = 0; c < request->classes; begin = starts[c++]) {
        struct RandomStream stream =
            random_stream(request->seed, RANDOM_SPLIT, INSTANCE, 0, (uint64_t)c);
        random_permutation(&stream, starts[c] - begin, order);
        for (int64_t i = 0; i < starts[c] - begin; i++)
            fold[members[begin + order[i]]] = next++ % request->folds;
    }
    memory_release(starts);
    memory_release(order);
    memory_release(members);
}

void folds__assign(const struct FoldsRequest *request, int64_t *fold) {
    if (request->labels || !request->targets)
        assign_classes(request, fold);
    else if (request->sets)
        assign_sets(request, fold);
    else
        assign_values(request, fold);
}
