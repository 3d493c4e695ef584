#include "cli/folds.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/eval_report.h"
#include "cli/folds_file.h"
#include "cli/output.h"
#include "cli/shown.h"
#include "cli/signals.h"
#include "data/dataset/dataset.h"
#include "evaluate/evaluate.h"
#include "evaluate/member.h"
#include "run/agreement.h"

struct Folds {
    struct Ranks *ranks;
    const struct TrainRequest *request;
    int64_t count;
    char **folders; /* of the runs */
    char *path;     /* of the file of predictions */
    struct TrainResult *results;
    struct Evaluation *held_out; /* of each run on the part that it has not seen */
    struct OutOfFold all;        /* rank 0: the predictions of these parts together */
    enum Variant variant;
    struct Dataset *dataset; /* that of the last part, for the names and kinds of targets */
};

/* ---- Training ---- */

/* All runs use the number of shards that `auto` stands for in the first one. */
static int train_fold(struct Folds *folds, int64_t fold, struct Error *error) {
    struct TrainRequest request = *folds->request;
    char *made[] = {memory_print("data.folds.count=%" PRId64, folds->count),
                    memory_print("data.folds.held_out=%" PRId64, fold + 1),
                    memory_print("train.shards=%" PRId64, folds->results[0].shards)};
    int more = fold > 0 ? 3 : 2, count = request.override_count;
    const char **texts = memory_array(const char *, count + more, "overrides");
    for (int i = 0; i < count; i++)
        texts[i] = request.overrides[i];
    for (int i = 0; i < more; i++)
        texts[count + i] = made[i];
    request.overrides = texts;
    request.override_count = count + more;
    request.folder = folds->folders[fold];
    if (ranks_rank(folds->ranks) == 0 && !request.quiet)
        fprintf(stderr, "fold %" PRId64 " of %" PRId64 ": %s\n", fold + 1, folds->count,
                shown(request.folder));
    int code = train(folds->ranks, &request, &folds->results[fold], error);
    memory_release((void *)texts);
    for (int i = 0; i < 3; i++)
        memory_release(made[i]);
    return code;
}

/* ---- Evaluation ---- */

static int open_best(struct Folds *folds, int64_t fold, struct Member *member,
                     struct Error *error) {
    char *path = memory_print("%s/checkpoints/best.h5", folds->folders[fold]);
    int code = member_open(member, folds->ranks, path, MEMBER_AUTO, error);
    memory_release(path);
    return code;
}

/* Opens a split of the member's data set, and makes the member ready for it. */
static int attach(const struct Folds *folds, struct Member *member, const char *split,
                  struct Dataset **dataset, struct Error *error) {
    const struct WantedSplit wanted = {.name = split};
    const struct DatasetRequest request = {.options = &member->options.data,
                                           .splits = &wanted,
                                           .split_count = 1,
                                           .expected = &member->targets};
    int code = *dataset ? OK : dataset_open_request(dataset, &request, error);
    backend_configure((int)member->options.train.threads, folds->variant);
    const struct Backend *backend =
        code ? NULL
             : backend_find(backend_choice_names[member->options.train.backend], folds->variant,
                            error);
    if (!backend)
        return error->code;
    const struct Attachment attachment = {.dataset = *dataset,
                                          .split = &(*dataset)->splits[0],
                                          .backend = backend,
                                          .variant = folds->variant,
                                          .seed = -1};
    code = member_match(member, *dataset, error);
    return code ? code : member_attach(member, &attachment, error);
}

static int run_evaluation(const struct Folds *folds, const struct Dataset *dataset,
                          struct EvaluateRequest *request, struct Evaluation *results,
                          struct Error *error) {
    request->metrics = metrics_for(dataset);
    request->split = &dataset->splits[0];
    request->outputs = dataset->targets.count;
    request->ranking = !targets_are_values(&dataset->targets);
    request->is_interrupted = signals_ask_to_stop;
    beat_enter(ranks_beat(folds->ranks), BEAT_EVALUATING);
    return signals_explain(evaluate(folds->ranks, request, results, error), error);
}

static int collect(void *context, const struct DeliveredBlock *block, struct Error *error) {
    (void)error;
    out_of_fold_add(context, block);
    return OK;
}

