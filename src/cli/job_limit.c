#include "cli/job_limit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/memory.h"

/* Parses squeue's time left: [days-][[hours:]minutes:]seconds, UNLIMITED, or NOT_SET. */
static bool parse_left(const char *text, double *seconds) {
    int days = 0, parts[3] = {0}, count, length = 0;
    if (!strncmp(text, "UNLIMITED", 9) || !strncmp(text, "NOT_SET", 7)) {
        *seconds = INFINITY;
        return true;
    }
    if (sscanf(text, "%d-%n", &days, &length) != 1 || !length) {
        days = 0;
        length = 0;
    }
    count = sscanf(text + length, "%d:%d:%d", &parts[0], &parts[1], &parts[2]);
    if (count < 1)
        return false;
    *seconds = 0;
    for (int i = 0; i < count; i++)
        *seconds = *seconds * 60 + parts[i];
    *seconds += days * 86400.0;
    return true;
}

/* Slurm before 23.02 does not tell a job its end in the environment, so squeue is asked. */
static bool ask_squeue(const char *job, double *seconds) {
    char line[128] = "";
    char *command = memory_print("timeout 10 squeue -h -j '%s' -o %%L 2>/dev/null", job);
    FILE *pipe = strspn(job, "0123456789_") == strlen(job) ? popen(command, "r") : NULL;
    memory_release(command);
    if (!pipe)
        return false;
    bool got = fgets(line, sizeof line, pipe);
    pclose(pipe);
    return got && parse_left(line, seconds);
}

double job_limit_seconds(void) {
    const char *job = getenv("SLURM_JOB_ID"), *end = getenv("SLURM_JOB_END_TIME");
    double seconds = INFINITY;
    if (end && atoll(end) > 0)
        return difftime((time_t)atoll(end), time(NULL));
    if (job && !ask_squeue(job, &seconds)) {
        log_warning("Slurm's time limit of job %s is not known, because squeue does not tell it; "
                    "train.time_limit can say it",
                    job);
        return INFINITY;
    }
    return seconds;
}
