#include "cli/identity.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/error.h"
#include "comm/facts.h"
#include "comm/library.h"

#define MOST_LIBRARIES 32

/* The digest of a file's bytes; "unknown" if it cannot be read. */
static void digest_file(const char *path, char text[DIGEST_TEXT]) {
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    void *bytes = MAP_FAILED;
    if (file >= 0 && !fstat(file, &status) && status.st_size > 0)
        bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED) {
        snprintf(text, DIGEST_TEXT, "unknown");
    } else {
        digest_text(digest_bytes(bytes, (size_t)status.st_size), text);
        munmap(bytes, (size_t)status.st_size);
    }
    if (file >= 0)
        close(file);
}

/* Whether the bits of results depend on the build of this library. */
static bool computes(const char *name) {
    static const char *const parts[] = {"blas",  "lapack", "dnnl",   "omp.",
                                        "omp5.", "libm.",  "libmvec"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strstr(name, parts[i]))
            return true;
    return false;
}

/* Finds the build identity that the linker wrote into a library; false if there is none. */
static bool find_build(const struct dl_phdr_info *library, char *text, size_t bytes) {
    for (int i = 0; i < library->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &library->dlpi_phdr[i];
        if (header->p_type != PT_NOTE)
            continue;
        const char *at = (const char *)(uintptr_t)(library->dlpi_addr + header->p_vaddr);
        const char *end = at + header->p_memsz;
        while (at + sizeof(ElfW(Nhdr)) <= end) {
            const ElfW(Nhdr) *note = (const void *)at;
            const unsigned char *name = (const unsigned char *)(note + 1);
            const unsigned char *content = name + ((note->n_namesz + 3) & ~3U);
            if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && !memcmp(name, "GNU", 4)) {
                for (unsigned j = 0; j < note->n_descsz && 2 * j + 2 < bytes; j++)
                    snprintf(text + 2 * j, bytes - 2 * j, "%02x", content[j]);
                return true;
            }
            at = (const char *)content + ((note->n_descsz + 3) & ~3U);
        }
    }
    return false;
}

/* The libraries that results depend on, and their builds. */
struct Libraries {
    int count;
    struct Library {
        char about[160], build[64];
    } items[MOST_LIBRARIES];
};

static int add_library(struct dl_phdr_info *library, size_t size, void *context) {
    (void)size;
    struct Libraries *libraries = context;
    const char *slash = strrchr(library->dlpi_name, '/');
    const char *name = slash ? slash + 1 : library->dlpi_name;
    if (!computes(name) || libraries->count == MOST_LIBRARIES)
        return 0;
    struct Library *item = &libraries->items[libraries->count++];
    if (!find_build(library, item->build, sizeof item->build))
        digest_file(library->dlpi_name, item->build);
    snprintf(item->about, sizeof item->about, "the library %s", name);
    return 0;
}

static int by_name(const void *one, const void *other) {
    return strcmp(((const struct Library *)one)->about, ((const struct Library *)other)->about);
}

/* Adds the libraries in the order of their names, because the order of loading does not matter. */
static void add_libraries(struct Text *facts) {
    struct Libraries libraries = {0};
    dl_iterate_phdr(add_library, &libraries);
    qsort(libraries.items, (size_t)libraries.count, sizeof *libraries.items, by_name);
    for (int i = 0; i < libraries.count; i++)
        facts_add(facts, ERROR_SYSTEM, libraries.items[i].about, "build %s",
                  libraries.items[i].build);
}

void identity_describe(struct Text *facts, int count, char *const *words) {
    char digest[DIGEST_TEXT], library[COMM_LIBRARY_LENGTH];
    digest_file("/proc/self/exe", digest);
    facts_add(facts, ERROR_SYSTEM, "the program", "trainer %s, file %s", TRAINER_VERSION, digest);
    facts_add_words(facts, ERROR_USAGE, "the command line", count, words);
    facts_add(facts, ERROR_SYSTEM, "the MPI library", "%s", comm_library_name(library));
    add_libraries(facts);
}
