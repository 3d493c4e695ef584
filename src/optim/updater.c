/* Updates the parameters' arena run by run: neighbouring rows whose settings are the same are one
 * run, so that a model is a few long passes over memory. The padding between two rows of a run goes
 * along: zero parameters with zero gradients stay zero under every optimiser. */
#include "base/memory.h"
#include "optim/optimizers.h"

struct Run {
    int64_t begin, end;
    double weight_decay;
};

struct Updater {
    const struct Optimizer *optimizer;
    const void *options;
    int64_t elements;
    float *slots[OPTIMIZER_SLOTS];
    int run_count;
    struct Run *runs;
};

static struct Run run_of(const struct ArenaRow *row, const struct OptimizerCommon *common) {
    enum { DECAY_WEIGHTS, DECAY_ALL }; /* of optimizer_decay_names */
    bool decayed = common->decay == DECAY_ALL || row->role == ROLE_WEIGHT;
    return (struct Run){.begin = row->offset,
                        .end = row->offset + row->count,
                        .weight_decay = decayed ? common->weight_decay : 0};
}

static bool same_settings(const struct Run *a, const struct Run *b) {
    return a->weight_decay == b->weight_decay;
}

static void group_rows(struct Updater *updater, const struct Arena *arena) {
    size_t most = (size_t)arena->row_count * sizeof *updater->runs;
    updater->runs = memory_allocate(most, "optimiser plan");
    for (int i = 0; i < arena->row_count; i++) {
        if (arena->rows[i].role == ROLE_STATISTIC)
            continue;
        struct Run run = run_of(&arena->rows[i], updater->options);
        struct Run *last = updater->runs + updater->run_count - 1;
        CHECK(run.end <= arena->parameters);
        CHECK(updater->run_count == 0 || last->end <= run.begin);
        if (updater->run_count > 0 && same_settings(last, &run))
            last->end = run.end;
        else
            updater->runs[updater->run_count++] = run;
    }
}

int updater_create(struct Updater **result, const struct Choice *optimizer,
                   const struct Arena *arena, enum Variant variant, struct Error *error) {
    (void)error; /* an optimiser with per-row settings will refuse rows that do not exist */
    CHECK(variant != VARIANT_F64);
    struct Updater *updater = memory_allocate(sizeof *updater, "optimiser");
    updater->optimizer = optimizer_of(optimizer->kind, variant);
    updater->options = optimizer->options;
    updater->elements = arena->parameters;
    for (int slot = 0; slot < updater->optimizer->slot_count; slot++)
        updater->slots[slot] = memory_allocate((size_t)arena->parameters * sizeof(float),
                                               updater->optimizer->slot_names[slot]);
    group_rows(updater, arena);
    *result = updater;
    return OK;
}

void updater_release(struct Updater *updater) {
    if (!updater)
        return;
    for (int slot = 0; slot < OPTIMIZER_SLOTS; slot++)
        memory_release(updater->slots[slot]);
    memory_release(updater->runs);
    memory_release(updater);
}

int updater_slot_count(const struct Updater *updater) {
    return updater->optimizer->slot_count;
}

const char *updater_slot_name(const struct Updater *updater, int slot) {
    return updater->optimizer->slot_names[slot];
}

float *updater_slot(struct Updater *updater, int slot) {
    return updater->slots[slot];
}

double updater_rate(const struct Updater *updater) {
    return ((const struct OptimizerCommon *)updater->options)->rate;
}

bool updater_step(struct Updater *updater, double rate, int64_t step, float *state,
                  const float *gradient) {
    bool finite = true;
    for (int i = 0; i < updater->run_count; i++) {
        const struct Run *run = &updater->runs[i];
        struct Update update = {.options = updater->options,
                                .rate = rate,
                                .weight_decay = run->weight_decay,
                                .step = step,
                                .count = run->end - run->begin,
                                .parameters = state + run->begin,
                                .gradient = gradient + run->begin};
        for (int slot = 0; slot < updater->optimizer->slot_count; slot++)
            update.slots[slot] = updater->slots[slot] + run->begin;
        finite &= updater->optimizer->update(&update);
    }
    return finite;
}
