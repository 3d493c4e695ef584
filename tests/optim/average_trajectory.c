/* Walks a state on a fixed path and prints its average of weights after each step.
 * usage: optim_average_trajectory STEPS STEPS_PER_EPOCH RUN_FILE_TEXT
 * Element i is at cos(i + step · (i % 7 + 1)/10) after `step` steps. Before the average begins it
 * prints zeros. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "optim/average.h"
#include "runfile/runfile.h"

#define ELEMENTS 64

int main(int argc, char **argv) {
    struct RunFile *file;
    struct Choice choice = {0};
    struct Error error = {0};
    static const struct Key keys[] = {
        {.name = "average", .type = KEY_CHOICE, .kinds = &average_kinds}, KEY_END};
    if (argc != 4)
        return ERROR_USAGE;
    struct ScheduleTime time = {.total = atoi(argv[1]), .steps_per_epoch = atoi(argv[2])};
    if (runfile_parse(&file, "run.yaml", argv[3], NULL, 0, keys, &choice, &error) ||
        average_check(&choice, &time, &error)) {
        fprintf(stderr, "%s\n", error.text);
        return error.code;
    }
    float average[ELEMENTS] = {0}, state[ELEMENTS];
    for (int64_t step = 1; step <= time.total; step++) {
        for (int i = 0; i < ELEMENTS; i++)
            state[i] = (float)cos(i + (double)step * (i % 7 + 1) / 10);
        double weight = average_weight(&choice, &time, step);
        if (weight > 0)
            average_blend(average, state, ELEMENTS, weight);
        for (int i = 0; i < ELEMENTS; i++)
            printf("%.9g%c", (double)average[i], i + 1 < ELEMENTS ? ' ' : '\n');
    }
    runfile_release(file);
    return 0;
}