static int measure_fold(struct Folds *folds, int64_t fold, struct Error *error) {
    struct Member member;
    struct Dataset *dataset = NULL;
    struct Evaluation results[2] = {{0}};
    int code = open_best(folds, fold, &member, error);
    if (!code) {
        code = attach(folds, &member, member.options.data.validation, &dataset, error);
        code = ranks_agree(folds->ranks, code, error);
    }
    if (!code) {
        const struct Predictor predictor = member_predictor(&member);
        struct EvaluateRequest request = {
            .members = &predictor, .member_count = 1, .sink = collect, .context = &folds->all};
        out_of_fold_begin(&folds->all, dataset, fold, predictor_gives_probabilities(&predictor),
                          &member.options.loss);
        code = run_evaluation(folds, dataset, &request, results, error);
    }
    folds->held_out[fold] = results[0];
    folds->held_out[fold].split = NULL; /* it is released with the data set */
    evaluation_release(&results[1]);
    dataset_close(folds->dataset);
    folds->dataset = dataset;
    member_release(&member);
    return code;
}

/* ---- All together ---- */

/* The runs as an ensemble on the test split. */
struct Together {
    struct Member *members;
    struct Predictor *predictors;
    struct Dataset *dataset; /* NULL if there is no test split */
    struct Evaluation *results;
};

static int has_test_split(const struct Member *member, bool *found, struct Error *error) {
    const struct DatasetRequest request = {.options = &member->options.data};
    int count;
    char **names;
    int code = dataset_list_splits(&request, &names, &count, error);
    *found = false;
    for (int i = 0; i < count; i++)
        *found |= !strcmp(names[i], "test");
    memory_release_texts(names, count);
    return code;
}

static int test_together(struct Folds *folds, struct Together *together, struct Error *error) {
    int count = (int)folds->count, code = OK;
    together->members = memory_array(struct Member, count, "members");
    together->predictors = memory_array(struct Predictor, count, "members");
    for (int i = 0; i < count && !code; i++)
        code = open_best(folds, i, &together->members[i], error);
    bool found = false;
    if (!code)
        code = has_test_split(&together->members[0], &found, error);
    code = ranks_agree(folds->ranks, code, error);
    if (code || !found)
        return code;
    for (int i = 0; i < count && !code; i++)
        code = attach(folds, &together->members[i], "test", &together->dataset, error);
    code = ranks_agree(folds->ranks, code, error);
    if (code)
        return code;
    for (int i = 0; i < count; i++)
        together->predictors[i] = member_predictor(&together->members[i]);
    together->results = memory_array(struct Evaluation, count + 1, "results");
    struct EvaluateRequest request = {.members = together->predictors, .member_count = count};
    return run_evaluation(folds, together->dataset, &request, together->results, error);
}

static void together_release(struct Together *together, int64_t count) {
    for (int64_t i = 0; together->members && i < count; i++)
        member_release(&together->members[i]);
    for (int64_t i = 0; together->results && i <= count; i++)
        evaluation_release(&together->results[i]);
    memory_release(together->results);
    memory_release(together->predictors);
    memory_release(together->members);
    dataset_close(together->dataset);
}

/* ---- Results ---- */

static void print_json(const struct Folds *folds, const struct Evaluation *pooled,
                       const struct Together *together) {
    json_t *list = json_array(), *object = json_object(), *test = NULL;
    for (int64_t i = 0; i < folds->count; i++) {
        json_t *fold = eval_describe(&folds->held_out[i], folds->dataset);
        json_object_set_new(fold, "folder", shown_json(folds->folders[i]));
        json_object_set_new(fold, "samples", json_integer(folds->held_out[i].samples));
        json_object_set_new(fold, "digest", json_string(folds->results[i].digest));
        json_object_set_new(fold, "best_step", json_integer(folds->results[i].best.step));
        json_array_append_new(list, fold);
    }
    json_object_set_new(object, "folds", list);
    json_t *all = eval_describe(pooled, folds->dataset);
    json_object_set_new(all, "samples", json_integer(pooled->samples));
    json_object_set_new(object, "out_of_fold", all);
    if (together->dataset) {
        list = json_array();
        for (int64_t i = 0; i < folds->count; i++)
            json_array_append_new(list, eval_describe(&together->results[i], together->dataset));
        test = json_pack("{s:I, s:o, s:o}", "samples", (json_int_t)together->results[0].samples,
                         "members", list, "ensemble",
                         eval_describe(&together->results[folds->count], together->dataset));
    }
    json_object_set_new(object, "test", test ? test : json_null());
    json_dumpf(object, stdout, JSON_ENSURE_ASCII | JSON_REAL_PRECISION(17));
    fputc('\n', stdout);
    json_decref(object);
}

