/* Who is at fault when replicas differ. */
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "train/trainer.h"

#define MOST_REPLAY_SECONDS 600.0
#define MOST_NAMED 4 /* ranks, or arrays, in a message */

static bool are_equal(struct Digest a, struct Digest b) {
    return a.high == b.high && a.low == b.low;
}

/* ---- Where ---- */

/* The arrays that are not the same on all ranks. Nothing is added if there are none. */
static void find_arrays(const struct Trainer *trainer, struct Text *names) {
    const struct Arena *arena = model_arena(trainer->parts.model);
    int ranks = ranks_size(trainer->ranks), rows = arena->row_count;
    int count = trainer__array_kinds(trainer) * rows;
    struct Digest *mine = memory_array(struct Digest, count, "digests of replicas");
    struct Digest *all = memory_array(struct Digest, (int64_t)count * ranks, "digests of replicas");
    for (int i = 0; i < count; i++) {
        const float *values = trainer__array(trainer, i / rows, i % rows);
        if (values)
            mine[i] = digest_bytes(values, (size_t)arena->rows[i % rows].count * sizeof(float));
    }
    ranks_gather_all(trainer->ranks, mine, count * (int64_t)sizeof *mine, all);
    int found = 0;
    for (int i = 0; i < count; i++) {
        bool same = true;
        for (int rank = 1; rank < ranks; rank++)
            same &= are_equal(all[i], all[rank * count + i]);
        if (!same && found++ < MOST_NAMED)
            trainer__name_array(trainer, i / rows, i % rows, names);
    }
    if (found > MOST_NAMED)
        text_add(names, " and %d more arrays", found - MOST_NAMED);
    memory_release(mine);
    memory_release(all);
}

/* ---- Who is at fault ---- */

/* What the ranks know of a difference. */
struct Disagreement {
    int ranks;
    int64_t step;   /* the first whose links differ; or, with `in_memory`, the present one */
    int link;       /* which of its links is the first that differs: 0 or 1 */
    bool in_memory; /* no link differs, but what the memory holds now does */
    struct Digest *digests; /* of each rank, there */
    struct Text arrays;     /* "": the arrays are the same again */
    bool *at_fault;         /* ranks */
    int faults;             /* how many; 0: unknown */
    const char *by;         /* by which the faults are known, or why they are not */
};

/* Gathers the links and the memory's digest of all ranks. */
static void find_difference(struct Trainer *trainer, struct Digest memory,
                            struct Disagreement *difference) {
    struct Replicas *replicas = &trainer->replicas;
    int ranks = difference->ranks = ranks_size(trainer->ranks);
    int64_t count = replicas->link_count + 1, first = 0;
    struct Digest *mine = memory_array(struct Digest, count, "digests of replicas");
    struct Digest *all = memory_array(struct Digest, count * ranks, "digests of replicas");
    memcpy(mine, replicas->links, (size_t)replicas->link_count * sizeof *mine);
    mine[count - 1] = memory;
    ranks_gather_all(trainer->ranks, mine, count * (int64_t)sizeof *mine, all);
    for (bool same = true; same && first < count; first += same)
        for (int rank = 1; rank < ranks; rank++)
            same &= are_equal(all[first], all[rank * count + first]);
    difference->in_memory = first == count - 1;
    difference->step =
        difference->in_memory ? trainer->saved.progress.step : replicas->agreed + 1 + first / 2;
    difference->link = (int)(first % 2);
    difference->digests = memory_array(struct Digest, ranks, "digests of replicas");
    difference->at_fault = memory_array(bool, ranks, "digests of replicas");
    for (int rank = 0; rank < ranks; rank++)
        difference->digests[rank] = all[rank * count + first];
    memory_release(mine);
    memory_release(all);
}

/* Those are at fault that do not have `right`. */
static void blame(struct Disagreement *difference, struct Digest right, const char *by) {
    for (int rank = 0; rank < difference->ranks; rank++) {
        difference->at_fault[rank] = !are_equal(difference->digests[rank], right);
        difference->faults += difference->at_fault[rank];
    }
    difference->by = by;
}

static void ask_majority(struct Disagreement *difference) {
    for (int rank = 0; rank < difference->ranks; rank++) {
        int votes = 0;
        for (int other = 0; other < difference->ranks; other++)
            votes += are_equal(difference->digests[rank], difference->digests[other]);
        if (2 * votes > difference->ranks) {
            blame(difference, difference->digests[rank], "as the majority of the ranks shows");
            return;
        }
    }
}

static double replay_seconds(const struct Trainer *trainer, int64_t step) {
    const struct Progress *progress = &trainer->saved.progress;
    double each = progress->seconds / (double)(progress->step ? progress->step : 1);
    return each * (double)(step - trainer->replicas.checkpoint);
}

/* Makes the steps up to `step` again, without telling anybody. */
static int replay_steps(struct Trainer *trainer, int64_t step, struct Error *error) {
    struct Progress *progress = &trainer->saved.progress;
    struct Digest base = trainer->replicas.base;
    int code = trainer__go_back(trainer, trainer->replicas.checkpoint, error);
    trainer->replicas.changes.chain = base;
    if (!code && (progress->end_is_due || progress->validation_is_due))
        code = trainer__finish_step_again(trainer, error);
    while (!code && progress->step < step) {
        struct StepReport report;
        trainer->replicas.link_count = 0; /* those of the last step alone are needed */
        code = trainer__step(trainer, &report, error);
        if (!code)
            code = trainer__finish_step_again(trainer, error);
    }
    return code;
}

