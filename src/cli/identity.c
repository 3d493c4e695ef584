#include "cli/identity.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/error.h"
#include "cli/world.h"
#include "comm/facts.h"

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

/* Results have other bits with another build of these. */
static bool computes(const char *name) {
    static const char *const parts[] = {"blas",  "lapack", "dnnl",   "omp.",
                                        "omp5.", "libm.",  "libmvec"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strstr(name, parts[i]))
            return true;
    return false;
}

/* The identity that the linker wrote into a library; false if it wrote none. */
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

static int add_library(struct dl_phdr_info *library, size_t size, void *facts) {
    (void)size;
    char build[64] = "";
    const char *slash = strrchr(library->dlpi_name, '/');
    const char *name = slash ? slash + 1 : library->dlpi_name;
    if (!computes(name))
        return 0;
    if (!find_build(library, build, sizeof build))
        digest_file(library->dlpi_name, build);
    char about[160];
    snprintf(about, sizeof about, "the library %s", name);
    facts_add(facts, ERROR_SYSTEM, about, "build %s", build);
    return 0;
}

void identity_describe(struct Text *facts, int count, char *const *words) {
    char digest[DIGEST_TEXT], library[WORLD_LIBRARY_LENGTH];
    digest_file("/proc/self/exe", digest);
    facts_add(facts, ERROR_SYSTEM, "the program", "trainer %s, file %s", TRAINER_VERSION, digest);
    facts_add_words(facts, ERROR_USAGE, "the command line", count, words);
    facts_add(facts, ERROR_SYSTEM, "the MPI library", "%s", world_library(library));
    dl_iterate_phdr(add_library, facts);
}
