#include "cli/operands.h"

#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/text.h"
#include "checkpoint/ensemble.h"
#include "cli/operands_expand.h"
#include "cli/run_folder.h"
#include "store/h5.h"

/* A damaged HDF5 file counts as a checkpoint, and is refused later as one. */
static bool is_checkpoint(const char *path) {
    struct stat status;
    struct H5File *file;
    struct Error ignored;
    if (stat(path, &status))
        return text_ends_with(path, ".h5");
    if (S_ISDIR(status.st_mode))
        return run_folder_is_one(path);
    if (!S_ISREG(status.st_mode) || !h5_has_signature(path))
        return false;
    if (h5_open(&file, path, ERROR_CHECKPOINT, &ignored))
        return true;
    bool found = h5_exists(file, "/model");
    h5_close(file);
    return found || ensemble_file_is_one(path);
}

/* ---- On rank 0 ---- */

/* What rank 0 found; `count` operands are checkpoints. */
struct Found {
    struct Paths paths;
    int64_t count;
    struct EnsembleFile ensemble; /* the ensemble that is the first operand; or zeros */
};

static int resolve(struct Found *found, const struct Arguments *arguments, bool sources,
                   struct Error *error) {
    const char *const *given = arguments->operands;
    found->count = 1;
    while (found->count < arguments->operand_count &&
           (!sources || is_checkpoint(given[found->count])))
        found->count++;
    int code = OK;
    for (int64_t i = 0; i < found->count && !code; i++) {
        if (ensemble_file_is_one(given[i]) && found->count > 1)
            code = fail(error, ERROR_USAGE,
                        "%s: is an ensemble, which is evaluated alone; trainer ensemble makes a "
                        "new one of the members of several",
                        given[i]);
        else if (ensemble_file_is_one(given[i]))
            code = ensemble_file_read(&found->ensemble, given[i], error);
        if (!code)
            code = paths_add_operand(&found->paths, given[i], false, error);
    }
    return code;
}

static int resolve_all(struct Found *found, const struct Arguments *arguments, int64_t top,
                       struct Error *error) {
    int code = OK;
    found->count = arguments->operand_count;
    for (int i = 0; i < arguments->operand_count && !code; i++)
        code = paths_add_operand(&found->paths, arguments->operands[i], true, error);
    return code || !top ? code : paths_keep_best(&found->paths, top, error);
}

/* ---- On every rank ---- */

static void share_texts(char ***texts, int count, struct Ranks *ranks) {
    bool first = ranks_rank(ranks) == 0;
    if (!first)
        *texts = memory_array(char *, count, "paths");
    for (int i = 0; i < count; i++) {
        int64_t length = first ? (int64_t)strlen((*texts)[i]) + 1 : 0;
        ranks_broadcast(ranks, &length, (int64_t)sizeof length);
        if (!first)
            (*texts)[i] = memory_array(char, length, "a path");
        ranks_broadcast(ranks, (*texts)[i], length);
    }
}

/* Gives every rank what rank 0 found; `operands` takes ownership of it. */
static void share(struct Operands *operands, struct Found *found, struct Ranks *ranks) {
    const struct EnsembleFile *ensemble = &found->ensemble;
    int64_t sizes[] = {found->count, found->paths.count, ensemble->count,
                       ensemble->mean && !strcmp(ensemble->mean, "geometric")};
    double temperature = ensemble->temperature;
    ranks_broadcast(ranks, sizes, (int64_t)sizeof sizes);
    ranks_broadcast(ranks, &temperature, (int64_t)sizeof temperature);
    found->count = sizes[0];
    operands->checkpoint_count = (int)sizes[1];
    operands->checkpoints = found->paths.items;
    found->paths = (struct Paths){0};
    share_texts(&operands->checkpoints, operands->checkpoint_count, ranks);
    if (!sizes[2])
        return;
    operands->weights = memory_array(double, sizes[2], "weights");
    operands->temperature = temperature;
    operands->geometric = sizes[3];
    if (ranks_rank(ranks) == 0)
        memcpy(operands->weights, ensemble->weights, (size_t)sizes[2] * sizeof(double));
    ranks_broadcast(ranks, operands->weights, sizes[2] * (int64_t)sizeof(double));
}

static int finish(struct Operands *operands, struct Found *found, const struct Arguments *arguments,
                  struct Ranks *ranks, int code, struct Error *error) {
    code = ranks_agree(ranks, code, error);
    if (!code) {
        share(operands, found, ranks);
        operands->source_count = arguments->operand_count - (int)found->count;
        operands->sources = memory_array(char *, operands->source_count, "paths");
        for (int i = 0; i < operands->source_count; i++)
            operands->sources[i] = memory_copy_text(arguments->operands[found->count + i]);
    }
    ensemble_file_release(&found->ensemble);
    paths_release(&found->paths);
    return code;
}

int operands_read(struct Operands *operands, const struct Arguments *arguments, bool sources,
                  struct Ranks *ranks, struct Error *error) {
    struct Found found = {0};
    *operands = (struct Operands){0};
    int code = ranks_rank(ranks) == 0 ? resolve(&found, arguments, sources, error) : OK;
    return finish(operands, &found, arguments, ranks, code, error);
}

int operands_read_all(struct Operands *operands, const struct Arguments *arguments, int64_t top,
                      struct Ranks *ranks, struct Error *error) {
    struct Found found = {0};
    *operands = (struct Operands){0};
    int code = ranks_rank(ranks) == 0 ? resolve_all(&found, arguments, top, error) : OK;
    return finish(operands, &found, arguments, ranks, code, error);
}

void operands_release(struct Operands *operands) {
    memory_release_texts(operands->checkpoints, operands->checkpoint_count);
    memory_release_texts(operands->sources, operands->source_count);
    memory_release(operands->weights);
    *operands = (struct Operands){0};
}
