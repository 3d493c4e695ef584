#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "run/large_input.h"
#include "train/trainer.h"

/* Where numbers went wrong, as far as this rank sees it. */
struct Finding {
    const char *what;         /* "the output"; NULL: nothing found here */
    const char *row;          /* the arena's row it is of; or NULL */
    const struct Node *layer; /* NULL: before the first layer, or after the last */
    bool in_input;            /* before the first layer: in `sample` of the split */
    int64_t sample;
};

/* The first of the samples in plan_input, `elements` values each, that is not finite; or −1. */
static int64_t find_in_input(const float *input, int64_t samples, int64_t elements) {
    for (int64_t i = 0; i < samples * elements; i++)
        if (!isfinite(input[i]))
            return i / elements;
    return -1;
}

/* The index in the split of sample `place` of a shard, which the epoch has put into
 * its own order. */
static int64_t sample_at(const struct Shards *shards, const struct Position *position,
                         const struct ShardCall *call, int64_t place) {
    int64_t *samples = memory_array(int64_t, call->samples, "samples");
    int64_t first = position->step_in_epoch * shards->batch + call->first;
    loader_fill(shards->loader, position->epoch, first, call->samples, plan_input(shards->plan),
                plan_target(shards->plan), samples);
    int64_t sample = samples[place];
    memory_release(samples);
    return sample;
}

/* In the samples of the shards from `first` on that run together. */
static struct Finding find_in_inputs(struct Trainer *trainer, int64_t first) {
    struct Shards *shards = &trainer->shards;
    struct Position position = trainer__position(trainer);
    struct Image image = loader_image(shards->loader);
    for (int64_t k = 0; k < plan_shards(shards->plan); k++) {
        struct ShardCall call = shards__load(shards, &position, trainer->state, first + k);
        int64_t place =
            find_in_input(plan_input(shards->plan), call.samples, image_elements(&image));
        if (place >= 0)
            return (struct Finding){.what = "the input",
                                    .in_input = true,
                                    .sample = sample_at(shards, &position, &call, place)};
    }
    return (struct Finding){0};
}

/* Every rank goes through all of its shards, because a synchronised layer waits for all ranks. */
static struct Finding find_in_values(struct Trainer *trainer) {
    struct Shards *shards = &trainer->shards;
    struct Position position = trainer__position(trainer);
    int64_t first = exchange_first_shard(shards->exchange);
    int64_t count = exchange_shard_count(shards->exchange);
    struct Finding finding = {0};
    double loss = 0;
    for (int64_t i = 0; i < count; i += plan_shards(shards->plan)) {
        if (!finding.what)
            finding = find_in_inputs(trainer, first + i);
        shards__load_together(shards, &position, trainer->state, first + i);
        const struct Node *node = plan_find_nonfinite(shards->plan, shards->calls);
        if (node && !finding.what)
            finding = (struct Finding){.what = "the output", .layer = node};
        if (!finding.what)
            loss += plan_loss(shards->plan, shards->calls);
    }
    if (!finding.what && !isfinite((float)loss)) /* a float goes to the other ranks */
        finding.what = "the loss";
    return finding;
}

/* Numbers that went wrong on one rank reach all others in a synchronised layer. So they began on
 * the rank that finds them in the earliest layer. */
static bool is_first(struct Trainer *trainer, const struct Finding *finding) {
    int64_t place = !finding->what      ? INT64_MAX
                    : finding->in_input ? -1
                    : finding->layer    ? finding->layer->index
                                        : INT64_MAX - 1;
    int64_t least = place;
    ranks_minimum(trainer->ranks, &least, 1);
    return place == least;
}

