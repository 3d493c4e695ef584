/* fuzz_NAME [--count N] [--seed S] [--first I] [--structures | --flips | --types] [--seal]
 *           [--may-differ] [--keep DIR] [--make DIR] FILE...
 *
 * Damages the files N times in all, and has the target read each mutant in a process that may die.
 * A mutant breaks the law if reading it crashes, does not end, or takes all memory; if it is
 * refused without one line that says something; or if it gives another answer than the file it was
 * made of.
 *   --structures  changes structures of HDF5 and repairs their checksums
 *   --flips       flips one bit of a structure and repairs the checksums: every bit of every file
 *                 has its turn, in an order that begins with bits from everywhere
 *   --types       the same with the bits of messages that hold types
 *   --seal        then repairs the seal or the guard of this program, too
 *   --may-differ  another answer is allowed: nothing in the file could tell
 *   --keep        keeps mutants that broke the law
 *   --make        reads no mutant, but writes all of them into a folder
 * Files of HDF5 are read by a child before the program opens them. What dies there is refused.
 * With --flips or --types, and --count 0, prints how many mutants there are.
 * Prints a line for each mutant that broke the law, and one that sums up. Exit code 1 if any did.
 */
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz/mutate.h"
#include "fuzz/target.h"
#include "store/guard.h"
#include "store/seal.h"

#define BATCH 400 /* mutants of one process: HDF5 may leak or break in it */
/* Milliseconds of processor time to read a small file: far more than any good one takes. */
#ifdef __SANITIZE_ADDRESS__
#define EXAMINES 1500
#else
#define EXAMINES 250
#endif
#define READS 10000
#define MEMORY ((rlim_t)3 << 30)
#define MOST_FILES 64

enum Phase { EXAMINED, READ };
/* NOT_REPEATED: read after hundreds of other mutants in one process it died, alone it did not. */
enum Verdict { REFUSED, SAME, OTHER, DIED_IN_CHILD, NOT_REPEATED, BROKEN, VERDICTS };
static const char *const verdict_names[] = {
    "refused", "same answer", "other answer", "died in the child", "died only after others",
    "broken"};

struct Original {
    const char *path;
    unsigned char *bytes;
    size_t length, data; /* data: without the seal or the guard */
    bool sealed, guarded;
    struct FileDriverRange *ranges; /* which the guard leaves out */
    int64_t range_count;
    struct Structures structures;
};

/* What the process that reads shares with the one that watches it. */
struct Shared {
    int64_t mutant;
    enum Phase phase;
    int64_t counts[VERDICTS];
    int codes[MOST_FILES];
    XXH128_hash_t answers[MOST_FILES];
    char words[600], what[80];
};

struct Options {
    int64_t count, first;
    uint64_t seed;
    bool structures, flips, types, seals, may_differ;
    const char *keep, *make;
};

static struct Shared *shared;
static struct Original originals[MOST_FILES];
static int original_count;
static struct Options options = {.count = 1000, .seed = 1};

/* Mutants of one original: with --flips as many as the longest original has flips; shorter ones
 * repeat some. */
static int64_t flips_of_each(void) {
    size_t most = 0;
    for (int i = 0; i < original_count; i++)
        if (originals[i].structures.place_count > most)
            most = originals[i].structures.place_count;
    return (int64_t)(8 * most);
}

static void load(const char *path) {
    struct Original *original = &originals[original_count++];
    original->path = path;
    original->bytes = fuzz_load(path, &original->length);
    if (!original->bytes || original->length == 0) {
        fprintf(stderr, "%s: cannot be read\n", path);
        exit(2);
    }
    original->data = original->length;
    if (options.structures) {
        uint64_t length;
        struct FuzzFile file = fuzz_file(original->bytes, original->length);
        original->sealed = seal__check(original->bytes, original->length, 0, &length) == SEAL_GOOD;
        if (!original->sealed)
            original->guarded =
                guard__check(file.fd, original->length, 0, &length, &original->ranges,
                             &original->range_count) == GUARD_GOOD;
        if (original->sealed || original->guarded)
            original->data = (size_t)length;
        close(file.fd);
        original->structures = structures_find(original->bytes, original->data);
        if (options.flips)
            structures_choose(&original->structures, original->data, options.types);
        if (original->structures.count == 0 ||
            (options.flips && !original->structures.place_count)) {
            fprintf(stderr, "%s: no structure was found\n", path);
            exit(2);
        }
    }
}

static struct Draws draws_of(int64_t mutant) {
    return (struct Draws){.stream =
                              random_stream(options.seed, RANDOM_TEST, 0, 0, (uint64_t)mutant)};
}

#define STRIDE 15485863 /* a prime, so that its multiples meet every bit */

