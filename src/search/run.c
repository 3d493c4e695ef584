/* What a group of ranks does: it chooses a trial, trains it, records how that ended, and begins
 * again. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "search/search_parts.h"

#define POLL 0.2 /* seconds between two looks at what the other groups do */

/* What rank 0 tells the other ranks of its group. */
struct Order {
    int64_t kind;   /* enum NextKind */
    int64_t number; /* of the trial */
    int64_t epochs; /* to train to; 0: to the end */
    int64_t crash_place;
    int64_t bytes; /* of the values, with '\n' between them and a closing 0 */
};

/* A group's own, besides the search. Rank 0 alone has the claim and the entry. */
struct Group {
    struct Search *search;
    struct Ranks *ranks;
    struct FolderLock *claim;
    struct LedgerEntry entry;
    struct Order order;
    char *values;
    bool has_trained; /* a trial, in this process */
};

/* ---- Choosing, on rank 0, under the ledger's lock ---- */

/* The trials of one stage, and which of them this process could have. */
struct View {
    int stage;
    int64_t first, count; /* numbers of the trials */
    struct LedgerEntry *entries;
    struct TrialState *states;
    double *scores;
    struct FolderLock **claims; /* of those that are open and free */
};

static void view_release(struct View *view) {
    for (int64_t i = 0; view->entries && i < view->count; i++) {
        ledger_forget(&view->entries[i]);
        folder_lock_release(view->claims[i]);
    }
    memory_release(view->entries);
    memory_release(view->states);
    memory_release(view->scores);
    memory_release(view->claims);
    *view = (struct View){0};
}

static int view_make(const struct Search *search, int stage, struct View *view,
                     struct Error *error) {
    const char *folder = search->request->folder;
    *view = (struct View){.stage = stage,
                          .first = (stage - 1) * search->stages[0].options.trials + 1,
                          .count = search_stage_trials(search, stage)};
    view->entries = memory_array(struct LedgerEntry, view->count, "trials");
    view->states = memory_array(struct TrialState, view->count, "trials");
    view->scores = memory_array(double, view->count * search->rungs, "trials");
    view->claims = memory_array(struct FolderLock *, view->count, "trials");
    int code = ledger_read(folder, view->first, view->count, view->entries, error);
    if (code)
        return code;
    search__states(search, view->entries, view->count, view->states, view->scores);
    for (int64_t i = 0; i < view->count && !code; i++)
        if (view->states[i].status == TRIAL_OPEN) {
            code = ledger_claim(&view->claims[i], folder, view->first + i, error);
            view->states[i].taken = !view->claims[i];
        }
    return code;
}

static bool may_begin(const struct Search *search) {
    const struct Outside *outside = search->request->outside;
    double limit = search->stages[0].options.time_limit;
    return !(limit > 0) || !outside || clock_seconds() - outside->start < limit;
}

static bool is_asked_to_stop(const struct Search *search) {
    const struct Outside *outside = search->request->outside;
    return outside &&
           ((outside->pending() & INTERRUPT_STOPS) || clock_seconds() > outside->job_end);
}

/* Marks the trial as open, so that it is resumed whatever happens. */
static int open_trial(struct Group *group, struct View *view, const struct Next *next,
                      struct Error *error) {
    const struct Search *search = group->search;
    const char *folder = search->request->folder;
    struct TrialRecord record = view->entries[next->trial].record;
    int64_t number = view->first + next->trial;
    int count = search->stages[0].count, code = OK;
    char *values[AXIS_MOST] = {NULL};
    const char *texts[AXIS_MOST];
    if (next->kind == NEXT_BEGIN) {
        search_values(search, view->stage, next->trial, values);
        record = (struct TrialRecord){.number = number, .stage = view->stage};
        memcpy(texts, values, sizeof values);
        record.values = (struct Strings){.count = count, .values = texts};
    }
    if (!view->claims[next->trial])
        code = ledger_claim(&view->claims[next->trial], folder, number, error);
    if (!code && !view->claims[next->trial])
        code = fail(error, ERROR_SYSTEM, "%s: trial %" PRId64 " is in use although it is not open",
                    folder, number);
    record.status = TRIAL_OPEN;
    if (!code)
        code = ledger_write(folder, &record, error);
    for (int i = 0; i < count; i++)
        memory_release(values[i]);
    group->claim = view->claims[next->trial];
    view->claims[next->trial] = NULL;
    return code ? code : ledger_read(folder, number, 1, &group->entry, error);
}

