/* Prints what tables become, for a comparison with another reader. Each line of stdin names a file,
 * its separator, decimal and thousands by their codes, whether it has a head, a target column, and
 * the file to write: a line with the names of the features, divided by bytes 0x1f, and a line of
 * numbers for each row. Missing values have the rule "indicator". */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "sources/source.h"

static int write_features(const struct Source *source, FILE *out, struct Error *error) {
    const struct SourceSplit *split = source_find_split(source, "train");
    char **names = table_encoding_feature_names(&source->encoding);
    float *values = memory_array(float, split->count * source->channels, "samples");
    for (int64_t i = 0; i < source->channels; i++) {
        fprintf(out, "%s%s", i ? "\x1f" : "", names[i]);
        memory_release(names[i]);
    }
    int code = source_read(source, split->items, split->count, values, error);
    for (int64_t i = 0; i < split->count * source->channels; i++)
        fprintf(out, "%s%.9g", i % source->channels ? " " : "\n", (double)values[i]);
    memory_release(values);
    memory_release(names);
    return code;
}

static int convert(const struct SourceOptions *options, const char *path, struct Error *error) {
    struct Source source;
    int code = source_open(&source, options, NULL, error);
    if (code != OK)
        return code;
    FILE *out = fopen(path, "w");
    code = out ? source_settle(&source, error) : fail_errno(error, "%s: cannot be written", path);
    if (code == OK)
        code = write_features(&source, out, error);
    if (out)
        fclose(out);
    source_release(&source);
    return code;
}

int main(void) {
    static const struct TableRule rule = {NULL, MISSING_INDICATOR};
    char file[500], target[100], out[500];
    int separator, decimal, thousands, head;
    while (scanf("%499s %d %d %d %d %99s %499s", file, &separator, &decimal, &thousands, &head,
                 target, out) == 7) {
        const struct TableOptions table = {.separator = separator,
                                           .decimal = (char)decimal,
                                           .thousands = (char)thousands,
                                           .no_head = !head,
                                           .rules = &rule,
                                           .rule_count = 1};
        const char *paths[] = {file}, *targets[] = {target};
        struct SourceOptions options = {.format = "table",
                                        .paths = paths,
                                        .path_count = 1,
                                        .targets = targets,
                                        .target_count = 1,
                                        .table = &table};
        struct Error error = {0};
        if (convert(&options, out, &error) != OK) {
            fprintf(stderr, "%s\n", error.text);
            return error.code;
        }
    }
    return 0;
}