/* Goes back to the last checkpoint, and finds out who agrees with a replay. */
static void ask_replay(struct Trainer *trainer, struct Disagreement *difference) {
    struct Replicas *replicas = &trainer->replicas;
    struct Error error;
    int64_t too_long = replay_seconds(trainer, difference->step) > MOST_REPLAY_SECONDS;
    ranks_maximum(trainer->ranks, &too_long, 1);
    if (replicas->checkpoint < 0 || too_long) {
        difference->by = too_long ? "a replay would take too long" : "there is no checkpoint yet";
        return;
    }
    replicas->replaying = true;
    int code = replay_steps(trainer, difference->step, &error);
    replicas->replaying = false;
    if (code) {
        log_debug("the replay failed: %s", error.text);
        difference->by = "a replay failed";
        return;
    }
    struct Digest right =
        difference->in_memory ? replicas__digest(trainer) : replicas->links[difference->link];
    struct Digest *all = memory_array(struct Digest, difference->ranks, "digests of replicas");
    ranks_gather_all(trainer->ranks, &right, sizeof right, all);
    int same = 0, right_ranks = 0;
    for (int rank = 0; rank < difference->ranks; rank++) {
        same += are_equal(all[rank], all[0]);
        right_ranks += are_equal(difference->digests[rank], all[0]);
    }
    memory_release(all);
    if (same == difference->ranks && right_ranks)
        blame(difference, right, "as a replay from the last checkpoint shows");
    else
        difference->by = same < difference->ranks ? "the ranks differed in a replay, too"
                                                  : "a replay agreed with none of them";
}

/* ---- The message ---- */

static void add_rank(const struct Trainer *trainer, const struct Disagreement *difference, int rank,
                     struct Text *text) {
    char digest[DIGEST_TEXT];
    text_add(text, "%srank %d on %s (%.16s)", text->length ? ", " : "", rank,
             ranks_host(trainer->ranks, rank), digest_text(difference->digests[rank], digest));
}

/* Names the first few ranks that are at fault, or that are not. */
static void add_ranks(const struct Trainer *trainer, const struct Disagreement *difference,
                      bool at_fault, struct Text *text) {
    int named = 0;
    for (int rank = 0; rank < difference->ranks; rank++)
        if (difference->at_fault[rank] == at_fault && named++ < MOST_NAMED)
            add_rank(trainer, difference, rank, text);
    if (named > MOST_NAMED)
        text_add(text, " and %d more", named - MOST_NAMED);
}

static void describe_fault(const struct Trainer *trainer, const struct Disagreement *difference,
                           struct Text *text) {
    struct Text faulty = {0}, others = {0};
    add_ranks(trainer, difference, difference->faults > 0, &faulty);
    add_ranks(trainer, difference, false, &others);
    if (difference->faults)
        text_add(text, "%s at fault, %s; the others: %s", faulty.data, difference->by, others.data);
    else
        text_add(text, "at fault is one of %s, unknown which: %s", others.data, difference->by);
    text_release(&faulty);
    text_release(&others);
}

/* `compared`: the step after which the difference was noticed. */
static int report(const struct Trainer *trainer, const struct Disagreement *difference,
                  int64_t compared, struct Error *error) {
    struct Text who = {0};
    describe_fault(trainer, difference, &who);
    fail(error, ERROR_NUMERIC,
         "step %" PRId64 ": the ranks' replicas differ since %s step %" PRId64
         " (they agreed after step %" PRId64 "), %s%s: %s; %s",
         compared, difference->in_memory ? "the end of" : "the beginning of", difference->step,
         trainer->replicas.agreed, difference->arrays.length ? "in " : "and ",
         difference->arrays.length ? difference->arrays.data
                                   : "are the same again, but not what was computed with them",
         who.data,
         trainer->options.train.exchange == EXCHANGE_MPI
             ? "train.exchange: mpi does not promise equal bits, use auto"
             : "suspect the memory or the processor of that machine");
    text_release(&who);
    if (trainer->replicas.checkpoint < 0)
        return error->code;
    char *path = checkpoint_name(trainer->checkpoints, trainer->replicas.checkpoint);
    error_append(error, "; nothing was saved since the last checkpoint that agreed, %s", path);
    error_advise(error, ADVICE_RESUME, path, NULL, 0);
    memory_release(path);
    return error->code;
}

int replicas__blame(struct Trainer *trainer, bool whole, struct Digest memory,
                    struct Error *error) {
    struct Disagreement difference = {0};
    struct Replicas before = trainer->replicas; /* a replay begins a new chain */
    int64_t compared = trainer->saved.progress.step + !whole;
    find_difference(trainer, memory, &difference);
    find_arrays(trainer, &difference.arrays);
    ask_majority(&difference);
    if (!difference.faults)
        ask_replay(trainer, &difference);
    trainer->replicas = before;
    int code = report(trainer, &difference, compared, error);
    memory_release(difference.digests);
    memory_release(difference.at_fault);
    text_release(&difference.arrays);
    return code;
}
