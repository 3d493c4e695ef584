#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/table.h"
#include "cli/figures_json.h"
#include "cli/search.h"
#include "cli/shown.h"

#define MOST_LINES 20 /* of the table */
#define MOST_ERRORS 3 /* different errors that are printed */

static enum Figure figure_of(const struct TrialRecord *record) {
    for (int f = 0; record->figure && f < FIGURE_COUNT; f++)
        if (!strcmp(figure_kinds[f].name, record->figure))
            return (enum Figure)f;
    return FIGURE_LOSS;
}

const char *search_metric_text(const struct TrialRecord *record, char text[FIGURE_TEXT]) {
    double metric = search_metric(record);
    if (isnan(metric) || record->status == TRIAL_DIVERGED || record->status == TRIAL_FAILED)
        return strcpy(text, "-");
    return figure_text(figure_of(record), metric, FIGURE_DIGITS, text);
}

void search_print_news(const struct Search *search, const struct SearchNews *news) {
    const struct TrialRecord *record = news->record;
    char metric[FIGURE_TEXT];
    struct Text line = {0};
    bool bad = record->status == TRIAL_DIVERGED || record->status == TRIAL_FAILED;
    text_add(&line, "trial %" PRId64, record->number);
    if (search->stages[0].options.stages > 1)
        text_add(&line, " of stage %" PRId64, record->stage);
    text_add(&line, ": %s",
             bad ? search_status_name(record->status) : search_metric_text(record, metric));
    if (record->status == TRIAL_PAUSED)
        text_add(&line, " after step %" PRId64 " of %" PRId64, record->step, record->total_steps);
    if (news->best == record->number)
        text_add(&line, ", the best so far");
    for (int i = 0; i < record->values.count; i++)
        text_add(&line, "  %s", shown(record->values.values[i]));
    if (bad && record->error)
        text_add(&line, "  (%s)", shown(record->error));
    fprintf(stderr, "%s\n", line.data);
    text_release(&line);
}

/* ---- The table ---- */

/* The shortest suffix of the key that no other key has: "rate" for "optimizer.rate". */
static const char *short_name(const struct Space *space, int axis) {
    const char *key = space->axes[axis].key, *best = key;
    for (const char *at = key; (at = strchr(at, '.')); at++) {
        bool unique = true;
        for (int i = 0; i < space->count; i++)
            unique &= i == axis || !text_ends_with(space->axes[i].key, at);
        if (unique)
            best = at + 1;
    }
    return best;
}

#define WIDEST_VALUE "40" /* bytes */

static void add_row(const struct Search *search, const struct SearchResults *results,
                    const struct TrialRecord *record, struct Text *rows) {
    char metric[FIGURE_TEXT];
    text_add(rows, "%" PRId64 "\t", record->number);
    if (results->stages > 1)
        text_add(rows, "%" PRId64 "\t", record->stage);
    text_add(rows, "%s\t", search_metric_text(record, metric));
    for (int i = 0; i < search->stages[0].count; i++)
        text_add(rows, "%." WIDEST_VALUE "s\t", shown(search_value(record, i)));
    text_add(rows, "%" PRId64 "\t%s\n", record->step, search_status_name(record->status));
}

static void print_table(const struct Search *search, const struct SearchResults *results) {
    struct Text rows = {0}, columns = {0};
    bool staged = results->stages > 1;
    text_add(&rows, "trial\t%s%s\t", staged ? "stage\t" : "",
             results->scored ? figure_kinds[results->figure].label : "metric");
    text_add(&columns, "r  %sr", staged ? "r  " : "");
    for (int i = 0; i < search->stages[0].count; i++) {
        text_add(&rows, "%s\t", short_name(&search->stages[0], i));
        text_add(&columns, "  l");
    }
    text_add(&rows, "steps\tstatus\n");
    text_add(&columns, "  r  l");
    int64_t lines = results->count < MOST_LINES + 5 ? results->count : MOST_LINES;
    for (int64_t i = 0; i < lines; i++)
        add_row(search, results, &results->entries[results->order[i]].record, &rows);
    table_print(stdout, &rows, columns.data);
    text_release(&columns);
    if (lines < results->count)
        printf("and %" PRId64 " more, in %s/trials.csv\n", results->count - lines,
               shown(search->request->folder));
}

void search_counts_words(const struct Search *search, const struct SearchResults *results,
                         struct Text *text) {
    int64_t counts[TRIAL_FAILED + 1] = {0};
    for (int64_t i = 0; i < results->count; i++)
        counts[results->entries[i].record.status]++;
    text_add(text, "%" PRId64 " trial%s: %" PRId64 " finished", results->count,
             results->count == 1 ? "" : "s", counts[TRIAL_FINISHED]);
    if (counts[TRIAL_PAUSED])
        text_add(text, ", %" PRId64 " paused at a rung", counts[TRIAL_PAUSED]);
    if (counts[TRIAL_DIVERGED])
        text_add(text, ", %" PRId64 " diverged", counts[TRIAL_DIVERGED]);
    if (counts[TRIAL_FAILED])
        text_add(text, ", %" PRId64 " failed", counts[TRIAL_FAILED]);
    if (counts[TRIAL_OPEN])
        text_add(text, ", %" PRId64 " under way", counts[TRIAL_OPEN]);
    int64_t wanted = 0;
    for (int stage = 1; stage <= search->known; stage++)
        wanted += search_stage_trials(search, stage);
    if (results->count < wanted)
        text_add(text, ", %" PRId64 " not begun", wanted - results->count);
}

