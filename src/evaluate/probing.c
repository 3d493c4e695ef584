#include "evaluate/probing.h"

#include <string.h>

#include "base/memory.h"

struct Probing {
    struct ProbingRequest request;
    struct Ranks *ranks;
    struct Plan *plan;
    struct Probe *probe;
    int64_t length, elements; /* of a record, of a gradient */
    double *record;           /* of this rank's block */
    double *records;          /* of all ranks' blocks; rank 0 */
    double *sum;              /* of all blocks; rank 0 */
    float *gradient, *gradients;
    double *gradient_sum;
};

/* ---- Samples ---- */

static int64_t block_samples(int64_t count, int64_t block) {
    int64_t left = count - block * PROBING_BLOCK;
    return left < 0 ? 0 : left < PROBING_BLOCK ? left : PROBING_BLOCK;
}

static int make_loader(const struct Ranks *ranks, const struct LoaderRequest *request,
                       struct Loader **loader, struct Error *error) {
    struct LoaderRequest own = *request;
    own.shuffle = !request->cut.window;
    own.balanced = false;
    if (request->cut.window)
        own.cut = (struct StreamCut){.window = request->cut.window,
                                     .run = PROBING_BLOCK,
                                     .parts = ranks_size(ranks),
                                     .part = ranks_rank(ranks)};
    return loader_create(loader, &own, error);
}

int probing_samples_load(struct ProbingSamples *samples, const struct Ranks *ranks,
                         const struct LoaderRequest *request, int64_t count, struct Error *error) {
    struct Loader *loader;
    int code = make_loader(ranks, request, &loader, error);
    if (code)
        return code;
    struct Image image = loader_image(loader);
    int64_t blocks = (count + PROBING_BLOCK - 1) / PROBING_BLOCK, size = ranks_size(ranks);
    int64_t mine = (blocks + size - 1) / size * PROBING_BLOCK, place = 0;
    *samples = (struct ProbingSamples){.count = count,
                                       .ranks = size,
                                       .elements = image_elements(&image),
                                       .outputs = request->dataset->targets.count};
    samples->images = memory_array(float, mine * samples->elements, "the probe's samples");
    samples->targets = memory_array(float, mine * samples->outputs, "the probe's samples");
    for (int64_t b = ranks_rank(ranks); b < blocks; b += size, place += PROBING_BLOCK)
        loader_fill(loader, 0, b * PROBING_BLOCK, block_samples(count, b),
                    samples->images + place * samples->elements,
                    samples->targets + place * samples->outputs, NULL);
    code = loader_failed(loader, error);
    loader_release(loader);
    return code;
}

void probing_samples_release(struct ProbingSamples *samples) {
    memory_release(samples->images);
    memory_release(samples->targets);
    *samples = (struct ProbingSamples){0};
}

/* This rank's block number `block` into the plan. */
static void fill(const struct ProbingSamples *samples, int64_t block, struct Plan *plan) {
    int64_t place = block / samples->ranks * PROBING_BLOCK;
    int64_t count = block_samples(samples->count, block);
    memcpy(plan_input(plan), samples->images + place * samples->elements,
           (size_t)(count * samples->elements) * sizeof(float));
    memcpy(plan_target(plan), samples->targets + place * samples->outputs,
           (size_t)(count * samples->outputs) * sizeof(float));
}

/* ---- Probing ---- */

static int sizes_of(int64_t samples, int64_t sizes[2]) {
    int used = 0;
    if (samples >= PROBING_BLOCK)
        sizes[used++] = PROBING_BLOCK;
    if (samples % PROBING_BLOCK)
        sizes[used++] = samples % PROBING_BLOCK;
    return used;
}

static int make_plan(struct Probing *probing, struct Error *error) {
    const struct ProbingRequest *request = &probing->request;
    struct PlanRequest planning = {.variant = request->variant,
                                   .backend = request->backend,
                                   .precision = request->precision,
                                   .convolution = request->convolution,
                                   .training = request->training,
                                   .loss = request->loss,
                                   .error_weights = request->error_weights,
                                   .sets = request->sets,
                                   .no_fusion = true};
    planning.sample_counts = sizes_of(request->samples->count, planning.samples);
    return plan_create(&probing->plan, request->model, &planning, error);
}

