#include "report/metrics.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

struct Metrics {
    FILE *file;
    char *path;
};

static int64_t step_of_line(const char *line) {
    json_t *object = json_loads(line, 0, NULL);
    json_t *step = object ? json_object_get(object, "step") : NULL;
    int64_t value = json_is_integer(step) ? (int64_t)json_integer_value(step) : -1;
    json_decref(object);
    return value;
}

/* Copies the whole lines of steps up to `keep_steps`; a torn last line is dropped. */
static bool copy_lines(FILE *from, FILE *to, int64_t keep_steps) {
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    bool good = true;
    while (good && (length = getline(&line, &capacity, from)) > 0) {
        int64_t step = line[length - 1] == '\n' ? step_of_line(line) : -1;
        if (step >= 0 && step <= keep_steps)
            good = fputs(line, to) >= 0;
    }
    free(line);
    return good;
}

int metrics_open(struct Metrics **metrics, const char *path, int64_t keep_steps,
                 struct Error *error) {
    char *temporary = memory_print("%s.new", path);
    FILE *file = fopen(temporary, "we");
    FILE *old = keep_steps > 0 ? fopen(path, "re") : NULL;
    bool good = file != NULL;
    if (good && old)
        good = copy_lines(old, file, keep_steps);
    if (old)
        fclose(old);
    good = good && !fflush(file) && !rename(temporary, path);
    if (!good) {
        int code = fail_errno(error, "%s: cannot be written", path);
        if (file) {
            fclose(file);
            unlink(temporary);
        }
        memory_release(temporary);
        return code;
    }
    memory_release(temporary);
    *metrics = memory_allocate(sizeof **metrics, "metrics");
    (*metrics)->file = file;
    (*metrics)->path = memory_copy_text(path);
    return OK;
}

static void number(FILE *file, const char *key, double value) {
    if (isfinite(value))
        fprintf(file, ",\"%s\":%.9g", key, value);
    else
        fprintf(file, ",\"%s\":null", key);
}

void metrics_step(struct Metrics *metrics, const struct StepFigures *figures) {
    FILE *file = metrics->file;
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
    FILE *file = metrics->file;
    fprintf(file, "{\"kind\":\"epoch\",\"step\":%lld,\"epoch\":%lld", (long long)figures->step,
            (long long)figures->epoch);
    number(file, "train_loss", figures->train_loss);
    if (figures->regression)
        number(file, "train_rmse", figures->train_rmse);
    else
        number(file, "train_accuracy", figures->train_accuracy);
    write_validation(file, "validation", figures->regression, &figures->validation);
    write_validation(file, "average", figures->regression, &figures->average);
    number(file, "seconds", figures->seconds);
    fputs("}\n", file);
}

void metrics_stop(struct Metrics *metrics, const struct StopFigures *figures) {
    FILE *file = metrics->file;
    fprintf(file, "{\"kind\":\"stop\",\"step\":%lld,\"epoch\":%lld,\"metric\":\"%s\"",
            (long long)figures->step, (long long)figures->epoch, figures->metric);
    number(file, "best", figures->best);
    fprintf(file, ",\"waited\":%lld}\n", (long long)figures->waited);
}

int metrics_flush(struct Metrics *metrics, struct Error *error) {
    if (fflush(metrics->file) || ferror(metrics->file) || fsync(fileno(metrics->file))) {
        clearerr(metrics->file);
        return fail_errno(error, "%s: cannot be written", metrics->path);
    }
    return OK;
}

void metrics_close(struct Metrics *metrics) {
    if (!metrics)
        return;
    fclose(metrics->file);
    memory_release(metrics->path);
    memory_release(metrics);
}