static void print_counts(const struct Search *search, const struct SearchResults *results) {
    struct Text text = {0};
    search_counts_words(search, results, &text);
    printf("\n%s\n", text.data);
    text_release(&text);
}

/* The trials that failed with the same error. */
struct SameError {
    const struct TrialRecord *first;
    int64_t count;
};

/* Orders trials by their errors, and those with the same error by their numbers. */
static int compare_errors(const void *a, const void *b) {
    const struct TrialRecord *x = ((const struct SameError *)a)->first;
    const struct TrialRecord *y = ((const struct SameError *)b)->first;
    int order = strcmp(x->error, y->error);
    return order ? order : (x->number > y->number) - (x->number < y->number);
}

static int compare_firsts(const void *a, const void *b) {
    int64_t x = ((const struct SameError *)a)->first->number;
    int64_t y = ((const struct SameError *)b)->first->number;
    return (x > y) - (x < y);
}

/* Lists each error once, in the order of the first trials; returns their number. */
static int64_t gather_errors(const struct SearchResults *results, struct SameError *errors) {
    int64_t failed = 0, count = 0;
    for (int64_t i = 0; i < results->count; i++) {
        const struct TrialRecord *record = &results->entries[i].record;
        if (record->status == TRIAL_FAILED && record->error)
            errors[failed++] = (struct SameError){record, 1};
    }
    qsort(errors, (size_t)failed, sizeof *errors, compare_errors);
    for (int64_t i = 0; i < failed; i++)
        if (count && !strcmp(errors[count - 1].first->error, errors[i].first->error))
            errors[count - 1].count++;
        else
            errors[count++] = errors[i];
    qsort(errors, (size_t)count, sizeof *errors, compare_firsts);
    return count;
}

static void print_errors(const struct Search *search, const struct SearchResults *results) {
    struct SameError *errors = memory_array(struct SameError, results->count, "the trials' errors");
    int64_t count = gather_errors(results, errors), left = 0;
    for (int64_t i = 0; i < count; i++) {
        const struct TrialRecord *first = errors[i].first;
        if (i >= MOST_ERRORS)
            left += errors[i].count;
        else if (errors[i].count > 1)
            printf("trial %" PRId64 " and %" PRId64 " more failed: %s\n", first->number,
                   errors[i].count - 1, shown(first->error));
        else
            printf("trial %" PRId64 " failed: %s\n", first->number, shown(first->error));
    }
    if (left)
        printf("%" PRId64 " more failed, see %s/trials.csv\n", left,
               shown(search->request->folder));
    memory_release(errors);
}

/* ---- The keys ---- */

static void print_importance(const struct Search *search, const struct Insight *insights) {
    int count = search->stages[0].count;
    if (!insights[0].measured) {
        printf("\nwhich keys mattered cannot be said: fewer than %d trials of the first stage can\n"
               "be compared\n",
               ANALYSIS_LEAST);
        return;
    }
    printf("\nwhich keys mattered (share of the variance of the trials' places that a key\n"
           "alone explains, corrected for chance, and its standard error by the jackknife;\n"
           "p: how often a key that does not matter explains as much)\n");
    for (int i = 0; i < count; i++) {
        const struct Importance *importance = &insights[i].importance;
        printf("  %3.0f %% ± %.0f %%  p = %.3f  %s%s\n", 100 * fmax(importance->share, 0),
               100 * importance->error, importance->chance, search->stages[0].axes[i].key,
               importance->chance < 0.05 ? "" : "  (no more than chance)");
    }
    if (search_insights_overlap(insights, count))
        printf("  together more than all of it: so few trials do not tell these keys apart\n");
}

static void add_range(const struct Axis *axis, struct Text *text) {
    static const char *const names[] = {[AXIS_UNIFORM] = "uniform",
                                        [AXIS_LOG] = "log_uniform",
                                        [AXIS_INTEGER] = "integer",
                                        [AXIS_CHOICE] = "choice"};
    text_add(text, "%s: {%s: [%.4g, %.4g]}", axis->key, names[axis->kind], axis->low, axis->high);
}

void search_edge_words(const struct Insight *insight, const char *between, struct Text *text) {
    text_add(text, "good values of %s lie at the %s end of its range%s(", insight->axis.key,
             insight->edge == EDGE_HIGH ? "upper" : "lower", between);
    axis_describe(&insight->axis, text);
    text_add(text, ");%s", between);
    if (insight->moves) {
        text_add(text, "try next  ");
        add_range(&insight->next, text);
    } else {
        text_add(text, "the run file takes none beyond it");
    }
}

