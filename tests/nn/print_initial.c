/* print_initial LAYERS HEIGHT WIDTH CHANNELS: the first layer's weights as they start, in file
 * order, as JSON, for test_initialisers_torch.py. */
#include "base/memory.h"
#include "net.h"

#include <stdio.h>
#include <stdlib.h>

int main(int count, char **words) {
    if (count != 5) {
        fprintf(stderr, "print_initial LAYERS HEIGHT WIDTH CHANNELS\n");
        return 2;
    }
    struct Net net;
    struct Error error;
    struct Shape input = {atoll(words[2]), atoll(words[3]), atoll(words[4]), 1, 1};
    if (net_try(&net, words[1], input, &error)) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    const struct Arena *arena = model_arena(net.model);
    const struct ArenaRow *row = &arena->rows[0];
    float *state = memory_array(float, arena_state_elements(arena), "test");
    float *file = memory_array(float, row->count, "test");
    model_initialise(net.model, 1, state);
    arena_to_file(row, state, file);
    for (int64_t i = 0; i < row->count; i++)
        printf("%s%.9g", i ? ", " : "[", (double)file[i]);
    printf("]\n");
    memory_release(state);
    memory_release(file);
    net_release(&net);
    return 0;
}
