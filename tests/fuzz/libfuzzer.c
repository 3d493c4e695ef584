/* libFuzzer's entry for a target: libfuzzer_NAME CORPUS. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "fuzz/mutate.h"
#include "fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
void __sanitizer_set_death_callback(void (*callback)(void));

/* A child that examines one file after the other, because a fork of a process as large as the
 * fuzzer takes longer than reading a file. It is replaced when it dies, and after so many files, in
 * case HDF5 kept memory. */
enum { EXAMINER_FILES = 1000, EXAMINER_SECONDS = 5 };
struct Examiner {
    pid_t pid; /* 0: there is none */
    int requests, answers;
};

static void give_up(const char *what) {
    perror(what);
    exit(1);
}

/* The examiner's life: it receives descriptors of its parent and answers whether HDF5 closed the
 * file that it could open. */
static _Noreturn void examine(int requests, int answers) {
    int fd;
    bool survived = true;
    __sanitizer_set_death_callback(NULL);
    for (int number = 1; number < 32; number++)
        signal(number, SIG_DFL);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    if (!freopen("/dev/null", "w", stderr))
        _exit(1);
    for (int count = 0; count < EXAMINER_FILES && survived; count++) {
        char path[40];
        if (read(requests, &fd, sizeof fd) != sizeof fd)
            break;
        snprintf(path, sizeof path, "/proc/%d/fd/%d", getppid(), fd);
        setitimer(ITIMER_PROF, &(struct itimerval){.it_value.tv_sec = EXAMINER_SECONDS}, NULL);
        survived = fuzz_examine(path);
        if (write(answers, &survived, sizeof survived) != sizeof survived)
            break;
    }
    _exit(0);
}

static void start(struct Examiner *examiner) {
    int requests[2], answers[2];
    if (pipe(requests) || pipe(answers))
        give_up("a pipe");
    examiner->pid = fork();
    if (examiner->pid < 0)
        give_up("a child");
    if (examiner->pid == 0) {
        close(requests[1]);
        close(answers[0]);
        examine(requests[0], answers[1]);
    }
    close(requests[0]);
    close(answers[1]);
    examiner->requests = requests[1];
    examiner->answers = answers[0];
}

static void end(struct Examiner *examiner) {
    close(examiner->requests);
    close(examiner->answers);
    while (waitpid(examiner->pid, NULL, 0) < 0) {
    }
    examiner->pid = 0;
}

/* Whether a child survives reading the file of this descriptor; its limit is that of the program's
 * child. */
static bool is_survived(int fd) {
    static struct Examiner examiner;
    static int count;
    bool survived = false;
    if (!examiner.pid)
        start(&examiner);
    if (write(examiner.requests, &fd, sizeof fd) != sizeof fd)
        give_up("a request");
    if (read(examiner.answers, &survived, sizeof survived) != sizeof survived)
        survived = false;
    if (!survived || ++count % EXAMINER_FILES == 0) {
        end(&examiner);
        count = 0;
    }
    return survived;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct FuzzFile file = fuzz_file(data, size);
    if (!fuzz_target.hdf5 || is_survived(file.fd)) {
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
