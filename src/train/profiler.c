#include "train/profiler.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "compute/peak.h"
#include "nn/plan_work.h"
#include "report/profile.h"
#include "report/trace.h"
#include "train/trainer.h"

#define WARM_UP 2       /* steps, which touch their memory for the first time */
#define TRACED_STEPS 3  /* at the beginning, and as many at the end */
#define TRACED_RANKS 64 /* in the file: more are too much for those who look at it */

struct Profiler {
    struct Stopwatch *stopwatch;
    struct Shards *shards;
    int plan_works; /* the first of them; those of enum StepWork follow */
    double peak, bandwidth;
    double start;       /* when the first step could begin, on all ranks together */
    int64_t begun;      /* steps */
    double loaded_then; /* shards->loaded at the end of the warm-up */
};

/* ---- Measuring ---- */

static int check_file(const char *path, struct Error *error) {
    struct Trace trace;
    int code = trace_open(&trace, path, error);
    trace_close(&trace);
    return code;
}

/* At most so many laps has a step: each operation's, of each group of shards, and some more. */
static int64_t laps_of_step(const struct Trainer *trainer) {
    int64_t shards = exchange_shard_count(trainer->shards.exchange);
    return 2 * plan_works(trainer->parts.plan) * (shards + 1) + WORK_COUNT * (shards + 1);
}

int profiler__create(struct Trainer *trainer, struct Error *error) {
    struct Plan *plan = trainer->parts.plan;
    int works = plan_works(plan), threads = (int)trainer->options.train.threads, code = OK;
    if (ranks_rank(trainer->ranks) == 0)
        code = check_file(trainer->request->profile, error);
    code = ranks_agree(trainer->ranks, code, error);
    if (code)
        return code;
    struct Profiler *profiler = memory_array(struct Profiler, 1, "a profile");
    *profiler = (struct Profiler){
        .stopwatch = stopwatch_create(works + WORK_COUNT, TRACED_STEPS * laps_of_step(trainer)),
        .shards = &trainer->shards,
        .plan_works = works};
    trainer->profiler = profiler;
    ranks_barrier(trainer->ranks); /* measures while all cores are busy, as in a step */
    profiler->peak = peak_flops(trainer->variant, threads);
    profiler->bandwidth = peak_bandwidth(threads);
    plan_time(plan, profiler->stopwatch);
    trainer->shards.stopwatch = profiler->stopwatch;
    trainer->shards.first_work = works;
    ranks_barrier(trainer->ranks);
    stopwatch_start(profiler->stopwatch);
    profiler->start = profiler->stopwatch->now;
    return OK;
}

void profiler__release(struct Profiler *profiler) {
    if (profiler)
        stopwatch_release(profiler->stopwatch);
    memory_release(profiler);
}

void profiler__lap(struct Profiler *profiler, enum StepWork work) {
    if (profiler)
        stopwatch_lap(profiler->stopwatch, profiler->plan_works + (int)work);
}

void profiler__begin_step(struct Profiler *profiler, int64_t step) {
    if (!profiler)
        return;
    profiler__lap(profiler, WORK_OTHER);
    if (profiler->begun++ == WARM_UP) {
        stopwatch_clear(profiler->stopwatch, profiler->plan_works + WORK_BETWEEN);
        profiler->loaded_then = profiler->shards->loaded;
    }
    profiler->stopwatch->step = step;
}

/* Steps that count. */
static int64_t steps_of(const struct Profiler *profiler) {
    return profiler->begun > WARM_UP ? profiler->begun - WARM_UP : profiler->begun;
}

/* ---- Rows ---- */

static const char *const step_work_names[WORK_COUNT] = {
    "input wait", "early exchange", "sum of shards", "exchange",
    "update",     "other",          "validation",    "checkpoint"};

static double update_bytes(const struct Trainer *trainer) {
    const struct Arena *arena = model_arena(trainer->parts.model);
    int slots = updater_slot_count(trainer->parts.updater);
    return (double)sizeof(float) * (double)arena->parameters * (3 + 2 * slots);
}

