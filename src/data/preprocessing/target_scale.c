#include "data/preprocessing/target_scale.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"

#define ROUNDING 1e-4 /* another program may have summed in another order */

const char *const target_rule_names[] = {"standardise", "none", NULL};

/* A target that never varies gets a deviation of exactly 0. If it were computed, a rounding of the
 * mean would leave a tiny deviation, by which new values would be divided. */
static bool varies(const float *targets, int64_t count, int64_t outputs) {
    for (int64_t i = 1; i < count; i++)
        if (targets[i * outputs] != targets[0])
            return true;
    return false;
}

void target_statistics(const float *targets, int64_t count, int64_t outputs, double *mean,
                       double *deviation) {
    for (int64_t k = 0; k < outputs; k++) {
        double sum = 0, squares = 0;
        mean[k] = (double)targets[k];
        deviation[k] = 0;
        if (!varies(targets + k, count, outputs))
            continue;
        for (int64_t i = 0; i < count; i++)
            sum += (double)targets[i * outputs + k];
        mean[k] = sum / (double)count;
        for (int64_t i = 0; i < count; i++) {
            double difference = (double)targets[i * outputs + k] - mean[k];
            squares += difference * difference;
        }
        deviation[k] = sqrt(squares / (double)count);
    }
}

static double *make_values(int64_t count) {
    return memory_array(double, count, "the targets' scale");
}

void target_scale_create(struct TargetScale *scale, enum TargetRule rule,
                         const struct Dataset *dataset, const struct Split *train) {
    int64_t count = targets_values(&dataset->targets);
    size_t bytes = (size_t)count * sizeof(double);
    *scale = (struct TargetScale){
        .count = count, .mean = make_values(count), .deviation = make_values(count)};
    if (count && rule == TARGETS_STANDARDISE) {
        target_statistics(train->targets, train->count, count, scale->mean, scale->deviation);
        if (dataset->target_mean)
            memcpy(scale->mean, dataset->target_mean, bytes);
        if (dataset->target_std)
            memcpy(scale->deviation, dataset->target_std, bytes);
    }
    for (int64_t k = 0; k < count; k++)
        if (scale->deviation[k] <= 0)
            scale->deviation[k] = 1;
}

bool target_scale_is_like(const struct TargetScale *scale, const struct TargetScale *other) {
    bool like = scale->count == other->count;
    for (int64_t k = 0; like && k < scale->count; k++) {
        double unit = ROUNDING * scale->deviation[k];
        like = fabs(other->mean[k] - scale->mean[k]) <= unit + ROUNDING * fabs(scale->mean[k]) &&
               fabs(other->deviation[k] - scale->deviation[k]) <= unit;
    }
    return like;
}

void target_scale_release(struct TargetScale *scale) {
    memory_release(scale->mean);
    memory_release(scale->deviation);
    *scale = (struct TargetScale){0};
}

#define MEAN "/preprocessing/target_mean"
#define DEVIATION "/preprocessing/target_deviation"

static int save(const void *value, struct H5Writer *writer, struct Error *error) {
    const struct TargetScale *scale = value;
    if (!scale->count)
        return OK;
    int code = h5_write(writer, MEAN, H5_FLOAT64, 1, &scale->count, scale->mean, error);
    if (!code)
        code = h5_write(writer, DEVIATION, H5_FLOAT64, 1, &scale->count, scale->deviation, error);
    return code;
}

/* Reads values, which must be finite and above `least`. */
static int load_values(struct H5File *file, const char *name, double least, int64_t count,
                       double *values, struct Error *error) {
    int code = h5_read(file, name, H5_FLOAT64, 1, &count, values, error);
    for (int64_t k = 0; !code && k < count; k++)
        if (!isfinite(values[k]) || values[k] <= least)
            code = fail(error, ERROR_CHECKPOINT, "%s:%s[%" PRId64 "]: is %g", h5_path(file), name,
                        k, values[k]);
    return code;
}

static void release(void *value) {
    target_scale_release(value);
}

static int load(void *value, struct H5File *file, struct Error *error) {
    struct TargetScale *scale = value;
    struct H5Info info;
    if (!h5_exists(file, "/target_names"))
        return OK;
    int code = h5_info(file, "/target_names", &info, error);
    if (code)
        return code;
    int64_t count = memory_product(info.size, info.rank);
    int64_t bytes = memory_product((int64_t[]){count, (int64_t)sizeof(double)}, 2);
    char words[MEMORY_WORDS];
    if (bytes < 0 || !memory_can_hold((uint64_t)bytes))
        return fail(error, ERROR_CHECKPOINT, "%s:/target_names: %s", h5_path(file),
                    memory_too_large(bytes, words));
    scale->count = count;
    scale->mean = make_values(scale->count);
    scale->deviation = make_values(scale->count);
    code = load_values(file, MEAN, -INFINITY, scale->count, scale->mean, error);
    if (!code)
        code = load_values(file, DEVIATION, 0, scale->count, scale->deviation, error);
    if (code)
        release(scale);
    return code;
}

const struct SavedGroup target_scale_saved = {.save = save, .load = load, .release = release};

double target_scale_weights(const struct TargetScale *scale, double *weights) {
    double sum = 0;
    for (int64_t k = 0; k < scale->count; k++)
        sum += scale->deviation[k] * scale->deviation[k];
    for (int64_t k = 0; k < scale->count; k++)
        weights[k] = scale->deviation[k] * scale->deviation[k] / sum;
    return sum / (double)scale->count;
}

void target_scale_apply(const struct TargetScale *scale, int64_t rows, const float *from,
                        float *to) {
    for (int64_t i = 0; i < rows * scale->count; i++) {
        int64_t k = i % scale->count;
        to[i] = (float)(((double)from[i] - scale->mean[k]) / scale->deviation[k]);
    }
}

void target_scale_values(const struct TargetScale *scale, int64_t rows, const double *scores,
                         double *values) {
    for (int64_t i = 0; i < rows * scale->count; i++) {
        int64_t k = i % scale->count;
        values[i] = scores[i] * scale->deviation[k] + scale->mean[k];
    }
}

void target_scale_scores(const struct TargetScale *scale, int64_t rows, const double *values,
                         double *scores) {
    for (int64_t i = 0; i < rows * scale->count; i++) {
        int64_t k = i % scale->count;
        scores[i] = (values[i] - scale->mean[k]) / scale->deviation[k];
    }
}
