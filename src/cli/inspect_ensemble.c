#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "base/memory.h"
#include "checkpoint/ensemble.h"
#include "cli/inspect.h"
#include "cli/shown.h"

/* A member and its contents. */
struct Inside {
    int number;
    struct Inspected read;
};

static int open_member(struct Inside *inside, const char *path, int number, struct Error *error) {
    char *name = ensemble_file_member(path, number);
    *inside = (struct Inside){.number = number};
    int code = inspected_open(&inside->read, name, error);
    memory_release(name);
    return code;
}

static const char *parameters_word(const struct EnsembleFile *ensemble, int number) {
    return ensemble->averaged[number] ? "average" : "model";
}

static void print_head(const char *path, const struct EnsembleFile *ensemble) {
    printf("ensemble        %s\n", shown(path));
    printf("mean            %s, temperature %.6g\n", ensemble->mean, ensemble->temperature);
    if (*ensemble->split)
        printf("chosen on       split %s\n", shown(ensemble->split));
    printf("members         %d\n\n"
           "%8s  %10s  %9s  %10s  member, source\n",
           ensemble->count, "weight", "parameters", "step", "elements");
}

static void print_member(const struct Inside *inside, const struct EnsembleFile *ensemble) {
    int i = inside->number;
    printf("%8.4f  %10s  %9" PRId64 "  %10" PRId64 "  %d: %s\n", ensemble->weights[i],
           parameters_word(ensemble, i), inside->read.saved.progress.step,
           inspected_elements(inside->read.checkpoint, false), i, shown(ensemble->members[i]));
}

static json_t *member_to_json(const struct Inside *inside, const struct EnsembleFile *ensemble) {
    int i = inside->number;
    return json_pack(
        "{s:o, s:f, s:s, s:o, s:I, s:I, s:s}", "path", shown_json(inside->read.checkpoint->path),
        "weight", ensemble->weights[i], "parameters", parameters_word(ensemble, i), "source",
        shown_json(ensemble->members[i]), "step", (json_int_t)inside->read.saved.progress.step,
        "elements", (json_int_t)inspected_elements(inside->read.checkpoint, false), "run_file",
        inside->read.checkpoint->run_text);
}

static int print_json(const char *path, const struct EnsembleFile *ensemble, json_t *members,
                      struct Error *error) {
    json_t *json =
        json_pack("{s:s, s:o, s:s, s:f, s:s, s:O}", "kind", "ensemble", "path", shown_json(path),
                  "mean", ensemble->mean, "temperature", ensemble->temperature, "chosen_on",
                  ensemble->split, "members", members);
    if (!json)
        return fail(error, ERROR_CHECKPOINT, "%s: holds a text or number that JSON cannot hold",
                    path);
    json_dumpf(json, stdout, JSON_ENSURE_ASCII | JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    printf("\n");
    json_decref(json);
    return OK;
}

int inspect_ensemble(const char *path, bool json, struct Error *error) {
    struct EnsembleFile ensemble;
    json_t *members = json_array();
    int code = ensemble_file_read(&ensemble, path, error);
    if (!code && !json)
        print_head(path, &ensemble);
    for (int i = 0; !code && i < ensemble.count; i++) {
        struct Inside inside;
        code = open_member(&inside, path, i, error);
        if (!code && json)
            json_array_append_new(members, member_to_json(&inside, &ensemble));
        else if (!code)
            print_member(&inside, &ensemble);
        inspected_release(&inside.read);
    }
    if (!code && json)
        code = print_json(path, &ensemble, members, error);
    json_decref(members);
    ensemble_file_release(&ensemble);
    return code;
}
