/* A source opened from the test's own folder, and what it answers. */
#ifndef TESTS_SOURCES_OPENED_H
#define TESTS_SOURCES_OPENED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"
#include "sources/source.h"
#include "store/scratch.h"

#include <cmocka.h>

/* Options that name one path. */
static inline struct SourceOptions options_of(const char *format, const char *path) {
    static char copy[400];
    static const char *const paths[] = {copy};
    snprintf(copy, sizeof copy, "%s", path);
    return (struct SourceOptions){
        .format = format, .paths = paths, .path_count = 1, .pictures = {.channels = 3}};
}

static inline struct Source open_source(const struct SourceOptions *options) {
    struct Source source;
    struct Error error = {0};
    if (source_open(&source, options, NULL, &error) != OK)
        fail_msg("%s", error.text);
    return source;
}

static inline const struct SourceSplit *split_of(const struct Source *source, const char *name) {
    const struct SourceSplit *split = source_find_split(source, name);
    assert_non_null(split);
    return split;
}

/* Sample `index` of a split; the caller releases it. */
static inline uint8_t *read_sample(const struct Source *source, const struct SourceSplit *split,
                                   int64_t index) {
    struct Error error = {0};
    uint8_t *sample = memory_array(uint8_t, source_sample_bytes(source), "a sample");
    if (source_read(source, &split->items[index], 1, sample, &error) != OK)
        fail_msg("%s", error.text);
    return sample;
}

/* Opening must fail with `code` and one line that holds both words. */
static inline void expect_refusal(const struct SourceOptions *options, int code, const char *word,
                                  const char *other) {
    struct Source source;
    struct Error error = {0};
    assert_int_equal(source_open(&source, options, NULL, &error), code);
    assert_int_equal(error.code, code);
    assert_null(strchr(error.text, '\n'));
    if (!strstr(error.text, word) || !strstr(error.text, other))
        fail_msg("\"%s\" does not say \"%s\" and \"%s\"", error.text, word, other);
}

#endif
