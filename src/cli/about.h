/* Facts about this program and the machine on which it runs, as text for users. */
#ifndef TRAINER_CLI_ABOUT_H
#define TRAINER_CLI_ABOUT_H

#include "comm/ranks.h"
#include "train/outside.h"

#define ABOUT_CPU 96

/* Writes the model of this host's processor, as in /proc/cpuinfo, or "unknown". Returns `name`. */
const char *about_cpu(char name[ABOUT_CPU]);

const char *about_compiler(void);

/* The facts that a run records (train/outside.h): time, program, libraries, processor, hosts of the
 * ranks, job, command line, folder. They are valid until the next call. Not collective. */
const struct OutsideFact *about_facts(const struct Ranks *ranks);

#endif
