#include "cli/dry_run.h"

#include <inttypes.h>
#include <jansson.h>

#include "base/text.h"
#include "cli/figures_json.h"
#include "cli/shown.h"
#include "train/dry_run.h"

static void print_json(const struct DryRun *dry) {
    json_t *object = json_pack(
        "{s:b, s:i, s:I, s:I, s:I, s:f, s:f, s:I, s:f, s:I, s:I, s:I}", "dry_run", true, "ranks",
        dry->ranks, "steps", (json_int_t)dry->steps, "first_step", (json_int_t)dry->first_step,
        "total_steps", (json_int_t)dry->total_steps, "step_seconds", dry->step_seconds,
        "validation_seconds", dry->validation_seconds, "validations", (json_int_t)dry->validations,
        "seconds", dry->seconds, "memory_bytes", (json_int_t)dry->memory, "granted_bytes",
        (json_int_t)dry->granted, "checkpoint_bytes", (json_int_t)dry->checkpoint_bytes);
    figures_add_json_main(object, "train_", &dry->train);
    figures_add_json_main(object, "validation_", &dry->validation);
    json_dumpf(object, stdout, JSON_ENSURE_ASCII | JSON_REAL_PRECISION(10));
    fputc('\n', stdout);
    json_decref(object);
}

/* Adds "38 s", "6.5 min" or "3.2 h". */
static void add_time(struct Text *line, double seconds) {
    if (seconds < 120)
        text_add(line, "%.3g s", seconds);
    else if (seconds < 7200)
        text_add(line, "%.3g min", seconds / 60);
    else
        text_add(line, "%.3g h", seconds / 3600);
}

static void add_steps(struct Text *line, const struct DryRun *dry) {
    char figures[FIGURES_TEXT];
    text_add(line, "%" PRId64 " step%s of ", dry->steps, dry->steps == 1 ? "" : "s");
    add_time(line, dry->step_seconds);
    text_add(line, " on %d rank%s (%s)", dry->ranks, dry->ranks == 1 ? "" : "s",
             figures_text(&dry->train, ", ", FIGURE_DIGITS, figures));
}

static void add_validation(struct Text *line, const struct DryRun *dry) {
    char figures[FIGURES_TEXT];
    if (!dry->validated_samples)
        return;
    text_add(line, ", a validation of %" PRId64 " sample%s in ", dry->validated_samples,
             dry->validated_samples == 1 ? "" : "s");
    add_time(line, dry->validation_seconds);
    text_add(line, " (%s)", figures_text(&dry->validation, ", ", FIGURE_DIGITS, figures));
}

/* Adds how long the remaining steps would take. */
static void add_run(struct Text *line, const struct DryRun *dry) {
    int64_t left = dry->total_steps - dry->first_step;
    text_add(line, "; the %s %" PRId64 " step%s", dry->first_step ? "other" : "run's", left,
             left == 1 ? "" : "s");
    if (dry->validations)
        text_add(line, " and %" PRId64 " validation%s", dry->validations,
                 dry->validations == 1 ? "" : "s");
    text_add(line, " take about ");
    add_time(line, dry->seconds);
}

static void print_words(const struct DryRun *dry, const char *folder) {
    struct Text line = {0};
    char memory[32], granted[32], checkpoint[32];
    if (dry->steps) {
        add_steps(&line, dry);
        add_validation(&line, dry);
        add_run(&line, dry);
    } else {
        text_add(&line, "the run is finished, no step is left");
    }
    printf("dry run     works: %s; %s of memory a rank at most (the computer grants %s in all), "
           "checkpoints of %s; nothing was kept in %s\n",
           line.data, text_bytes((double)dry->memory, memory),
           text_bytes((double)dry->granted, granted),
           text_bytes((double)dry->checkpoint_bytes, checkpoint), shown(folder));
    text_release(&line);
}

int dry_run(struct Ranks *ranks, const struct TrainRequest *request, bool json,
            struct Error *error) {
    struct DryRun dry;
    int code = train_dry_run(ranks, request, &dry, error);
    if (!code && ranks_rank(ranks) == 0 && json)
        print_json(&dry);
    else if (!code && ranks_rank(ranks) == 0)
        print_words(&dry, request->folder);
    return code;
}
