/* The binary files of CIFAR-10 and of CIFAR-100. */
#include <stdio.h>

#include "fuzz/source.h"

static int read_cifar(const char *path, XXH3_state_t *answer, struct Error *error) {
    static char text[100][4];
    const char *names[100];
    for (int i = 0; i < 100; i++) {
        snprintf(text[i], sizeof text[i], "%d", i);
        names[i] = text[i];
    }
    struct SourceOptions options = {.format = "cifar10", .paths = &path, .path_count = 1};
    struct Error hundred_error = {0};
    int ten = read_source(&options, answer, error);
    options.format = "cifar100";
    options.classes = names;
    options.class_count = 100;
    int hundred = read_source(&options, answer, &hundred_error);
    return ten && hundred ? ten : OK;
}

const struct FuzzTarget fuzz_target = {.read = read_cifar};
