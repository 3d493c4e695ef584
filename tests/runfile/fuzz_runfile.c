/* libFuzzer's entry: fuzz_runfile [CORPUS]. Built with clang and -DTRAINER_FUZZ=ON. */
#include <stdio.h>
#include <stdlib.h>

#include "runfile/law.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = memory_copy_span((const char *)data, size);
    bool accepted;
    const char *broken = law_broken_by(text, &accepted);
    if (broken) {
        fprintf(stderr, "%s\n", broken);
        abort();
    }
    memory_release(text);
    return 0;
}
