/* What is known of this program and of the place where it runs, for people. */
#ifndef TRAINER_CLI_ABOUT_H
#define TRAINER_CLI_ABOUT_H

#include "comm/ranks.h"
#include "train/outside.h"

#define ABOUT_CPU 96

/* The model of this host's processor, as /proc/cpuinfo has it; "unknown". Returns `name`. */
const char *about_cpu(char name[ABOUT_CPU]);

const char *about_compiler(void);

/* The facts that a run notes down (train/outside.h): time, program, libraries, processor, hosts of
 * the ranks, job, command line, folder. They last until the next call. Not collective. */
const struct OutsideFact *about_facts(const struct Ranks *ranks);

#endif
