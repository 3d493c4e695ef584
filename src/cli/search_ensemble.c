#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/eval_report.h"
#include "cli/figures_json.h"
#include "cli/gain_words.h"
#include "cli/members.h"
#include "cli/run_folder.h"
#include "cli/search.h"
#include "cli/shown.h"

/* The models, their results, and the figure by which the ensemble is judged. The last result is the
 * ensemble's, the first that of the best trial. Rank 0 alone has the sums. */
struct Together {
    const struct Members *members;
    struct Evaluation *results;
    enum Figure figure;
    double *alone; /* (EVALUATE_BLOCK, outputs): what the best trial predicts for a block */
    struct GainSums sums;
};

/* ---- The gain ---- */

/* The loss is the mean of the log loss or of the squared errors, in other units or with weights, as
 * far as members agree on it at all. */
static enum Figure figure_for(const struct Members *members, enum Figure searched) {
    if (searched != FIGURE_LOSS)
        return searched;
    return targets_are_values(&members->dataset->targets) ? FIGURE_RMSE
           : members_predict_probabilities(members)       ? FIGURE_LOG_LOSS
                                                          : FIGURE_ACCURACY;
}

/* Compares a block of the ensemble with the same block of the best trial, which comes before. */
static int add_block(void *context, const struct DeliveredBlock *block, struct Error *error) {
    struct Together *together = context;
    const struct Members *members = together->members;
    int64_t outputs = members->dataset->targets.count;
    const struct GainOf of = {together->figure, members->dataset->targets.kind, members->split,
                              outputs};
    (void)error;
    if (block->result == 0)
        memcpy(together->alone, block->scores,
               (size_t)(block->count * outputs) * sizeof *together->alone);
    for (int64_t i = 0; block->result == members->count && i < block->count; i++)
        gain_add(&together->sums, &of, block->first + i, block->scores + i * outputs,
                 together->alone + i * outputs);
    return OK;
}

struct Gain {
    double ensemble, alone, gain, error; /* the figures of both; error as in ensemble/gain.h */
};

/* Whether the ensemble can be compared with the best trial. */
static bool compare(const struct Together *together, struct Gain *gain) {
    int count = together->members->count;
    enum Figure by = together->figure;
    const struct Figures *ensemble = &together->results[count].figures;
    const struct Figures *best = &together->results[0].figures;
    double value = ensemble->value[by], alone = best->value[by];
    *gain = (struct Gain){value, alone, gain_of(by, value, alone),
                          gain_has_error(by) ? gain_error(&together->sums, by) : NAN};
    return count > 1 && ensemble->measured[by] && best->measured[by];
}

/* ---- The result ---- */

static void describe(const struct Together *together, json_t *object) {
    const struct Members *members = together->members;
    json_t *list = json_array();
    struct Gain gain;
    for (int i = 0; i < members->count; i++) {
        json_t *member = eval_describe(&together->results[i], members->dataset);
        json_object_set_new(member, "checkpoint", shown_json(members->items[i].path));
        json_array_append_new(list, member);
    }
    json_t *ensemble =
        json_pack("{s:o, s:I, s:o, s:o}", "split", shown_json(members->split->name), "samples",
                  (json_int_t)members->split->count, "members", list, "together",
                  eval_describe(&together->results[members->count], members->dataset));
    if (compare(together, &gain)) {
        json_object_set_new(ensemble, "figure", json_string(figure_kinds[together->figure].name));
        json_object_set_new(ensemble, "gain_over_best_trial", number_json(gain.gain));
        json_object_set_new(ensemble, "gain_error", number_json(gain.error));
    }
    json_object_set_new(object, "ensemble", ensemble);
}

