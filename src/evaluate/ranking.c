#include "evaluate/ranking.h"

#include <math.h>
#include <string.h>

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

/* Whole numbers in the order of falling scores. */
static uint64_t descending(double score) {
    uint64_t bits;
    memcpy(&bits, &score, sizeof bits);
    return bits >> 63 ? bits : ~(bits | (uint64_t)1 << 63);
}

#define DIGITS 256 /* of a byte of the numbers */

static int digit_of(const struct Ranked *sample, int byte) {
    return (int)(descending(sample->score) >> 8 * byte & (DIGITS - 1));
}

/* The greatest score first, by the bytes of the numbers, the least significant one first (Knuth,
 * volume 3, 5.2.5): the time grows with `count` alone. `other` has room for as many. */
static void sort_descending(struct Ranked *samples, struct Ranked *other, int64_t count) {
    struct Ranked *from = samples, *to = other;
    for (int byte = 0; byte < 8 && count; byte++) {
        int64_t next[DIGITS] = {0}, before = 0;
        for (int64_t i = 0; i < count; i++)
            next[digit_of(&from[i], byte)]++;
        if (next[digit_of(&from[0], byte)] == count)
            continue; /* it is the same in all of them */
        for (int digit = 0; digit < DIGITS; digit++) {
            int64_t these = next[digit];
            next[digit] = before;
            before += these;
        }
        for (int64_t i = 0; i < count; i++)
            to[next[digit_of(&from[i], byte)]++] = from[i];
        struct Ranked *swap = from;
        from = to;
        to = swap;
    }
    if (from != samples)
        memcpy(samples, from, (size_t)count * sizeof *samples);
}

static void areas_of(struct Ranked *samples, struct Ranked *other, int64_t count, double *roc,
                     double *pr) {
    double positives = 0, hits = 0, misses = 0, area = 0, precision = 0;
    sort_descending(samples, other, count);
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
    struct Ranked *other = memory_array(struct Ranked, split->count, "a ranking");
    for (int64_t c = 0; c < classes; c++) {
        for (int64_t i = 0; i < ranking->rows; i++)
            column[i] = ranking->scores[i * classes + c];
        ranks_gather_all(ranks, column, capacity * (int64_t)sizeof *column, gathered);
        if (c % size != ranks_rank(ranks))
            continue;
        order(gathered, ranking, size, split, c, samples);
        areas_of(samples, other, split->count, &own[2 * c], &own[2 * c + 1]);
    }
    ranks_gather_all(ranks, own, 2 * classes * (int64_t)sizeof *own, all);
    for (int64_t c = 0; c < classes; c++) {
        roc[c] = all[c % size * 2 * classes + 2 * c];
        pr[c] = all[c % size * 2 * classes + 2 * c + 1];
    }
    memory_release(other);
    memory_release(samples);
    memory_release(all);
    memory_release(own);
    memory_release(gathered);
    memory_release(column);
}
