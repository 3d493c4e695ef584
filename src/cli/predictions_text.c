/* Predictions as CSV (RFC 4180), and as JSON lines with one object for each sample. */
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/text.h"
#include "cli/predictions.h"
#include "cli/shown.h"

static bool has_truth(const struct Predictions *predictions) {
    return split_has_truth(predictions->members->split);
}

static int check(const struct Predictions *predictions, struct Error *error) {
    return ferror(predictions->stream)
               ? fail_errno(error, "%s: cannot be written", predictions->path)
               : OK;
}

static int finish(struct Predictions *predictions, struct Error *error) {
    return check(predictions, error);
}

/* ---- CSV ---- */

static void print_field(FILE *file, const char *text) {
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, file);
        return;
    }
    fputc('"', file);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', file);
        fputc(*text, file);
    }
    fputc('"', file);
}

static void print_names(FILE *file, const struct Targets *targets) {
    for (int64_t k = 0; k < targets->count; k++) {
        fputc(',', file);
        print_field(file, targets->names[k]);
    }
}

static void print_value_heads(const struct Predictions *predictions) {
    const struct Targets *targets = &predictions->members->dataset->targets;
    FILE *file = predictions->stream;
    for (int64_t k = 0; has_truth(predictions) && k < targets->count; k++) {
        struct Text name = {0};
        text_add(&name, "true %s", targets->names[k]);
        fputc(',', file);
        print_field(file, name.data);
        text_release(&name);
    }
    print_names(file, targets);
}

/* For multi-label: prints the heads of the columns for the true and the predicted classes, and for
 * the probability of each class. */
static void print_set_heads(const struct Predictions *predictions) {
    const struct Targets *targets = &predictions->members->dataset->targets;
    FILE *file = predictions->stream;
    fprintf(file, "%s,prediction", has_truth(predictions) ? ",truth" : "");
    for (int64_t k = 1; k <= predictions->top; k++)
        fprintf(file, ",prediction_%" PRId64 ",class_%" PRId64 ",probability_%" PRId64, k, k, k);
    if (!predictions->top)
        print_names(file, targets);
}

static void print_class_heads(const struct Predictions *predictions) {
    const struct Targets *targets = &predictions->members->dataset->targets;
    const char *word = predictions_word(predictions);
    FILE *file = predictions->stream;
    fprintf(file, "%s,prediction,class,%s", has_truth(predictions) ? ",truth" : "", word);
    for (int64_t k = 2; k <= predictions->top; k++)
        fprintf(file, ",prediction_%" PRId64 ",class_%" PRId64 ",%s_%" PRId64, k, k, word, k);
    if (!predictions->top)
        print_names(file, targets);
}

static int start_csv(struct Predictions *predictions, struct Error *error) {
    fputs("sample,source", predictions->stream);
    if (targets_are_values(&predictions->members->dataset->targets))
        print_value_heads(predictions);
    else if (members_predict_sets(predictions->members))
        print_set_heads(predictions);
    else
        print_class_heads(predictions);
    fputc('\n', predictions->stream);
    return check(predictions, error);
}

static void print_numbers(FILE *file, const float *values, int64_t count) {
    for (int64_t k = 0; k < count; k++)
        fprintf(file, ",%.9g", (double)values[k]);
}

static void print_class(const struct Predictions *predictions, const float *row, int64_t number) {
    FILE *file = predictions->stream;
    fputc(',', file);
    print_field(file, predictions->members->dataset->targets.names[number]);
    fprintf(file, ",%" PRId64 ",%.9g", number, (double)row[number]);
}

/* Prints the names of the classes whose probability reaches the threshold. */
static void print_set(const struct Predictions *predictions, const float *row) {
    const struct Targets *targets = &predictions->members->dataset->targets;
    struct Text names = {0};
    text_add(&names, "%s", "");
    for (int64_t k = 0; k < targets->count; k++)
        if (row[k] >= PREDICTIONS_THRESHOLD)
            text_add(&names, "%s%s", names.length ? ";" : "", targets->names[k]);
    fputc(',', predictions->stream);
    print_field(predictions->stream, names.data);
    text_release(&names);
}

static void print_sets(struct Predictions *predictions, const struct DeliveredBlock *block,
                       int64_t i) {
    const struct Members *members = predictions->members;
    int64_t columns = members->dataset->targets.count;
    const float *row = block->predictions + i * columns;
    if (members->split->targets)
        print_set(predictions, members->split->targets + (block->first + i) * columns);
    print_set(predictions, row);
    if (!predictions->top) {
        print_numbers(predictions->stream, row, columns);
        return;
    }
    predictions_rank(predictions, block, i);
    for (int64_t k = 0; k < predictions->top; k++)
        print_class(predictions, row, predictions->ranked[k]);
}

static void print_classes(struct Predictions *predictions, const struct DeliveredBlock *block,
                          int64_t i) {
    const struct Members *members = predictions->members;
    const struct Targets *targets = &members->dataset->targets;
    const float *row = block->predictions + i * targets->count;
    if (members->split->labels) {
        fputc(',', predictions->stream);
        print_field(predictions->stream, targets->names[members->split->labels[block->first + i]]);
    }
    print_class(predictions, row, block->classes[i]);
    if (!predictions->top) {
        print_numbers(predictions->stream, row, targets->count);
        return;
    }
    predictions_rank(predictions, block, i);
    for (int64_t k = 1; k < predictions->top; k++)
        print_class(predictions, row, predictions->ranked[k]);
}