static struct Finding find_in_gradients(struct Trainer *trainer) {
    const struct Arena *arena = model_arena(trainer->parts.model);
    for (int i = 0; i < arena->row_count; i++) {
        const struct ArenaRow *row = &arena->rows[i];
        if (exchange_own_nonfinite(trainer->shards.exchange, row->offset,
                                   row->offset + row->count) >= 0)
            return (struct Finding){.what = row->role == ROLE_STATISTIC ? "the batch statistic"
                                                                        : "the gradient",
                                    .row = row->name,
                                    .layer = model_node_of_row(trainer->parts.model, i)};
    }
    return (struct Finding){0};
}

/* Looks into what this rank has added to a loss that is finite when it is computed again: then its
 * memory or its processor is at fault. A statistic of a batch names the layer, the loss does not.
 */
static struct Finding find_in_loss(struct Trainer *trainer) {
    const struct Arena *arena = model_arena(trainer->parts.model);
    const struct Exchange *exchange = trainer->shards.exchange;
    int64_t loss = arena_state_elements(arena) + TALLY_LOSS;
    if (exchange_own_nonfinite(exchange, loss, loss + 1) < 0)
        return (struct Finding){0};
    for (int i = 0; i < arena->row_count; i++) {
        const struct ArenaRow *row = &arena->rows[i];
        if (row->role == ROLE_STATISTIC &&
            exchange_own_nonfinite(exchange, row->offset, row->offset + row->count) >= 0)
            return (struct Finding){.what = "the batch statistic",
                                    .row = row->name,
                                    .layer = model_node_of_row(trainer->parts.model, i)};
    }
    return (struct Finding){.what = "the loss"};
}

/* ---- The message ---- */

static void describe_layer(const struct Finding *finding, struct Text *text) {
    text_add(text, "%s", finding->what);
    if (finding->row || finding->layer)
        text_add(text, " of ");
    if (finding->row)
        text_add(text, "%s, in ", finding->row);
    if (finding->layer)
        text_add(text, "layer %s (%s)", finding->layer->path, node_layer_name(finding->layer));
}

static int report(const struct Trainer *trainer, const struct Finding *finding, bool transient,
                  struct Error *error) {
    int64_t step = trainer->saved.progress.step + 1;
    int rank = ranks_rank(trainer->ranks);
    struct Text what = {0};
    if (finding->in_input) {
        fail(error, ERROR_NUMERIC,
             "step %" PRId64 ": NaN or Inf on rank %d in the input: sample %" PRId64
             " of split %s of %s, once preprocessed; no layer has seen it yet",
             step, rank, finding->sample, trainer->parts.train->name, trainer->parts.dataset->path);
        return error_advise(error, ADVICE_VERIFY, trainer->parts.dataset->path, NULL, 0);
    }
    describe_layer(finding, &what);
    fail(error, ERROR_NUMERIC, "step %" PRId64 ": NaN or Inf on rank %d in %s", step, rank,
         what.data);
    if (transient)
        error_append(error,
                     ", but not when the step is computed again; suspect the memory or the "
                     "processor of %s",
                     ranks_host(trainer->ranks, rank));
    text_release(&what);
    return error->code;
}

/* An array of the replicas, which are the same on all ranks: what the loss depends on; any; or,
 * after an update, which spoils parameters, a running statistic. */
static bool report_array(const struct Trainer *trainer, enum Nonfinite where, int64_t step,
                         struct Error *error) {
    int kind, row;
    struct Text name = {0};
    if (!trainer__find_nonfinite(trainer, &kind, &row))
        return false;
    bool statistic = model_arena(trainer->parts.model)->rows[row].role == ROLE_STATISTIC;
    if (where != NONFINITE_ARRAY && (kind > 0 || (where == NONFINITE_UPDATE && !statistic)))
        return false;
    const struct Node *layer = model_node_of_row(trainer->parts.model, row);
    trainer__name_array(trainer, kind, row, &name);
    fail(error, ERROR_NUMERIC, "step %" PRId64 ": NaN or Inf on every rank in %s, in layer %s (%s)",
         step, name.data, layer->path, node_layer_name(layer));
    text_release(&name);
    return true;
}

