#include "report/metrics_file.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/read_file.h"
#include "base/text.h"
#include "base/whole_file.h"

struct MetricsFile {
    struct WholeFile file;
    /* Lines that are not in the file yet: the one that is being made, and all since a write failed,
     * the first of them perhaps in part. The next line or flush tries again. */
    struct Text waiting;
};

static int64_t step_of_line(const char *line) {
    json_t *object = json_loads(line, 0, NULL);
    json_t *step = object ? json_object_get(object, "step") : NULL;
    int64_t value = json_is_integer(step) ? (int64_t)json_integer_value(step) : -1;
    json_decref(object);
    return value;
}

/* From the earlier file, if there is one, copies the whole lines of steps up to `keep_steps`; a
 * torn last line is dropped. */
static int copy_earlier(const char *path, FILE *to, int64_t keep_steps, struct Error *error) {
    FILE *from;
    int code = read_file_regular(path, &from, error);
    if (!from)
        return code;
    struct FileLine line = {0};
    int64_t length;
    while ((length = read_file_line(from, &line)) > 0) {
        int64_t step = line.text[length - 1] == '\n' ? step_of_line(line.text) : -1;
        if (step >= 0 && step <= keep_steps)
            fputs(line.text, to);
    }
    if (length < 0)
        code = fail(error, ERROR_SYSTEM, "%s: has a line of more than %d MiB", path,
                    LINE_MOST_BYTES >> 20);
    else if (ferror(from))
        code = fail_errno(error, "%s: cannot be read", path);
    memory_release(line.text);
    fclose(from);
    return code;
}

int metrics_file_open(struct MetricsFile **metrics, const char *path, int64_t keep_steps,
                      struct Error *error) {
    struct WholeFile file;
    int code = whole_file_open(&file, path, error);
    if (!code && keep_steps > 0)
        code = copy_earlier(path, file.stream, keep_steps, error);
    if (!code)
        code = whole_file_publish(&file, error);
    if (code) {
        whole_file_close(&file);
        return code;
    }
    *metrics = memory_array(struct MetricsFile, 1, "metrics");
    (*metrics)->file = file;
    return OK;
}

static void begin_line(struct Text *line, const char *kind, int64_t step, int64_t epoch) {
    text_add(line, "{\"kind\":\"%s\",\"step\":%" PRId64 ",\"epoch\":%" PRId64, kind, step, epoch);
}

static void write_number(struct Text *line, const char *key, double value) {
    if (isfinite(value))
        text_add(line, ",\"%s\":%.9g", key, value);
    else
        text_add(line, ",\"%s\":null", key);
}

/* Returns 0, or −1 and errno. */
static int write_waiting(struct MetricsFile *metrics) {
    struct Text *waiting = &metrics->waiting;
    while (waiting->length) {
        ssize_t part = write(fileno(metrics->file.stream), waiting->data, waiting->length);
        if (part < 0 && errno == EINTR)
            continue;
        if (part < 0)
            return -1;
        waiting->length -= (size_t)part;
        memmove(waiting->data, waiting->data + part, waiting->length);
    }
    return 0;
}

/* Each line is written at once and in one call, so that readers of the file see whole lines only.
 */
static void end_line(struct MetricsFile *metrics) {
    text_add(&metrics->waiting, "}\n");
    (void)write_waiting(metrics);
}

/* Those that were measured. `prefix`: "train_", or "". */
static void write_figures(struct Text *line, const char *prefix, const struct Figures *figures) {
    for (int f = 0; f < FIGURE_COUNT; f++) {
        char name[32];
        snprintf(name, sizeof name, "%s%s", prefix, figure_kinds[f].name);
        if (figures->measured[f])
            write_number(line, name, figures->value[f]);
    }
}

void metrics_file_step(struct MetricsFile *metrics, const struct StepReport *report) {
    struct Text *line = &metrics->waiting;
    begin_line(line, "step", report->step, report->epoch);
    write_figures(line, "", &report->figures);
    write_number(line, "rate", report->rate);
    if (!isnan(report->gradient_norm))
        write_number(line, "gradient_norm", report->gradient_norm);
    if (!isnan(report->penalty)) {
        write_number(line, "penalty", report->penalty);
        write_number(line, "objective", report->figures.value[FIGURE_LOSS] + report->penalty);
    }
    write_number(line, "images_per_second", report->images_per_second);
    end_line(metrics);
}

