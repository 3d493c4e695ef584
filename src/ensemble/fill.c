#include "ensemble/fill.h"

#include <string.h>

#include "base/memory.h"
#include "run/blocks.h"

void fill_members(int members, int rank, int size, int *first, int *end) {
    *first = (int)((int64_t)rank * members / size);
    *end = (int)(((int64_t)(rank + 1) * members + size - 1) / size);
}

struct Work {
    const struct Fill *fill;
    struct Pool *pool;
    int64_t blocks; /* of the split */
    int attached;   /* member, -1: none */
    struct Predictor predictor;
    double *scores;   /* of one block */
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

static int run_unit(struct Work *work, struct Unit unit, struct Error *error) {
    const struct Fill *fill = work->fill;
    int64_t first = first_sample(unit), count = sample_count(work, unit);
    if (fill->is_interrupted && fill->is_interrupted(fill->interrupt_context))
        return fail(error, ERROR_STOPPED, "the evaluation of split %s was interrupted",
                    work->pool->split->name);
    int code = attach(work, unit.member, error);
    if (!code)
        code = predictor_run(&work->predictor, first, count, work->scores, error);
    if (!code && work->predictor.scale->count)
        target_scale_values(work->predictor.scale, count, work->scores, work->scores);
    return code;
}

/* On rank 0: puts what all ranks did in a round where it belongs. */
static void place(struct Work *work, int64_t round) {
    int64_t outputs = work->pool->outputs;
    for (int r = 0; r < ranks_size(work->fill->ranks); r++) {
        struct Unit unit;
        if (!find_unit(work, r, round, &unit))
            continue;
        int64_t row = unit.member * work->pool->samples + first_sample(unit);
        memcpy(work->pool->scores + row * outputs, work->gathered + r * EVALUATE_BLOCK * outputs,
               (size_t)(sample_count(work, unit) * outputs) * sizeof *work->scores);
    }
}

static void tell(const struct Work *work, int64_t round, int64_t rounds) {
    const struct Ticker *ticker = work->fill->ticker;
    int64_t all = work->pool->members * work->pool->samples;
    if (ticker && ranks_rank(work->fill->ranks) == 0)
        ticker->report(ticker->context, work->pool->split->name,
                       (int64_t)((double)(round + 1) / (double)rounds * (double)all), all);
}

int fill_pool(struct Pool *pool, const struct Fill *fill, struct Error *error) {
    struct Ranks *ranks = fill->ranks;
    bool first = ranks_rank(ranks) == 0;
    int64_t values = EVALUATE_BLOCK * pool->outputs;
    struct Work work = {.fill = fill,
                        .pool = pool,
                        .blocks = (pool->samples + EVALUATE_BLOCK - 1) / EVALUATE_BLOCK,
                        .attached = -1,
                        .scores = memory_array(double, values, "scores")};
    work.gathered = memory_array(double, first ? values *ranks_size(ranks) : 0, "scores");
    int64_t rounds = count_rounds(&work);
    int code = OK;
    for (int64_t round = 0; round < rounds && !code; round++) {
        struct Unit unit;
        if (find_unit(&work, ranks_rank(ranks), round, &unit))
            code = run_unit(&work, unit, error);
        beat_move(ranks_beat(ranks));
        code = ranks_agree(ranks, code, error);
        if (code)
            break;
        ranks_gather(ranks, work.scores, values * (int64_t)sizeof(double), work.gathered);
        if (first)
            place(&work, round);
        tell(&work, round, rounds);
    }
    detach(&work);
    memory_release(work.scores);
    memory_release(work.gathered);
    return code;
}
