#include "evaluate/evaluate.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "nn/loss.h"

struct Work {
    const struct EvaluateRequest *request;
    struct MeanKind kind; /* of the ensemble */
    int results;          /* members and the ensemble */
    int64_t sum_count;    /* of one result of one block: the loss, then those of the metrics */
    double *scores;       /* of one member's block, or the ensemble's in the first member's scale */
    double *values;       /* of one member's block: its predictions if they are values */
    double *ensemble;     /* the block's predictions: the mean of the members' */
    double *alone;        /* (members, values): each member's, for the sink; NULL: it needs none */
    double *gathered;     /* and what goes to the sink: of all ranks, */
    float *predictions;   /* and of one of them */
    int32_t *classes;
    double *mine; /* [(round · results + result) · sum_count + sum] */
    struct Evaluation *evaluations;
};

static int64_t block_samples(const struct EvaluateRequest *request, int64_t block) {
    int64_t left = request->split->count - block * EVALUATE_BLOCK;
    return left <= 0 ? 0 : left < EVALUATE_BLOCK ? left : EVALUATE_BLOCK;
}

/* Whether the ensemble predicts anything else than its only member. */
static bool is_mixed(const struct EvaluateRequest *request) {
    return request->member_count > 1 || (request->temperature > 0 && request->temperature != 1);
}

static double weight_of(const struct EvaluateRequest *request, int member) {
    return request->weights ? request->weights[member] : 1.0 / request->member_count;
}

/* The targets are as the member that predicted sees them; as the first does, for an ensemble. */
static void measure(struct Work *work, int result, const struct Predictor *predictor,
                    struct PredictedBlock block, double *sums) {
    double *own = sums + result * work->sum_count;
    if (!work->request->metrics)
        return;
    block.scores = work->scores;
    block.targets = plan_target(predictor->plan);
    block.loss = predictor->loss;
    own[0] = metrics_loss(&block, work->request->outputs);
    work->request->metrics->add_block(&work->evaluations[result], &block, own + 1);
}

/* Predicts with one member; returns its predictions: scores, or values in the data set's units. */
static int run_member(struct Work *work, const struct Predictor *member,
                      struct PredictedBlock *block, struct Error *error) {
    int code = predictor_run(member, block->first, block->count, work->scores, error);
    block->predictions = work->scores;
    if (code || !member->scale->count)
        return code;
    target_scale_values(member->scale, block->count, work->scores, work->values);
    block->predictions = work->values;
    return OK;
}

/* The members' mean, as the first member's scores would be. */
static void measure_ensemble(struct Work *work, struct PredictedBlock *block, double *sums) {
    const struct Predictor *first = &work->request->members[0];
    size_t values = (size_t)(block->count * work->request->outputs);
    block->predictions = work->ensemble;
    if (first->scale->count)
        target_scale_scores(first->scale, block->count, work->ensemble, work->scores);
    else
        memcpy(work->scores, work->ensemble, values * sizeof *work->scores);
    measure(work, work->request->member_count, first, *block, sums);
}

static int run_block(struct Work *work, int64_t number, double *sums, struct Error *error) {
    const struct EvaluateRequest *request = work->request;
    int64_t count = block_samples(request, number), values = count * request->outputs;
    struct PredictedBlock block = {
        .split = request->split, .first = number * EVALUATE_BLOCK, .count = count};
    if (request->is_interrupted && request->is_interrupted(request->interrupt_context))
        return fail(error, ERROR_STOPPED, "the evaluation of split %s was interrupted",
                    request->split->name);
    if (!count)
        return OK;
    if (request->make_ready &&
        request->make_ready(request->ready_context, block.first, count, error))
        return error->code;
    ensemble_mean_start(work->kind, values, work->ensemble);
    for (int m = 0; m < request->member_count; m++) {
        int code = run_member(work, &request->members[m], &block, error);
        if (code)
            return code;
        measure(work, m, &request->members[m], block, sums);
        if (work->alone)
            memcpy(work->alone + m * EVALUATE_BLOCK * request->outputs, block.predictions,
                   (size_t)values * sizeof *work->alone);
        if (is_mixed(request))
            ensemble_mean_add(work->kind, weight_of(request, m), count, request->outputs,
                              block.predictions, work->ensemble);
    }
    if (is_mixed(request)) {
        ensemble_mean_finish(work->kind, values, work->ensemble);
        for (int64_t i = 0; request->temperature > 0 && i < values; i++)
            work->ensemble[i] /= request->temperature;
        measure_ensemble(work, &block, sums);
        return OK;
    }
    memcpy(work->ensemble, block.predictions, (size_t)values * sizeof *work->ensemble);
    measure(work, 1, &request->members[0], block, sums);
    return OK;
}

/* Gives the sink one block of the predictions of `result`. */
static int sink_block(struct Work *work, int result, int64_t number, const double *scores,
                      struct Error *error) {
    const struct EvaluateRequest *request = work->request;
    const struct Choice *choice =
        request->members[result < request->member_count ? result : 0].loss;
    const struct Loss *loss = (const struct Loss *)choice->kind;
    struct DeliveredBlock block = {.result = result,
                                   .first = number * EVALUATE_BLOCK,
                                   .count = block_samples(request, number),
                                   .predictions = work->predictions,
                                   .scores = scores,
                                   .classes = work->classes};
    if (!block.count)
        return OK;
    loss->predict(choice->options, block.count, request->outputs, scores, work->predictions);
    for (int64_t i = 0; i < block.count; i++)
        work->classes[i] =
            (int32_t)predicted_class(scores + i * request->outputs, request->outputs);
    return request->sink(request->context, &block, error);
}

