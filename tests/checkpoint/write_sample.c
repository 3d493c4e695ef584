/* write_sample FILE: the sample checkpoint of step 0, for test_python.py. */
#include <stdio.h>

#include "checkpoint/sample.h"

int main(int count, char **words) {
    struct Error error = {0};
    struct Arena arena = sample_arena();
    struct Checkpoint *checkpoint = sample_checkpoint(&arena, 0);
    int code = count == 2 ? checkpoint_write(checkpoint, words[1], &error) : ERROR_USAGE;
    if (code)
        fprintf(stderr, "write_sample: %s\n", error.text);
    checkpoint_release(checkpoint);
    arena_release(&arena);
    return code;
}
