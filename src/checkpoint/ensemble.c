#include "checkpoint/ensemble.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/format.h"
#include "checkpoint/member.h"
#include "store/h5.h"

void ensemble_file_release(struct EnsembleFile *ensemble) {
    memory_release_texts(ensemble->members, ensemble->count);
    memory_release(ensemble->averaged);
    memory_release(ensemble->weights);
    memory_release(ensemble->mean);
    memory_release(ensemble->split);
    *ensemble = (struct EnsembleFile){0};
}

/* ---- Writing ---- */

/* Writes a member; its group /model gets the average of weights if the member predicts with
 * that. */
static int write_member(struct H5Writer *writer, const struct EnsembleFile *ensemble, int number,
                        struct Error *error) {
    static const char *const without[] = {"model", "average", "optimizer", NULL};
    struct Checkpoint *checkpoint;
    int code = checkpoint_open(&checkpoint, ensemble->members[number], error);
    if (code)
        return code;
    bool averaged = ensemble->averaged[number];
    char *group = memory_print(ENSEMBLE_MEMBERS "%d", number);
    char *model = memory_print("%s/model", group);
    code = h5_copy_group(writer, group, checkpoint->file, "/", without, error);
    if (!code)
        code = h5_copy_group(writer, model, checkpoint->file, averaged ? "average" : "model", NULL,
                             error);
    if (!code)
        code =
            h5_write_attribute(writer, group, "source", H5_TEXT, ensemble->members[number], error);
    if (!code)
        code = h5_write_attribute(writer, group, "parameters", H5_TEXT,
                                  averaged ? "average" : "model", error);
    memory_release(model);
    memory_release(group);
    checkpoint_close(checkpoint);
    return code;
}

static int write_head(struct H5Writer *writer, const struct EnsembleFile *ensemble,
                      struct Error *error) {
    int64_t version = ENSEMBLE_VERSION, count = ensemble->count;
    int code = h5_write_attribute(writer, "/", "format", H5_TEXT, ENSEMBLE_FORMAT, error);
    if (!code)
        code = h5_write_attribute(writer, "/", "format_version", H5_INT64, &version, error);
    if (!code)
        code = h5_write_attribute(writer, "/", "mean", H5_TEXT, ensemble->mean, error);
    if (!code)
        code = h5_write_attribute(writer, "/", "temperature", H5_FLOAT64, &ensemble->temperature,
                                  error);
    if (!code)
        code = h5_write_attribute(writer, "/", "chosen_on", H5_TEXT, ensemble->split, error);
    return code ? code
                : h5_write(writer, "/weights", H5_FLOAT64, 1, &count, ensemble->weights, error);
}

int ensemble_file_write(const struct EnsembleFile *ensemble, const char *path,
                        struct Error *error) {
    struct H5Writer *writer;
    int code = h5_create_in_memory(&writer, path, error);
    if (code)
        return code;
    code = write_head(writer, ensemble, error);
    for (int i = 0; i < ensemble->count && !code; i++)
        code = write_member(writer, ensemble, i, error);
    if (!code)
        return h5_commit(writer, error);
    h5_abandon(writer);
    return code;
}

/* ---- Reading ---- */

static int check(const struct EnsembleFile *ensemble, const char *path, struct Error *error) {
    double sum = 0;
    bool negative = false;
    for (int i = 0; i < ensemble->count; i++) {
        sum += ensemble->weights[i];
        negative |= !(ensemble->weights[i] >= 0);
    }
    if (negative || !(fabs(sum - 1) < 1e-9))
        return fail(error, ERROR_CHECKPOINT,
                    "%s:/weights: are not weights: expected numbers from 0 that sum to one", path);
    if (!(ensemble->temperature > 0) || !isfinite(ensemble->temperature))
        return fail(error, ERROR_CHECKPOINT, "%s: temperature %g: expected a number above 0", path,
                    ensemble->temperature);
    if (strcmp(ensemble->mean, "arithmetic") && strcmp(ensemble->mean, "geometric"))
        return fail(error, ERROR_CHECKPOINT, "%s: mean %.40s: expected arithmetic or geometric",
                    path, ensemble->mean);
    return OK;
}

static int read_head(struct EnsembleFile *ensemble, struct H5File *file, struct Error *error) {
    struct H5Info info;
    int code = h5_info(file, "/weights", &info, error);
    if (!code && (info.rank != 1 || info.size[0] < 1 || info.size[0] > ENSEMBLE_MOST))
        code = fail(error, ERROR_CHECKPOINT, "%s:/weights: expected one number for each member",
                    h5_path(file));
    if (!code)
        code = h5_read_attribute(file, "/", "mean", H5_TEXT, &ensemble->mean, error);
    if (!code)
        code = h5_read_attribute(file, "/", "chosen_on", H5_TEXT, &ensemble->split, error);
    if (!code)
        code =
            h5_read_attribute(file, "/", "temperature", H5_FLOAT64, &ensemble->temperature, error);
    if (code)
        return code;
    ensemble->count = (int)info.size[0];
    ensemble->weights = memory_array(double, ensemble->count, "weights");
    ensemble->members = memory_array(char *, ensemble->count, "members");
    ensemble->averaged = memory_array(bool, ensemble->count, "members");
    return h5_read(file, "/weights", H5_FLOAT64, 1, info.size, ensemble->weights, error);
}

static int read_member(struct EnsembleFile *ensemble, int number, struct H5File *file,
                       struct Error *error) {
    char *group = memory_print(ENSEMBLE_MEMBERS "%d", number), *parameters = NULL;
    int code = h5_read_attribute(file, group, "source", H5_TEXT, &ensemble->members[number], error);
    if (!code)
        code = h5_read_attribute(file, group, "parameters", H5_TEXT, &parameters, error);
    ensemble->averaged[number] = parameters && !strcmp(parameters, "average");
    memory_release(parameters);
    memory_release(group);
    return code;
}

int ensemble_file_read(struct EnsembleFile *ensemble, const char *path, struct Error *error) {
    struct H5File *file;
    *ensemble = (struct EnsembleFile){0};
    int code = checkpoint__open_ensemble(&file, path, error);
    if (!code)
        code = read_head(ensemble, file, error);
    for (int i = 0; !code && i < ensemble->count; i++)
        code = read_member(ensemble, i, file, error);
    if (!code)
        code = h5_check(file, error);
    if (!code)
        code = check(ensemble, path, error);
    if (code)
        ensemble_file_release(ensemble);
    h5_close(file);
    return code;
}
