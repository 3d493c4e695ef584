#include "compute/backend.h"

#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "compute/libraries.h"

KERNEL_DECLARE(struct Backend, backend_openblas);
#ifdef TRAINER_WITH_ONEDNN
extern const struct Backend backend_onednn_f32, backend_onednn_f32_v3 KERNEL_OPTIONAL,
    backend_onednn_f32_v4 KERNEL_OPTIONAL;
#endif

/* The backends in this build, the fastest first: "auto" takes the first that has the variant. */
static const struct {
    const char *name;
    const struct Backend *variants[VARIANT_COUNT];
} backends[] = {
#ifdef TRAINER_WITH_ONEDNN
    {"onednn", {NULL, &backend_onednn_f32, &backend_onednn_f32_v3, &backend_onednn_f32_v4}},
#endif
    {"openblas", KERNEL_TABLE(backend_openblas)},
};

#define BACKENDS ((int)(sizeof backends / sizeof *backends))

static int unknown(const char *name, struct Error *error) {
    const char *names[BACKENDS + 1] = {"auto"};
    char list[200] = "auto";
    for (int i = 0; i < BACKENDS; i++) {
        size_t length = strlen(list);
        names[i + 1] = backends[i].name;
        snprintf(list + length, sizeof list - length, ", %s", backends[i].name);
    }
    const char *nearest = text_nearest(name, names, BACKENDS + 1);
    return fail(error, ERROR_USAGE, "backend \"%s\" is not in this build, which has %s%s%s%s", name,
                list, nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                nearest ? "\"?" : "");
}

const struct Backend *backend_find(const char *name, enum Variant variant, struct Error *error) {
    bool automatic = !strcmp(name, "auto"), known = automatic;
    if (!variant_available(variant)) {
        fail(error, ERROR_USAGE, "instruction set \"%s\" is not in this build or not in this CPU",
             variant_name(variant));
        return NULL;
    }
    for (int i = 0; i < BACKENDS; i++) {
        if (!automatic && strcmp(name, backends[i].name))
            continue;
        known = true;
        if (backends[i].variants[variant]) {
            log_debug("backend %s (%s) of %s", backends[i].name, variant_name(variant),
                      backend_versions((char[BACKEND_VERSIONS]){0}));
            return backends[i].variants[variant];
        }
    }
    if (known)
        fail(error, ERROR_USAGE, "backend \"%s\" has no %s; \"openblas\" has", name,
             variant == VARIANT_F64 ? "double precision" : variant_name(variant));
    else
        unknown(name, error);
    return NULL;
}

void backend_configure(int threads, enum Variant variant) {
    omp_set_num_threads(threads);
    openblas__configure(threads);
#ifdef TRAINER_WITH_ONEDNN
    onednn__configure(variant);
#else
    (void)variant;
#endif
}

void backend_limit_bf16(enum Bf16Products limit) {
#ifdef TRAINER_WITH_ONEDNN
    if (limit < backend_bf16_of_cpu())
        onednn__limit_bf16(limit);
#else
    (void)limit;
#endif
}

enum Bf16Products backend_bf16(void) {
#ifdef TRAINER_WITH_ONEDNN
    return onednn__bf16();
#else
    return BF16_NOT_NATIVE;
#endif
}

const char *bf16_products_name(enum Bf16Products products) {
    static const char *const names[] = {
        [BF16_NOT_NATIVE] = "", [BF16_AVX512] = "AVX512_BF16", [BF16_AMX] = "AMX"};
    return names[products];
}

const char *backend_better_openblas_core(void) {
    return openblas__better_core();
}

char *backend_versions(char text[BACKEND_VERSIONS]) {
    openblas__version(text, BACKEND_VERSIONS / 2);
#ifdef TRAINER_WITH_ONEDNN
    size_t length = strlen(text);
    memcpy(text + length, ", ", 3);
    onednn__version(text + length + 2, BACKEND_VERSIONS - length - 2);
#endif
    return text;
}

char *backend_instructions(char text[BACKEND_VERSIONS]) {
    snprintf(text, BACKEND_VERSIONS, "no choice");
#ifdef TRAINER_WITH_ONEDNN
    onednn__instructions(text, BACKEND_VERSIONS);
#endif
    return text;
}

int backend_threads(void) {
    int threads = 1;
#pragma omp parallel
#pragma omp single
    threads = omp_get_num_threads();
    return threads;
}

enum BlasThreading backend_blas_threading(void) {
    return openblas__threading();
}
