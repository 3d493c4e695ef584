/* write_sample FILE: the sample checkpoint of step 0, for test_python.py. */
#include <stdio.h>

#include "checkpoint/sample.h"

int main(int count, char **words) {
    struct Error error = {0};
    struct Sample sample = sample_make(0);
    int code = count == 2 ? sample_write(&sample, words[1], &error) : ERROR_USAGE;
    if (code)
        fprintf(stderr, "write_sample: %s\n", error.text);
    sample_release(&sample);
    return code;
}