/* A loss: what makes it again; or else, who has added it. */
static bool diagnose_loss(struct Trainer *trainer, bool *transient, struct Error *error) {
    struct Finding own = find_in_loss(trainer), finding = find_in_values(trainer);
    bool first = is_first(trainer, &finding);
    int code = finding.what && first ? report(trainer, &finding, false, error) : OK;
    if (ranks_agree(trainer->ranks, code, error))
        return true;
    code = own.what ? report(trainer, &own, true, error) : OK;
    *transient = ranks_agree(trainer->ranks, code, error);
    return *transient;
}

static bool diagnose_gradient(struct Trainer *trainer, struct Error *error) {
    struct Finding finding = find_in_gradients(trainer);
    int code = finding.what ? report(trainer, &finding, false, error) : OK;
    return ranks_agree(trainer->ranks, code, error);
}

/* ---- Values of the data that are too large ---- */

struct LargeValue {
    float value; /* its magnitude */
    int64_t sample;
};

/* The largest of this rank's samples of the step. */
static struct LargeValue find_large_value(struct Trainer *trainer) {
    struct Shards *shards = &trainer->shards;
    struct Position position = trainer__position(trainer);
    struct Image image = loader_image(shards->loader);
    int64_t first = exchange_first_shard(shards->exchange);
    struct LargeValue largest = {0, INT64_MAX};
    for (int64_t i = 0; i < exchange_shard_count(shards->exchange); i++) {
        struct ShardCall call = shards__load(shards, &position, trainer->state, first + i);
        float value;
        int64_t elements = image_elements(&image);
        int64_t at = large_input_find(plan_input(shards->plan), call.samples * elements, &value);
        if (value > largest.value)
            largest =
                (struct LargeValue){value, sample_at(shards, &position, &call, at / elements)};
    }
    return largest;
}

/* Names the sample in place of the rate if an input that is finite made the step overflow. */
static void blame_data(struct Trainer *trainer, struct Error *error) {
    const struct Arena *arena = model_arena(trainer->parts.model);
    struct LargeValue own = find_large_value(trainer);
    uint32_t bits; /* which order floats that are not negative */
    memcpy(&bits, &own.value, sizeof bits);
    int64_t most = bits;
    ranks_maximum(trainer->ranks, &most, 1);
    int64_t sample = most == bits ? own.sample : INT64_MAX;
    ranks_minimum(trainer->ranks, &sample, 1);
    bits = (uint32_t)most;
    memcpy(&own.value, &bits, sizeof bits);
    if (!large_input_overflows(own.value, trainer->state, arena->parameters))
        return;
    error_append(error,
                 "; sample %" PRId64 " of split %s of %s holds %g, once preprocessed: mend it, or "
                 "scale the data",
                 sample, trainer->parts.train->name, trainer->parts.dataset->path,
                 (double)own.value);
    error_advise(error, ADVICE_IN_TEXT, NULL, NULL, 0);
}

bool trainer__diagnose(struct Trainer *trainer, enum Nonfinite where, struct Error *error) {
    int64_t step = trainer->saved.progress.step + (where != NONFINITE_ARRAY);
    bool loss = where == NONFINITE_LOSS, transient = false;
    if ((loss || where == NONFINITE_ARRAY) && report_array(trainer, where, step, error))
        return true;
    bool found =
        loss ? diagnose_loss(trainer, &transient, error) : diagnose_gradient(trainer, error);
    if (!found && !(where == NONFINITE_UPDATE && report_array(trainer, where, step, error)))
        fail(error, ERROR_NUMERIC,
             "step %" PRId64
             ": NaN or Inf in the %s, on no single rank: a sum over shards overflowed",
             step, loss ? "loss" : "gradient");
    bool in_step = loss || where == NONFINITE_GRADIENT;
    bool floats = !trainer->parts.train->bytes; /* no byte is large */
    if (in_step && floats && !transient && error->advice.kind == ADVICE_NONE)
        blame_data(trainer, error);
    return !transient;
}