static void change_structures(const struct Original *original, int64_t mutant, unsigned char *bytes,
                              const char **what) {
    struct Draws draws = draws_of(mutant);
    uint64_t bits = 8 * original->structures.place_count,
             turn = (uint64_t)mutant / (uint64_t)original_count;
    if (options.flips)
        structures_flip(&original->structures, bytes, original->data, turn * STRIDE % bits, what);
    else
        structures_mutate(&original->structures, bytes, original->data, &draws, what);
}

/* The file of a mutant. */
static struct FuzzFile make_mutant(int64_t mutant, const struct Original *original) {
    unsigned char *bytes = malloc(original->length + SEAL_BYTES);
    size_t length = original->length;
    struct Draws draws = draws_of(mutant);
    const char *what;
    memcpy(bytes, original->bytes, length);
    if (options.structures) {
        change_structures(original, mutant, bytes, &what);
        if (options.seals && original->sealed)
            seal__write(bytes + original->data, original->data,
                        XXH3_128bits(bytes, original->data));
    } else {
        length = mutate_plain(bytes, length, &draws, &what);
    }
    snprintf(shared->what, sizeof shared->what, "%s", what);
    bool guards = options.structures && options.seals && original->guarded;
    struct FuzzFile file = fuzz_file(bytes, guards ? original->data : length);
    if (guards && guard__write(file.fd, original->data, original->ranges, original->range_count)) {
        perror("guard");
        exit(2);
    }
    free(bytes);
    return file;
}

static void set_timer(int milliseconds) {
    const struct timeval rest = {milliseconds / 1000, milliseconds % 1000 * 1000};
    setitimer(ITIMER_PROF, &(struct itimerval){.it_value = rest}, NULL);
}

static void keep(const char *path, const char *folder) {
    char name[4096];
    size_t length;
    unsigned char *bytes = folder ? fuzz_load(path, &length) : NULL;
    if (!bytes)
        return;
    snprintf(name, sizeof name, "%s/mutant-%ld-%s", folder, (long)shared->mutant,
             strrchr(originals[shared->mutant % original_count].path, '/') + 1);
    FILE *file = fopen(name, "wb");
    if (file && fwrite(bytes, 1, length, file) == length)
        fclose(file);
    free(bytes);
}

static void report(const char *words) {
    printf("BROKEN mutant %ld of %s (%s): %s\n", (long)shared->mutant,
           originals[shared->mutant % original_count].path, shared->what, words);
    fflush(stdout);
    shared->counts[BROKEN]++;
}

static void read_one(const struct FuzzFile *file, int index) {
    XXH128_hash_t answer;
    struct Error error;
    int code;
    shared->phase = READ;
    set_timer(READS);
    const char *words = fuzz_read(file->path, &code, &answer, &error);
    set_timer(0);
    enum Verdict verdict = code                                                  ? REFUSED
                           : XXH128_isEqual(answer, shared->answers[index]) != 0 ? SAME
                                                                                 : OTHER;
    if (!words && verdict == OTHER && !options.may_differ)
        words = "another answer, and no refusal";
    if (words) {
        snprintf(shared->words, sizeof shared->words, "%s: %.500s", words, error.text);
        report(shared->words);
        keep(file->path, options.keep);
    } else {
        shared->counts[verdict]++;
    }
}

/* ---- The process that reads ---- */

static void set_limits(void) {
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
#ifndef __SANITIZE_ADDRESS__
    setrlimit(RLIMIT_AS, &(struct rlimit){MEMORY, MEMORY});
    if (!freopen("/dev/null", "w", stderr))
        exit(2);
#endif
}

static _Noreturn void read_originals(void) {
    set_limits();
    for (int i = 0; i < original_count; i++) {
        struct FuzzFile file = fuzz_file(originals[i].bytes, originals[i].length);
        struct Error error;
        const char *words = fuzz_read(file.path, &shared->codes[i], &shared->answers[i], &error);
        if (words || shared->codes[i]) {
            printf("%s: is refused, and should not be: %s %s\n", originals[i].path,
                   words ? words : "", error.text);
            exit(2);
        }
        close(file.fd);
    }
    exit(0);
}

static _Noreturn void read_batch(int64_t end) {
    set_limits();
    for (; shared->mutant < end; shared->mutant++) {
        int index = (int)(shared->mutant % original_count);
        struct FuzzFile file = make_mutant(shared->mutant, &originals[index]);
        if (fuzz_target.hdf5) {
            shared->phase = EXAMINED;
            mallopt(M_PERTURB, 165);
            set_timer(EXAMINES);
            if (!fuzz_examine(file.path))
                _exit(1);
            mallopt(M_PERTURB, 0);
        }
        read_one(&file, index);
        close(file.fd);
    }
    fflush(stdout);
    _exit(0);
}

/* ---- The one that watches ---- */

