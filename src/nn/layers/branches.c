/* Several paths from one input, joined again (Szegedy et al. 2014, "Going deeper with
 * convolutions"). A container: the paths' layers and the join become nodes of the graph. */
#include <inttypes.h>
#include <stddef.h>

#include "base/memory.h"
#include "nn/graph.h"
#include "nn/layer.h"

enum { JOIN_CONCAT, JOIN_ADD };
static const char *const join_names[] = {"concat", "add", NULL};

struct BranchesOptions {
    struct ChoiceLists paths;
    int join;
    bool recompute;
};

static const struct Key keys[] = {
    {"paths", KEY_CHOICE_LISTS, offsetof(struct BranchesOptions, paths), .kinds = &layer_kinds,
     .help = "a list of layers for each path, all on the same input; [] passes the input on"},
    {"join", KEY_ENUM, offsetof(struct BranchesOptions, join), "concat", .names = join_names,
     .help = "concat: the paths' channels side by side; add: their sum, of equal shapes"},
    {"recompute", KEY_BOOL, offsetof(struct BranchesOptions, recompute), "false",
     .help = "keep only the block's input and output for the backward pass, and compute what lies "
             "between once more: less memory for about a third more time; the same bits"},
    KEY_END};

/* Only images of one size can be put side by side in the channels. */
static int check_sizes(const struct Graph *graph, const struct Choice *choice, const char *path,
                       const int *ends, int count, struct Error *error) {
    struct Shape a = graph__shape(graph, ends[0]);
    for (int i = 1; i < count; i++) {
        struct Shape b = graph__shape(graph, ends[i]);
        if (a.height != b.height || a.width != b.width || a.fold_height != b.fold_height ||
            a.fold_width != b.fold_width)
            return schema_fail(error, choice, "paths",
                               "layer %s (branches): path 0 gives %" PRId64 " x %" PRId64
                               " pixels, path %d %" PRId64 " x %" PRId64 ": "
                               "expected images of one size to put their channels side by side",
                               path, a.height * a.fold_height, a.width * a.fold_width, i,
                               b.height * b.fold_height, b.width * b.fold_width);
    }
    return OK;
}

/* Joins the paths' ends into one tensor; sums are taken from the left. */
static int join(struct Graph *graph, const struct Choice *choice, const char *path, int *ends,
                int *output, struct Error *error) {
    const struct BranchesOptions *options = choice->options;
    int count = options->paths.count, code = OK;
    if (options->join == JOIN_CONCAT) {
        code = check_sizes(graph, choice, path, ends, count, error);
        const struct NewNode concat = {.layer = LAYER_IDENTITY(concat),
                                       .choice = choice,
                                       .path = path,
                                       .inputs = ends,
                                       .input_count = count};
        return code ? code : graph__add(graph, &concat, output, error);
    }
    *output = ends[0];
    for (int i = 1; i < count && !code; i++) {
        struct Shape a = graph__shape(graph, ends[0]), b = graph__shape(graph, ends[i]);
        if (!shape_equal(a, b))
            return schema_fail(
                error, choice, "paths",
                "layer %s (branches): path 0 gives (%" PRId64 ", %" PRId64 ", %" PRId64
                "), path %d "
                "(%" PRId64 ", %" PRId64 ", %" PRId64 "): expected equal shapes to add",
                path, a.height, a.width, a.channels, i, b.height, b.width, b.channels);
        const int terms[] = {*output, ends[i]};
        const struct NewNode sum = {.layer = LAYER_IDENTITY(add),
                                    .choice = choice,
                                    .path = path,
                                    .inputs = terms,
                                    .input_count = 2};
        code = graph__add(graph, &sum, output, error);
    }
    return code;
}

static int expand(struct Graph *graph, const struct Choice *choice, const char *path, int input,
                  int *output, struct Error *error) {
    const struct BranchesOptions *options = choice->options;
    int ends[LAYER_INPUTS], count = options->paths.count, first = graph->node_count;
    if (count < 2 || count > LAYER_INPUTS)
        return schema_fail(error, choice, "paths",
                           "layer %s (branches): %d path%s; expected 2 to %d", path, count,
                           count == 1 ? "" : "s", LAYER_INPUTS);
    for (int i = 0; i < count; i++) {
        char *inner = memory_print("%s.paths.%d", path, i);
        int code = graph__add_list(graph, &options->paths.items[i], inner, input, &ends[i], error);
        memory_release(inner);
        if (code)
            return code;
    }
    int code = join(graph, choice, path, ends, output, error);
    if (!code && options->recompute)
        graph__recompute(graph, first);
    return code;
}

const struct Layer KERNEL(layer_branches) = {
    .kind = {"branches",
             "several paths side by side: filters of several sizes see the same input, as "
             "in an inception block",
             keys, sizeof(struct BranchesOptions)},
    .expand = expand,
};
