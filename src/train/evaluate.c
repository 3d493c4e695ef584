#include "train/evaluate.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"

int evaluate_sizes(int64_t count, int64_t sizes[2]) {
    int64_t rest = count % EVALUATE_BLOCK;
    int sizes_used = 0;
    if (count >= EVALUATE_BLOCK)
        sizes[sizes_used++] = EVALUATE_BLOCK;
    if (rest)
        sizes[sizes_used++] = rest;
    return sizes_used;
}

void evaluation_release(struct Evaluation *evaluation) {
    memory_release(evaluation->confusion);
    evaluation->confusion = NULL;
}

/* Of one block: what is added up over blocks in their order. */
struct BlockResult {
    double loss, correct, top5;
};

struct Work {
    const struct EvaluateRequest *request;
    int results;                /* members and the ensemble */
    float *probabilities;       /* of one member's block */
    double *combined;           /* of the ensemble's block */
    float *ensemble, *gathered; /* what goes to the sink */
    int32_t *labels, *gathered_labels;
    struct BlockResult *mine; /* [round * results + result] */
    struct Evaluation *evaluations;
};

static int64_t block_samples(const struct EvaluateRequest *request, int64_t block) {
    int64_t left = request->samples - block * EVALUATE_BLOCK;
    return left <= 0 ? 0 : left < EVALUATE_BLOCK ? left : EVALUATE_BLOCK;
}

int64_t evaluate_prediction(const float *probabilities, int64_t classes) {
    int64_t largest = 0;
    for (int64_t c = 1; c < classes; c++)
        if (probabilities[c] > probabilities[largest])
            largest = c;
    return largest;
}

/* How many classes come before the label; by the same rule. */
static int64_t place_of(const float *row, int64_t classes, int64_t label) {
    int64_t before = 0;
    for (int64_t c = 0; c < classes; c++)
        before += row[c] > row[label] || (row[c] == row[label] && c < label);
    return before;
}

static struct BlockResult judge(struct Evaluation *evaluation, int64_t count,
                                const float *probabilities, const int32_t *labels) {
    struct BlockResult result = {0};
    int64_t classes = evaluation->classes;
    for (int64_t i = 0; i < count; i++) {
        const float *row = probabilities + i * classes;
        int64_t place = place_of(row, classes, labels[i]);
        result.loss -= log(fmax((double)row[labels[i]], DBL_MIN));
        result.correct += place == 0;
        result.top5 += place < 5;
        evaluation->confusion[labels[i] * classes + evaluate_prediction(row, classes)]++;
    }
    return result;
}

static double weight_of(const struct EvaluateRequest *request, int member) {
    return request->weights ? request->weights[member] : 1.0 / request->member_count;
}

static void combine(struct Work *work, int member, int64_t values) {
    double weight = weight_of(work->request, member);
    bool geometric = work->request->mean == ENSEMBLE_GEOMETRIC;
    if (member == 0)
        memset(work->combined, 0, (size_t)values * sizeof *work->combined);
    for (int64_t i = 0; i < values; i++) {
        double p = work->probabilities[i];
        work->combined[i] += weight * (geometric ? log(fmax(p, DBL_MIN)) : p);
    }
}

static void finish_ensemble(struct Work *work, int64_t count) {
    int64_t classes = work->request->classes;
    for (int64_t i = 0; i < count; i++) {
        double *row = work->combined + i * classes, total = 0;
        for (int64_t c = 0; c < classes; c++) {
            if (work->request->mean == ENSEMBLE_GEOMETRIC)
                row[c] = exp(row[c]);
            total += row[c];
        }
        for (int64_t c = 0; c < classes; c++)
            work->ensemble[i * classes + c] = (float)(row[c] / total);
    }
}

static void load_block(struct Work *work, const struct Predictor *member, int64_t first,
                       int64_t count) {
    loader_fill(member->loader, 0, first, count, plan_input(member->plan),
                plan_target(member->plan), NULL, work->labels);
}

/* Fails where a member's probabilities are not numbers, naming the sample and the layer. */
static int check_finite(struct Work *work, const struct Predictor *member,
                        const struct PlanRun *run, int64_t first, struct Error *error) {
    int64_t classes = work->request->classes, at = 0;
    while (at < run->samples * classes && isfinite(work->probabilities[at]))
        at++;
    if (at == run->samples * classes)
        return OK;
    load_block(work, member, first, run->samples);
    const struct Node *node = plan_find_nonfinite(member->plan, run);
    return fail(error, ERROR_NUMERIC,
                "%s: NaN or Inf in the output of layer %s for sample %lld of the split",
                member->name, node ? node->path : "(loss)", (long long)(first + at / classes));
}

