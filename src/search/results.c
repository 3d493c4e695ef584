/* What has come of a search so far. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/whole_file.h"
#include "search/sample.h"
#include "search/search_parts.h"

static enum Figure figure_named(const char *name) {
    for (int f = 0; name && f < FIGURE_COUNT; f++)
        if (!strcmp(figure_kinds[f].name, name))
            return (enum Figure)f;
    return FIGURE_LOSS;
}

void search__states(const struct Search *search, const struct LedgerEntry *entries, int64_t count,
                    struct TrialState *states, double *scores) {
    for (int64_t i = 0; i < count; i++) {
        const struct TrialRecord *record = &entries[i].record;
        double *own = scores + i * search->rungs;
        int rungs = record->metrics.count < search->rungs ? record->metrics.count : search->rungs;
        bool higher = figure_kinds[figure_named(record->figure)].higher_is_better;
        states[i] = (struct TrialState){
            .status = entries[i].file ? record->status : TRIAL_NEW, .rungs = rungs, .scores = own};
        for (int rung = 0; rung < rungs; rung++)
            own[rung] = higher ? record->metrics.values[rung] : -record->metrics.values[rung];
    }
}

/* Without qsort, whose comparison has no context; a search has some hundred trials. */
int64_t search__order(const struct TrialState *states, int64_t count, int64_t *order) {
    int64_t scored = 0;
    static const struct TrialState worst = {.status = TRIAL_FAILED};
    for (int64_t i = 0; i < count; i++) {
        int64_t at = i;
        for (; at > 0 && schedule_is_better(&states[i], &states[order[at - 1]]); at--)
            order[at] = order[at - 1];
        order[at] = i;
        scored += schedule_is_better(&states[i], &worst);
    }
    return scored;
}

double search_metric(const struct TrialRecord *record) {
    int count = record->metrics.count;
    return count ? record->metrics.values[count - 1] : NAN;
}

const char *search_value(const struct TrialRecord *record, int axis) {
    if (axis >= record->values.count)
        return "";
    const char *equals = strchr(record->values.values[axis], '=');
    return equals ? equals + 1 : "";
}

int64_t search_stage_trials(const struct Search *search, int stage) {
    const struct Space *space = &search->stages[stage - 1];
    return sample__trials(&search->stages[0].options, space->axes, space->count);
}

void search_values(const struct Search *search, int stage, int64_t index, char **texts) {
    const struct Space *space = &search->stages[stage - 1];
    char value[AXIS_TEXT];
    for (int i = 0; i < space->count; i++) {
        double position = sample__position(&search->stages[0].options, space->axes, space->count,
                                           stage, index, i);
        texts[i] =
            memory_print("%s=%s", space->axes[i].key, axis_value(&space->axes[i], position, value));
    }
}

/* Only trials that have begun. */
static void keep_begun(struct SearchResults *results) {
    int64_t kept = 0;
    for (int64_t i = 0; i < results->count; i++)
        if (results->entries[i].file)
            results->entries[kept++] = results->entries[i];
    results->count = kept;
}

int search_results(struct Search *search, struct SearchResults *results, struct Error *error) {
    const struct SearchOptions *options = &search->stages[0].options;
    int code = OK;
    *results = (struct SearchResults){.figure = FIGURE_LOSS};
    while (!code && search->known < options->stages &&
           search__stage_exists(search->request->folder, search->known + 1))
        code = search__know_stage(search, error);
    if (code)
        return code;
    results->count = options->trials * search->known;
    results->entries = memory_array(struct LedgerEntry, results->count, "trials");
    code = ledger_read(search->request->folder, 1, results->count, results->entries, error);
    if (code)
        return code;
    keep_begun(results);
    results->states = memory_array(struct TrialState, results->count, "trials");
    results->scores = memory_array(double, results->count * search->rungs, "trials");
    results->order = memory_array(int64_t, results->count, "trials");
    search__states(search, results->entries, results->count, results->states, results->scores);
    results->scored = search__order(results->states, results->count, results->order);
    for (int64_t i = 0; i < results->count; i++) {
        const struct TrialRecord *record = &results->entries[i].record;
        if (record->figure)
            results->figure = figure_named(record->figure);
        if (record->stage > results->stages)
            results->stages = (int)record->stage;
    }
    return OK;
}

void search_results_release(struct SearchResults *results) {
    for (int64_t i = 0; results->entries && i < results->count; i++)
        ledger_forget(&results->entries[i]);
    memory_release(results->entries);
    memory_release(results->states);
    memory_release(results->scores);
    memory_release(results->order);
    *results = (struct SearchResults){0};
}

/* ---- trials.csv ---- */

/* In quotes if it needs them (RFC 4180). */
static void put_cell(FILE *stream, const char *text) {
    if (!strpbrk(text, ",\"\n\r")) {
        fputs(text, stream);
        return;
    }
    fputc('"', stream);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', stream);
        fputc(*text == '\n' ? ' ' : *text, stream);
    }
    fputc('"', stream);
}

const char *search_status_name(enum TrialStatus status) {
    static const char *const names[] = {"new",      "under way", "paused",
                                        "finished", "diverged",  "failed"};
    return names[status];
}

static void put_row(FILE *stream, const struct Search *search, const struct TrialRecord *record) {
    double metric = search_metric(record);
    fprintf(stream, "%" PRId64 ",%" PRId64 ",%s,%d,", record->number, record->stage,
            search_status_name(record->status), record->metrics.count);
    if (!isnan(metric))
        fprintf(stream, "%.9g", metric);
    fprintf(stream, ",%" PRId64 ",%" PRId64, record->best_step, record->step);
    for (int i = 0; i < search->stages[0].count; i++) {
        fputc(',', stream);
        put_cell(stream, search_value(record, i));
    }
    fputc(',', stream);
    put_cell(stream, record->digest ? record->digest : "");
    fputc(',', stream);
    put_cell(stream, record->error ? record->error : "");
    fprintf(stream, ",%.3f\n", record->seconds);
}

int search_write_csv(const struct Search *search, const struct SearchResults *results,
                     struct Error *error) {
    struct WholeFile file;
    char *path = memory_print("%s/trials.csv", search->request->folder);
    int code = whole_file_open(&file, path, error);
    if (!code) {
        fprintf(file.stream, "trial,stage,status,rungs,%s,best_step,step",
                results->scored ? figure_kinds[results->figure].name : "metric");
        for (int i = 0; i < search->stages[0].count; i++) {
            fputc(',', file.stream);
            put_cell(file.stream, search->stages[0].axes[i].key);
        }
        fputs(",digest,error,seconds\n", file.stream);
        for (int64_t i = 0; i < results->count; i++)
            put_row(file.stream, search, &results->entries[i].record);
        code = whole_file_publish(&file, error);
    }
    whole_file_close(&file);
    memory_release(path);
    return code;
}
