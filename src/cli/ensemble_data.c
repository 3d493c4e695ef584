#include "cli/ensemble_data.h"

#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/members.h"
#include "run/hold.h"

/* The names of the splits. */
struct Names {
    int count;
    char **items;
};

static const char *first_of(const struct Names *names, const char *const *wanted, int count) {
    for (int i = 0; i < count; i++)
        if (wanted[i] &&
            text_index(wanted[i], (const char *const *)names->items, names->count) >= 0)
            return wanted[i];
    return NULL;
}

/* ---- Which splits ---- */

/* The part that one run of a cross-validation held out was trained on by the others. So unless all
 * members held out the same part, the folds are ignored, and the splits are those of the file. */
static void forget_folds(struct EnsembleData *data, const struct Candidates *candidates) {
    data->options = candidates->items[0].options.data;
    if (!candidates_share_fold(candidates))
        data->options.folds = (struct FoldsOptions){0};
}

static const char *name_chosen_on(struct EnsembleData *data, const struct Candidates *candidates,
                                  const struct Names *names) {
    const struct DataOptions *options = &data->options;
    const char *const usual[] = {options->validation, "validation", "val"};
    bool none = !strcmp(options->validation, "none");
    if (options->folds.count)
        return options->validation; /* it is a part of the training split */
    const char *found = first_of(names, usual + none, 3 - none);
    if (found && strcmp(found, options->train))
        return found;
    data->why_not = candidates_share_fold(candidates)
                        ? "there is no validation split; --select-split names one"
                        : "each run was trained on what the others held out, and there is no "
                          "validation split besides; --select-split names one";
    return NULL;
}

static void warn(const struct Candidates *candidates, const char *file, const char *chosen_on,
                 const char *reported) {
    const struct Member *first = &candidates->items[0];
    if (ranks_rank(candidates->ranks) != 0)
        return;
    if (chosen_on && !candidates_share_data(candidates))
        log_warning("the members' run files differ in their section data: if one was trained on "
                    "samples of split %s, what is chosen there is too good",
                    chosen_on);
    if (chosen_on && members_was_trained_on(first, chosen_on, file))
        log_warning("split %s is the one that the members were trained on: what is chosen there "
                    "is worth little",
                    chosen_on);
    if (members_was_trained_on(first, reported, file))
        log_warning("split %s is the one that the members were trained on: its figures show how "
                    "well they have learnt these samples, not how good they are on new ones",
                    reported);
}

/* ---- Opening them ---- */

static int open_splits(struct EnsembleData *data, const char *file, const char *chosen_on,
                       const char *reported, const struct Member *first, struct Error *error) {
    bool both = chosen_on && strcmp(chosen_on, reported);
    const struct WantedSplit wanted[] = {{.name = reported}, {.name = chosen_on}};
    const struct DatasetRequest request = {.options = &data->options,
                                           .path = file,
                                           .splits = wanted,
                                           .split_count = both ? 2 : 1,
                                           .expected = &first->targets,
                                           .defers = true};
    int code = dataset_open_request(&data->dataset, &request, error);
    if (code)
        return file ? code : members_blame_data(first, error);
    data->reported = &data->dataset->splits[0];
    if (chosen_on)
        data->chosen_on = &data->dataset->splits[both];
    return OK;
}

static int hold(struct EnsembleData *data, const struct Candidates *candidates,
                struct Error *error) {
    int64_t memory = data->options.memory;
    int code = OK;
    if (data->reported->in_blocks)
        code = run_hold_evaluated(data->dataset, data->reported, memory, candidates->ranks,
                                  &data->held[0], &data->reported_cut, error);
    if (!code && data->chosen_on && data->chosen_on->in_blocks)
        code = run_hold_evaluated(data->dataset, data->chosen_on, memory, candidates->ranks,
                                  &data->held[1], &data->chosen_cut, error);
    return code;
}

static int open_data(struct EnsembleData *data, const struct Arguments *arguments,
                     const struct Candidates *candidates, struct Error *error) {
    static const char *const tests[] = {"test", "testing"};
    const char *file = argument_value(arguments, "data"),
               *reported = argument_value(arguments, "split"),
               *chosen_on = argument_value(arguments, "select-split");
    forget_folds(data, candidates);
    const struct DatasetRequest request = {.options = &data->options, .path = file};
    struct Names names = {0};
    int code = dataset_list_splits(&request, &names.items, &names.count, error);
    if (code) {
        memory_release_texts(names.items, names.count);
        return code;
    }
    if (!chosen_on)
        chosen_on = name_chosen_on(data, candidates, &names);
    if (!reported)
        reported = first_of(&names, tests, 2);
    if (!reported)
        reported = chosen_on ? chosen_on : "test";
    warn(candidates, file, chosen_on, reported);
    code = open_splits(data, file, chosen_on, reported, &candidates->items[0], error);
    memory_release_texts(names.items, names.count);
    return code;
}

int ensemble_data_open(struct EnsembleData *data, const struct Arguments *arguments,
                       const struct Candidates *candidates, struct Error *error) {
    int code = open_data(data, arguments, candidates, error);
    code = ranks_agree(candidates->ranks, code, error);
    return code ? code : hold(data, candidates, error);
}

void ensemble_data_release(struct EnsembleData *data) {
    dataset_close(data->dataset);
    node_memory_release(data->held[0]);
    node_memory_release(data->held[1]);
    *data = (struct EnsembleData){0};
}
