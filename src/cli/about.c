#include "cli/about.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/shown.h"
#include "cli/world.h"
#include "comm/library.h"
#include "compute/backend.h"
#include "store/h5.h"

const char *about_cpu(char name[ABOUT_CPU]) {
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "re");
    memcpy(name, "unknown", 8);
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, "model name", 10) && strchr(line, ':')) {
            const char *value = strchr(line, ':') + 1;
            value += strspn(value, " \t");
            snprintf(name, ABOUT_CPU, "%.*s", (int)strcspn(value, "\n"), value);
            break;
        }
    if (file)
        fclose(file);
    return name;
}

const char *about_compiler(void) {
#ifdef __clang__
    return __VERSION__; /* begins with the compiler's name */
#else
    return "gcc " __VERSION__;
#endif
}

/* ---- The texts ---- */

static char *time_words(void) {
    char text[32] = "";
    struct tm parts;
    time_t now = time(NULL);
    if (gmtime_r(&now, &parts))
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return memory_copy_text(text);
}

static char *program_words(void) {
    return memory_print("trainer %s, %s", TRAINER_VERSION, about_compiler());
}

static char *library_words(void) {
    char versions[BACKEND_VERSIONS], mpi[COMM_LIBRARY_LENGTH], hdf5[H5_VERSION_LENGTH];
    return memory_print("%s, HDF5 %s, %s", backend_versions(versions), h5_version(hdf5),
                        comm_library_name(mpi));
}

static char *cpu_words(void) {
    char name[ABOUT_CPU];
    return memory_print("%s, %ld processors", about_cpu(name), sysconf(_SC_NPROCESSORS_ONLN));
}

/* "node1 (8), node2 (8)": the hosts in the order of their ranks, with the number of ranks. */
static char *host_words(const struct Ranks *ranks) {
    struct Text text = {0};
    int size = ranks_size(ranks);
    for (int first = 0, next; first < size; first = next) {
        for (next = first + 1;
             next < size && !strcmp(ranks_host(ranks, next), ranks_host(ranks, first)); next++) {
        }
        text_add(&text, "%s%s (%d)", first ? ", " : "", ranks_host(ranks, first), next - first);
    }
    return text.data;
}

/* Slurm's job, or NULL if there is none. */
static char *job_words(void) {
    const char *job = getenv("SLURM_JOB_ID"), *name = getenv("SLURM_JOB_NAME");
    const char *partition = getenv("SLURM_JOB_PARTITION");
    if (!job)
        return NULL;
    return memory_print("Slurm %s%s%s%s%s", job, name ? ", " : "", name ? name : "",
                        partition ? ", partition " : "", partition ? partition : "");
}

static char *command_words(void) {
    struct Text text = {0};
    char *const *words;
    int count = world_words(&words);
    text_add(&text, "trainer");
    for (int i = 0; i < count; i++) {
        text_add(&text, " ");
        shown_add_word(&text, words[i]);
    }
    return text.data;
}

static char *folder_words(void) {
    char path[4096];
    return getcwd(path, sizeof path) ? memory_copy_text(path) : NULL;
}

const struct OutsideFact *about_facts(const struct Ranks *ranks) {
    enum { FACTS = 8 };
    static struct OutsideFact facts[FACTS + 1];
    static char *texts[FACTS];
    const struct {
        const char *name;
        char *text;
    } now[FACTS] = {{"time", time_words()},         {"program", program_words()},
                    {"libraries", library_words()}, {"cpu", cpu_words()},
                    {"hosts", host_words(ranks)},   {"job", job_words()},
                    {"command", command_words()},   {"folder", folder_words()}};
    int count = 0;
    for (int i = 0; i < FACTS; i++) {
        memory_release(texts[i]);
        texts[i] = now[i].text;
        if (texts[i])
            facts[count++] = (struct OutsideFact){now[i].name, texts[i]};
    }
    facts[count] = (struct OutsideFact){0};
    return facts;
}
