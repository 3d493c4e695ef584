#include "report/profile.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/table.h"

void profile_release(struct Profile *profile) {
    if (!profile)
        return;
    memory_release(profile->rows);
    memory_release(profile->seconds);
    memory_release(profile->trace);
    memory_release(profile);
}

/* Adds a cell; a number that is not known leaves it empty. */
static void add_number(struct Text *text, int digits, double value) {
    if (value > 0)
        text_add(text, "\t%.*f", digits, value);
    else
        text_add(text, "\t");
}

static void add_percent(struct Text *text, double part, double whole) {
    if (part > 0 && whole > 0)
        text_add(text, "\t%.0f%%", 100 * part / whole);
    else
        text_add(text, "\t");
}

/* What some of the rows come to. */
struct Sum {
    double seconds, least, most; /* of rank 0, the fastest and the slowest rank */
    double flops, bytes, floor;
};

/* Whether a row is one of `like`'s operation and pass; NULL: any is. */
static bool is_like(const struct ProfileRow *row, const struct ProfileRow *like) {
    return !like || (!strcmp(row->operation, like->operation) && !strcmp(row->pass, like->pass));
}

static double seconds_of(const struct Profile *profile, int first, int end,
                         const struct ProfileRow *like, int rank) {
    double seconds = 0;
    for (int i = first; i < end; i++)
        if (is_like(&profile->rows[i], like))
            seconds += profile->seconds[i * profile->ranks + rank];
    return seconds;
}

/* Over the rows [first, end). */
static struct Sum sum_of(const struct Profile *profile, int first, int end,
                         const struct ProfileRow *like) {
    struct Sum sum = {.seconds = seconds_of(profile, first, end, like, 0)};
    sum.least = sum.most = sum.seconds;
    for (int rank = 1; rank < profile->ranks; rank++) {
        double seconds = seconds_of(profile, first, end, like, rank);
        sum.least = seconds < sum.least ? seconds : sum.least;
        sum.most = seconds > sum.most ? seconds : sum.most;
    }
    for (int i = first; i < end; i++)
        if (is_like(&profile->rows[i], like)) {
            sum.flops += profile->rows[i].flops;
            sum.bytes += profile->rows[i].bytes;
            sum.floor += profile->rows[i].floor;
        }
    return sum;
}

double profile_row_seconds(const struct Profile *profile, int row) {
    return profile->seconds[row * profile->ranks];
}

double profile_step_seconds(const struct Profile *profile) {
    return seconds_of(profile, 0, profile->row_count, NULL, 0);
}

/* One of two tables, of which each fits into a terminal. */
enum Table {
    TIMES, /* the time, its share of the step, the spread over the ranks */
    RATES, /* beside the limits, and the floor; only of rows with work that is counted */
    TABLES,
};

static bool is_in(enum Table table, const struct Sum *sum) {
    return table == TIMES || sum->flops > 0 || sum->bytes > 0;
}

static void add_figures(struct Text *text, const struct Profile *profile, enum Table table,
                        const struct Sum *sum) {
    double flops = sum->seconds > 0 ? sum->flops / sum->seconds : 0;
    double bytes = sum->seconds > 0 ? sum->bytes / sum->seconds : 0;
    if (table == TIMES) {
        text_add(text, "\t%.3f\t%.1f%%", 1e3 * sum->seconds,
                 100 * sum->seconds / profile_step_seconds(profile));
        if (profile->ranks > 1)
            text_add(text, "\t%.3f\t%.3f", 1e3 * sum->least, 1e3 * sum->most);
    } else {
        add_number(text, 1, 1e-9 * flops);
        add_percent(text, flops, profile->peak);
        add_number(text, 2, 1e-6 * sum->bytes);
        add_percent(text, bytes, profile->bandwidth);
        add_number(text, 3, 1e3 * sum->floor);
        add_percent(text, sum->floor, sum->seconds);
    }
    text_add(text, "\n");
}

static void add_heads(struct Text *text, const struct Profile *profile, enum Table table) {
    if (table == TIMES)
        text_add(text, "\tms/step\tshare%s\n", profile->ranks > 1 ? "\tfastest\tslowest" : "");
    else
        text_add(text, "\tGFLOP/s\tpeak\tMB/step\tbandw.\tfloor\tof it\n");
}

/* Moves the cells of a table to the end of `text`, after an empty line. */
static void add_table(struct Text *text, struct Text *cells, const char *columns) {
    table_align(cells, columns);
    text_add(text, "%s%s", text->length ? "\n" : "", cells->data);
    text_release(cells);
}

