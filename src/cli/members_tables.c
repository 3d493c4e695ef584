#include "cli/members_tables.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/note.h"
#include "cli/shown.h"
#include "sources/table_rows.h"

/* Appends `more` elements of `size` bytes to an array of `count`; returns its new address. */
static void *append(void *old, int64_t count, int64_t more, size_t size, const void *from) {
    size_t bytes = (size_t)count * size, added = (size_t)more * size;
    char *grown = memory_resize(old, bytes, bytes + added, "rows of tables");
    memcpy(grown + bytes, from, added);
    return grown;
}

static bool all_labels_known(const struct TableRows *table) {
    for (int64_t i = 0; table->labels && i < table->count; i++)
        if (table->labels[i] < 0)
            return false;
    return table->labels != NULL;
}

static bool all_targets_known(const struct TableRows *table, int64_t outputs) {
    for (int64_t i = 0; table->targets && i < table->count * outputs; i++)
        if (!isfinite(table->targets[i]))
            return false;
    return table->targets != NULL;
}

/* The truth is known only if all tables have it. */
static void add_truth(struct MembersRows *rows, const struct TableRows *table) {
    bool labels = all_labels_known(table) && (rows->labels || !rows->count);
    bool targets = all_targets_known(table, rows->outputs) && (rows->targets || !rows->count);
    if (labels)
        rows->labels =
            append(rows->labels, rows->count, table->count, sizeof *rows->labels, table->labels);
    if (targets)
        rows->targets = append(rows->targets, rows->count * rows->outputs,
                               table->count * rows->outputs, sizeof *rows->targets, table->targets);
    if (!labels) {
        memory_release(rows->labels);
        rows->labels = NULL;
    }
    if (!targets) {
        memory_release(rows->targets);
        rows->targets = NULL;
    }
}

int members_rows_add(struct MembersRows *rows, const char *path, const char *name, int number,
                     const struct TableEncoding *encoding, struct Error *error) {
    struct TableRows table = {0};
    int code = table_encode(&table, path, encoding, error);
    for (int i = 0; i < table.note_count && !code; i++) {
        const char *text = table.notes[i]; /* "PATH: ..." */
        bool of_path = !strncmp(text, path, strlen(path));
        note("note: %s%s", of_path ? shown(name) : "", shown(of_path ? text + strlen(path) : text));
    }
    if (!code) {
        rows->features = table.features;
        rows->outputs = table_encoding_count(encoding, COLUMN_TARGET);
        add_truth(rows, &table);
        rows->values = append(rows->values, rows->count * rows->features,
                              table.count * rows->features, sizeof *rows->values, table.values);
        rows->numbers =
            append(rows->numbers, rows->count, table.count, sizeof *rows->numbers, table.numbers);
        int32_t *tables = memory_array(int32_t, table.count, "rows of tables");
        for (int64_t i = 0; i < table.count; i++)
            tables[i] = number;
        rows->tables = append(rows->tables, rows->count, table.count, sizeof *tables, tables);
        memory_release(tables);
        rows->count += table.count;
    }
    table_rows_release(&table);
    return code;
}

static void *share(void *data, int64_t count, size_t size, struct Ranks *ranks) {
    int64_t bytes = count * (int64_t)size;
    if (ranks_rank(ranks) != 0)
        data = memory_allocate((size_t)bytes, "rows of tables");
    ranks_broadcast(ranks, data, bytes);
    return data;
}

void members_rows_share(struct MembersRows *rows, struct Ranks *ranks) {
    int64_t facts[] = {rows->count, rows->features, rows->outputs, rows->labels != NULL,
                       rows->targets != NULL};
    ranks_broadcast(ranks, facts, (int64_t)sizeof facts);
    rows->count = facts[0];
    rows->features = facts[1];
    rows->outputs = facts[2];
    rows->values = share(rows->values, rows->count * rows->features, sizeof *rows->values, ranks);
    rows->numbers = share(rows->numbers, rows->count, sizeof *rows->numbers, ranks);
    rows->tables = share(rows->tables, rows->count, sizeof *rows->tables, ranks);
    if (facts[3])
        rows->labels = share(rows->labels, rows->count, sizeof *rows->labels, ranks);
    if (facts[4])
        rows->targets =
            share(rows->targets, rows->count * rows->outputs, sizeof *rows->targets, ranks);
}

void members_rows_release(struct MembersRows *rows) {
    memory_release(rows->values);
    memory_release(rows->numbers);
    memory_release(rows->tables);
    memory_release(rows->labels);
    memory_release(rows->targets);
    *rows = (struct MembersRows){0};
}