/* The stages in order: the first that is not over has work, or other groups are at it. */
static int choose(struct Group *group, struct View *view, struct Next *next, struct Error *error) {
    struct Search *search = group->search;
    for (int stage = 1;; stage++) {
        view_release(view);
        int code = stage > search->known ? search__know_stage(search, error) : OK;
        if (!code)
            code = view_make(search, stage, view, error);
        if (code)
            return code;
        struct Stage trials = {.trials = view->states,
                               .count = view->count,
                               .rungs = search->rungs,
                               .factor = search->stages[0].options.halving.factor};
        *next = schedule_next(&trials, may_begin(search));
        bool is_last = stage == search->stages[0].options.stages;
        if (next->kind == NEXT_WAIT && is_last && search->rungs == 1)
            next->kind = NEXT_DONE; /* what other groups train gives no further work */
        if (next->kind != NEXT_DONE || is_last)
            return OK;
        for (int64_t i = 0; i < view->count; i++)
            if (view->states[i].status == TRIAL_NEW) /* the time is over */
                return OK;
        code = search__write_next_stage(search, stage, view->entries, view->states, view->count,
                                        error);
        if (code || stage >= search->last ||
            !search__stage_exists(search->request->folder, stage + 1))
            return code;
    }
}

static void fill_order(struct Group *group) {
    const struct TrialRecord *record = &group->entry.record;
    const struct HalvingOptions *halving = &group->search->stages[0].options.halving;
    struct Text text = {0};
    int rung = record->metrics.count;
    for (int i = 0; i < record->values.count; i++)
        text_add(&text, "%s%s", i ? "\n" : "", record->values.values[i]);
    group->values = text.data;
    group->order.number = record->number;
    group->order.bytes = (int64_t)text.length + 1;
    group->order.epochs = rung + 1 < group->search->rungs
                              ? schedule_epochs(halving->first, halving->factor, rung)
                              : 0;
}

static int take_order(struct Group *group, struct Error *error) {
    struct FolderLock *lock = NULL;
    struct View view = {0};
    struct Next next = {.kind = NEXT_DONE};
    int code = ledger_lock(&lock, group->search->request->folder, error);
    if (!code)
        code = choose(group, &view, &next, error);
    group->order = (struct Order){.kind = next.kind};
    if (!code && next.kind < NEXT_WAIT)
        code = open_trial(group, &view, &next, error);
    if (!code && next.kind < NEXT_WAIT)
        fill_order(group);
    view_release(&view);
    folder_lock_release(lock);
    return code;
}

/* ---- How a trial ends, on rank 0 ---- */

static int tell(struct Group *group, struct Error *error) {
    struct Search *search = group->search;
    struct SearchResults results;
    int code = search_results(search, &results, error);
    if (!code)
        code = search_write_csv(search, &results, error);
    if (!code && search->request->tell) {
        struct SearchNews news = {
            .record = &group->entry.record,
            .trials = search_stage_trials(search, (int)group->entry.record.stage),
            .best = results.scored ? results.entries[results.order[0]].record.number : 0};
        search->request->tell(search->request->context, &news);
    }
    search_results_release(&results);
    return code;
}

/* Writes the record, and lets go of the trial. */
static int close_trial(struct Group *group, struct Error *error) {
    const char *folder = group->search->request->folder;
    struct FolderLock *lock = NULL;
    int code = ledger_lock(&lock, folder, error);
    if (!code)
        code = ledger_write(folder, &group->entry.record, error);
    folder_lock_release(group->claim);
    group->claim = NULL;
    if (!code)
        code = tell(group, error);
    folder_lock_release(lock);
    return code;
}

static void let_go(struct Group *group) {
    folder_lock_release(group->claim);
    group->claim = NULL;
    ledger_forget(&group->entry);
    memory_release(group->values);
    group->values = NULL;
}

