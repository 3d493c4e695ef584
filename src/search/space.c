#include "search/space.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

const char *const search_method_names[] = {
    [SEARCH_RANDOM] = "random", [SEARCH_GRID] = "grid", [SEARCH_HALTON] = "halton", NULL};

/* What stands below a searched key: one of these. */
struct RangeOptions {
    struct Reals uniform, log_uniform;
    struct Ints integer;
    struct Strings choice;
};

#define RANGE_AT(member) offsetof(struct RangeOptions, member)
static const struct Key range_keys[] = {
    {.name = "uniform",
     .type = KEY_REALS,
     .offset = RANGE_AT(uniform),
     .fallback = "[]",
     .help = "[LOW, HIGH]: any number of the range is as likely as any other"},
    {.name = "log_uniform",
     .type = KEY_REALS,
     .offset = RANGE_AT(log_uniform),
     .fallback = "[]",
     .help = "[LOW, HIGH]: so is its logarithm: for rates, decays, and whatever acts by factors"},
    {.name = "integer",
     .type = KEY_INTS,
     .offset = RANGE_AT(integer),
     .fallback = "[]",
     .help = "[LOW, HIGH]: a whole number"},
    {.name = "choice",
     .type = KEY_STRINGS,
     .offset = RANGE_AT(choice),
     .fallback = "[]",
     .help = "[VALUE, VALUE, ...]: one of these values; what is more than a number or a word "
             "stands in quotes: 'adam: {rate: 0.001}'"},
    KEY_END};

#define HALVING_AT(member) offsetof(struct HalvingOptions, member)
static const struct Key halving_keys[] = {
    {.name = "first",
     .type = KEY_INT,
     .offset = HALVING_AT(first),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e9,
     .unit = "epochs",
     .help = "how long every trial is trained before any continues; 0: no halving, all trials are "
             "trained to their end"},
    {.name = "factor",
     .type = KEY_INT,
     .offset = HALVING_AT(factor),
     .fallback = "3",
     .minimum = 2,
     .maximum = 100,
     .help = "one in this many trials, the best, continues for this many times as long"},
    KEY_END};

#define SEARCH_AT(member) offsetof(struct SearchOptions, member)
const struct Key search_keys[] = {
    {.name = "run",
     .type = KEY_STRING,
     .offset = SEARCH_AT(run),
     .minimum = 1,
     .help = "the run file that all trials are made from; a relative path is taken from the folder "
             "of the space file"},
    {.name = "method",
     .type = KEY_ENUM,
     .offset = SEARCH_AT(method),
     .fallback = "random",
     .names = search_method_names,
     .help = "random; grid: all combinations of evenly spaced values, as many as `trials` allows; "
             "halton: a randomised Halton sequence (Owen 2017), which leaves smaller gaps than "
             "random values"},
    {.name = "trials",
     .type = KEY_INT,
     .offset = SEARCH_AT(trials),
     .fallback = "32",
     .minimum = 1,
     .maximum = 100000,
     .free_on_resume = true,
     .help = "how many trials, in each stage"},
    {.name = "stages",
     .type = KEY_INT,
     .offset = SEARCH_AT(stages),
     .fallback = "1",
     .minimum = 1,
     .maximum = 20,
     .help = "from coarse to fine: each further stage searches narrower ranges around the best "
             "trials of the one before"},
    {.name = "halving",
     .type = KEY_SECTION,
     .offset = SEARCH_AT(halving),
     .keys = halving_keys,
     .help = "asynchronous successive halving (Li et al. 2020)"},
    {.name = "diverged",
     .type = KEY_REAL,
     .offset = SEARCH_AT(diverged),
     .fallback = "3",
     .minimum = 0,
     .maximum = 1e9,
     .help = "a trial is stopped if its loss, smoothed over about ten steps, is more than this "
             "many times its first; 0: never. One whose loss is not finite ends in any case"},
    {.name = "seed",
     .type = KEY_INT,
     .offset = SEARCH_AT(seed),
     .fallback = "1",
     .minimum = 0,
     .maximum = 9e15,
     .help = "of the trials' values; the runs' own seed is train.seed"},
    {.name = "ranks",
     .type = KEY_INT,
     .offset = SEARCH_AT(ranks),
     .fallback = "1",
     .minimum = 1,
     .maximum = 1e6,
     .free_on_resume = true,
     .help = "of one trial. The ranks of the job are divided into groups of this size, which train "
             "side by side"},
    {.name = "crashes",
     .type = KEY_INT,
     .offset = SEARCH_AT(crashes),
     .fallback = "2",
     .minimum = 1,
     .maximum = 1000,
     .free_on_resume = true,
     .help = "a trial in which the program has crashed so often is given up"},
    {.name = "time_limit",
     .type = KEY_TIME,
     .offset = SEARCH_AT(time_limit),
     .optional = true,
     .above_minimum = true,
     .free_on_resume = true,
     .help = "after this time since the start of the program no trial is begun; those that have "
             "begun are finished"},
    {.name = "keys",
     .type = KEY_NAMED,
     .offset = SEARCH_AT(keys),
     .keys = range_keys,
     .item_size = sizeof(struct RangeOptions),
     .help = "the searched keys of the run file, by their paths as in optimizer.rate or "
             "model.2.dropout.rate, each with one of the ranges below it"},
    KEY_END};