static void print_verdict(const struct Together *together) {
    char ours[FIGURE_TEXT], its[FIGURE_TEXT];
    struct Gain gain;
    if (!compare(together, &gain))
        return;
    enum Worth worth = gain_worth(gain.gain, gain.error);
    printf("\nverdict     ");
    gain_print(together->figure, gain.gain, gain.error);
    printf(" against the best trial alone:\n"
           "            %s %s against %s\n",
           figure_kinds[together->figure].label,
           figure_text(together->figure, gain.ensemble, FIGURE_DIGITS, ours),
           figure_text(together->figure, gain.alone, FIGURE_DIGITS, its));
    if (worth == WORTH_PERHAPS)
        printf("advice      %s\n", gain_doubt(gain.error));
    else if (worth == WORTH_NOTHING)
        printf("advice      use its model: members help most if they are about as good as it\n");
}

static void print(const struct Together *together) {
    const struct Members *members = together->members;
    const struct Evaluation *last = &together->results[members->count];
    printf("\nthe best %d trials by their validation, as an ensemble\n%s", members->count,
           shown(members->dataset->path));
    members_print_split(members, stdout);
    printf(", %" PRId64 " sample%s\n", members->split->count,
           members->split->count == 1 ? "" : "s");
    if (!strcmp(members->split->name, members->items[0].options.data.validation))
        printf("the trials were chosen on this split: their figures are too good\n");
    printf("\n");
    eval_print_head(&last->figures);
    printf("checkpoint\n");
    for (int i = 0; i < members->count; i++)
        eval_print_line(&together->results[i].figures, members->items[i].path, "");
    eval_print_line(&last->figures, "ensemble (arithmetic mean)", "");
    print_verdict(together);
}

static int evaluate_members(struct Members *members, enum Figure searched, json_t *object,
                            struct Ranks *ranks, struct Error *error) {
    int64_t outputs = members->dataset->targets.count;
    struct Together together = {
        .members = members,
        .results = memory_array(struct Evaluation, members->count + 1, "results"),
        .figure = figure_for(members, searched),
        .alone = memory_array(double, EVALUATE_BLOCK *outputs, "predictions")};
    struct EvaluateRequest request = members_request(members);
    request.sink = gain_has_error(together.figure) ? add_block : NULL;
    request.sink_members = true;
    request.context = &together;
    int code = members_evaluate(members, &request, ranks, together.results, error);
    if (!code && ranks_rank(ranks) == 0)
        members_warn_of_training(members);
    if (!code && ranks_rank(ranks) == 0 && object)
        describe(&together, object);
    else if (!code && ranks_rank(ranks) == 0)
        print(&together);
    for (int i = 0; i <= members->count; i++)
        evaluation_release(&together.results[i]);
    memory_release(together.results);
    memory_release(together.alone);
    return code;
}

/* The best checkpoint of a trial, or its folder if there is none. */
static char *find_checkpoint(const struct Search *search, const struct TrialRecord *record) {
    char *folder = ledger_trial_folder(search->request->folder, record->number);
    char *checkpoint = run_folder_find(folder);
    if (!checkpoint)
        return folder;
    memory_release(folder);
    return checkpoint;
}

int search_ensemble(const struct Search *search, const struct SearchResults *results, int count,
                    json_t *object, struct Ranks *ranks, struct Error *error) {
    struct Members members = {0};
    if (count > results->scored)
        count = (int)results->scored;
    char **checkpoints = memory_array(char *, count, "members");
    for (int i = 0; i < count; i++)
        checkpoints[i] = find_checkpoint(search, &results->entries[results->order[i]].record);
    const char **operands = memory_array(const char *, count, "members");
    for (int i = 0; i < count; i++)
        operands[i] = checkpoints[i];
    const struct Arguments arguments = {.operand_count = count, .operands = operands};
    int code = members_open(&members, &arguments, false, ranks, error);
    if (!code)
        code = evaluate_members(&members, results->figure, object, ranks, error);
    members_release(&members);
    memory_release((void *)operands);
    memory_release_texts(checkpoints, count);
    return code;
}
