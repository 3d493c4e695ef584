/* Checks the instruction sets, and which of them the libraries use. */
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "cli/about.h"
#include "cli/doctor/doctor.h"
#include "compute/backend.h"
#include "run/agreement.h"

/* Whether this CPU has AVX-512 and the build has no variant for it. */
static bool lacks_variant(enum Variant variant) {
    return variant < VARIANT_F32_V4 && variant == variant_best(VARIANT_F32_V4) && cpu_has_v4();
}

void check_cpus(struct Doctor *doctor) {
    char mine[ABOUT_CPU], *all = NULL;
    int size = ranks_size(doctor->ranks), other = 0;
    memset(mine, 0, sizeof mine);
    about_cpu(mine);
    all = memory_array(char, size *(int64_t)sizeof mine, "names of processors");
    ranks_gather_all(doctor->ranks, mine, sizeof mine, all);
    while (other < size && !strcmp(all, all + (size_t)other * sizeof mine))
        other++;
    if (other < size)
        report_add(&doctor->report, VERDICT_NOTE, "cpu",
                   "the slowest processor sets the pace: start on nodes of one kind, if there are",
                   "%s on rank 0, %s on rank %d; kernels for %s, which all have", all,
                   all + (size_t)other * sizeof mine, other, variant_name(doctor->variant));
    else if (lacks_variant(doctor->variant))
        report_add(&doctor->report, VERDICT_NOTE, "cpu", "build with -DTRAINER_ALL_VARIANTS=ON",
                   "%s has AVX-512, but this build has no kernels for it, only for %s", all,
                   variant_name(doctor->variant));
    else
        report_add(&doctor->report, VERDICT_OK, "cpu", NULL, "%s, kernels for %s", all,
                   variant_name(doctor->variant));
    memory_release(all);
}

static const char *openblas_words(char versions[BACKEND_VERSIONS]) {
    backend_versions(versions);
    versions[strcspn(versions, ",")] = '\0';
    return versions;
}

void check_openblas(struct Doctor *doctor) {
    static const char *const threading[] = {"without threads", "with threads of its own",
                                            "with OpenMP"};
    char versions[BACKEND_VERSIONS];
    struct Report *report = &doctor->report;
    const char *better = backend_better_openblas_core(), *words = openblas_words(versions);
    enum BlasThreading built = backend_blas_threading();
    if (better)
        report_add(
            report, VERDICT_NOTE, "openblas", "set OPENBLAS_CORETYPE=SkylakeX, or leave it unset",
            "%s: kernels for older processors than this one, at about 60 %% of the speed", words);
    else if (built == BLAS_PTHREADS && doctor->threads > 1)
        report_add(report, VERDICT_NOTE, "openblas",
                   "use its OpenMP build (Debian: libopenblas0-openmp)",
                   "%s, %s, which compete with OpenMP's %d threads", words, threading[built],
                   doctor->threads);
    else if (built == BLAS_SEQUENTIAL && doctor->threads > 1)
        report_add(
            report, VERDICT_NOTE, "openblas", "use its OpenMP build, or more ranks of one thread",
            "%s, %s: its products use one of %d threads", words, threading[built], doctor->threads);
    else
        report_add(report, VERDICT_OK, "openblas", NULL, "%s, %s%s", words, threading[built],
                   getenv("TRAINER_STARTED_AGAIN")
                       ? "; it took this CPU for an older one, which the program has corrected"
                       : "");
}

void check_onednn(struct Doctor *doctor) {
    char versions[BACKEND_VERSIONS], instructions[BACKEND_VERSIONS];
    struct Report *report = &doctor->report;
    const char *found = strstr(backend_versions(versions), "oneDNN");
    backend_instructions(instructions);
    if (!found)
        report_add(report, VERDICT_NOTE, "onednn", "build with libdnnl-dev",
                   "not in this build: convolutions run on OpenBLAS, which is slower");
    else if (doctor->variant == VARIANT_F32_V4 && !strstr(instructions, "AVX-512"))
        report_add(report, VERDICT_NOTE, "onednn", "unset ONEDNN_MAX_CPU_ISA and DNNL_MAX_CPU_ISA",
                   "%s uses less than this CPU has: %s", found, instructions);
    else
        report_add(report, VERDICT_OK, "onednn", NULL, "%s, %s", found, instructions);
}

void check_agreement(struct Doctor *doctor) {
    struct Error error = {0};
    const struct Backend *backend = backend_find("auto", doctor->variant, &error);
    int code = backend ? OK : error.code;
    if (ranks_size(doctor->ranks) == 1)
        return;
    code = ranks_agree(doctor->ranks, code, &error);
    if (!code)
        code = run_agree_backend(doctor->ranks, backend, doctor->variant, &error);
    if (code)
        report_add(&doctor->report, VERDICT_PROBLEM, "agreement", NULL, "%s", error.text);
    else
        report_add(&doctor->report, VERDICT_OK, "agreement", NULL,
                   "all ranks have the same program and libraries");
}
