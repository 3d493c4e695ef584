/* Subcommands. Each has a file that defines its struct Command, and a row in cli/commands.c. */
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
    const char *argument; /* "DIR"; NULL: the flag is a switch */
    bool optional;        /* the argument may be left out; it is given only by --name=ARGUMENT */
    bool repeated;        /* the flag may be given several times */
    const char *help;     /* one line or more; wrapped when printed */
    char short_name;      /* 'o' for -o; 0: none */
};

struct Command {
    const char *name;                  /* one or two words: "train", "dataset import" */
    const char *operands;              /* "RUN.yaml", "CHECKPOINT..." */
    int least_operands, most_operands; /* most_operands is −1 if there is no limit */
    const char *summary;
    const char *help; /* paragraphs, of which the last are examples */
    /* Ends with a name of NULL; NULL if there are none. The command also takes common_flags. */
    const struct Flag *flags;
    bool resumes;       /* --resume continues what the command began */
    bool heeds_signals; /* the command uses cli/signals.h; signals end any other command */
    bool parallel; /* the command runs on all ranks; any other runs only on rank 0, without MPI */
    /* Prints results on stdout and messages on stderr. In a parallel command all ranks return the
     * same code (ranks_agree), and only rank 0 prints. */
    int (*run)(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error);
};

/* One flag of a parsed command line. */
struct ArgumentValue {
    const struct Flag *flag;
    const char *value; /* NULL for a switch */
};

/* A parsed command line. Flags have the form "--name value" or "--name=value", and may stand before
 * or after the operands; "--" ends them. */
struct Arguments {
    int operand_count;
    const char **operands;
    int value_count;
    struct ArgumentValue *values;
};
/* The last value given; NULL if there is none. */
const char *argument_value(const struct Arguments *arguments, const char *name);
bool argument_given(const struct Arguments *arguments, const char *name);
/* All values of a repeated flag, in order; returns their number. The caller releases the array, but
 * not the texts. */
int argument_values(const struct Arguments *arguments, const char *name, const char ***values);
/* *value gets the flag's number, or `fallback` if the flag was not given. ERROR_USAGE if it is no
 * number in [minimum, maximum]. */
int argument_integer(const struct Arguments *arguments, const char *name, int64_t minimum,
                     int64_t maximum, int64_t fallback, int64_t *value, struct Error *error);
int argument_real(const struct Arguments *arguments, const char *name, double minimum,
                  double maximum, double fallback, double *value, struct Error *error);
/* *choice gets the index of the flag's word in `names` (as text_index), or is unchanged if the flag
 * was not given. For any other word ERROR_USAGE, which lists all words and the nearest. */
int argument_choice(const struct Arguments *arguments, const char *name, const char *const *names,
                    int count, int *choice, struct Error *error);

/* Each in its own file. */
extern const struct Command command_activations, command_train, command_eval, command_predict,
    command_inspect, command_describe, command_doctor, command_gradcheck, command_keys,
    command_check, command_verify, command_search, command_ensemble, command_report;
extern const struct Command *const commands[]; /* NULL-terminated; cli/commands.c */

#endif
