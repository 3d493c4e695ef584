/* Walks an optimiser and a schedule down a fixed bowl and prints the parameters after each step.
 * usage: optim_trajectory STEPS STEPS_PER_EPOCH RUN_FILE_TEXT
 * Element i has the gradient (i % 5 + 1)/8 · x − (i % 3)/4 and starts at (i − 20)/16; the first
 * half of the elements is a weight (4 outputs of 8), the rest a bias. */
#include <stdio.h>
#include <stdlib.h>

#include "choices.h"

#define ELEMENTS 64

int main(int argc, char **argv) {
    struct RunFile *file;
    struct Choices choices;
    struct Error error = {0};
    struct Updater *updater;
    char weight[] = "0.weight", bias[] = "0.bias";
    struct ArenaRow rows[] = {
        {.name = weight, .role = ROLE_WEIGHT, .count = ELEMENTS / 2, .rank = 2, .size = {4, 8}},
        {.name = bias, .role = ROLE_BIAS, .offset = ELEMENTS / 2, .count = ELEMENTS / 2},
    };
    const struct Arena arena = {.rows = rows, .row_count = 2, .parameters = ELEMENTS};
    if (argc != 4)
        return ERROR_USAGE;
    struct ScheduleTime time = {.total = atoi(argv[1]), .steps_per_epoch = atoi(argv[2])};
    if (choices_parse(&file, argv[3], &choices, &error) ||
        schedule_check(&choices.schedule, &time, &error) ||
        choices_updater(&updater, &choices, &arena, variant_best(VARIANT_F32_V4), &error)) {
        fprintf(stderr, "%s\n", error.text);
        return error.code;
    }
    struct ScheduleState state = SCHEDULE_STATE_AT_START;
    float x[ELEMENTS], gradient[ELEMENTS];
    for (int i = 0; i < ELEMENTS; i++)
        x[i] = (float)(i - 20) / 16;
    for (int64_t step = 0; step < time.total; step++) {
        for (int i = 0; i < ELEMENTS; i++)
            gradient[i] = (float)(i % 5 + 1) / 8 * x[i] - (float)(i % 3) / 4;
        double rate =
            updater_rate(updater) * schedule_factor(&choices.schedule, &time, &state, step);
        updater_step(updater, rate, step + 1, x, gradient);
        for (int i = 0; i < ELEMENTS; i++)
            printf("%.9g%c", (double)x[i], i + 1 < ELEMENTS ? ' ' : '\n');
    }
    updater_release(updater);
    runfile_release(file);
    return 0;
}