/* The run has ended by itself, or by its own limit of time. */
static bool is_over(int code, const struct TrainResult *result) {
    return (!code && result->finished) || (code == ERROR_STOPPED && result->stopped_by &&
                                           !strcmp(result->stopped_by, "train.time_limit"));
}

static void note_progress(struct TrialRecord *record, const struct TrainResult *result) {
    record->step = result->progress.step;
    record->total_steps = result->total_steps;
    record->seconds = result->progress.seconds;
}

static void note_result(struct TrialRecord *record, const struct TrainResult *result) {
    note_progress(record, result);
    record->best_step = result->best.step;
    record->digest = result->digest;
    record->figure = figure_kinds[result->best_figure].name;
}

/* A line for the table: what is to blame, and what was wrong. */
static char *error_text(const struct Error *error) {
    bool option = *error->option.value && strncmp(error->text, error->option.value, 20);
    return memory_print("%s%s%s", option ? error->option.value : "", option ? ": " : "",
                        error->text);
}

/* Notes how train() ended, in a record whose texts last as long as `result` and *text. */
static void judge(struct TrialRecord *record, int code, const struct TrainResult *result,
                  const struct Error *error, double *metrics, char **text) {
    bool measured = result->best.step > 0 && isfinite(result->best.metric);
    bool over = is_over(code, result);
    if (!code || over)
        note_result(record, result);
    if (code == ERROR_NUMERIC || (!code && result->diverged)) {
        record->status = TRIAL_DIVERGED;
        note_progress(record, result);
        *text =
            code ? error_text(error)
                 : memory_print("the loss rose too far after step %" PRId64, result->progress.step);
    } else if (code && !over) {
        record->status = TRIAL_FAILED;
        *text = error_text(error);
    } else if (!measured) {
        record->status = TRIAL_FAILED;
        *text = memory_print("there was no validation, or its %s is not a number",
                             figure_kinds[result->best_figure].label);
    } else {
        record->status = over ? TRIAL_FINISHED : TRIAL_PAUSED;
        memcpy(metrics, record->metrics.values, (size_t)record->metrics.count * sizeof *metrics);
        metrics[record->metrics.count++] = result->best.metric;
        record->metrics.values = metrics;
    }
    record->error = *text;
}

static int end_trial(struct Group *group, int code, const struct TrainResult *result,
                     struct Error *error) {
    const struct Search *search = group->search;
    struct TrialRecord *record = &group->entry.record;
    double *metrics = memory_array(double, record->metrics.count + 1, "metrics");
    char *text = NULL;
    ledger_end(search->request->folder, record->number);
    judge(record, code, result, error, metrics, &text);
    *error = (struct Error){0};
    code = close_trial(group, error);
    memory_release(metrics);
    memory_release(text);
    return code;
}

/* A trial that crashed, or came to nothing, too often. */
static int give_up(struct Group *group, char *reason, struct Error *error) {
    group->entry.record.status = TRIAL_FAILED;
    group->entry.record.error = reason;
    int code = close_trial(group, error);
    memory_release(reason);
    return code;
}

/* ---- Training, on all ranks of the group ---- */

static int train_trial_run(struct Group *group, struct TrainResult *result, struct Error *error) {
    const struct SearchRequest *request = group->search->request;
    const char *values[AXIS_MOST];
    int count = 0;
    for (char *at = group->values, *end; at && count < AXIS_MOST; at = end) {
        end = strchr(at, '\n');
        if (end)
            *end++ = '\0';
        values[count++] = at;
    }
    char *base = search__base_path(request->folder);
    char *folder = ledger_trial_folder(request->folder, group->order.number);
    int64_t place;
    int file =
        request->guard ? ledger_crash_file(request->folder, group->order.number, &place) : -1;
    struct TrainRequest run = {.run_path = base,
                               .overrides = values,
                               .override_count = count,
                               .folder = folder,
                               .resume = true,
                               .stop_after_epochs = group->order.epochs,
                               .diverged = group->search->stages[0].options.diverged,
                               .quiet = true,
                               .repeated = group->has_trained,
                               .watch = request->watch,
                               .outside = request->outside};
    if (file >= 0)
        request->guard(file, group->order.crash_place);
    int code = train(group->ranks, &run, result, error);
    group->has_trained = true;
    if (file >= 0) {
        request->guard(-1, 0);
        close(file);
    }
    memory_release(folder);
    memory_release(base);
    return code;
}