/* ---- Reading ---- */

__attribute__((format(printf, 4, 5))) static int fail_axis(const struct Space *space,
                                                           struct Error *error, const char *key,
                                                           const char *format, ...) {
    char path[200], text[sizeof error->text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    snprintf(path, sizeof path, "keys.%s", key);
    return runfile_fail(space->file, error, ERROR_RUN_FILE, path, "%s", text);
}

static int check_bounds(const struct Space *space, const struct Axis *axis, struct Error *error) {
    if (!(axis->low < axis->high))
        return fail_axis(space, error, axis->key,
                         "expected [LOW, HIGH] with LOW below HIGH, found [%.6g, %.6g]%s",
                         axis->low, axis->high,
                         axis->low > axis->high ? "" : "; a single value belongs in the run file");
    if (axis->kind == AXIS_LOG && axis->low <= 0)
        return fail_axis(space, error, axis->key,
                         "expected a logarithmic range that begins above 0, found [%.6g, %.6g]; a "
                         "value of 0 needs choice",
                         axis->low, axis->high);
    return OK;
}

static int check_choice(const struct Space *space, const struct Axis *axis, struct Error *error) {
    if (axis->count < 2)
        return fail_axis(space, error, axis->key,
                         "expected two values or more to choose from, found '%s' alone; a single "
                         "value belongs in the run file",
                         axis->values[0]);
    for (int i = 0; i < axis->count; i++) {
        if (strlen(axis->values[i]) >= AXIS_TEXT || strpbrk(axis->values[i], "\n\t"))
            return fail_axis(space, error, axis->key,
                             "value %d is too long, or more than one line; expected one line of "
                             "less than %d bytes",
                             i + 1, AXIS_TEXT);
        for (int other = 0; other < i; other++)
            if (!strcmp(axis->values[i], axis->values[other]))
                return fail_axis(space, error, axis->key,
                                 "has the value '%s' twice; expected different values",
                                 axis->values[i]);
    }
    return OK;
}

static int read_axis(const struct Space *space, const struct NamedItem *item, struct Axis *axis,
                     struct Error *error) {
    const struct RangeOptions *range = item->options;
    const struct Reals *reals = range->uniform.count ? &range->uniform : &range->log_uniform;
    int given = (range->uniform.count > 0) + (range->log_uniform.count > 0) +
                (range->integer.count > 0) + (range->choice.count > 0);
    *axis = (struct Axis){.key = item->name};
    if (given != 1)
        return fail_axis(space, error, item->name,
                         "expected one of uniform, log_uniform, integer, choice with values, found "
                         "%s",
                         given ? "several" : "none");
    if (range->choice.count) {
        axis->kind = AXIS_CHOICE;
        axis->count = range->choice.count;
        axis->values = range->choice.values;
        return check_choice(space, axis, error);
    }
    int count = range->integer.count ? range->integer.count : reals->count;
    if (count != 2)
        return fail_axis(space, error, item->name, "expected [LOW, HIGH], found %d number%s", count,
                         count == 1 ? "" : "s");
    axis->kind = range->integer.count   ? AXIS_INTEGER
                 : range->uniform.count ? AXIS_UNIFORM
                                        : AXIS_LOG;
    axis->low = range->integer.count ? (double)range->integer.values[0] : reals->values[0];
    axis->high = range->integer.count ? (double)range->integer.values[1] : reals->values[1];
    return check_bounds(space, axis, error);
}

int space_read(struct Space *space, const char *path, const char *text, struct Error *error) {
    *space = (struct Space){0};
    int code =
        runfile_parse(&space->file, path, text, NULL, 0, search_keys, &space->options, error);
    const struct Named *keys = &space->options.keys;
    if (!code && (keys->count < 1 || keys->count > AXIS_MOST))
        code = runfile_fail(space->file, error, ERROR_RUN_FILE, "keys",
                            "has %d keys; expected 1 to %d to search", keys->count, AXIS_MOST);
    if (code)
        return code;
    space->count = keys->count;
    space->axes = memory_array(struct Axis, keys->count, "the searched keys");
    for (int i = 0; i < keys->count && !code; i++)
        code = read_axis(space, &keys->items[i], &space->axes[i], error);
    return code;
}

void space_release(struct Space *space) {
    memory_release(space->axes);
    runfile_release(space->file);
    *space = (struct Space){0};
}

/* ---- Writing ---- */

/* Within single quotes, so that no value is taken for another type. */
static void add_quoted(struct Text *text, const char *value) {
    text_add(text, "'");
    for (; *value; value++)
        text_add(text, *value == '\'' ? "''" : "%c", *value);
    text_add(text, "'");
}

static void add_axis(struct Text *text, const struct Axis *axis) {
    static const char *const names[] = {[AXIS_UNIFORM] = "uniform",
                                        [AXIS_LOG] = "log_uniform",
                                        [AXIS_INTEGER] = "integer",
                                        [AXIS_CHOICE] = "choice"};
    text_add(text, "  %s: {%s: [", axis->key, names[axis->kind]);
    if (axis->kind == AXIS_INTEGER)
        text_add(text, "%.0f, %.0f", axis->low, axis->high);
    else if (axis->kind != AXIS_CHOICE)
        text_add(text, "%.6g, %.6g", axis->low, axis->high);
    for (int i = 0; i < axis->count; i++) {
        text_add(text, i ? ", " : "");
        add_quoted(text, axis->values[i]);
    }
    text_add(text, "]}\n");
}

char *space_text(const struct Space *space, const struct Axis *axes, const char *comment) {
    const struct SearchOptions *options = &space->options;
    struct Text text = {0};
    text_add(&text, "%srun: ", comment);
    add_quoted(&text, options->run);
    text_add(&text, "\nmethod: %s\ntrials: %" PRId64 "\nstages: %" PRId64 "\n",
             search_method_names[options->method], options->trials, options->stages);
    text_add(&text, "halving: {first: %" PRId64 ", factor: %" PRId64 "}\n", options->halving.first,
             options->halving.factor);
    text_add(&text,
             "diverged: %.17g\nseed: %" PRId64 "\nranks: %" PRId64 "\ncrashes: %" PRId64 "\n",
             options->diverged, options->seed, options->ranks, options->crashes);
    if (options->time_limit > 0)
        text_add(&text, "time_limit: %.17g s\n", options->time_limit);
    text_add(&text, "keys:\n");
    for (int i = 0; i < space->count; i++)
        add_axis(&text, &axes[i]);
    return text.data;
}

/* ---- Axes ---- */

static double scaled(const struct Axis *axis, double value) {
    return axis->kind == AXIS_LOG ? log(value) : value;
}

static double unscaled(const struct Axis *axis, double value) {
    return axis->kind == AXIS_LOG ? exp(value) : value;
}

/* Whole numbers share the range equally: each has a part of the length 1. */
static double start_of(const struct Axis *axis) {
    return axis->kind == AXIS_INTEGER ? axis->low - 0.5 : scaled(axis, axis->low);
}

static double end_of(const struct Axis *axis) {
    return axis->kind == AXIS_INTEGER ? axis->high + 0.5 : scaled(axis, axis->high);
}

static int item_at(int count, double position) {
    int item = (int)(position * count);
    return item < 0 ? 0 : item >= count ? count - 1 : item;
}

const char *axis_value(const struct Axis *axis, double position, char text[AXIS_TEXT]) {
    if (axis->kind == AXIS_CHOICE) {
        snprintf(text, AXIS_TEXT, "%s", axis->values[item_at(axis->count, position)]);
        return text;
    }
    double value = unscaled(axis, start_of(axis) + position * (end_of(axis) - start_of(axis)));
    if (axis->kind == AXIS_INTEGER) {
        snprintf(text, AXIS_TEXT, "%.0f", fmin(fmax(round(value), axis->low), axis->high));
        return text;
    }
    snprintf(text, AXIS_TEXT, "%.4g", value);
    double rounded = strtod(text, NULL);
    if (rounded < axis->low || rounded > axis->high)
        snprintf(text, AXIS_TEXT, "%.17g", fmin(fmax(value, axis->low), axis->high));
    return text;
}

double axis_position(const struct Axis *axis, const char *value) {
    if (axis->kind != AXIS_CHOICE)
        return (scaled(axis, strtod(value, NULL)) - start_of(axis)) /
               (end_of(axis) - start_of(axis));
    for (int i = 0; i < axis->count; i++)
        if (!strcmp(axis->values[i], value))
            return (i + 0.5) / axis->count;
    return -1;
}

int64_t axis_levels(const struct Axis *axis) {
    if (axis->kind == AXIS_CHOICE)
        return axis->count;
    return axis->kind == AXIS_INTEGER ? (int64_t)(axis->high - axis->low) + 1 : INT64_MAX;
}

void axis_describe(const struct Axis *axis, struct Text *text) {
    if (axis->kind != AXIS_CHOICE) {
        text_add(text, "from %.4g to %.4g", axis->low, axis->high);
        return;
    }
    text_add(text, "one of ");
    for (int i = 0; i < axis->count; i++)
        text_add(text, "%s%s", i ? ", " : "", axis->values[i]);
}

static struct Axis narrow_choice(const struct Axis *axis, const double *best, int count,
                                 const char **values) {
    struct Axis narrowed = *axis;
    narrowed.values = values;
    narrowed.count = 0;
    for (int i = 0; i < axis->count; i++) {
        bool used = false;
        for (int j = 0; j < count; j++)
            used |= item_at(axis->count, best[j]) == i;
        if (used)
            values[narrowed.count++] = axis->values[i];
    }
    if (narrowed.count < 2) /* a key with one value is no longer searched: the file stays valid */
        return *axis;
    return narrowed;
}

struct Axis axis_narrow(const struct Axis *axis, const double *best, int count,
                        const char **values) {
    const double margin = 0.1;
    if (axis->kind == AXIS_CHOICE)
        return narrow_choice(axis, best, count, values);
    double low = 1, high = 0, start = start_of(axis), length = end_of(axis) - start;
    for (int i = 0; i < count; i++) {
        low = fmin(low, best[i]);
        high = fmax(high, best[i]);
    }
    struct Axis narrowed = *axis;
    narrowed.low = unscaled(axis, start + fmax(low - margin, 0) * length);
    narrowed.high = unscaled(axis, start + fmin(high + margin, 1) * length);
    if (axis->kind == AXIS_INTEGER) {
        narrowed.low = fmax(round(narrowed.low), axis->low);
        narrowed.high = fmin(round(narrowed.high), axis->high);
        return narrowed.low < narrowed.high ? narrowed : *axis;
    }
    narrowed.low = fmax(narrowed.low, axis->low);
    narrowed.high = fmin(narrowed.high, axis->high);
    return narrowed;
}

struct Axis axis_shift(const struct Axis *axis, bool up, double part) {
    double low = scaled(axis, axis->low), high = scaled(axis, axis->high);
    double middle = (low + high) / 2, reach = part * (high - low) / 2;
    struct Axis shifted = *axis;
    shifted.low = up ? unscaled(axis, middle) : unscaled(axis, low - reach);
    shifted.high = up ? unscaled(axis, high + reach) : unscaled(axis, middle);
    if (axis->kind == AXIS_INTEGER) {
        shifted.low = floor(shifted.low);
        shifted.high = ceil(shifted.high);
    }
    return shifted;
}
