/* Prints a schedule's factor at each step.
 * usage: optim_schedule_factors STEPS STEPS_PER_EPOCH RUN_FILE_TEXT < VALIDATIONS
 * VALIDATIONS holds a loss and an accuracy for the end of each epoch, as far as there are any. */
#include <stdio.h>
#include <stdlib.h>

#include "choices.h"

int main(int argc, char **argv) {
    struct RunFile *file;
    struct Choices choices;
    struct Error error = {0};
    if (argc != 4)
        return ERROR_USAGE;
    struct ScheduleTime time = {.total = atoi(argv[1]), .steps_per_epoch = atoi(argv[2])};
    struct ScheduleState state = SCHEDULE_STATE_AT_START;
    if (choices_parse(&file, argv[3], &choices, &error) ||
        schedule_check(&choices.schedule, &time, &error)) {
        fprintf(stderr, "%s\n", error.text);
        return error.code;
    }
    for (int64_t step = 0; step < time.total; step++) {
        struct Figures validation = {.measured = {[FIGURE_LOSS] = true, [FIGURE_ACCURACY] = true}};
        if (step && step % time.steps_per_epoch == 0 &&
            scanf("%lf %lf", &validation.value[FIGURE_LOSS], &validation.value[FIGURE_ACCURACY]) ==
                2)
            schedule_observe(&choices.schedule, &time, &validation, step, &state);
        printf("%.17g\n", schedule_factor(&choices.schedule, &time, &state, step));
    }
    runfile_release(file);
    return 0;
}