/* Gathers the round's predictions of `result`, and gives them to the sink. */
static int deliver(struct Work *work, struct Ranks *ranks, int result, int64_t round,
                   struct Error *error) {
    int64_t values = EVALUATE_BLOCK * work->request->outputs;
    int size = ranks_size(ranks), code = OK;
    const double *mine =
        result < work->request->member_count ? work->alone + result * values : work->ensemble;
    ranks_gather(ranks, mine, values * (int64_t)sizeof(double), work->gathered);
    for (int r = 0; r < size && !code && ranks_rank(ranks) == 0; r++)
        code = sink_block(work, result, round * size + r, work->gathered + r * values, error);
    return ranks_agree(ranks, code, error);
}

/* Adds the blocks up in their order, whichever rank computed them. */
static void add_up(struct Work *work, struct Ranks *ranks, int64_t rounds) {
    int64_t size = ranks_size(ranks), results = work->results, count = work->sum_count;
    int64_t mine = rounds * results * count;
    double *all = memory_array(double, mine *size, "evaluation");
    double *sums = memory_array(double, count, "evaluation");
    ranks_gather_all(ranks, work->mine, mine * (int64_t)sizeof *all, all);
    for (int64_t e = 0; e < results; e++) {
        struct Evaluation *evaluation = &work->evaluations[e];
        memset(sums, 0, (size_t)count * sizeof *sums);
        for (int64_t block = 0; block < rounds * size; block++) {
            const double *own = all + (block % size) * mine + (block / size * results + e) * count;
            for (int64_t k = 0; k < count; k++)
                sums[k] += own[k];
        }
        figures_set(&evaluation->figures, FIGURE_LOSS, sums[0] / (double)evaluation->samples);
        work->request->metrics->finish(evaluation, ranks, sums + 1);
    }
    memory_release(sums);
    memory_release(all);
}

static struct Work work_create(const struct EvaluateRequest *request, int64_t rounds, int senders,
                               struct Evaluation *results) {
    int64_t values = EVALUATE_BLOCK * request->outputs;
    struct Work work = {
        .request = request,
        .kind = predictor_mean_kind(&request->members[0], request->mean),
        .results = request->member_count + 1,
        .sum_count = 1 + (request->metrics ? request->metrics->sum_count(request->outputs) : 0),
        .evaluations = results,
        .scores = memory_array(double, values, "evaluation"),
        .values = memory_array(double, values, "evaluation"),
        .ensemble = memory_array(double, values, "evaluation"),
        .gathered = memory_array(double, senders *values, "evaluation"),
        .predictions = memory_array(float, values, "evaluation"),
        .classes = memory_array(int32_t, EVALUATE_BLOCK, "evaluation"),
    };
    if (request->sink && request->sink_members)
        work.alone = memory_array(double, request->member_count *values, "evaluation");
    work.mine = memory_array(double, rounds *work.results *work.sum_count, "evaluation");
    return work;
}

static void work_release(struct Work *work) {
    memory_release(work->scores);
    memory_release(work->values);
    memory_release(work->ensemble);
    memory_release(work->alone);
    memory_release(work->gathered);
    memory_release(work->predictions);
    memory_release(work->classes);
    memory_release(work->mine);
}

static void tell(const struct EvaluateRequest *request, int64_t blocks) {
    int64_t done = blocks * EVALUATE_BLOCK, count = request->split->count;
    request->ticker->report(request->ticker->context, request->split->name,
                            done < count ? done : count, count);
}

int evaluate(struct Ranks *ranks, const struct EvaluateRequest *request, struct Evaluation *results,
             struct Error *error) {
    int size = ranks_size(ranks), code = OK;
    int64_t blocks = (request->split->count + EVALUATE_BLOCK - 1) / EVALUATE_BLOCK;
    int64_t rounds = (blocks + size - 1) / size;
    double start = clock_seconds();
    log_debug("evaluation of split %s begins: %" PRId64 " sample%s, %d model%s",
              request->split->name, request->split->count, request->split->count == 1 ? "" : "s",
              request->member_count, request->member_count == 1 ? "" : "s");
    struct Work work = work_create(request, rounds, request->sink ? size : 0, results);
    for (int e = 0; e < work.results; e++) {
        results[e] = (struct Evaluation){.samples = request->split->count,
                                         .outputs = request->outputs,
                                         .threshold = request->threshold,
                                         .probabilities =
                                             predictor_gives_probabilities(&request->members[0])};
        if (request->ranking)
            ranking_create(&results[e].ranking, ranks, request->split, request->outputs);
        if (request->metrics)
            request->metrics->start(&results[e], request->split);
    }
    for (int m = 0; m < request->member_count; m++)
        predictor_prepare(&request->members[m]);
    for (int64_t round = 0; round < rounds && !code; round++) {
        code = run_block(&work, round * size + ranks_rank(ranks),
                         work.mine + round * work.results * work.sum_count, error);
        beat_move(ranks_beat(ranks));
        if (request->sink || request->is_interrupted)
            code = ranks_agree(ranks, code, error);
        for (int e = work.alone ? 0 : request->member_count;
             request->sink && e <= request->member_count && !code; e++)
            code = deliver(&work, ranks, e, round, error);
        if (request->ticker && !code && ranks_rank(ranks) == 0)
            tell(request, (round + 1) * size);
    }
    if (!request->sink)
        code = ranks_agree(ranks, code, error);
    if (!code && request->metrics)
        add_up(&work, ranks, rounds);
    log_debug("evaluation of split %s ends after %.3f s", request->split->name,
              clock_seconds() - start);
    work_release(&work);
    return code;
}
