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

static void print_time(double seconds) {
    if (seconds < 120)
        printf("%.3g s", seconds);
    else if (seconds < 7200)
        printf("%.3g min", seconds / 60);
    else
        printf("%.3g h", seconds / 3600);
}

static const char *plural(int64_t count) {
    return count == 1 ? "" : "s";
}

static void print_figures(const struct Figures *figures) {
    char text[FIGURES_TEXT];
    printf(": %s\n", figures_text(figures, ", ", FIGURE_DIGITS, text));
}

static void print_validation(const struct DryRun *dry) {
    if (!dry->validated_samples)
        return;
    printf("validation  %" PRId64 " sample%s in ", dry->validated_samples,
           plural(dry->validated_samples));
    print_time(dry->validation_seconds);
    print_figures(&dry->validation);
}

/* Prints how long the remaining steps would take. */
static void print_run(const struct DryRun *dry) {
    int64_t left = dry->total_steps - dry->first_step;
    printf("the run     its %s%" PRId64 " step%s", dry->first_step ? "other " : "", left,
           plural(left));
    if (dry->validations)
        printf(" and %" PRId64 " validation%s", dry->validations, plural(dry->validations));
    printf(" take about ");
    print_time(dry->seconds);
    putchar('\n');
}

static void print_steps(const struct DryRun *dry) {
    printf("dry run     works: %" PRId64 " step%s of ", dry->steps, plural(dry->steps));
    print_time(dry->step_seconds);
    printf(" on %d rank%s", dry->ranks, plural(dry->ranks));
    print_figures(&dry->train);
    print_validation(dry);
    print_run(dry);
}

static void print_words(const struct DryRun *dry, const char *folder) {
    char text[32];
    if (dry->steps)
        print_steps(dry);
    else
        printf("dry run     works: the run is finished, no step is left\n");
    printf("memory      %s a rank at most; ", text_bytes((double)dry->memory, text));
    printf("the computer grants %s in all\n", text_bytes((double)dry->granted, text));
    printf("checkpoints %s each\n", text_bytes((double)dry->checkpoint_bytes, text));
    printf("nothing was kept in %s\n", shown(folder));
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