static int run_block(struct Work *work, int64_t block, struct BlockResult *results,
                     struct Error *error) {
    const struct EvaluateRequest *request = work->request;
    int64_t count = block_samples(request, block), first = block * EVALUATE_BLOCK;
    for (int m = 0; m < request->member_count && count; m++) {
        const struct Predictor *member = &request->members[m];
        struct PlanRun run = {.samples = count, .batch = count, .state = member->state};
        load_block(work, member, first, count);
        plan_forward(member->plan, &run);
        plan_predict(member->plan, count, work->probabilities);
        int code = check_finite(work, member, &run, first, error);
        if (code)
            return code;
        results[m] = judge(&work->evaluations[m], count, work->probabilities, work->labels);
        if (request->member_count == 1)
            memcpy(work->ensemble, work->probabilities,
                   (size_t)(count * request->classes) * sizeof(float));
        else
            combine(work, m, count * request->classes);
    }
    if (request->member_count > 1)
        finish_ensemble(work, count);
    int last = request->member_count;
    results[last] = judge(&work->evaluations[last], count, work->ensemble, work->labels);
    return OK;
}

static int deliver(struct Work *work, struct Ranks *ranks, int64_t round, int code,
                   struct Error *error) {
    const struct EvaluateRequest *request = work->request;
    int64_t values = EVALUATE_BLOCK * request->classes;
    code = ranks_agree(ranks, code, error);
    if (code)
        return code;
    ranks_gather(ranks, work->ensemble, values * (int64_t)sizeof(float), work->gathered);
    ranks_gather(ranks, work->labels, EVALUATE_BLOCK * (int64_t)sizeof(int32_t),
                 work->gathered_labels);
    for (int r = 0; r < ranks_size(ranks) && !code && ranks_rank(ranks) == 0; r++) {
        int64_t block = round * ranks_size(ranks) + r, count = block_samples(request, block);
        if (count)
            code = request->sink(request->context, block * EVALUATE_BLOCK, count,
                                 work->gathered + r * values,
                                 work->gathered_labels + r * EVALUATE_BLOCK, error);
    }
    return ranks_agree(ranks, code, error);
}

/* Adds the blocks up in their order, whoever computed them. */
static void add_up(struct Work *work, struct Ranks *ranks, int64_t rounds) {
    int size = ranks_size(ranks), results = work->results;
    int64_t mine = rounds * results;
    struct BlockResult *all = memory_allocate((size_t)(mine * size) * sizeof *all, "evaluation");
    ranks_gather_all(ranks, work->mine, mine * (int64_t)sizeof *all, all);
    for (int e = 0; e < results; e++) {
        struct Evaluation *evaluation = &work->evaluations[e];
        double loss = 0;
        for (int64_t block = 0; block < rounds * size; block++) {
            const struct BlockResult *result =
                &all[(block % size) * mine + block / size * results + e];
            loss += result->loss;
            evaluation->correct += (int64_t)result->correct;
            evaluation->top5 += (int64_t)result->top5;
        }
        evaluation->loss = loss / (double)evaluation->samples;
        ranks_sum(ranks, evaluation->confusion, evaluation->classes * evaluation->classes);
    }
    memory_release(all);
}

int evaluate(struct Ranks *ranks, const struct EvaluateRequest *request, struct Evaluation *results,
             struct Error *error) {
    int size = ranks_size(ranks), code = OK;
    int64_t blocks = (request->samples + EVALUATE_BLOCK - 1) / EVALUATE_BLOCK;
    int64_t rounds = (blocks + size - 1) / size, values = EVALUATE_BLOCK * request->classes;
    size_t senders = request->sink ? (size_t)size : 0;
    struct Work work = {
        .request = request,
        .results = request->member_count + 1,
        .evaluations = results,
        .probabilities = memory_allocate((size_t)values * sizeof(float), "evaluation"),
        .combined = memory_allocate((size_t)values * sizeof(double), "evaluation"),
        .ensemble = memory_allocate((size_t)values * sizeof(float), "evaluation"),
        .gathered = memory_allocate(senders * (size_t)values * sizeof(float), "evaluation"),
        .labels = memory_allocate(EVALUATE_BLOCK * sizeof(int32_t), "evaluation"),
        .gathered_labels =
            memory_allocate(senders * EVALUATE_BLOCK * sizeof(int32_t), "evaluation"),
    };
    work.mine = memory_allocate((size_t)(rounds * work.results) * sizeof *work.mine, "evaluation");
    for (int e = 0; e < work.results; e++)
        results[e] =
            (struct Evaluation){.samples = request->samples,
                                .classes = request->classes,
                                .confusion = memory_allocate(
                                    (size_t)(request->classes * request->classes) * sizeof(int64_t),
                                    "a confusion matrix")};
    for (int m = 0; m < request->member_count; m++)
        plan_prepare(request->members[m].plan, request->members[m].state);
    for (int64_t round = 0; round < rounds && !code; round++) {
        code = run_block(&work, round * size + ranks_rank(ranks), work.mine + round * work.results,
                         error);
        if (request->sink)
            code = deliver(&work, ranks, round, code, error);
    }
    if (!request->sink)
        code = ranks_agree(ranks, code, error);
    if (!code)
        add_up(&work, ranks, rounds);
    memory_release(work.probabilities);
    memory_release(work.combined);
    memory_release(work.ensemble);
    memory_release(work.gathered);
    memory_release(work.labels);
    memory_release(work.gathered_labels);
    memory_release(work.mine);
    return code;
}
