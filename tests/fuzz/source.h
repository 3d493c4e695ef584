/* Reads all of a source (sources/source.h). */
#ifndef TESTS_FUZZ_SOURCE_H
#define TESTS_FUZZ_SOURCE_H

#include "base/memory.h"
#include "fuzz/target.h"
#include "sources/source.h"

static inline int read_samples(const struct Source *source, const struct SourceSplit *split,
                               XXH3_state_t *answer, struct Error *error) {
    size_t bytes = (size_t)source_sample_bytes(source);
    void *sample = memory_allocate(bytes, "a sample");
    int code = OK;
    for (int64_t i = 0; i < split->count && !code; i++) {
        code = source_read(source, &split->items[i], 1, sample, error);
        answer_bytes(answer, sample, bytes);
    }
    memory_release(sample);
    return code;
}

static inline int read_source(const struct SourceOptions *options, XXH3_state_t *answer,
                              struct Error *error) {
    struct Source source;
    int code = source_open(&source, options, NULL, error);
    if (code)
        return code;
    code = source_settle(&source, error);
    answer_number(answer, source.height);
    answer_number(answer, source.width);
    answer_number(answer, source.channels);
    for (int64_t i = 0; i < source.targets.count; i++)
        answer_text(answer, source.targets.names[i]);
    for (int i = 0; i < source.split_count && !code; i++) {
        const struct SourceSplit *split = &source.splits[i];
        size_t count = (size_t)split->count;
        if (split->labels)
            answer_bytes(answer, split->labels, count * sizeof *split->labels);
        if (split->targets)
            answer_bytes(answer, split->targets,
                         count * (size_t)source.targets.count * sizeof *split->targets);
        code = read_samples(&source, split, answer, error);
    }
    source_release(&source);
    return code;
}

#endif