static int status_of(pid_t child) {
    int status;
    while (waitpid(child, &status, 0) < 0) {
    }
    return status;
}

/* The process died in the middle of a mutant. */
static void judge_death(int status) {
    if (shared->phase == EXAMINED) {
        shared->counts[DIED_IN_CHILD]++;
    } else {
        char words[100];
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPROF)
            snprintf(words, sizeof words, "does not end");
        else if (WIFSIGNALED(status))
            snprintf(words, sizeof words, "crashes: %s", strsignal(WTERMSIG(status)));
        else if (WEXITSTATUS(status) == ERROR_SYSTEM)
            snprintf(words, sizeof words, "takes all memory");
        else
            snprintf(words, sizeof words, "ends the program with code %d", WEXITSTATUS(status));
        report(words);
        struct FuzzFile file =
            make_mutant(shared->mutant, &originals[shared->mutant % original_count]);
        keep(file.path, options.keep);
        close(file.fd);
    }
    shared->mutant++;
}

static bool dies(int64_t end, int *status) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        read_batch(end);
    *status = status_of(child);
    return !WIFEXITED(*status) || WEXITSTATUS(*status) || shared->mutant < end;
}

static void run_batch(int64_t end) {
    int status;
    while (shared->mutant < end) {
        if (!dies(end, &status))
            continue;
        if (shared->phase == EXAMINED || dies(shared->mutant + 1, &status))
            judge_death(status);
        else
            shared->counts[NOT_REPEATED]++;
    }
}

static void parse(int count, char **words) {
    static const struct option names[] = {{"count", 1, NULL, 'n'},
                                          {"seed", 1, NULL, 's'},
                                          {"first", 1, NULL, 'f'},
                                          {"structures", 0, NULL, 't'},
                                          {"seal", 0, NULL, 'e'},
                                          {"may-differ", 0, NULL, 'd'},
                                          {"keep", 1, NULL, 'k'},
                                          {"flips", 0, NULL, 'b'},
                                          {"types", 0, NULL, 'y'},
                                          {"make", 1, NULL, 'm'},
                                          {0}};
    for (int letter; (letter = getopt_long(count, words, "", names, NULL)) != -1;)
        switch (letter) {
        case 'n':
            options.count = atoll(optarg);
            break;
        case 's':
            options.seed = strtoull(optarg, NULL, 10);
            break;
        case 'f':
            options.first = atoll(optarg);
            break;
        case 't':
            options.structures = true;
            break;
        case 'e':
            options.seals = true;
            break;
        case 'd':
            options.may_differ = true;
            break;
        case 'k':
            options.keep = optarg;
            break;
        case 'y':
            options.types = true; /* fall through */
        case 'b':
            options.structures = options.flips = true;
            break;
        case 'm':
            options.make = optarg;
            break;
        default:
            exit(2);
        }
    if (optind == count || count - optind > MOST_FILES) {
        fprintf(stderr,
                "usage: %s [--count N] [--seed S] [--first I] [--structures | --flips | --types] "
                "[--seal] [--may-differ] [--keep DIR] [--make DIR] FILE...\n",
                words[0]);
        exit(2);
    }
}

static void make_mutants(void) {
    for (; shared->mutant < options.first + options.count; shared->mutant++) {
        struct FuzzFile file =
            make_mutant(shared->mutant, &originals[shared->mutant % original_count]);
        keep(file.path, options.make);
        close(file.fd);
    }
}

/* The memory of the program's child is filled when it is freed (cli/examine.c): the allocator reads
 * its settings when a process begins. */
static void start_with_tunables(char **words) {
    if (fuzz_target.hdf5 && !getenv("GLIBC_TUNABLES")) {
        setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0:glibc.malloc.mmap_max=0", 1);
        execv("/proc/self/exe", words);
    }
}

int main(int count, char **words) {
    start_with_tunables(words);
    parse(count, words);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = optind; i < count; i++)
        load(words[i]);
    if (options.count == 0 && options.flips) {
        printf("%ld\n", (long)(original_count * flips_of_each()));
        return 0;
    }
    shared->mutant = options.first;
    if (options.make) {
        make_mutants();
        return 0;
    }
    pid_t child = fork();
    if (child == 0)
        read_originals();
    if (status_of(child) != 0) {
        fprintf(stderr, "the files themselves cannot be read\n");
        return 2;
    }
    for (int64_t end = options.first; end < options.first + options.count;) {
        end += BATCH;
        if (end > options.first + options.count)
            end = options.first + options.count;
        run_batch(end);
    }
    printf("%ld mutants", (long)options.count);
    for (int i = 0; i < VERDICTS; i++)
        printf(", %s %ld", verdict_names[i], (long)shared->counts[i]);
    printf("\n");
    return shared->counts[BROKEN] > 0;
}
