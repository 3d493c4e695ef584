#include "cli/operands.h"

#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/run_folder.h"
#include "store/h5.h"

/* A file that only pretends to be HDF5 counts as a checkpoint, which is then refused as one. */
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
    return found;
}

/* On rank 0: the number of checkpoints, and their paths, one after the other with their zero bytes.
 */
static int resolve(const struct Arguments *arguments, bool sources, int64_t *count, char **paths,
                   int64_t *bytes, struct Error *error) {
    *count = 1;
    while (*count < arguments->operand_count &&
           (!sources || is_checkpoint(arguments->operands[*count])))
        ++*count;
    for (int64_t i = 0; i < *count; i++) {
        char *path = run_folder_checkpoint(arguments->operands[i], error);
        if (!path)
            return error->code;
        int64_t length = (int64_t)strlen(path) + 1;
        *paths = memory_resize(*paths, (size_t)*bytes, (size_t)(*bytes + length), "paths");
        memcpy(*paths + *bytes, path, (size_t)length);
        *bytes += length;
        memory_release(path);
    }
    return OK;
}

int operands_read(struct Operands *operands, const struct Arguments *arguments, bool sources,
                  struct Ranks *ranks, struct Error *error) {
    int64_t sizes[2] = {0, 0};
    char *paths = NULL;
    int code = OK;
    *operands = (struct Operands){0};
    if (ranks_rank(ranks) == 0)
        code = resolve(arguments, sources, &sizes[0], &paths, &sizes[1], error);
    code = ranks_agree(ranks, code, error);
    if (!code) {
        ranks_broadcast(ranks, sizes, (int64_t)sizeof sizes);
        if (ranks_rank(ranks) != 0)
            paths = memory_array(char, sizes[1], "paths");
        ranks_broadcast(ranks, paths, sizes[1]);
        operands->checkpoint_count = (int)sizes[0];
        operands->source_count = arguments->operand_count - (int)sizes[0];
        operands->checkpoints = memory_array(char *, sizes[0], "paths");
        operands->sources = memory_array(char *, operands->source_count, "paths");
        const char *at = paths;
        for (int i = 0; i < operands->checkpoint_count; i++, at += strlen(at) + 1)
            operands->checkpoints[i] = memory_copy_text(at);
        for (int i = 0; i < operands->source_count; i++)
            operands->sources[i] =
                memory_copy_text(arguments->operands[operands->checkpoint_count + i]);
    }
    memory_release(paths);
    return code;
}

void operands_release(struct Operands *operands) {
    memory_release_texts(operands->checkpoints, operands->checkpoint_count);
    memory_release_texts(operands->sources, operands->source_count);
    *operands = (struct Operands){0};
}
