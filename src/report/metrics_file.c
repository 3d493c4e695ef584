#include "report/metrics_file.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/whole_file.h"

struct MetricsFile {
    struct WholeFile file;
    int failure; /* errno of the first line that could not be written since the last flush; or 0 */
};

static int64_t step_of_line(const char *line) {
    json_t *object = json_loads(line, 0, NULL);
    json_t *step = object ? json_object_get(object, "step") : NULL;
    int64_t value = json_is_integer(step) ? (int64_t)json_integer_value(step) : -1;
    json_decref(object);
    return value;
}

/* Copies the whole lines of steps up to `keep_steps`; a torn last line is dropped. */
static void copy_lines(FILE *from, FILE *to, int64_t keep_steps) {
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    while ((length = getline(&line, &capacity, from)) > 0) {
        int64_t step = line[length - 1] == '\n' ? step_of_line(line) : -1;
        if (step >= 0 && step <= keep_steps)
            fputs(line, to);
    }
    free(line);
}

int metrics_file_open(struct MetricsFile **metrics, const char *path, int64_t keep_steps,
                      struct Error *error) {
    struct WholeFile file;
    int code = whole_file_open(&file, path, error);
    FILE *old = !code && keep_steps > 0 ? fopen(path, "re") : NULL;
    if (old) {
        copy_lines(old, file.stream, keep_steps);
        fclose(old);
    }
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

static void begin_line(FILE *file, const char *kind, int64_t step, int64_t epoch) {
    fprintf(file, "{\"kind\":\"%s\",\"step\":%" PRId64 ",\"epoch\":%" PRId64, kind, step, epoch);
}

static void write_number(FILE *file, const char *key, double value) {
    if (isfinite(value))
        fprintf(file, ",\"%s\":%.9g", key, value);
    else
        fprintf(file, ",\"%s\":null", key);
}

/* The line leaves the buffer at once. If lines waited in it, the operating system would get them in
 * pieces of the buffer's size, which end within a line. */
static void end_line(struct MetricsFile *metrics) {
    if ((fputs("}\n", metrics->file.stream) < 0 || fflush(metrics->file.stream)) &&
        !metrics->failure)
        metrics->failure = errno;
}

/* Those that were measured. `prefix`: "train_", or "". */
static void write_figures(FILE *file, const char *prefix, const struct Figures *figures) {
    for (int f = 0; f < FIGURE_COUNT; f++) {
        char name[32];
        snprintf(name, sizeof name, "%s%s", prefix, figure_kinds[f].name);
        if (figures->measured[f])
            write_number(file, name, figures->value[f]);
    }
}

void metrics_file_step(struct MetricsFile *metrics, const struct StepReport *report) {
    FILE *file = metrics->file.stream;
    begin_line(file, "step", report->step, report->epoch);
    write_figures(file, "", &report->figures);
    write_number(file, "rate", report->rate);
    if (!isnan(report->gradient_norm))
        write_number(file, "gradient_norm", report->gradient_norm);
    write_number(file, "images_per_second", report->images_per_second);
    end_line(metrics);
}

void metrics_file_epoch(struct MetricsFile *metrics, const struct EpochReport *report) {
    FILE *file = metrics->file.stream;
    begin_line(file, "epoch", report->step, report->epoch);
    write_figures(file, "train_", &report->train);
    write_number(file, "rate", report->rate);
    write_figures(file, "validation_", &report->validation);
    write_figures(file, "average_", &report->average);
    write_number(file, "seconds", report->seconds);
    end_line(metrics);
}

void metrics_file_stop(struct MetricsFile *metrics, const struct StopReport *report) {
    FILE *file = metrics->file.stream;
    begin_line(file, "stop", report->step, report->epoch);
    fprintf(file, ",\"metric\":\"%s\"", figure_kinds[report->figure].name);
    write_number(file, "best", report->best);
    fprintf(file, ",\"waited\":%" PRId64, report->waited);
    end_line(metrics);
}

int metrics_file_flush(struct MetricsFile *metrics, struct Error *error) {
    errno = metrics->failure; /* the buffer is empty: the stream only knows that a write failed */
    metrics->failure = 0;
    return whole_file_flush(&metrics->file, error);
}

void metrics_file_close(struct MetricsFile *metrics) {
    if (!metrics)
        return;
    whole_file_close(&metrics->file);
    memory_release(metrics);
}
