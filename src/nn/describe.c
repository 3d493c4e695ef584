#include "nn/describe.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/memory.h"
#include "nn/initialise.h"

int describe__fail(struct Describe *describe, const char *key, const char *format, ...) {
    char text[800];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return schema_fail(describe->error, describe->node->choice, key, "layer %s (%s): %s",
                       describe->node->path, describe->node->layer->kind.name, text);
}

struct LayoutRow describe__row(struct Describe *describe, const char *name, enum ArenaRole role,
                               int rank, const int64_t *size) {
    struct Node *node = describe->node;
    CHECK(node->row_count < NODE_ROWS && rank <= ARENA_DIMENSIONS);
    struct LayoutRow row = layout_append(describe->layout);
    *row.arena = (struct ArenaRow){.name = memory_print("%s.%s", node->path, name),
                                   .role = role,
                                   .rank = rank,
                                   .file_rank = rank,
                                   .count = memory_product(size, rank)};
    for (int i = 0; i < rank; i++) {
        row.arena->size[i] = row.arena->file_size[i] = size[i];
        row.arena->order[i] = i;
    }
    row.model->node = node->index;
    node->row_count++;
    return row;
}

struct LayoutRow describe__channel_row(struct Describe *describe, const char *name,
                                       enum ArenaRole role) {
    struct Shape in = describe->node->in[0];
    int64_t folded = in.fold_height * in.fold_width;
    if (folded == 1)
        return describe__row(describe, name, role, 1, &in.channels);
    const int64_t size[] = {in.fold_height, in.fold_width, in.channels / folded};
    struct LayoutRow row = describe__row(describe, name, role, 3, size);
    row.arena->order[0] = 2;
    row.arena->order[1] = 0;
    row.arena->order[2] = 1;
    row.arena->file_rank = 1;
    row.arena->file_size[0] = in.channels;
    return row;
}

int describe__bias(struct Describe *describe, struct LayoutRow weight, bool bias,
                   const struct Choice *initialiser) {
    if (!bias)
        return initialiser->kind
                   ? describe__fail(describe, "bias_init",
                                    "%s is for biases, and bias is false; expected bias: true or "
                                    "no bias_init",
                                    initialiser->kind->name)
                   : OK;
    struct LayoutRow row =
        describe__row(describe, "bias", ROLE_BIAS, 1, &describe->node->out.channels);
    row.model->fan_in = weight.model->fan_in;
    row.model->fan_out = weight.model->fan_out;
    row.model->initialiser = *initialise_biases(describe->initialise, initialiser);
    return OK;
}

/* ---- Checking ---- */

/* Parameters, gradients and two slots of an optimizer. */
static int check_rows(struct Describe *describe) {
    const struct Node *node = describe->node;
    char words[MEMORY_WORDS];
    for (int i = 0; i < node->row_count; i++) {
        const struct ArenaRow *row = &describe->layout->arena.rows[node->first_row + i];
        int64_t bytes = row->count <= 0 || row->count > INT64_MAX / 16 ? -1 : row->count * 16;
        if (bytes < 0 || !memory_can_hold((uint64_t)bytes))
            return describe__fail(describe, NULL,
                                  "%s, with its gradient and an optimizer's state, %s; expected a "
                                  "smaller layer",
                                  row->name, memory_too_large(bytes, words));
    }
    return OK;
}

/* An initialiser that makes matrices cannot fill a row of one dimension, and each kind may refuse
 * keys that do not go together. */
static int check_initialisers(const struct Describe *describe) {
    const struct Node *node = describe->node;
    for (int i = 0; i < node->row_count; i++) {
        struct LayoutRow row = layout_row(describe->layout, node->first_row + i);
        const struct Choice *choice = &row.model->initialiser;
        CHECK(choice->kind);
        const struct Initialiser *initialiser = (const struct Initialiser *)choice->kind;
        int code = initialiser->check ? initialiser->check(choice, describe->error) : OK;
        if (code)
            return code;
        if (initialiser->needs_matrix && row.arena->file_rank < 2)
            return schema_fail(describe->error, choice, NULL,
                               "%s makes matrices, %s is a row of numbers: expected another "
                               "initialiser there",
                               choice->kind->name, row.arena->name);
    }
    return OK;
}

int describe__node(struct Describe *describe) {
    const struct Node *node = describe->node;
    int code = node->layer->describe(describe);
    if (!code)
        code = check_initialisers(describe);
    if (code)
        return code;
    const int64_t sizes[] = {node->out.height, node->out.width, node->out.channels};
    int64_t elements = memory_product(sizes, 3);
    int64_t bytes = elements <= 0 || elements > INT64_MAX / 8 ? -1 : elements * 8;
    char words[MEMORY_WORDS];
    if (bytes < 0 || !memory_can_hold((uint64_t)bytes))
        return describe__fail(describe, NULL,
                              "its output, (%" PRId64 ", %" PRId64 ", %" PRId64
                              ") a sample, with its gradient %s; expected a smaller output",
                              sizes[0], sizes[1], sizes[2], memory_too_large(bytes, words));
    return check_rows(describe);
}
