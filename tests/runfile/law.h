/* The law that mutated and fuzzed text is held to: never a crash; a refusal says one line; what is
 * accepted is emitted as text that parses again to the same text. */
#ifndef TRAINER_TESTS_RUNFILE_LAW_H
#define TRAINER_TESTS_RUNFILE_LAW_H

#include <string.h>

#include "base/memory.h"
#include "runfile/table.h"

/* NULL, or how `text` breaks the law; *accepted says whether it parsed. */
static const char *law_broken_by(const char *text, bool *accepted) {
    struct Error error = {0}, error_again = {0};
    struct TestOptions options = {0}, options_again = {0};
    struct RunFile *file = NULL, *file_again = NULL;
    int code = runfile_parse(&file, "fuzz.yaml", text, NULL, 0, test_keys, &options, &error);
    *accepted = code == OK;
    if (code)
        return !*error.text || strchr(error.text, '\n')     ? "the refusal is not one line"
               : strncmp(error.text, "fuzz.yaml:", 10) != 0 ? "the refusal names no file"
                                                            : NULL;
    const char *verdict = NULL;
    char *once = runfile_emit(test_keys, &options), *twice = NULL;
    if (runfile_parse(&file_again, "again", once, NULL, 0, test_keys, &options_again, &error_again))
        verdict = "what was emitted is refused";
    else if (strcmp(once, twice = runfile_emit(test_keys, &options_again)) != 0)
        verdict = "emitted again, the text differs";
    memory_release(once);
    memory_release(twice);
    runfile_release(file);
    runfile_release(file_again);
    return verdict;
}

#endif
