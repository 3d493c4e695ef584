/* libFuzzer's entry for a target: libfuzzer_NAME CORPUS. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "fuzz/mutate.h"
#include "fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
void __sanitizer_set_death_callback(void (*callback)(void));

/* Whether a child survives reading the file; its limits are those of the program's child. */
static bool is_survived(const char *path) {
    pid_t child = fork();
    if (child == 0) {
        __sanitizer_set_death_callback(NULL);
        for (int number = 1; number < 32; number++)
            signal(number, SIG_DFL);
        setrlimit(RLIMIT_CPU, &(struct rlimit){5, 5});
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        if (!freopen("/dev/null", "w", stderr))
            _exit(1);
        _exit(!fuzz_examine(path));
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
    }
    return status == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct FuzzFile file = fuzz_file(data, size);
    if (!fuzz_target.hdf5 || is_survived(file.path)) {
        XXH128_hash_t answer;
        struct Error error;
        int code;
        const char *words = fuzz_read(file.path, &code, &answer, &error);
        if (words) {
            fprintf(stderr, "%s: %s\n", words, error.text);
            abort();
        }
    }
    close(file.fd);
    return 0;
}

/* Half of the mutants of HDF5 files get right checksums. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed) {
    struct Draws draws = {.stream = random_stream(seed, RANDOM_TEST, 0, 0, 0)};
    if (!fuzz_target.hdf5 || size > 100000 || draw(&draws, 2))
        return LLVMFuzzerMutate(data, size, most);
    struct Structures structures = structures_find(data, size);
    const char *what;
    if (structures.count)
        structures_mutate(&structures, data, size, &draws, &what);
    else
        size = LLVMFuzzerMutate(data, size, most);
    structures_release(&structures);
    return size;
}
