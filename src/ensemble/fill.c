#include "ensemble/fill.h"

#include <string.h>

#include "base/memory.h"
#include "run/blocks.h"

void fill_members(int members, int rank, int size, int *first, int *end) {
    *first = (int)((int64_t)rank * members / size);
    *end = (int)(((int64_t)(rank + 1) * members + size - 1) / size);
}

/* Ranks meet after so many blocks each, or as many as have so many bytes of scores. */
#define BATCH 16
#define BATCH_BYTES ((int64_t)4 << 20)

struct Work {
    const struct Fill *fill;
    struct Pool *pool;
    int64_t blocks; /* of the split */
    int attached;   /* member, -1: none */
    struct Predictor predictor;
    int64_t batch;    /* blocks between two meetings */
    double *scores;   /* of a batch */
    double *gathered; /* on rank 0: of all ranks */
};

/* One block of one member. */
struct Unit {
    int member;
    int64_t block;
};

/* What a rank does in a round; false if nothing. */
static bool find_unit(const struct Work *work, int rank, int64_t round, struct Unit *unit) {
    int64_t size = ranks_size(work->fill->ranks), members = work->pool->members;
    if (work->fill->by_blocks) {
        int64_t turns = (work->blocks + size - 1) / size;
        *unit = (struct Unit){(int)(round / turns), round % turns * size + rank};
        return unit->block < work->blocks;
    }
    int64_t all = members * work->blocks, at = rank * all / size + round;
    *unit = (struct Unit){(int)(at / work->blocks), at % work->blocks};
    return at < (rank + 1) * all / size;
}

static int64_t count_rounds(const struct Work *work) {
    int64_t size = ranks_size(work->fill->ranks), members = work->pool->members;
    return work->fill->by_blocks ? members * ((work->blocks + size - 1) / size)
                                 : (members * work->blocks + size - 1) / size;
}

static int64_t first_sample(struct Unit unit) {
    return unit.block * EVALUATE_BLOCK;
}

static int64_t sample_count(const struct Work *work, struct Unit unit) {
    int64_t left = work->pool->samples - first_sample(unit);
    return left < EVALUATE_BLOCK ? left : EVALUATE_BLOCK;
}

static void detach(struct Work *work) {
    if (work->attached >= 0)
        work->fill->detach(work->fill->context, work->attached);
    work->attached = -1;
}

static int attach(struct Work *work, int member, struct Error *error) {
    if (work->attached == member)
        return OK;
    detach(work);
    work->attached = member;
    int code = work->fill->attach(work->fill->context, member, &work->predictor, error);
    if (!code)
        predictor_prepare(&work->predictor);
    return code;
}

static int run_unit(struct Work *work, struct Unit unit, double *scores, struct Error *error) {
    const struct Fill *fill = work->fill;
    int64_t first = first_sample(unit), count = sample_count(work, unit);
    if (fill->is_interrupted && fill->is_interrupted(fill->interrupt_context))
        return fail(error, ERROR_STOPPED, "the evaluation of split %s was interrupted",
                    work->pool->split->name);
    int code = attach(work, unit.member, error);
    if (!code)
        code = predictor_run(&work->predictor, first, count, scores, error);
    if (!code && work->predictor.scale->count)
        target_scale_values(work->predictor.scale, count, scores, scores);
    return code;
}

/* Runs this rank's blocks of the rounds [first, end). */
static int run_batch(struct Work *work, int64_t first, int64_t end, struct Error *error) {
    int64_t values = EVALUATE_BLOCK * work->pool->outputs;
    struct Ranks *ranks = work->fill->ranks;
    int code = OK;
    for (int64_t round = first; round < end && !code; round++) {
        struct Unit unit;
        if (find_unit(work, ranks_rank(ranks), round, &unit))
            code = run_unit(work, unit, work->scores + (round - first) * values, error);
        beat_move(ranks_beat(ranks));
    }
    return code;
}

/* On rank 0: puts what a rank did in a round where it belongs. */
static void place(struct Work *work, int rank, int64_t round, const double *scores) {
    int64_t outputs = work->pool->outputs;
    struct Unit unit;
    if (!find_unit(work, rank, round, &unit))
        return;
    int64_t row = unit.member * work->pool->samples + first_sample(unit);
    memcpy(work->pool->scores + row * outputs, scores,
           (size_t)(sample_count(work, unit) * outputs) * sizeof *scores);
}

/* Gives rank 0 what all ranks did. */
static void deliver(struct Work *work, int64_t first, int64_t end) {
    struct Ranks *ranks = work->fill->ranks;
    int64_t values = EVALUATE_BLOCK * work->pool->outputs;
    ranks_gather(ranks, work->scores, work->batch * values * (int64_t)sizeof(double),
                 work->gathered);
    for (int r = 0; r < ranks_size(ranks) && ranks_rank(ranks) == 0; r++)
        for (int64_t round = first; round < end; round++)
            place(work, r, round, work->gathered + (r * work->batch + round - first) * values);
}

static void tell(const struct Work *work, int64_t done, int64_t rounds) {
    const struct Ticker *ticker = work->fill->ticker;
    int64_t all = work->pool->members * work->pool->samples;
    if (ticker && ranks_rank(work->fill->ranks) == 0)
        ticker->report(ticker->context, work->pool->split->name,
                       (int64_t)((double)done / (double)rounds * (double)all), all);
}

int fill_pool(struct Pool *pool, const struct Fill *fill, struct Error *error) {
    struct Ranks *ranks = fill->ranks;
    int64_t values = EVALUATE_BLOCK * pool->outputs;
    int64_t batch = BATCH_BYTES / (values * (int64_t)sizeof(double));
    struct Work work = {.fill = fill,
                        .pool = pool,
                        .blocks = (pool->samples + EVALUATE_BLOCK - 1) / EVALUATE_BLOCK,
                        .attached = -1,
                        .batch = batch < 1       ? 1
                                 : batch > BATCH ? BATCH
                                                 : batch};
    int64_t rounds = count_rounds(&work);
    int senders = ranks_rank(ranks) == 0 ? ranks_size(ranks) : 0, code = OK;
    work.scores = memory_array(double, work.batch *values, "scores");
    work.gathered = memory_array(double, senders *work.batch *values, "scores");
    for (int64_t first = 0; first < rounds && !code; first += work.batch) {
        int64_t end = first + work.batch < rounds ? first + work.batch : rounds;
        code = ranks_agree(ranks, run_batch(&work, first, end, error), error);
        if (code)
            break;
        deliver(&work, first, end);
        tell(&work, end, rounds);
    }
    detach(&work);
    memory_release(work.scores);
    memory_release(work.gathered);
    return code;
}