static void print_edges(const struct Search *search, const struct Insight *insights) {
    for (int i = 0; i < search->stages[0].count; i++) {
        struct Text text = {0};
        if (!insights[i].edge)
            continue;
        search_edge_words(&insights[i], "\n         ", &text);
        printf("\nwarning: %s\n", text.data);
        text_release(&text);
    }
}

/* The command trains the trial again in a folder of its own. */
void search_command_words(const struct Search *search, const struct TrialRecord *record,
                          struct Text *text) {
    char *folder = ledger_trial_folder(search->request->folder, record->number);
    int64_t ranks = search->stages[0].options.ranks;
    if (ranks > 1)
        text_add(text, "mpirun -np %" PRId64 " ", ranks);
    char *run = memory_print("%s/run.yaml", folder);
    text_add(text, "trainer train ");
    shown_add_word(text, run);
    text_add(text, " --out NEW_FOLDER");
    memory_release(run);
    memory_release(folder);
}

void search_print_words(const struct Search *search, const struct SearchResults *results,
                        const struct Insight *insights) {
    char metric[FIGURE_TEXT];
    print_table(search, results);
    print_counts(search, results);
    print_errors(search, results);
    if (!results->scored)
        return;
    print_importance(search, insights);
    print_edges(search, insights);
    const struct TrialRecord *best = &results->entries[results->order[0]].record;
    struct Text text = {0};
    search_command_words(search, best, &text);
    printf("\nbest        trial %" PRId64 ", validation %s %s at step %" PRId64 "\n", best->number,
           figure_kinds[results->figure].label, search_metric_text(best, metric), best->best_step);
    printf("the same    %s\n", shown(text.data));
    printf("its model   %s/trials/%04" PRId64 "/checkpoints/best.h5\n",
           shown(search->request->folder), best->number);
    text_release(&text);
    if (results->stages < search->stages[0].options.stages && search->known > results->stages)
        printf("next stage  %s/stage-%d.yaml, which may be changed; the same command goes on\n",
               shown(search->request->folder), search->known);
}

/* ---- JSON ---- */

static json_t *describe_trial(const struct Search *search, const struct TrialRecord *record) {
    json_t *values = json_object();
    for (int i = 0; i < search->stages[0].count; i++)
        json_object_set_new(values, search->stages[0].axes[i].key,
                            json_string(search_value(record, i)));
    char *folder = ledger_trial_folder(search->request->folder, record->number);
    double metric = search_metric(record);
    json_t *object = json_pack(
        "{s:I, s:I, s:s, s:o, s:i, s:o, s:I, s:I, s:f, s:s}", "trial", (json_int_t)record->number,
        "stage", (json_int_t)record->stage, "status", search_status_name(record->status), "values",
        values, "rungs", record->metrics.count, "metric", number_json(metric), "step",
        (json_int_t)record->step, "best_step", (json_int_t)record->best_step, "seconds",
        record->seconds, "folder", folder);
    if (record->digest)
        json_object_set_new(object, "digest", json_string(record->digest));
    if (record->error)
        json_object_set_new(object, "error", shown_json(record->error));
    memory_release(folder);
    return object;
}

static json_t *describe_key(const struct Search *search, const struct Insight *insight, int axis) {
    static const char *const edges[] = {
        [EDGE_NONE] = "none", [EDGE_LOW] = "lower", [EDGE_HIGH] = "upper"};
    json_t *object = json_pack("{s:s, s:s}", "key", search->stages[0].axes[axis].key, "edge",
                               edges[insight->edge]);
    if (insight->measured)
        json_object_set_new(object, "importance",
                            json_pack("{s:f, s:f, s:f}", "share", insight->importance.share,
                                      "error", insight->importance.error, "p",
                                      insight->importance.chance));
    if (insight->edge && insight->moves)
        json_object_set_new(object, "next",
                            json_pack("[f, f]", insight->next.low, insight->next.high));
    return object;
}

json_t *search_describe(const struct Search *search, const struct SearchResults *results,
                        const struct Insight *insights) {
    json_t *trials = json_array(), *keys = json_array();
    for (int64_t i = 0; i < results->count; i++)
        json_array_append_new(trials,
                              describe_trial(search, &results->entries[results->order[i]].record));
    for (int i = 0; i < search->stages[0].count; i++)
        json_array_append_new(keys, describe_key(search, &insights[i], i));
    json_t *object =
        json_pack("{s:o, s:s, s:o, s:o}", "folder", shown_json(search->request->folder), "figure",
                  figure_kinds[results->figure].name, "keys", keys, "trials", trials);
    if (results->scored) {
        struct Text text = {0};
        const struct TrialRecord *best = &results->entries[results->order[0]].record;
        search_command_words(search, best, &text);
        json_object_set_new(object, "best", json_integer(best->number));
        json_object_set_new(object, "command", shown_json(text.data));
        text_release(&text);
    }
    return object;
}
