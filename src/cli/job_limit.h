/* The time limit of the job to which this process belongs. */
#ifndef TRAINER_CLI_JOB_LIMIT_H
#define TRAINER_CLI_JOB_LIMIT_H

/* The seconds from now until Slurm's time limit of this job; INFINITY without Slurm or a limit,
 * and, with a warning, if it cannot be determined. May take seconds if Slurm's controller does not
 * answer. */
double job_limit_seconds(void);

#endif
