#include "cli/output.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "base/read_file.h"
#include "base/text.h"
#include "checkpoint/ensemble.h"
#include "store/h5.h"

/* What a file is, for the message, and the kind of output that it may be an older version of. */
struct Found {
    const char *words;
    int kind; /* enum OutputKind; −1: none */
};

static const char *const kind_words[] = {[OUTPUT_DATASET] = "an older data set",
                                         [OUTPUT_PREDICTIONS] = "older predictions in HDF5",
                                         [OUTPUT_CSV] = "an older table of predictions",
                                         [OUTPUT_JSON_LINES] = "older predictions as JSON lines",
                                         [OUTPUT_PNG] = "an older PNG picture",
                                         [OUTPUT_ENSEMBLE] = "an older ensemble",
                                         [OUTPUT_SVG] = "an older SVG picture",
                                         [OUTPUT_TRACE] = "an older trace"};

static const struct {
    const char *start;
    size_t at, length;
    struct Found found;
} signatures[] = {
    {"\x89PNG\r\n\x1a\n", 0, 8, {"a PNG picture", OUTPUT_PNG}},
    {"<?xml version=\"1.0\"", 0, 19, {"an SVG picture", OUTPUT_SVG}},
    {"\xff\xd8\xff", 0, 3, {"a JPEG picture", -1}},
    {"GIF8", 0, 4, {"a GIF picture", -1}},
    {"II*\0", 0, 4, {"a TIFF picture", -1}},
    {"MM\0*", 0, 4, {"a TIFF picture", -1}},
    {"WEBP", 8, 4, {"a WebP picture", -1}},
    {"sample,source", 0, 13, {"a table of predictions", OUTPUT_CSV}},
    {"sample,truth,prediction", 0, 23, {"a table of predictions", OUTPUT_CSV}},
    {"sample,true ", 0, 12, {"a table of predictions", OUTPUT_CSV}},
    {"{\"sample\":", 0, 10, {"predictions as JSON lines", OUTPUT_JSON_LINES}},
    {"{\"displayTimeUnit\"", 0, 18, {"a trace", OUTPUT_TRACE}},
};

/* A damaged file counts as one of another kind; a file that the system cannot read is a failure. */
static int look_inside(const char *path, struct Found *found, struct Error *error) {
    struct H5File *file;
    *found = (struct Found){"an HDF5 file that cannot be read", -1};
    if (h5_open(&file, path, ERROR_DATA, error))
        return error->code == ERROR_SYSTEM ? ERROR_SYSTEM : OK;
    *found = (struct Found){"an HDF5 file of another program", -1};
    if (h5_exists(file, "/model"))
        *found = (struct Found){"a checkpoint", -1};
    else if (ensemble_file_is_one(path))
        *found = (struct Found){"an ensemble", OUTPUT_ENSEMBLE};
    else if (h5_exists(file, "/predictions"))
        *found = (struct Found){"predictions", OUTPUT_PREDICTIONS};
    else if (h5_has_attribute(file, "/", "format_version"))
        *found = (struct Found){"a data set", OUTPUT_DATASET};
    h5_close(file);
    return OK;
}

static int recognise(const char *path, struct Found *found, struct Error *error) {
    char head[32] = "";
    int64_t length = -1;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file >= 0)
        length = read_file_part(file, head, sizeof head, 0);
    int code = length < 0 ? fail_errno(error,
                                       "%s: is there, and cannot be read, so that it is not "
                                       "replaced",
                                       path)
                          : OK;
    if (file >= 0)
        close(file);
    if (code)
        return code;
    if (h5_has_signature(path))
        return look_inside(path, found, error);
    *found = (struct Found){"a file of another kind", -1};
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++)
        if ((size_t)length >= signatures[i].at + signatures[i].length &&
            !memcmp(head + signatures[i].at, signatures[i].start, signatures[i].length))
            *found = signatures[i].found;
    return OK;
}

static int check_kind(const char *flag, const char *out, enum OutputKind kind,
                      const struct stat *status, struct Error *error) {
    if (S_ISDIR(status->st_mode))
        return fail(error, ERROR_USAGE, "%s %s: is a folder; expected the name of a file", flag,
                    out);
    if (!S_ISREG(status->st_mode))
        return fail(error, ERROR_USAGE, "%s %s: is a device or a pipe; expected a file", flag, out);
    struct Found found;
    if (status->st_size == 0)
        return OK;
    int code = recognise(out, &found, error);
    if (code)
        return code;
    if (found.kind == (int)kind)
        return OK;
    return fail(error, ERROR_USAGE,
                "%s %s: would overwrite %s; expected a new name, or %s to replace", flag, out,
                found.words, kind_words[kind]);
}

int output_check(const char *flag, const char *out, enum OutputKind kind, const char *const *inputs,
                 int count, struct Error *error) {
    struct stat output;
    if (stat(out, &output))
        return OK;
    for (int i = 0; i < count; i++)
        if (inputs[i] && path_is_same_file(out, inputs[i]))
            return fail(error, ERROR_USAGE, "%s %s: would overwrite the input %s", flag, out,
                        inputs[i]);
    return check_kind(flag, out, kind, &output, error);
}

int output_prepare(const char *flag, const char *out, enum OutputKind kind,
                   const char *const *inputs, int count, struct Error *error) {
    int code = output_check(flag, out, kind, inputs, count, error);
    char *folder = path_folder(out);
    if (!code && !path_is_folder(folder))
        code = path_make_folders(folder, NULL, error);
    memory_release(folder);
    return code;
}

int output_prepare_picture(const char *flag, const char *out, const char *const *inputs, int count,
                           struct Error *error) {
    bool svg = text_ends_with(out, ".svg");
    if (!svg && !text_ends_with(out, ".png"))
        return fail(error, ERROR_USAGE, "%s %s: expected a name that ends with .png or .svg", flag,
                    out);
    return output_prepare(flag, out, svg ? OUTPUT_SVG : OUTPUT_PNG, inputs, count, error);
}
