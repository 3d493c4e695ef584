#include "evaluate/ranking.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "run/blocks.h"

void ranking_create(struct Ranking *ranking, struct Ranks *ranks, const struct Split *split,
                    int64_t classes) {
    int64_t size = ranks_size(ranks);
    int64_t blocks = (split->count + EVALUATE_BLOCK - 1) / EVALUATE_BLOCK;
    int64_t capacity = (blocks + size - 1) / size * EVALUATE_BLOCK;
    *ranking = (struct Ranking){.classes = classes,
                                .capacity = capacity,
                                .scores = memory_array(double, capacity *classes, "a ranking")};
}

void ranking_release(struct Ranking *ranking) {
    memory_release(ranking->scores);
    *ranking = (struct Ranking){0};
}

void ranking_put(struct Ranking *ranking, int64_t label, double score) {
    CHECK(ranking->rows < ranking->capacity);
    ranking->scores[ranking->rows * ranking->classes + label] = score;
}

struct Ranked {
    double score;
    bool positive;
};

static int compare_descending(const void *a, const void *b) {
    double x = ((const struct Ranked *)a)->score, y = ((const struct Ranked *)b)->score;
    return x < y ? 1 : x > y ? -1 : 0;
}

static void areas_of(struct Ranked *samples, int64_t count, double *roc, double *pr) {
    double positives = 0, hits = 0, misses = 0, area = 0, precision = 0;
    qsort(samples, (size_t)count, sizeof *samples, compare_descending);
    for (int64_t i = 0; i < count; i++)
        positives += samples[i].positive;
    for (int64_t i = 0; i < count;) {
        double more_hits = 0, more_misses = 0, score = samples[i].score;
        for (; i < count && samples[i].score == score; i++) {
            more_hits += samples[i].positive;
            more_misses += !samples[i].positive;
        }
        area += more_misses * (hits + more_hits / 2);
        hits += more_hits;
        misses += more_misses;
        precision += more_hits * (hits / (hits + misses));
    }
    *roc = positives > 0 && misses > 0 ? area / (positives * misses) : NAN;
    *pr = positives > 0 ? precision / positives : NAN;
}

/* The column of one class, gathered as the ranks hold it, in the order of the samples. */
static void order(const double *gathered, const struct Ranking *ranking, int64_t size,
                  const struct Split *split, int64_t label, struct Ranked *samples) {
    int64_t capacity = ranking->capacity;
    for (int64_t i = 0; i < split->count; i++) {
        int64_t block = i / EVALUATE_BLOCK;
        int64_t at = block % size * capacity + block / size * EVALUATE_BLOCK + i % EVALUATE_BLOCK;
        samples[i] =
            (struct Ranked){gathered[at], split_has_class(split, ranking->classes, i, label)};
    }
}

/* The ranks sort the classes in turn. */
void ranking_areas(const struct Ranking *ranking, struct Ranks *ranks, const struct Split *split,
                   double *roc, double *pr) {
    int64_t classes = ranking->classes, capacity = ranking->capacity, size = ranks_size(ranks);
    double *column = memory_array(double, capacity, "a ranking");
    double *gathered = memory_array(double, capacity *size, "a ranking");
    double *own = memory_array(double, 2 * classes, "a ranking");
    double *all = memory_array(double, 2 * classes * size, "a ranking");
    struct Ranked *samples = memory_array(struct Ranked, split->count, "a ranking");
    for (int64_t c = 0; c < classes; c++) {
        for (int64_t i = 0; i < ranking->rows; i++)
            column[i] = ranking->scores[i * classes + c];
        ranks_gather_all(ranks, column, capacity * (int64_t)sizeof *column, gathered);
        if (c % size != ranks_rank(ranks))
            continue;
        order(gathered, ranking, size, split, c, samples);
        areas_of(samples, split->count, &own[2 * c], &own[2 * c + 1]);
    }
    ranks_gather_all(ranks, own, 2 * classes * (int64_t)sizeof *own, all);
    for (int64_t c = 0; c < classes; c++) {
        roc[c] = all[c % size * 2 * classes + 2 * c];
        pr[c] = all[c % size * 2 * classes + 2 * c + 1];
    }
    memory_release(samples);
    memory_release(all);
    memory_release(own);
    memory_release(gathered);
    memory_release(column);
}
