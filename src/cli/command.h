/* Subcommands: one file and one row each. */
#ifndef TRAINER_CLI_COMMAND_H
#define TRAINER_CLI_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "comm/ranks.h"

struct Arguments;

struct Flag {
    const char *name;     /* "out" for --out */
    const char *argument; /* "DIR"; NULL: a switch */
    bool optional;        /* the argument may be left out: only --name=ARGUMENT gives one */
    bool repeated;        /* may be given several times */
    const char *help;     /* one line or more; wrapped when printed */
    char short_name;      /* 'o' for -o; 0: none */
};

struct Command {
    const char *name;                  /* "train"; of two words: "dataset import" */
    const char *operands;              /* "RUN.yaml", "CHECKPOINT..." */
    int least_operands, most_operands; /* most −1: any number */
    const char *summary;
    const char *help; /* paragraphs; ends with examples */
    const struct Flag
        *flags; /* ends with a name of NULL; NULL: none. common_flags (cli/arguments.h) are added */
    bool resumes;       /* can continue what it began, with --resume */
    bool heeds_signals; /* looks at cli/signals.h; signals end any other command as usual */
    bool parallel;      /* runs on all ranks; any other command runs on rank 0 alone, without MPI */
    /* Prints results on stdout and messages on stderr. In a parallel command all ranks return the
     * same code (ranks_agree), and rank 0 alone prints. */
    int (*run)(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error);
};

/* One flag of a parsed command line. */
struct ArgumentValue {
    const struct Flag *flag;
    const char *value; /* NULL for a switch */
};

/* Parsed: flags before or after the operands, "--name value" or "--name=value", "--" ends flags. */
struct Arguments {
    int operand_count;
    const char **operands;
    int value_count;
    struct ArgumentValue *values;
};
/* The last value given; NULL if there is none. */
const char *argument_value(const struct Arguments *arguments, const char *name);
bool argument_given(const struct Arguments *arguments, const char *name);
/* All values of a repeated flag, in order; the caller releases the array only. */
int argument_values(const struct Arguments *arguments, const char *name, const char ***values);
/* A number in [minimum, maximum], or `fallback` if the flag was not given. ERROR_USAGE for any
 * other text. */
int argument_integer(const struct Arguments *arguments, const char *name, int64_t minimum,
                     int64_t maximum, int64_t fallback, int64_t *value, struct Error *error);
int argument_real(const struct Arguments *arguments, const char *name, double minimum,
                  double maximum, double fallback, double *value, struct Error *error);
/* Sets *choice to the place of the flag's word in `names` (text_index), or leaves it if the flag
 * was not given. ERROR_USAGE names all words, and the nearest, for any other word. */
int argument_choice(const struct Arguments *arguments, const char *name, const char *const *names,
                    int count, int *choice, struct Error *error);

/* Each in its own file. */
extern const struct Command command_activations, command_train, command_eval, command_predict,
    command_inspect, command_describe, command_doctor, command_gradcheck, command_keys,
    command_check, command_verify, command_search, command_ensemble, command_report;
extern const struct Command *const commands[]; /* NULL-terminated; cli/commands.c */

#endif