/* What a step's work besides the plan's must read and write at least; 0: not counted. */
static double bytes_of(const struct Trainer *trainer, enum StepWork work, double samples) {
    const struct RunParts *parts = &trainer->parts;
    const struct Image image = loader_image(parts->loader);
    double elements = (double)(image.height * image.width * image.channels);
    switch (work) {
    case WORK_INPUT:
        return samples * ((double)sizeof(float) * elements +
                          (double)dataset_image_bytes(parts->dataset, parts->train));
    case WORK_EXCHANGE:
        return ranks_size(trainer->ranks) > 1
                   ? (double)sizeof(float) * (double)trainer->shards.gradient_elements
                   : 0;
    case WORK_UPDATE:
        return update_bytes(trainer);
    default:
        return 0;
    }
}

struct ProfileRow profiler__row(const struct PlanWork *work, double peak, double bandwidth) {
    struct ProfileRow row = {.flops = work->flops,
                             .bytes = work->bytes,
                             .floor = plan_floor(work->least_flops, work->bytes, peak, bandwidth)};
    snprintf(row.layer, sizeof row.layer, "%s", work->layer);
    snprintf(row.operation, sizeof row.operation, "%s", work->operation);
    snprintf(row.kernel, sizeof row.kernel, "%s", work->kernel);
    snprintf(row.pass, sizeof row.pass, "%s",
             work->pass == PLAN_LOSS ? "" : plan_pass_names[work->pass]);
    return row;
}

static struct ProfileRow row_of_step(const struct Trainer *trainer, enum StepWork work,
                                     double samples) {
    const struct Profiler *profiler = trainer->profiler;
    struct ProfileRow row = {.bytes = bytes_of(trainer, work, samples)};
    snprintf(row.operation, sizeof row.operation, "%s", step_work_names[work]);
    if (work != WORK_EXCHANGE)
        row.floor = plan_floor(0, row.bytes, profiler->peak, profiler->bandwidth);
    return row;
}

/* The mean over the steps of one kind of work, of every rank, becomes a row. What no row shows (the
 * addition of gradients that meet in a view) is added to the row of the rest. */
static void put_seconds(struct Profile *profile, const double *all, int works, int work, int row) {
    for (int rank = 0; rank < profile->ranks; rank++)
        profile->seconds[row * profile->ranks + rank] +=
            all[rank * works + work] / (double)profile->steps;
}

static void put_rows(const struct Trainer *trainer, const double *all, struct Profile *profile) {
    const struct Profiler *profiler = trainer->profiler;
    int works = profiler->stopwatch->works, count = 0, plan = profiler->plan_works;
    double calls = (double)exchange_shard_count(trainer->shards.exchange);
    bool *shown = memory_array(bool, works, "a profile");
    profile->rows = memory_array(struct ProfileRow, works, "a profile");
    profile->seconds = memory_array(double, (int64_t)works * profile->ranks, "a profile");
    profile->rows[count] = row_of_step(trainer, WORK_INPUT, profile->samples);
    put_seconds(profile, all, works, plan + WORK_INPUT, count++);
    for (int work = 0; work < plan; work++) {
        struct PlanWork described;
        shown[work] = plan_work(trainer->parts.plan, work, profile->samples, calls, &described);
        if (!shown[work])
            continue;
        profile->rows[count] = profiler__row(&described, profiler->peak, profiler->bandwidth);
        put_seconds(profile, all, works, work, count++);
    }
    for (int work = WORK_INPUT + 1; work < WORK_BETWEEN; work++) {
        profile->rows[count] = row_of_step(trainer, (enum StepWork)work, profile->samples);
        put_seconds(profile, all, works, plan + work, count++);
    }
    for (int work = 0; work < plan; work++)
        if (!shown[work])
            put_seconds(profile, all, works, work, count - 1);
    profile->row_count = count;
    memory_release(shown);
}

