#include "report/profile.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void profile_release(struct Profile *profile) {
    if (!profile)
        return;
    memory_release(profile->rows);
    memory_release(profile->seconds);
    memory_release(profile->trace);
    memory_release(profile);
}

/* The width of a column of texts. */
static int width_of(const struct Profile *profile, size_t member, const char *head) {
    size_t width = strlen(head);
    for (int i = 0; i < profile->row_count; i++) {
        size_t length = strlen((const char *)&profile->rows[i] + member);
        width = length > width ? length : width;
    }
    return (int)width;
}

/* A number that is not known leaves its column empty. */
static void add_number(struct Text *text, int width, int digits, double value) {
    if (value > 0)
        text_add(text, " %*.*f", width, digits, value);
    else
        text_add(text, " %*s", width, "");
}

static void add_percent(struct Text *text, double part, double whole) {
    if (part > 0 && whole > 0)
        text_add(text, " %5.1f%%", 100 * part / whole);
    else
        text_add(text, " %6s", "");
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

/* What follows the names: time, its share of the step, rates beside the limits, the floor, the
 * spread over the ranks. */
static void add_figures(struct Text *text, const struct Profile *profile, const struct Sum *sum) {
    double flops = sum->seconds > 0 ? sum->flops / sum->seconds : 0;
    double bytes = sum->seconds > 0 ? sum->bytes / sum->seconds : 0;
    text_add(text, " %8.3f", 1e3 * sum->seconds);
    text_add(text, " %5.1f%%", 100 * sum->seconds / profile_step_seconds(profile));
    add_number(text, 7, 1, 1e-9 * flops);
    add_percent(text, flops, profile->peak);
    add_number(text, 8, 2, 1e-6 * sum->bytes);
    add_percent(text, bytes, profile->bandwidth);
    add_number(text, 8, 3, 1e3 * sum->floor);
    add_percent(text, sum->floor, sum->seconds);
    if (profile->ranks > 1)
        text_add(text, " %8.3f %8.3f", 1e3 * sum->least, 1e3 * sum->most);
    text_add(text, "\n");
}

static void add_heads(struct Text *text, const struct Profile *profile) {
    text_add(text, " %8s %6s %7s %6s %8s %6s %8s %6s", "ms/step", "share", "GFLOP/s", "peak",
             "MB/step", "bandw.", "floor ms", "of it");
    if (profile->ranks > 1)
        text_add(text, " %8s %8s", "fastest", "slowest");
    text_add(text, "\n");
}

#define COLUMN(profile, member) width_of(profile, offsetof(struct ProfileRow, member), #member)

static bool has_kernels(const struct Profile *profile) {
    for (int i = 0; i < profile->row_count; i++)
        if (*profile->rows[i].kernel)
            return true;
    return false;
}

/* The names of a row; NULL: the heads of their columns. */
static void add_names(struct Text *text, const struct Profile *profile,
                      const struct ProfileRow *row) {
    int kernel = COLUMN(profile, kernel);
    text_add(text, "%-*s  %-*s  %-*s", COLUMN(profile, layer), row ? row->layer : "layer",
             COLUMN(profile, operation), row ? row->operation : "operation", COLUMN(profile, pass),
             row ? row->pass : "pass");
    if (has_kernels(profile))
        text_add(text, "  %-*s", kernel, row ? row->kernel : "kernel");
}

static void add_rows(struct Text *text, const struct Profile *profile) {
    add_names(text, profile, NULL);
    add_heads(text, profile);
    for (int i = 0; i < profile->row_count; i++) {
        const struct Sum sum = sum_of(profile, i, i + 1, NULL);
        add_names(text, profile, &profile->rows[i]);
        add_figures(text, profile, &sum);
    }
}

static void add_sum(struct Text *text, const struct Profile *profile, const char *operation,
                    const char *pass, const struct Sum *sum) {
    text_add(text, "%-*s  %-*s", COLUMN(profile, operation), operation, COLUMN(profile, pass),
             pass);
    add_figures(text, profile, sum);
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

/* Each operation and pass, the longest first, and all of them together. */
static void add_sums(struct Text *text, const struct Profile *profile) {
    struct KindSum *kinds = memory_array(struct KindSum, profile->row_count, "a profile");
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
    text_add(text, "\n%-*s  %-*s", COLUMN(profile, operation), "operation", COLUMN(profile, pass),
             "pass");
    add_heads(text, profile);
    for (int i = 0; i < count; i++)
        add_sum(text, profile, kinds[i].like->operation, kinds[i].like->pass, &kinds[i].sum);
    const struct Sum all = sum_of(profile, 0, profile->row_count, NULL);
    add_sum(text, profile, "the whole step", "", &all);
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
        text_add(text, "; fastest rank %.3f ms, slowest %.3f ms",
                 1e3 * event->least / (double)event->count,
                 1e3 * event->most / (double)event->count);
    text_add(text, "\n");
}

void profile_add_table(const struct Profile *profile, struct Text *text) {
    const char *s = profile->threads == 1 ? "" : "s";
    if (!profile->steps) {
        text_add(text, "profile     no step was made\n");
        return;
    }
    add_rows(text, profile);
    add_sums(text, profile);
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
