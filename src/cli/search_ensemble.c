#include <inttypes.h>
#include <stdio.h>

#include "base/memory.h"
#include "cli/eval_report.h"
#include "cli/members.h"
#include "cli/search.h"
#include "cli/shown.h"

static void describe(const struct Members *members, const struct Evaluation *results,
                     json_t *object) {
    json_t *list = json_array();
    for (int i = 0; i < members->count; i++) {
        json_t *member = eval_describe(&results[i], members->dataset);
        json_object_set_new(member, "checkpoint", shown_json(members->items[i].path));
        json_array_append_new(list, member);
    }
    json_object_set_new(object, "ensemble",
                        json_pack("{s:o, s:I, s:o, s:o}", "split", shown_json(members->split->name),
                                  "samples", (json_int_t)members->split->count, "members", list,
                                  "together",
                                  eval_describe(&results[members->count], members->dataset)));
}

static void print(const struct Members *members, const struct Evaluation *results) {
    const struct Evaluation *last = &results[members->count];
    printf("\nthe best %d trials by their validation, as an ensemble", members->count);
    members_print_split(members, stdout);
    printf(", %" PRId64 " samples\n\n", members->split->count);
    eval_print_head(&last->figures);
    printf("checkpoint\n");
    for (int i = 0; i < members->count; i++)
        eval_print_line(&results[i].figures, members->items[i].path, "");
    eval_print_line(&last->figures, "ensemble (arithmetic mean)", "");
}

static int evaluate_members(struct Members *members, json_t *object, struct Ranks *ranks,
                            struct Error *error) {
    struct EvaluateRequest request = members_request(members);
    struct Evaluation *results = memory_array(struct Evaluation, members->count + 1, "results");
    int code = members_evaluate(members, &request, ranks, results, error);
    if (!code && ranks_rank(ranks) == 0) {
        if (object)
            describe(members, results, object);
        else
            print(members, results);
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
        code = evaluate_members(&members, object, ranks, error);
    members_release(&members);
    memory_release((void *)operands);
    memory_release_texts(folders, count);
    return code;
}
