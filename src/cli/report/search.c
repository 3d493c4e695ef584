/* The page about a search: its trials, the importance of the keys, and its pictures. */
#include <inttypes.h>
#include <math.h>

#include "base/memory.h"
#include "cli/report/report.h"
#include "cli/search_plots.h"
#include "cli/shown.h"

#define MOST_TRIALS 50 /* of the table */

struct Found {
    const struct Search *search;
    const struct SearchResults *results;
    struct Insight *insights;
};

static void add_best(struct Page *page, const struct Found *found) {
    struct Text text = {0};
    char metric[FIGURE_TEXT];
    const struct TrialRecord *best = &found->results->entries[found->results->order[0]].record;
    search_command_words(found->search, best, &text);
    page_words(page, "The best is trial %" PRId64 ": validation %s %s at step %" PRId64 ".",
               best->number, figure_kinds[found->results->figure].label,
               search_metric_text(best, metric), best->best_step);
    page_words(page, "The same once more: %s", text.data);
    text_release(&text);
    char *folder = ledger_trial_folder(found->search->request->folder, best->number);
    struct Text command = {0};
    shown_add_word(&command, folder);
    page_words(page, "A page about it: trainer report %s", command.data);
    text_release(&command);
    memory_release(folder);
}

static void add_overview(struct Page *page, const struct Found *found) {
    struct Text counts = {0};
    page_section(page, "Overview");
    search_counts_words(found->search, found->results, &counts);
    page_words(page, "%s.", counts.data);
    text_release(&counts);
    if (found->results->scored)
        add_best(page, found);
    else
        page_note(page, "No trial has come to a validation that can be compared.");
}

/* ---- The keys ---- */

static void add_key(struct Page *page, const struct Found *found, int axis) {
    const struct Axis *wide = &found->search->stages[0].axes[axis];
    const struct Insight *insight = &found->insights[axis];
    struct Text range = {0};
    axis_describe(wide, &range);
    page_row(page);
    page_cell(page, "%s", wide->key);
    page_cell(page, "%s", range.data);
    if (insight->measured) {
        page_shaded_cell(page, insight->importance.share, "%.0f %% ± %.0f %%",
                         100 * fmax(insight->importance.share, 0), 100 * insight->importance.error);
        page_cell(page, "%.3f", insight->importance.chance);
    } else {
        page_cell(page, "too few trials");
        page_cell(page, "–");
    }
    text_release(&range);
}

static void add_keys(struct Page *page, const struct Found *found) {
    static const char *const heads[] = {"key", "range", "share", "p"};
    int count = found->search->stages[0].count;
    page_section(page, "Keys");
    for (int i = 0; i < count; i++) {
        struct Text text = {0};
        if (!found->insights[i].edge)
            continue;
        search_edge_words(&found->insights[i], " ", &text);
        page_note(page, "%s", text.data);
        text_release(&text);
    }
    page_table(page, heads, 4);
    for (int i = 0; i < count; i++)
        add_key(page, found, i);
    page_table_end(page);
    page_words(page,
               "Share: of the variance of the trials’ places that the key alone explains, "
               "corrected for chance, with its standard error by the jackknife. p: how often "
               "a key that does not matter explains as much; above 0.05 the share is no more than "
               "chance.");
    if (search_insights_overlap(found->insights, count))
        page_note(page, "The shares add up to more than the whole variance: so few trials do not "
                        "tell these keys apart.");
}

/* ---- The trials ---- */

static void add_trial(struct Page *page, const struct Found *found, int64_t place) {
    const struct TrialRecord *record =
        &found->results->entries[found->results->order[place]].record;
    char metric[FIGURE_TEXT];
    page_row(page);
    page_cell(page, "%" PRId64, record->number);
    page_cell(page, "%" PRId64, record->stage);
    page_cell(page, "%s", search_metric_text(record, metric));
    for (int i = 0; i < found->search->stages[0].count; i++)
        page_cell(page, "%s", search_value(record, i));
    page_cell(page, "%" PRId64 " of %" PRId64, record->step, record->total_steps);
    page_cell(page, "%.0f", record->seconds);
    page_cell(page, "%s%s%s", search_status_name(record->status), record->error ? ": " : "",
              record->error ? record->error : "");
}

static void add_trials(struct Page *page, const struct Found *found) {
    int keys = found->search->stages[0].count, count = 0;
    int64_t trials = found->results->count, shown = trials < MOST_TRIALS ? trials : MOST_TRIALS;
    const char **heads = memory_array(const char *, keys + 6, "heads of a table");
    heads[count++] = "trial";
    heads[count++] = "stage";
    heads[count++] = figure_kinds[found->results->figure].label;
    for (int i = 0; i < keys; i++)
        heads[count++] = found->search->stages[0].axes[i].key;
    heads[count++] = "steps";
    heads[count++] = "seconds";
    heads[count++] = "status";
    page_section(page, "Trials");
    page_table(page, heads, count);
    for (int64_t i = 0; i < shown; i++)
        add_trial(page, found, i);
    page_table_end(page);
    if (shown < trials)
        page_words(page, "And %" PRId64 " more, in trials.csv.", trials - shown);
    memory_release(heads);
}

/* ---- Pictures and files ---- */

/* Each panel becomes a picture of its own, so that it fits on a narrow screen. */
static int add_picture(void *context, const char *name, const char *caption,
                       const struct Plot *panels, int count, struct Error *error) {
    int code = OK;
    if (count == 1)
        return report_plot(context, panels, name, caption, error);
    for (int i = 0; i < count && code == OK; i++) {
        char *own = memory_print("%s-%d", name, i + 1);
        code = report_plot(context, &panels[i], own, caption, error);
        memory_release(own);
    }
    return code;
}

static int add_all(struct Report *report, const struct Found *found, struct Error *error) {
    add_overview(&report->page, found);
    page_section(&report->page, "Pictures");
    int code = search_pictures(found->search, found->results, add_picture, report, error);
    add_keys(&report->page, found);
    add_trials(&report->page, found);
    page_section(&report->page, "Files");
    if (code == OK)
        code = report_add_file(report, found->search->request->folder, "space.yaml", error);
    return code == OK ? report_add_file(report, found->search->request->folder, "base.yaml", error)
                      : code;
}

int report_add_search(struct Report *report, const char *folder, struct Error *error) {
    const struct SearchRequest request = {.folder = folder};
    struct SearchResults results = {0};
    struct Search search;
    int code = search_look(&search, &request, error);
    if (code == OK)
        code = search_results(&search, &results, error);
    if (code == OK) {
        struct Found found = {.search = &search, .results = &results};
        found.insights = memory_array(struct Insight, search.stages[0].count, "insights");
        if (results.count)
            search_insights(&search, &results, found.insights);
        code = add_all(report, &found, error);
        memory_release(found.insights);
    }
    search_results_release(&results);
    search_release(&search);
    return code;
}
