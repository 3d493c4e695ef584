#include "evaluate/evaluate.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "nn/loss.h"

struct Work {
    const struct EvaluateRequest *request;
    int results;        /* members and the ensemble */
    int64_t sum_count;  /* of one result of one block: the loss, then those of the metrics */
    float *predictions; /* of one member's block */
    double *sum;        /* of the members' predictions */
    float *ensemble;    /* its block */
    float *row;         /* of metrics_loss */
    float *gathered;    /* what goes to the sink */
    double *mine;       /* [(round · results + result) · sum_count + sum] */
    struct Evaluation *evaluations;
};

static int64_t block_samples(const struct EvaluateRequest *request, int64_t block) {
    int64_t left = request->split->count - block * EVALUATE_BLOCK;
    return left <= 0 ? 0 : left < EVALUATE_BLOCK ? left : EVALUATE_BLOCK;
}

static double weight_of(const struct EvaluateRequest *request, int member) {
    return request->weights ? request->weights[member] : 1.0 / request->member_count;
}

/* The targets are as the member that predicted sees them; as the first does, for an ensemble. */
static void measure(struct Work *work, int result, const struct Predictor *predictor,
                    struct PredictedBlock block, double *sums) {
    double *own = sums + result * work->sum_count;
    block.targets = plan_target(predictor->plan);
    block.loss = predictor->loss;
    block.scale = predictor->scale;
    own[0] = metrics_loss(&block, work->request->outputs, work->row);
    work->request->metrics->add_block(&work->evaluations[result], &block, own + 1);
}

static int run_block(struct Work *work, int64_t number, double *sums, struct Error *error) {
    const struct EvaluateRequest *request = work->request;
    int64_t count = block_samples(request, number), values = count * request->outputs;
    struct PredictedBlock block = {
        .split = request->split, .first = number * EVALUATE_BLOCK, .count = count};
    if (!count)
        return OK;
    memset(work->sum, 0, (size_t)values * sizeof *work->sum);
    for (int m = 0; m < request->member_count; m++) {
        const struct Predictor *member = &request->members[m];
        int code = predictor_run(member, block.first, count, work->predictions, error);
        if (code)
            return code;
        block.predictions = work->predictions;
        measure(work, m, member, block, sums);
        if (request->member_count > 1)
            ensemble_mean_add(work->sum, request->mean, weight_of(request, m), work->predictions,
                              values);
    }
    const struct Loss *loss = (const struct Loss *)request->members[0].loss->kind;
    if (request->member_count == 1)
        memcpy(work->ensemble, work->predictions, (size_t)values * sizeof *work->ensemble);
    else
        ensemble_mean_finish(work->sum, request->mean, loss->prediction == PREDICTION_PROBABILITIES,
                             count, request->outputs, work->ensemble);
    block.predictions = work->ensemble;
    measure(work, request->member_count, &request->members[0], block, sums);
    return OK;
}

static int deliver(struct Work *work, struct Ranks *ranks, int64_t round, int code,
                   struct Error *error) {
    const struct EvaluateRequest *request = work->request;
    int64_t values = EVALUATE_BLOCK * request->outputs;
    code = ranks_agree(ranks, code, error);
    if (code)
        return code;
    ranks_gather(ranks, work->ensemble, values * (int64_t)sizeof(float), work->gathered);
    for (int r = 0; r < ranks_size(ranks) && !code && ranks_rank(ranks) == 0; r++) {
        int64_t block = round * ranks_size(ranks) + r, count = block_samples(request, block);
        if (count)
            code = request->sink(request->context, block * EVALUATE_BLOCK, count,
                                 work->gathered + r * values, error);
    }
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
        .results = request->member_count + 1,
        .sum_count = 1 + request->metrics->sum_count(request->outputs),
        .evaluations = results,
        .predictions = memory_array(float, values, "evaluation"),
        .sum = memory_array(double, values, "evaluation"),
        .ensemble = memory_array(float, values, "evaluation"),
        .row = memory_array(float, request->outputs, "evaluation"),
        .gathered = memory_array(float, senders *values, "evaluation"),
    };
    work.mine = memory_array(double, rounds *work.results *work.sum_count, "evaluation");
    return work;
}

static void work_release(struct Work *work) {
    memory_release(work->predictions);
    memory_release(work->sum);
    memory_release(work->ensemble);
    memory_release(work->row);
    memory_release(work->gathered);
    memory_release(work->mine);
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
        results[e] =
            (struct Evaluation){.samples = request->split->count, .outputs = request->outputs};
        request->metrics->start(&results[e], request->split);
    }
    for (int m = 0; m < request->member_count; m++)
        predictor_prepare(&request->members[m]);
    for (int64_t round = 0; round < rounds && !code; round++) {
        code = run_block(&work, round * size + ranks_rank(ranks),
                         work.mine + round * work.results * work.sum_count, error);
        if (request->sink)
            code = deliver(&work, ranks, round, code, error);
    }
    if (!request->sink)
        code = ranks_agree(ranks, code, error);
    if (!code)
        add_up(&work, ranks, rounds);
    log_debug("evaluation of split %s ends after %.3f s", request->split->name,
              clock_seconds() - start);
    work_release(&work);
    return code;
}