static void print_words(const struct Folds *folds, const struct Evaluation *pooled,
                        const struct Together *together) {
    char remark[64];
    printf("%" PRId64 " folds, each run on the part that it has not seen\n"
           "\n",
           folds->count);
    eval_print_head(&pooled->figures);
    printf("run\n");
    for (int64_t i = 0; i < folds->count; i++) {
        int64_t samples = folds->held_out[i].samples;
        snprintf(remark, sizeof remark, " (%" PRId64 " sample%s)", samples,
                 samples == 1 ? "" : "s");
        eval_print_line(&folds->held_out[i].figures, folds->folders[i], remark);
    }
    snprintf(remark, sizeof remark, " (%" PRId64 " samples)", pooled->samples);
    eval_print_line(&pooled->figures, "out of fold, all parts together", remark);
    eval_report_for(folds->dataset)->print_outputs(pooled, folds->dataset->targets.names);
    if (!together->dataset) {
        printf("\nthere is no split test on which to measure the runs as an ensemble\n");
        return;
    }
    int64_t samples = together->results[0].samples;
    printf("\nsplit test, %" PRId64 " sample%s\n\n", samples, samples == 1 ? "" : "s");
    eval_print_head(&together->results[0].figures);
    printf("run\n");
    for (int64_t i = 0; i < folds->count; i++)
        eval_print_line(&together->results[i].figures, folds->folders[i], "");
    eval_print_line(&together->results[folds->count].figures, "ensemble (arithmetic mean)", "");
}

/* Measures, prints and writes the result on rank 0. */
static int finish(const struct Folds *folds, const struct Together *together, bool json,
                  struct Error *error) {
    struct Evaluation pooled;
    out_of_fold_measure(&folds->all, folds->dataset, folds->held_out, &pooled);
    int code = out_of_fold_write(&folds->all, folds->dataset, folds->path, error);
    if (!code && json)
        print_json(folds, &pooled, together);
    else if (!code)
        print_words(folds, &pooled, together);
    evaluation_release(&pooled);
    return code;
}

static void release(struct Folds *folds) {
    for (int64_t i = 0; i < folds->count; i++) {
        memory_release(folds->folders[i]);
        memory_release(folds->results[i].checkpoint);
        evaluation_release(&folds->held_out[i]);
    }
    out_of_fold_release(&folds->all);
    memory_release(folds->path);
    memory_release(folds->folders);
    memory_release(folds->results);
    memory_release(folds->held_out);
    dataset_close(folds->dataset);
}

int folds_train(struct Ranks *ranks, const struct TrainRequest *request, int64_t count, bool json,
                struct Error *error) {
    struct Folds folds = {.ranks = ranks,
                          .request = request,
                          .count = count,
                          .path = memory_print("%s/out-of-fold.h5", request->folder),
                          .folders = memory_array(char *, count, "folds"),
                          .results = memory_array(struct TrainResult, count, "folds"),
                          .held_out = memory_array(struct Evaluation, count, "folds")};
    struct Together together = {0};
    int code = OK;
    if (ranks_rank(ranks) == 0)
        code = output_check("--out", folds.path, OUTPUT_PREDICTIONS, NULL, 0, error);
    code = ranks_agree(ranks, code, error);
    folds.variant = run_agree_variant(ranks, variant_best(VARIANT_F32_V4));
    for (int64_t i = 0; i < count; i++)
        folds.folders[i] = memory_print("%s/fold-%" PRId64, request->folder, i + 1);
    for (int64_t i = 0; i < count && !code; i++)
        code = train_fold(&folds, i, error);
    for (int64_t i = 0; i < count && !code; i++)
        code = measure_fold(&folds, i, error);
    if (!code)
        code = test_together(&folds, &together, error);
    if (!code && ranks_rank(ranks) == 0)
        code = finish(&folds, &together, json, error);
    code = ranks_agree(ranks, code, error);
    together_release(&together, count);
    release(&folds);
    return code;
}