static struct ProfileEvent event_of(const struct Profiler *profiler, const double *all, int ranks,
                                    enum StepWork work) {
    int works = profiler->stopwatch->works, at = profiler->plan_works + (int)work;
    struct ProfileEvent event = {profiler->stopwatch->counts[at], all[at], all[at], all[at]};
    for (int rank = 1; rank < ranks; rank++) {
        double seconds = all[rank * works + at];
        event.least = seconds < event.least ? seconds : event.least;
        event.most = seconds > event.most ? seconds : event.most;
    }
    return event;
}

static struct Profile *describe(const struct Trainer *trainer, const double *all) {
    const struct Profiler *profiler = trainer->profiler;
    struct Profile *profile = memory_array(struct Profile, 1, "a profile");
    int ranks = ranks_size(trainer->ranks);
    int64_t steps = steps_of(profiler);
    *profile = (struct Profile){.ranks = ranks,
                                .threads = (int)trainer->options.train.threads,
                                .steps = steps,
                                .warm_up = profiler->begun - steps,
                                .wall_seconds = profiler->stopwatch->now - profiler->start,
                                .peak = profiler->peak,
                                .bandwidth = profiler->bandwidth,
                                .validations = event_of(profiler, all, ranks, WORK_VALIDATION),
                                .checkpoints = event_of(profiler, all, ranks, WORK_CHECKPOINT)};
    if (!steps)
        return profile;
    profile->samples = (trainer->shards.loaded - profiler->loaded_then) / (double)steps;
    put_rows(trainer, all, profile);
    return profile;
}

/* ---- Single steps ---- */

/* The laps that were kept, of whole steps alone. Returns how many. */
static int64_t whole_steps(const struct Stopwatch *stopwatch, struct Lap *laps) {
    int64_t count = stopwatch_laps(stopwatch, laps), kept = stopwatch->kept, whole = 0;
    if (stopwatch->laps <= 2 * kept)
        return count;
    int64_t before = laps[kept - 1].step, after = laps[kept].step; /* of the gap */
    for (int64_t i = 0; i < count; i++)
        if (laps[i].step != before && laps[i].step != after)
            laps[whole++] = laps[i];
    return whole;
}

/* What a lap is part of. */
static const char *phase_of(const struct Profiler *profiler, const struct Lap *lap) {
    static const char backward[] = "backward";
    static const char *const phases[PLAN_PASSES] = {"prepare", "forward", backward,
                                                    backward,  backward,  "loss"};
    int64_t own = lap->work - profiler->plan_works;
    if (own == WORK_READY)
        return phases[PLAN_BACKWARD];
    return own < 0 ? phases[lap->work % PLAN_PASSES] : step_work_names[own];
}

static bool is_between(const struct Profiler *profiler, const struct Lap *lap) {
    return lap->work >= profiler->plan_works + WORK_BETWEEN;
}

struct Tracing {
    struct Trace trace;
    const struct Trainer *trainer;
    int rank;
    double start; /* of that rank's clock */
};

static void put_event(struct Tracing *to, const char *name, const char *category,
                      const struct Lap *first, const struct Lap *last) {
    trace_event(&to->trace, to->rank, name, category, first->begin - to->start,
                last->end - to->start);
}

/* A layer's pass by its name; an addition of gradients between layers has none. */
static void put_layer(struct Tracing *to, const struct Lap *lap) {
    struct PlanWork work;
    char name[3 * PLAN_WORK_TEXT];
    if (!plan_work(to->trainer->parts.plan, (int)lap->work, 1, 1, &work) || !*work.layer)
        return;
    snprintf(name, sizeof name, "%.63s %s %s", work.layer, work.operation,
             plan_pass_names[work.pass]);
    put_event(to, name, "layer", lap, lap);
}

/* The laps of one phase, which follow one another. */
static int64_t put_phase(struct Tracing *to, const struct Lap *laps, int64_t count) {
    const struct Profiler *profiler = to->trainer->profiler;
    const char *phase = phase_of(profiler, laps);
    int64_t end = 1;
    while (end < count && phase_of(profiler, &laps[end]) == phase)
        end++;
    put_event(to, phase, "phase", &laps[0], &laps[end - 1]);
    for (int64_t i = 0; i < end; i++)
        if (laps[i].work < profiler->plan_works)
            put_layer(to, &laps[i]);
    return end;
}

