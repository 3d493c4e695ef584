#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/eval_report.h"
#include "cli/members.h"
#include "cli/search.h"
#include "cli/shown.h"
#include "ensemble/study.h"

/* The models, their results, and the figure by which the search compared the trials. The last
 * result is the ensemble's, the first that of the best trial. */
struct Together {
    const struct Members *members;
    const struct Evaluation *results;
    enum Figure figure;
};

/* Whether the ensemble can be compared with the best trial; *value and *alone get their figures. */
static bool compare(const struct Together *together, double *value, double *alone) {
    int count = together->members->count;
    const struct Figures *ensemble = &together->results[count].figures;
    const struct Figures *best = &together->results[0].figures;
    *value = ensemble->value[together->figure];
    *alone = best->value[together->figure];
    return count > 1 && ensemble->measured[together->figure] && best->measured[together->figure];
}

static void describe(const struct Together *together, json_t *object) {
    const struct Members *members = together->members;
    json_t *list = json_array();
    double value, alone;
    for (int i = 0; i < members->count; i++) {
        json_t *member = eval_describe(&together->results[i], members->dataset);
        json_object_set_new(member, "checkpoint", shown_json(members->items[i].path));
        json_array_append_new(list, member);
    }
    json_t *ensemble =
        json_pack("{s:o, s:I, s:o, s:o}", "split", shown_json(members->split->name), "samples",
                  (json_int_t)members->split->count, "members", list, "together",
                  eval_describe(&together->results[members->count], members->dataset));
    if (compare(together, &value, &alone))
        json_object_set_new(ensemble, "gain_over_best_trial",
                            json_real(study_gain(together->figure, value, alone)));
    json_object_set_new(object, "ensemble", ensemble);
}

static void print_verdict(const struct Together *together) {
    char ours[FIGURE_TEXT], its[FIGURE_TEXT];
    double value, alone;
    if (!compare(together, &value, &alone))
        return;
    bool better = study_gain(together->figure, value, alone) > 0;
    printf("\nverdict     the ensemble is %s than the best trial alone:\n"
           "            %s %s against %s\n",
           better ? "better" : "no better", figure_kinds[together->figure].label,
           figure_text(together->figure, value, FIGURE_DIGITS, ours),
           figure_text(together->figure, alone, FIGURE_DIGITS, its));
    if (!better)
        printf("advice      use its model: members help most if they are about as good as it\n");
}

static void print(const struct Together *together) {
    const struct Members *members = together->members;
    const struct Evaluation *last = &together->results[members->count];
    printf("\nthe best %d trials by their validation, as an ensemble", members->count);
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

static int evaluate_members(struct Members *members, enum Figure figure, json_t *object,
                            struct Ranks *ranks, struct Error *error) {
    struct EvaluateRequest request = members_request(members);
    struct Evaluation *results = memory_array(struct Evaluation, members->count + 1, "results");
    int code = members_evaluate(members, &request, ranks, results, error);
    if (!code && ranks_rank(ranks) == 0) {
        const struct Together together = {members, results, figure};
        if (object)
            describe(&together, object);
        else
            print(&together);
    }
    for (int i = 0; i <= members->count; i++)
        evaluation_release(&results[i]);
    memory_release(results);
    return code;
}

int search_ensemble(const struct Search *search, const struct SearchResults *results, int count,
                    json_t *object, struct Ranks *ranks, struct Error *error) {
    struct Members members = {0};
    if (count > results->scored)
        count = (int)results->scored;
    char **folders = memory_array(char *, count, "members");
    const char **operands = memory_array(const char *, count, "members");
    for (int i = 0; i < count; i++)
        operands[i] = folders[i] = ledger_trial_folder(
            search->request->folder, results->entries[results->order[i]].record.number);
    const struct Arguments arguments = {.operand_count = count, .operands = operands};
    int code = members_open(&members, &arguments, false, ranks, error);
    if (!code)
        code = evaluate_members(&members, results->figure, object, ranks, error);
    members_release(&members);
    memory_release((void *)operands);
    memory_release_texts(folders, count);
    return code;
}