static int write_csv(struct Predictions *predictions, const struct DeliveredBlock *block,
                     struct Error *error) {
    const struct Members *members = predictions->members;
    int64_t columns = members->dataset->targets.count;
    FILE *file = predictions->stream;
    for (int64_t i = 0; i < block->count; i++) {
        int64_t sample = block->first + i;
        struct Text name = {0};
        if (members_name_sample(members, sample, &name, error))
            return error->code;
        fprintf(file, "%" PRId64 ",", sample);
        print_field(file, name.data);
        text_release(&name);
        if (members_predict_sets(members)) {
            print_sets(predictions, block, i);
        } else if (!targets_are_values(&members->dataset->targets)) {
            print_classes(predictions, block, i);
        } else {
            if (members->split->targets)
                print_numbers(file, members->split->targets + sample * columns, columns);
            print_numbers(file, block->predictions + i * columns, columns);
        }
        fputc('\n', file);
    }
    return check(predictions, error);
}

const struct PredictionFormat prediction_csv = {"csv",     ".csv",    OUTPUT_CSV,
                                                start_csv, write_csv, finish};

/* ---- JSON lines ---- */

static int start_jsonl(struct Predictions *predictions, struct Error *error) {
    return check(predictions, error);
}

/* A float with the fewest digits that read back to the same value. */
static json_t *number(float value) {
    char text[32];
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value)
            break;
    }
    return json_real(strtod(text, NULL));
}

static json_t *by_name(const struct Targets *targets, const float *row) {
    json_t *object = json_object();
    for (int64_t k = 0; k < targets->count; k++)
        shown_json_member(object, targets->names[k], number(row[k]));
    return object;
}

static json_t *words(const char *text) {
    return shown_json(text);
}

static json_t *describe_class(const struct Predictions *predictions, const float *row,
                              int64_t class) {
    json_t *object = json_object();
    json_object_set_new(object, "prediction",
                        words(predictions->members->dataset->targets.names[class]));
    json_object_set_new(object, "class", json_integer(class));
    json_object_set_new(object, predictions_word(predictions), number(row[class]));
    return object;
}

static json_t *set_of(const struct Targets *targets, const float *row) {
    json_t *list = json_array();
    for (int64_t k = 0; k < targets->count; k++)
        if (row[k] >= PREDICTIONS_THRESHOLD)
            json_array_append_new(list, words(targets->names[k]));
    return list;
}

/* Adds the probabilities of all classes, or of the most probable ones. */
static void describe_rows(struct Predictions *predictions, const struct DeliveredBlock *block,
                          int64_t i, json_t *object) {
    const struct Members *members = predictions->members;
    const struct Targets *targets = &members->dataset->targets;
    const float *row = block->predictions + i * targets->count;
    if (!predictions->top) {
        bool probabilities = members_predict_probabilities(members);
        json_object_set_new(object, probabilities ? "probabilities" : "scores",
                            by_name(targets, row));
        return;
    }
    json_t *list = json_array();
    predictions_rank(predictions, block, i);
    for (int64_t k = 0; k < predictions->top; k++)
        json_array_append_new(list, describe_class(predictions, row, predictions->ranked[k]));
    json_object_set_new(object, "top", list);
}

static void describe_sets(struct Predictions *predictions, const struct DeliveredBlock *block,
                          int64_t i, json_t *object) {
    const struct Members *members = predictions->members;
    const struct Targets *targets = &members->dataset->targets;
    if (members->split->targets)
        json_object_set_new(
            object, "truth",
            set_of(targets, members->split->targets + (block->first + i) * targets->count));
    json_object_set_new(object, "prediction",
                        set_of(targets, block->predictions + i * targets->count));
    describe_rows(predictions, block, i, object);
}

static void describe_classes(struct Predictions *predictions, const struct DeliveredBlock *block,
                             int64_t i, json_t *object) {
    const struct Members *members = predictions->members;
    const struct Targets *targets = &members->dataset->targets;
    const float *row = block->predictions + i * targets->count;
    if (members->split->labels)
        json_object_set_new(object, "truth",
                            words(targets->names[members->split->labels[block->first + i]]));
    json_object_update_new(object, describe_class(predictions, row, block->classes[i]));
    describe_rows(predictions, block, i, object);
}

static int write_jsonl(struct Predictions *predictions, const struct DeliveredBlock *block,
                       struct Error *error) {
    const struct Members *members = predictions->members;
    const struct Targets *targets = &members->dataset->targets;
    for (int64_t i = 0; i < block->count; i++) {
        int64_t sample = block->first + i;
        struct Text name = {0};
        if (members_name_sample(members, sample, &name, error))
            return error->code;
        json_t *object = json_object();
        json_object_set_new(object, "sample", json_integer(sample));
        json_object_set_new(object, "source", words(name.data));
        text_release(&name);
        if (members_predict_sets(members)) {
            describe_sets(predictions, block, i, object);
        } else if (!targets_are_values(targets)) {
            describe_classes(predictions, block, i, object);
        } else {
            if (members->split->targets)
                json_object_set_new(
                    object, "targets",
                    by_name(targets, members->split->targets + sample * targets->count));
            json_object_set_new(object, "predictions",
                                by_name(targets, block->predictions + i * targets->count));
        }
        json_dumpf(object, predictions->stream, JSON_COMPACT | JSON_REAL_PRECISION(9));
        fputc('\n', predictions->stream);
        json_decref(object);
    }
    return check(predictions, error);
}

const struct PredictionFormat prediction_jsonl = {"jsonl",     ".jsonl",    OUTPUT_JSON_LINES,
                                                  start_jsonl, write_jsonl, finish};
