/* print_net LAYERS HEIGHT WIDTH CHANNELS SAMPLES training|inference: everything that goes into and
 * comes out of a small network, as JSON, for torch_networks.py. Parameters in file order. */
#include "base/memory.h"
#include "net.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_values(const char *name, int64_t count, const double *values) {
    printf("\"%s\": [", name);
    for (int64_t i = 0; i < count; i++)
        printf("%s%.9g", i ? ", " : "", values[i]);
    printf("]");
}

static void print_rows(const char *name, const struct Arena *arena, const double *values) {
    int64_t elements = arena_state_elements(arena);
    float *memory = memory_array(float, elements, "test");
    for (int64_t i = 0; i < elements; i++)
        memory[i] = (float)values[i];
    printf("\"%s\": {", name);
    for (int r = 0; r < arena->row_count; r++) {
        const struct ArenaRow *row = &arena->rows[r];
        float *file = memory_array(float, row->count, "test");
        double *wide = memory_array(double, row->count, "test");
        arena_to_file(row, memory, file);
        for (int64_t i = 0; i < row->count; i++)
            wide[i] = (double)file[i];
        printf("%s\"%s\": {\"shape\": [", r ? ",\n" : "", row->name);
        for (int d = 0; d < row->file_rank; d++)
            printf("%s%" PRId64, d ? ", " : "", row->file_size[d]);
        printf("], ");
        print_values("values", row->count, wide);
        printf("}");
        memory_release(file);
        memory_release(wide);
    }
    printf("},\n");
    memory_release(memory);
}

int main(int count, char **words) {
    if (count != 7) {
        fprintf(stderr, "print_net LAYERS HEIGHT WIDTH CHANNELS SAMPLES training|inference\n");
        return 2;
    }
    struct Net net;
    struct Error error;
    struct Shape input = {atoll(words[2]), atoll(words[3]), atoll(words[4]), 1, 1};
    if (net_try(&net, words[1], input, &error)) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    struct NetRun run = {.variant = variant_best(VARIANT_F32_V4),
                         .samples = atoll(words[5]),
                         .inference = !strcmp(words[6], "inference")};
    struct Result result = net_run(&net, &run);
    double *target = memory_array(double, result.outputs, "test");
    for (int64_t i = 0; i < result.outputs; i++)
        target[i] = (double)result.target[i];
    printf("{");
    print_rows("state", model_arena(net.model), result.state);
    if (!run.inference) {
        print_rows("gradient", model_arena(net.model), result.gradient);
        print_values("input_gradient", result.inputs, result.input_gradient);
        printf(",\n");
    }
    print_values("input", result.inputs, result.input);
    printf(",\n");
    print_values("target", result.outputs, target);
    printf(",\n");
    print_values("scores", result.outputs, result.scores);
    printf("}\n");
    memory_release(target);
    result_release(&result);
    net_release(&net);
    return 0;
}
