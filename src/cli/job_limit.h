/* When the job that this process belongs to is going to be ended. */
#ifndef TRAINER_CLI_JOB_LIMIT_H
#define TRAINER_CLI_JOB_LIMIT_H

/* Seconds from now until Slurm's time limit of this job; INFINITY without Slurm or a limit, or if
 * it cannot be found out, which a warning then says. Takes seconds if Slurm's controller does not
 * answer. */
double job_limit_seconds(void);

#endif
