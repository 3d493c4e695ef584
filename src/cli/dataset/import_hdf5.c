#include "cli/dataset/import_hdf5.h"

#include <glob.h>
#include <string.h>

#include "base/memory.h"
#include "cli/output.h"
#include "data/dataset/conventions.h"
#include "data/import_arrays.h"
#include "run/options.h"

/* The table of a run file of which only the section `data` is read. */
static const struct Key data_alone[] = {
    {.name = "data", .type = KEY_SECTION, .offset = 0, .keys = data_keys}, KEY_END};

static bool is_run_file(const char *path) {
    return text_ends_with(path, ".yaml") || text_ends_with(path, ".yml");
}

/* `file` may be a pattern of names. */
static int check_input(const char *file, const char *out, struct Error *error) {
    glob_t found = {0};
    int code = OK;
    if (glob(file, 0, NULL, &found) == 0)
        code = output_prepare("--out", out, OUTPUT_DATASET, (const char *const *)found.gl_pathv,
                              (int)found.gl_pathc, error);
    globfree(&found);
    return code ? code : output_prepare("--out", out, OUTPUT_DATASET, &file, 1, error);
}

/* Refuses an output that is one of the files with the arrays. */
static int check_inputs(const struct DataOptions *options, const char *out, struct Error *error) {
    int code = options->file ? check_input(options->file, out, error) : OK;
    for (int i = 0; i < options->splits.count && code == OK; i++) {
        const struct SplitOptions *split = options->splits.items[i].options;
        const struct Strings *lists[] = {&split->images,  &split->labels,  &split->targets,
                                         &split->weights, &split->indices, &options->classes};
        for (size_t list = 0; list < sizeof lists / sizeof *lists; list++)
            for (int k = 0; k < lists[list]->count && code == OK; k++) {
                struct ArrayName name;
                struct Error ignored;
                if (array_name_parse(&name, lists[list]->values[k], options->file, &ignored))
                    continue;
                code = check_input(name.file, out, error);
                array_name_release(&name);
            }
    }
    return code;
}

static int import_now(const struct RunFile *file, const struct DataOptions *options,
                      const char *source, const char *out, const struct Ticker *ticker,
                      struct Error *error) {
    char *origin = memory_print("trainer dataset import --format hdf5 %s", source);
    int code = check_inputs(options, out, error);
    if (code == OK)
        code = import_arrays(options, origin, out, ticker, error);
    memory_release(origin);
    return code ? runfile_locate(file, error) : OK;
}

static int import_by_run_file(const char *path, const char *out, const struct Ticker *ticker,
                              struct Error *error) {
    struct RunFile *file;
    struct DataOptions alone = {0};
    struct RunOptions options = {0};
    struct Error ignored = {0};
    const struct DataOptions *data = &alone;
    int code = OK;
    if (runfile_parse(&file, path, NULL, NULL, 0, data_alone, &alone, &ignored)) {
        code = run_parse(&file, path, NULL, NULL, 0, &options, error);
        data = &options.data;
    }
    if (code)
        return code;
    code = import_now(file, data, path, out, ticker, error);
    runfile_release(file);
    return code;
}

/* Imports by the lines of a run file that `dataset info` proposes. */
static int import_by_convention(const char *path, const char *out, const struct Ticker *ticker,
                                struct Error *error) {
    struct H5File *file;
    struct Contents contents;
    struct Proposal proposal;
    struct DataOptions options = {0};
    struct RunFile *lines = NULL;
    int code = h5_open(&file, path, ERROR_DATA, error);
    if (code != OK)
        return code;
    contents_read(file, &contents);
    proposal_make(&proposal, file, path, false, &contents);
    contents_release(&contents);
    code = h5_check(file, error);
    h5_close(file);
    if (code == OK && (!proposal.lines || proposal.missing)) {
        fail(error, ERROR_DATA, "%s: %s", path,
             proposal.missing ? proposal.missing
                              : "no convention is recognised; name a run file "
                                "whose section data names the arrays");
        code = error_advise(error, ADVICE_CONTENTS, path, NULL, 0);
    }
    if (code == OK)
        code = runfile_parse(&lines, NULL, proposal.lines, NULL, 0, data_alone, &options, error);
    if (code == OK)
        code = import_now(lines, &options, path, out, ticker, error);
    if (code == ERROR_RUN_FILE) { /* the lines were made from the file, so the file is to blame */
        error_context(error, "%s", path);
        code = error->code = ERROR_DATA;
    }
    runfile_release(lines);
    proposal_release(&proposal);
    return code;
}

int import_hdf5(const char *source, const char *out, const struct Ticker *ticker,
                struct Error *error) {
    return is_run_file(source) ? import_by_run_file(source, out, ticker, error)
                               : import_by_convention(source, out, ticker, error);
}
