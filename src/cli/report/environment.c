/* The environment of the runs: the last line of each run's environment.jsonl, and the facts in its
 * checkpoint, which are the only ones of older runs. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "cli/report/report.h"
#include "cli/run_folder.h"
#include "train/saved_state.h"

/* A key of the lines or of the facts in a checkpoint, and its name on the page. */
static const struct {
    const char *key, *name;
} facts[] = {{"program", "program"},
             {"libraries", "libraries"},
             {"backend", "backend"},
             {"instruction_set", "instruction set"},
             {"cpu", "processor"},
             {"ranks", "ranks"},
             {"threads", "threads a rank"},
             {"shards", "shards"},
             {"hosts", "hosts (ranks)"},
             {"job", "job"},
             {"command", "command line"},
             {"folder", "in the folder"},
             {"data_digest", "digest of the training data"},
             {"starts", "started"}};
#define FACTS (int)(sizeof facts / sizeof *facts)

/* The facts of one run as texts; NULL if not known. */
struct Column {
    char *texts[FACTS];
};

/* Sets a fact, and takes ownership of the text. */
static void set(struct Column *column, const char *key, char *text) {
    for (int i = 0; i < FACTS; i++)
        if (!strcmp(facts[i].key, key)) {
            memory_release(column->texts[i]);
            column->texts[i] = text;
            return;
        }
    memory_release(text);
}

/* The starts of a run: "at step 0 2026-11-29T04:12:01Z, at step 500 2026-11-29T05:03:44Z". */
static char *start_words(const struct MetricsTable *table, const struct MetricsColumn *times) {
    const double *steps = metrics_table_column(table, "step");
    struct Text text = {0};
    for (int64_t i = 0; steps && i < table->rows; i++)
        if (times->texts[i])
            text_add(&text, "%s%s at step %.0f", text.length ? ", " : "", times->texts[i],
                     steps[i]);
    return text.data;
}

static void read_starts(struct Column *column, const struct MetricsTable *table) {
    int64_t last = table->rows - 1;
    for (int i = 0; i < table->column_count && last >= 0; i++) {
        const struct MetricsColumn *found = &table->columns[i];
        if (!strcmp(found->name, "time"))
            set(column, "starts", start_words(table, found));
        else if (found->texts[last])
            set(column, found->name, memory_copy_text(found->texts[last]));
        else if (!isnan(found->values[last]))
            set(column, found->name, memory_print("%.0f", found->values[last]));
    }
}

/* Reads the facts in the checkpoint; none if it cannot be read, which the section of models
 * reports. */
static void read_checkpoint(struct Column *column, const char *folder) {
    struct Checkpoint *checkpoint = NULL;
    struct SavedState saved = {0};
    struct Error ignored;
    char *path = run_folder_find(folder);
    if (path && !checkpoint_open(&checkpoint, path, &ignored) &&
        !saved_state_read(&saved, checkpoint, &ignored)) {
        const struct Provenance *provenance = &saved.provenance;
        set(column, "libraries", memory_copy_text(provenance->versions));
        set(column, "backend", memory_copy_text(provenance->backend));
        set(column, "instruction_set", memory_copy_text(provenance->instruction_set));
        set(column, "threads", memory_print("%" PRId64, provenance->threads));
        set(column, "shards", memory_print("%" PRId64, provenance->shards));
        set(column, "data_digest", memory_copy_text(provenance->data_digest));
    }
    saved_state_release(&saved);
    checkpoint_close(checkpoint);
    memory_release(path);
}

static void add_table(struct Report *report, const struct Column *columns) {
    struct Page *page = &report->page;
    const char **heads = memory_array(const char *, report->run_count + 1, "heads of a table");
    heads[0] = "";
    for (int r = 0; r < report->run_count; r++)
        heads[r + 1] = report->runs[r].name;
    page_text_table(page, heads, report->run_count + 1);
    for (int i = 0; i < FACTS; i++) {
        bool known = false;
        for (int r = 0; r < report->run_count; r++)
            known |= columns[r].texts[i] != NULL;
        if (!known)
            continue;
        page_row(page);
        page_cell(page, "%s", facts[i].name);
        for (int r = 0; r < report->run_count; r++)
            page_cell(page, "%s", columns[r].texts[i] ? columns[r].texts[i] : "–");
    }
    page_table_end(page);
    memory_release(heads);
}

void report_add_environment(struct Report *report) {
    struct Column *columns = memory_array(struct Column, report->run_count, "environments");
    for (int r = 0; r < report->run_count; r++) {
        read_checkpoint(&columns[r], report->runs[r].folder);
        read_starts(&columns[r], &report->runs[r].environment);
    }
    page_section(&report->page, "Environment");
    add_table(report, columns);
    for (int r = 0; r < report->run_count; r++)
        for (int i = 0; i < FACTS; i++)
            memory_release(columns[r].texts[i]);
    memory_release(columns);
}