static void write_epoch(struct MetricsFile *metrics, const char *kind,
                        const struct EpochReport *report) {
    struct Text *line = &metrics->waiting;
    begin_line(line, kind, report->step, report->epoch);
    write_figures(line, "train_", &report->train);
    write_number(line, "rate", report->rate);
    if (!isnan(report->penalty)) {
        write_number(line, "penalty", report->penalty);
        write_number(line, "objective", report->train.value[FIGURE_LOSS] + report->penalty);
    }
    write_figures(line, "validation_", &report->validation);
    write_figures(line, "average_", &report->average);
    write_number(line, "seconds", report->seconds);
    write_number(line, "input_wait", report->input_wait);
    end_line(metrics);
}

void metrics_file_epoch(struct MetricsFile *metrics, const struct EpochReport *report) {
    write_epoch(metrics, "epoch", report);
}

void metrics_file_validation(struct MetricsFile *metrics, const struct EpochReport *report) {
    write_epoch(metrics, "validation", report);
}

void metrics_file_stop(struct MetricsFile *metrics, const struct StopReport *report) {
    struct Text *line = &metrics->waiting;
    begin_line(line, "stop", report->step, report->epoch);
    text_add(line, ",\"metric\":\"%s\"", figure_kinds[report->figure].name);
    write_number(line, "best", report->best);
    text_add(line, ",\"waited\":%" PRId64, report->waited);
    end_line(metrics);
}

void metrics_file_nan(struct MetricsFile *metrics, const struct NanReport *report) {
    struct Text *line = &metrics->waiting;
    begin_line(line, "nan", report->step, report->epoch);
    text_add(line, ",\"action\":\"%s\",\"count\":%" PRId64, report->action, report->count);
    if (report->checkpoint >= 0) {
        text_add(line, ",\"checkpoint\":%" PRId64, report->checkpoint);
        write_number(line, "rate_factor", report->rate_factor);
    }
    end_line(metrics);
}

/* As a JSON string. */
static void write_text(struct Text *line, const char *text) {
    json_t *string = json_string(text);
    char *quoted = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;
    text_add(line, "%s", quoted ? quoted : "null");
    free(quoted);
    json_decref(string);
}

void metrics_file_begin(struct MetricsFile *metrics, const char *kind, int64_t step,
                        int64_t epoch) {
    begin_line(&metrics->waiting, kind, step, epoch);
}

void metrics_file_text(struct MetricsFile *metrics, const char *key, const char *text) {
    text_add(&metrics->waiting, ",\"%s\":", key);
    write_text(&metrics->waiting, text);
}

void metrics_file_number(struct MetricsFile *metrics, const char *key, double value) {
    write_number(&metrics->waiting, key, value);
}

void metrics_file_numbers(struct MetricsFile *metrics, const char *key, int count,
                          const double *values) {
    text_add(&metrics->waiting, ",\"%s\":[", key);
    for (int i = 0; i < count; i++)
        text_add(&metrics->waiting, "%s%.9g", i ? "," : "", values[i]);
    text_add(&metrics->waiting, "]");
}

void metrics_file_end(struct MetricsFile *metrics) {
    end_line(metrics);
}

void metrics_file_warning(struct MetricsFile *metrics, const struct WarningReport *report) {
    metrics_file_begin(metrics, "warning", report->step, report->epoch);
    metrics_file_text(metrics, "name", report->name);
    metrics_file_text(metrics, "text", report->text);
    metrics_file_end(metrics);
}

int metrics_file_write(struct MetricsFile *metrics, struct Error *error) {
    if (write_waiting(metrics))
        return fail_errno(error, "%s: cannot be written", metrics->file.path);
    return OK;
}

/* Lines do not pass through the stream's buffer. */
int metrics_file_synchronise(const struct MetricsFile *metrics, struct Error *error) {
    if (fsync(fileno(metrics->file.stream)))
        return fail_errno(error, "%s: cannot be written", metrics->file.path);
    return OK;
}

int metrics_file_flush(struct MetricsFile *metrics, struct Error *error) {
    int code = metrics_file_write(metrics, error);
    return code ? code : metrics_file_synchronise(metrics, error);
}

void metrics_file_close(struct MetricsFile *metrics) {
    if (!metrics)
        return;
    (void)write_waiting(metrics);
    whole_file_close(&metrics->file);
    text_release(&metrics->waiting);
    memory_release(metrics);
}