/* Rank 0's order, known to all. */
static int share_order(struct Group *group, int code, struct Error *error) {
    code = ranks_agree(group->ranks, code, error);
    if (code)
        return code;
    ranks_broadcast(group->ranks, &group->order, sizeof group->order);
    if (group->order.kind >= NEXT_WAIT)
        return OK;
    if (ranks_rank(group->ranks))
        group->values = memory_allocate((size_t)group->order.bytes, "values");
    ranks_broadcast(group->ranks, group->values, group->order.bytes);
    return OK;
}

/* Rank 0: may the trial be started? If not, it has its row, and the group looks for another. */
static int start_trial(struct Group *group, struct Error *error) {
    const struct Search *search = group->search;
    char *refusal;
    if (group->order.kind >= NEXT_WAIT)
        return OK;
    int code = ledger_start(search->request->folder, group->order.number,
                            search->stages[0].options.crashes, &refusal, error);
    int file =
        ledger_crash_file(search->request->folder, group->order.number, &group->order.crash_place);
    if (file >= 0)
        close(file);
    if (code || !refusal)
        return code;
    code = give_up(group, refusal, error);
    let_go(group);
    group->order.kind = NEXT_WAIT;
    return code;
}

static bool searches_data(const struct Search *search) {
    bool found = false;
    for (int i = 0; i < search->stages[0].count; i++)
        found |= !strncmp(search->stages[0].axes[i].key, "data.", 5);
    return found;
}

/* Failures of the system, and of data that all trials share, would meet every trial: they end the
 * search, and the trial stays open. */
static bool ends_search(const struct Search *search, int code, const struct TrainResult *result) {
    return code == ERROR_SYSTEM || code == ERROR_RANKS ||
           (code == ERROR_DATA && !searches_data(search)) ||
           (code == ERROR_STOPPED && !is_over(code, result));
}

static int do_trial(struct Group *group, struct Error *error) {
    struct TrainResult result;
    struct Error trial_error = {0};
    int code = train_trial_run(group, &result, &trial_error);
    bool first = ranks_rank(group->ranks) == 0;
    if (ends_search(group->search, code, &result)) {
        *error = trial_error;
        error->advice = (struct Advice){0}; /* it would be that of a single run */
        if (first)
            ledger_end(group->search->request->folder, group->order.number);
    } else {
        code = first ? end_trial(group, code, &result, &trial_error) : OK;
        *error = trial_error;
        code = ranks_agree(group->ranks, code, error);
    }
    memory_release(result.checkpoint);
    return code;
}

static void rest(const struct Group *group) {
    beat_move(ranks_beat(group->ranks));
    nanosleep(&(struct timespec){.tv_nsec = (long)(POLL * 1e9)}, NULL);
}

static int next_trial(struct Group *group, struct Error *error) {
    int code = OK;
    beat_enter(ranks_beat(group->ranks), BEAT_STARTING);
    if (ranks_rank(group->ranks) == 0) {
        if (is_asked_to_stop(group->search))
            code = fail(error, ERROR_STOPPED, "stopped between two trials");
        if (!code)
            code = take_order(group, error);
        if (!code)
            code = start_trial(group, error);
        if (!code && group->order.kind == NEXT_WAIT)
            rest(group);
    }
    code = share_order(group, code, error);
    if (!code && group->order.kind < NEXT_WAIT)
        code = do_trial(group, error);
    let_go(group);
    return code;
}

int search_run(struct Search *search, struct Ranks *ranks, struct Error *error) {
    struct Group group = {.search = search, .ranks = ranks};
    int code;
    do
        code = next_trial(&group, error);
    while (!code && group.order.kind != NEXT_DONE);
    return code;
}