static void make_buffers(struct Probing *probing) {
    int64_t senders = ranks_rank(probing->ranks) == 0 ? ranks_size(probing->ranks) : 0;
    probing->length = probe_length(probing->probe);
    probing->elements = arena_gradient_elements(model_arena(probing->request.model));
    probing->record = memory_array(double, probing->length, "a probe");
    probing->records = memory_array(double, senders * probing->length, "a probe");
    if (senders)
        probing->sum = memory_array(double, probing->length, "a probe");
    if (!probing->request.training)
        return;
    probing->gradient = memory_array(float, probing->elements, "a probe's gradient");
    if (!probing->request.backward)
        return;
    probing->gradients = memory_array(float, senders * probing->elements, "a probe's gradient");
    if (senders)
        probing->gradient_sum = memory_array(double, probing->elements, "a probe's gradient");
}

int probing_create(struct Probing **made, struct Ranks *ranks, const struct ProbingRequest *request,
                   struct Error *error) {
    struct Probing *probing = memory_array(struct Probing, 1, "a probe");
    *probing = (struct Probing){.request = *request, .ranks = ranks};
    int code = make_plan(probing, error);
    if (code) {
        memory_release(probing);
        return code;
    }
    probe_create(&probing->probe, probing->plan);
    make_buffers(probing);
    *made = probing;
    return OK;
}

void probing_release(struct Probing *probing) {
    if (!probing)
        return;
    probe_release(probing->probe);
    plan_release(probing->plan);
    memory_release(probing->record);
    memory_release(probing->records);
    memory_release(probing->sum);
    memory_release(probing->gradient);
    memory_release(probing->gradients);
    memory_release(probing->gradient_sum);
    memory_release(probing);
}

/* This rank's block of a round; a rank that has none reports an empty record. */
static void run_block(struct Probing *probing, int64_t block, const float *state, uint64_t step) {
    const struct ProbingRequest *request = &probing->request;
    struct ShardCall call = {.samples = block_samples(request->samples->count, block),
                             .first = block * PROBING_BLOCK,
                             .batch = request->samples->count,
                             .seed = request->seed,
                             .step = step,
                             .state = state,
                             .gradient = probing->gradient};
    if (!call.samples) {
        probe_start(probing->probe, probing->record);
        if (request->backward)
            memset(probing->gradient, 0, (size_t)probing->elements * sizeof(float));
        return;
    }
    fill(request->samples, block, probing->plan);
    probe_run(probing->probe, &call, request->backward, probing->record);
}

/* Rank 0 adds what the ranks measured, in the order of their blocks. */
static void add_round(struct Probing *probing) {
    int size = ranks_size(probing->ranks);
    int64_t elements = probing->elements;
    ranks_gather(probing->ranks, probing->record, probing->length * (int64_t)sizeof(double),
                 probing->records);
    if (probing->request.backward)
        ranks_gather(probing->ranks, probing->gradient, elements * (int64_t)sizeof(float),
                     probing->gradients);
    if (ranks_rank(probing->ranks) != 0)
        return;
    for (int r = 0; r < size; r++)
        probe_add(probing->probe, probing->sum, probing->records + r * probing->length);
    for (int r = 0; r < size && probing->request.backward; r++)
        for (int64_t i = 0; i < elements; i++)
            probing->gradient_sum[i] += (double)probing->gradients[r * elements + i];
}

void probing_run(struct Probing *probing, const float *state, uint64_t step) {
    int size = ranks_size(probing->ranks);
    int64_t blocks = (probing->request.samples->count + PROBING_BLOCK - 1) / PROBING_BLOCK;
    if (probing->sum)
        probe_start(probing->probe, probing->sum);
    if (probing->gradient_sum)
        memset(probing->gradient_sum, 0, (size_t)probing->elements * sizeof(double));
    plan_prepare(probing->plan, state);
    for (int64_t first = 0; first < blocks; first += size) {
        run_block(probing, first + ranks_rank(probing->ranks), state, step);
        beat_move(ranks_beat(probing->ranks));
        add_round(probing);
    }
}

int probing_node_count(const struct Probing *probing) {
    return probe_node_count(probing->probe);
}

void probing_node(const struct Probing *probing, int index, struct ProbeNode *node) {
    probe_read(probing->probe, probing->sum, index, node);
}

const double *probing_gradient(const struct Probing *probing) {
    return probing->gradient_sum;
}