static void add_rows(struct Text *text, const struct Profile *profile, enum Table table) {
    struct Text cells = {0};
    text_add(&cells, table == TIMES ? "layer\toperation\tpass" : "layer\tpass\tkernel");
    add_heads(&cells, profile, table);
    for (int i = 0; i < profile->row_count; i++) {
        const struct ProfileRow *row = &profile->rows[i];
        const struct Sum sum = sum_of(profile, i, i + 1, NULL);
        if (!is_in(table, &sum))
            continue;
        if (table == TIMES)
            text_add(&cells, "%s\t%s\t%s", row->layer, row->operation, row->pass);
        else
            text_add(&cells, "%s\t%s\t%s", *row->layer ? row->layer : row->operation, row->pass,
                     row->kernel);
        add_figures(&cells, profile, table, &sum);
    }
    add_table(text, &cells, table == TIMES ? "l l l r r r r" : "l l l r r r r r r");
}

static void add_sum(struct Text *text, const struct Profile *profile, enum Table table,
                    const char *operation, const char *pass, const struct Sum *sum) {
    if (!is_in(table, sum))
        return;
    text_add(text, "%s\t%s", operation, pass);
    add_figures(text, profile, table, sum);
}

/* The rows of one kind together. */
struct KindSum {
    const struct ProfileRow *like;
    struct Sum sum;
};

static int compare_seconds(const void *one, const void *other) {
    const struct KindSum *a = one, *b = other;
    return (a->sum.seconds < b->sum.seconds) - (a->sum.seconds > b->sum.seconds);
}

/* Fills `kinds` with each operation and pass, the longest first, and returns how many there are. */
static int sum_kinds(const struct Profile *profile, struct KindSum *kinds) {
    int count = 0;
    for (int i = 0; i < profile->row_count; i++) {
        const struct ProfileRow *row = &profile->rows[i];
        int j = 0;
        while (!is_like(&profile->rows[j], row))
            j++;
        if (j == i)
            kinds[count++] = (struct KindSum){row, sum_of(profile, 0, profile->row_count, row)};
    }
    qsort(kinds, (size_t)count, sizeof *kinds, compare_seconds);
    return count;
}

/* Each operation and pass, and all of them together. */
static void add_sums(struct Text *text, const struct Profile *profile, enum Table table) {
    struct KindSum *kinds = memory_array(struct KindSum, profile->row_count, "a profile");
    const struct Sum all = sum_of(profile, 0, profile->row_count, NULL);
    struct Text cells = {0};
    int count = sum_kinds(profile, kinds);
    text_add(&cells, "operation\tpass");
    add_heads(&cells, profile, table);
    for (int i = 0; i < count; i++)
        add_sum(&cells, profile, table, kinds[i].like->operation, kinds[i].like->pass,
                &kinds[i].sum);
    add_sum(&cells, profile, table, "the whole step", "", &all);
    add_table(text, &cells, table == TIMES ? "l l r r r r" : "l l r r r r r r");
    memory_release(kinds);
}

static void add_event(struct Text *text, const struct Profile *profile, const char *name,
                      const struct ProfileEvent *event) {
    if (!event->count)
        return;
    text_add(text, "%-11s %" PRId64 ", %.3f ms each (%.2f steps)", name, event->count,
             1e3 * event->seconds / (double)event->count,
             event->seconds / (double)event->count / profile_step_seconds(profile));
    if (profile->ranks > 1)
        text_add(text, "; ranks %.3f to %.3f ms", 1e3 * event->least / (double)event->count,
                 1e3 * event->most / (double)event->count);
    text_add(text, "\n");
}

void profile_add_table(const struct Profile *profile, struct Text *text) {
    const char *s = profile->threads == 1 ? "" : "s";
    if (!profile->steps) {
        text_add(text, "profile     no step was made\n");
        return;
    }
    for (enum Table table = TIMES; table < TABLES; table++)
        add_rows(text, profile, table);
    for (enum Table table = TIMES; table < TABLES; table++)
        add_sums(text, profile, table);
    text_add(text,
             "\nprofile     %" PRId64 " step%s of %.3f ms after %" PRId64 " to warm up, %.1f "
             "samples/s of a rank",
             profile->steps, profile->steps == 1 ? "" : "s", 1e3 * profile_step_seconds(profile),
             profile->warm_up, profile->samples / profile_step_seconds(profile));
    if (profile->ranks > 1)
        text_add(text, "\nranks       %d: rank 0, beside the fastest and the slowest of them",
                 profile->ranks);
    text_add(text, "\nlimits      %.1f GFLOP/s, %.1f GB/s read + write, with %d thread%s a rank\n",
             1e-9 * profile->peak, 1e-9 * profile->bandwidth, profile->threads, s);
    add_event(text, profile, "validations", &profile->validations);
    add_event(text, profile, "checkpoints", &profile->checkpoints);
}