/* The laps of one step, or one that is between steps. */
static int64_t put_step(struct Tracing *to, const struct Lap *laps, int64_t count) {
    const struct Profiler *profiler = to->trainer->profiler;
    char name[32];
    int64_t end = 0;
    if (is_between(profiler, laps))
        return put_phase(to, laps, 1);
    while (end < count && laps[end].step == laps[0].step && !is_between(profiler, &laps[end]))
        end++;
    snprintf(name, sizeof name, "step %" PRId64, laps[0].step);
    if (end > 1)
        put_event(to, name, "step", &laps[0], &laps[end - 1]);
    for (int64_t i = 0; i < end;)
        i += put_phase(to, laps + i, end - i);
    return end;
}

static void put_rank(struct Tracing *to, const struct Lap *laps, int64_t count) {
    char name[256];
    snprintf(name, sizeof name, "rank %d on %s", to->rank,
             ranks_host(to->trainer->ranks, to->rank));
    trace_process(&to->trace, to->rank, name);
    for (int64_t i = 0; i < count;)
        i += put_step(to, laps + i, count - i);
}

struct Kept { /* what a rank has for the file */
    int64_t count;
    double start;
};

static int write_ranks(const struct Trainer *trainer, const struct Kept *kept,
                       const struct Lap *laps, int ranks, struct Error *error) {
    int64_t each = 2 * trainer->profiler->stopwatch->kept;
    struct Tracing to = {.trainer = trainer};
    int code = trace_open(&to.trace, trainer->request->profile, error);
    for (int rank = 0; !code && rank < ranks; rank++) {
        to.rank = rank;
        to.start = kept[rank].start;
        put_rank(&to, laps + rank * each, kept[rank].count);
    }
    if (!code)
        code = trace_publish(&to.trace, error);
    trace_close(&to.trace);
    return code;
}

/* The first ranks give rank 0 their laps, which it writes. */
static void write_trace(const struct Trainer *trainer, struct Profile *profile) {
    const struct Profiler *profiler = trainer->profiler;
    int rank = ranks_rank(trainer->ranks), size = ranks_size(trainer->ranks);
    struct Ranks *some =
        size > TRACED_RANKS ? ranks_split(trainer->ranks, rank / TRACED_RANKS) : trainer->ranks;
    int64_t most = 2 * profiler->stopwatch->kept;
    int64_t all = rank == 0 ? ranks_size(some) : 0;
    struct Lap *mine = memory_array(struct Lap, most, "a trace");
    struct Lap *laps = memory_array(struct Lap, all * most, "a trace");
    struct Kept *kept = memory_array(struct Kept, all, "a trace");
    struct Kept own = {whole_steps(profiler->stopwatch, mine), profiler->start};
    if (rank < TRACED_RANKS) {
        ranks_gather(some, &own, sizeof own, kept);
        ranks_gather(some, mine, most * (int64_t)sizeof *mine, laps);
    }
    struct Error error;
    if (rank == 0 && write_ranks(trainer, kept, laps, ranks_size(some), &error))
        log_warning("%s; the run itself is complete", error.text);
    else if (rank == 0)
        profile->trace = memory_copy_text(trainer->request->profile);
    memory_release(mine);
    memory_release(laps);
    memory_release(kept);
    if (some != trainer->ranks)
        ranks_release(some);
}

struct Profile *profiler__finish(struct Trainer *trainer) {
    struct Profiler *profiler = trainer->profiler;
    struct Profile *profile = NULL;
    if (!profiler)
        return NULL;
    profiler__lap(profiler, WORK_OTHER);
    int works = profiler->stopwatch->works;
    bool first = ranks_rank(trainer->ranks) == 0;
    double *all =
        memory_array(double, first ? (int64_t)works *ranks_size(trainer->ranks) : 0, "a profile");
    ranks_gather(trainer->ranks, profiler->stopwatch->seconds, works * (int64_t)sizeof *all, all);
    if (first)
        profile = describe(trainer, all);
    memory_release(all);
    write_trace(trainer, profile);
    return profile;
}
