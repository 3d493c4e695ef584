#include "report/metrics.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/whole_file.h"

struct Metrics {
    struct WholeFile file;
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

int metrics_open(struct Metrics **metrics, const char *path, int64_t keep_steps,
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
    *metrics = memory_allocate(sizeof **metrics, "metrics");
    (*metrics)->file = file;
    return OK;
}

static void number(FILE *file, const char *key, double value) {
    if (isfinite(value))
        fprintf(file, ",\"%s\":%.9g", key, value);
    else
        fprintf(file, ",\"%s\":null", key);
}

void metrics_step(struct Metrics *metrics, const struct StepFigures *figures) {
    FILE *file = metrics->file.stream;
    fprintf(file, "{\"kind\":\"step\",\"step\":%lld,\"epoch\":%lld", (long long)figures->step,
            (long long)figures->epoch);
    number(file, "loss", figures->loss);
    if (figures->regression)
        number(file, "rmse", figures->rmse);
    else
        number(file, "accuracy", figures->accuracy);
    number(file, "rate", figures->rate);
    if (!isnan(figures->gradient_norm))
        number(file, "gradient_norm", figures->gradient_norm);
    number(file, "images_per_second", figures->images_per_second);
    fputs("}\n", file);
}

/* Nothing where it was not measured. */
static void write_validation(FILE *file, const char *of, bool regression,
                             const struct ValidationFigures *figures) {
    const struct {
        const char *name;
        double value;
        bool written;
    } rows[] = {{"loss", figures->loss, true},
                {"accuracy", figures->accuracy, !regression},
                {"top5", figures->top5, !regression},
                {"rmse", figures->rmse, regression},
                {"r2", figures->r2, regression}};
    for (size_t i = 0; figures->measured && i < sizeof rows / sizeof *rows; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s_%s", of, rows[i].name);
        if (rows[i].written)
            number(file, name, rows[i].value);
    }
}

void metrics_epoch(struct Metrics *metrics, const struct EpochFigures *figures) {
    FILE *file = metrics->file.stream;
    fprintf(file, "{\"kind\":\"epoch\",\"step\":%lld,\"epoch\":%lld", (long long)figures->step,
            (long long)figures->epoch);
    number(file, "train_loss", figures->train_loss);
    if (figures->regression)
        number(file, "train_rmse", figures->train_rmse);
    else
        number(file, "train_accuracy", figures->train_accuracy);
    number(file, "rate", figures->rate);
    write_validation(file, "validation", figures->regression, &figures->validation);
    write_validation(file, "average", figures->regression, &figures->average);
    number(file, "seconds", figures->seconds);
    fputs("}\n", file);
}

void metrics_stop(struct Metrics *metrics, const struct StopFigures *figures) {
    FILE *file = metrics->file.stream;
    fprintf(file, "{\"kind\":\"stop\",\"step\":%lld,\"epoch\":%lld,\"metric\":\"%s\"",
            (long long)figures->step, (long long)figures->epoch, figures->metric);
    number(file, "best", figures->best);
    fprintf(file, ",\"waited\":%lld}\n", (long long)figures->waited);
}

int metrics_flush(struct Metrics *metrics, struct Error *error) {
    return whole_file_flush(&metrics->file, error);
}

void metrics_close(struct Metrics *metrics) {
    if (!metrics)
        return;
    whole_file_close(&metrics->file);
    memory_release(metrics);
}
