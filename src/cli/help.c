#include "cli/help.h"

#include <string.h>

#include "base/wrapped.h"
#include "cli/about.h"
#include "cli/arguments.h"
#include "comm/library.h"
#include "compute/backend.h"
#include "store/h5.h"

/* Prints paragraphs. A line that begins with a space is an example, and is not wrapped. */
static void print_paragraphs(FILE *out, const char *text) {
    while (*text) {
        size_t length = strcspn(text, "\n");
        if (*text == ' ')
            fprintf(out, "%.*s\n", (int)length, text);
        else
            wrapped_print(out, text, length, 0, 0);
        text += length + (text[length] == '\n');
    }
}

static int print_flag_name(FILE *out, const struct Flag *flag) {
    int column = flag->short_name ? fprintf(out, "  -%c, --%s", flag->short_name, flag->name)
                                  : fprintf(out, "      --%s", flag->name);
    if (flag->argument)
        column += fprintf(out, flag->optional ? "[=%s]" : " %s", flag->argument);
    if (flag->repeated)
        column += fprintf(out, "...");
    return column;
}

static void print_flag(FILE *out, const struct Flag *flag) {
    const int indent = 30;
    int column = print_flag_name(out, flag);
    if (column + 2 > indent) {
        fputc('\n', out);
        column = 0;
    }
    wrapped_print(out, flag->help, strlen(flag->help), indent, column);
}

void help_command(FILE *out, const struct Command *command) {
    fprintf(out,
            "Usage: trainer %s%s%s%s\n"
            "\n",
            command->name, *command->operands ? " " : "", command->operands,
            command->flags ? " [flags]" : "");
    wrapped_print(out, command->summary, strlen(command->summary), 0, 0);
    fprintf(out, "\nFlags, before or after the operands:\n");
    for (const struct Flag *flag = command->flags; flag && flag->name; flag++)
        print_flag(out, flag);
    for (const struct Flag *flag = common_flags; flag->name; flag++)
        print_flag(out, flag);
    fputc('\n', out);
    print_paragraphs(out, command->help);
}

static void print_commands(FILE *out, const char *group) {
    size_t length = strlen(group);
    for (int i = 0; commands[i]; i++) {
        const struct Command *command = commands[i];
        if (length && (strncmp(command->name, group, length) || command->name[length] != ' '))
            continue;
        int column = fprintf(out, "  %s", command->name);
        wrapped_print(out, command->summary, strlen(command->summary), 24, column);
    }
}

void help_program(FILE *out) {
    fprintf(out, "Usage: trainer COMMAND [operands and flags]\n"
                 "       mpirun -np N trainer train RUN.yaml --out DIR\n"
                 "\n"
                 "Trains neural networks on the CPUs of one machine or of a cluster.\n\n"
                 "Commands:\n");
    print_commands(out, "");
    fprintf(out,
            "\ntrainer COMMAND --help explains one of them; trainer --version prints what "
            "this\nprogram was built from. Commands that compute run on any number of ranks "
            "under\nmpirun or srun; the others need no MPI. Results go to stdout, messages to "
            "stderr.\nExit codes: 0 done, 2 command line, 3 run file, 4 data, 5 checkpoint, 6 "
            "system,\n7 numbers (NaN, Inf, a failed comparison), 8 a rank died or hangs, 9 check "
            "found\nsomething bad, 70 a bug, 75 stopped and to be continued.\n");
}

void help_group(FILE *out, const char *group) {
    fprintf(out,
            "Usage: trainer %s COMMAND [operands and flags]\n\n"
            "Commands:\n",
            group);
    print_commands(out, group);
    fprintf(out, "\ntrainer %s COMMAND --help explains one of them.\n", group);
}

void help_version(FILE *out) {
    char mpi[COMM_LIBRARY_LENGTH], hdf5[H5_VERSION_LENGTH];
    fprintf(out, "trainer %s\ncompiler: %s\n", TRAINER_VERSION, about_compiler());
    fprintf(out, "compute: %s\n", backend_versions((char[BACKEND_VERSIONS]){0}));
    fprintf(out, "HDF5: %s\n", h5_version(hdf5));
    fprintf(out, "MPI: %s\n", comm_library_name(mpi));
    fprintf(out, "instruction sets here:");
    for (int variant = VARIANT_F32; variant < VARIANT_COUNT; variant++)
        if (variant_available((enum Variant)variant))
            fprintf(out, " %s", variant_name((enum Variant)variant));
    fputc('\n', out);
}
