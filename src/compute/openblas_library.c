#include <cblas.h>
#include <stdio.h>
#include <string.h>

#include "base/cpu.h"
#include "compute/libraries.h"

void openblas__configure(int threads) {
    openblas_set_num_threads(threads);
}

const char *openblas__better_core(void) {
#ifdef __x86_64__
    static const char *const wide[] = {"SkylakeX", "Cooperlake", "SapphireRapids"};
    const char *name = openblas_get_corename();
    if (!cpu_has_v4())
        return NULL;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (!strcasecmp(name, wide[i]))
            return NULL;
    return "SkylakeX";
#else
    return NULL;
#endif
}

/* openblas_get_config() begins with "OpenBLAS 0.3.21 ". */
void openblas__version(char *text, size_t bytes) {
    char product[32] = "OpenBLAS", version[32] = "";
    sscanf(openblas_get_config(), "%31s %31s", product, version);
    snprintf(text, bytes, "%s %s %s", product, version, openblas_get_corename());
}

enum BlasThreading openblas__threading(void) {
    int built = openblas_get_parallel();
    return built == OPENBLAS_OPENMP   ? BLAS_OPENMP
           : built == OPENBLAS_THREAD ? BLAS_PTHREADS
                                      : BLAS_SEQUENTIAL;
}
