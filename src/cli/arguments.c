#include "cli/arguments.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

#define MOST_FLAGS 64 /* of one command */

const struct Flag common_flags[] = {
    {.name = "log",
     .argument = "LEVEL",
     .help = "level of the log on stderr: error, warning (default), info or debug; at debug every "
             "rank reports what it does, with the seconds since the start"},
    {.name = "help", .help = "print this text", .short_name = 'h'},
    {0}};

/* Fails with `message` and the usage of the command. */
static int usage(const struct Command *command, struct Error *error, const char *message) {
    return fail(error, ERROR_USAGE, "%s: %s (usage: trainer %s%s%s%s; more by trainer %s --help)",
                command->name, message, command->name, *command->operands ? " " : "",
                command->operands, command->flags ? " [flags]" : "", command->name);
}

static int usage_about(const struct Command *command, struct Error *error, char *message) {
    int code = usage(command, error, message);
    memory_release(message);
    return code;
}

static const struct Flag *find_flag(const struct Command *command, const char *name,
                                    size_t length) {
    const struct Flag *const tables[] = {command->flags, common_flags};
    for (int i = 0; i < 2; i++)
        for (const struct Flag *flag = tables[i]; flag && flag->name; flag++)
            if (strlen(flag->name) == length && !memcmp(flag->name, name, length))
                return flag;
    return NULL;
}

static const struct Flag *find_short(const struct Command *command, char letter) {
    for (const struct Flag *flag = command->flags; flag && flag->name; flag++)
        if (flag->short_name == letter)
            return flag;
    return NULL;
}

static int unknown_flag(const struct Command *command, const char *word, struct Error *error) {
    const char *names[MOST_FLAGS];
    int count = 0;
    const struct Flag *const tables[] = {common_flags, command->flags};
    for (int i = 0; i < 2; i++)
        for (const struct Flag *flag = tables[i]; flag && flag->name && count < MOST_FLAGS; flag++)
            names[count++] = flag->name;
    char *name = memory_copy_span(word, strcspn(word, "="));
    const char *nearest = text_nearest(name + strspn(name, "-"), names, count);
    char *message = memory_print("unknown flag %s%s%s%s", name, nearest ? "; did you mean --" : "",
                                 nearest ? nearest : "", nearest ? "?" : "");
    memory_release(name);
    return usage_about(command, error, message);
}

/* "-" is a file name (standard output), and "-3" and "-.5" are numbers. */
static bool looks_like_flag(const char *word) {
    return word[0] == '-' && word[1] && !strchr("0123456789.", word[1]);
}

static int add_value(struct Arguments *arguments, const struct Command *command,
                     const struct Flag *flag, const char *value, struct Error *error) {
    if ((value || flag->optional) && !flag->repeated && argument_given(arguments, flag->name))
        return usage_about(command, error, memory_print("--%s is given twice", flag->name));
    if (value && !*value)
        return usage_about(command, error,
                           memory_print("--%s is empty; expected %s", flag->name, flag->argument));
    arguments->values[arguments->value_count].flag = flag;
    arguments->values[arguments->value_count++].value = value;
    return OK;
}

/* Takes the flag at words[*at], and the next word if that is the flag's argument. */
static int take_flag(struct Arguments *arguments, const struct Command *command, int count,
                     char *const *words, int *at, struct Error *error) {
    const char *word = words[*at], *value = NULL;
    const struct Flag *flag;
    if (word[1] == '-') {
        size_t length = strcspn(word + 2, "=");
        flag = find_flag(command, word + 2, length);
        if (word[2 + length] == '=')
            value = word + 2 + length + 1;
    } else {
        flag = find_short(command, word[1]);
        if (word[2])
            value = word + 2; /* the form -oFILE */
        if (flag && !flag->argument && value)
            flag = NULL;
    }
    if (!flag)
        return unknown_flag(command, word, error);
    if (!flag->argument && value)
        return usage_about(command, error,
                           memory_print("--%s takes no argument, found \"%s\"", flag->name, value));
    if (flag->argument && !flag->optional && !value) {
        if (*at + 1 >= count || looks_like_flag(words[*at + 1]))
            return usage_about(
                command, error,
                memory_print("--%s needs its argument %s", flag->name, flag->argument));
        value = words[++*at];
    }
    return add_value(arguments, command, flag, value, error);
}

static int check_operands(const struct Arguments *arguments, const struct Command *command,
                          struct Error *error) {
    int most = command->most_operands;
    for (int i = 0; i < arguments->operand_count; i++)
        if (!*arguments->operands[i])
            return usage_about(
                command, error,
                memory_print("operand %d of %d is an empty text", i + 1, arguments->operand_count));
    if (arguments->operand_count < command->least_operands)
        return usage_about(command, error,
                           arguments->operand_count
                               ? memory_print("%d operands found, at least %d needed",
                                              arguments->operand_count, command->least_operands)
                               : memory_print("%s is missing", command->operands));
    if (most >= 0 && arguments->operand_count > most)
        return usage_about(command, error,
                           memory_print("unexpected operand \"%s\"", arguments->operands[most]));
    return OK;
}

int arguments_parse(struct Arguments *arguments, const struct Command *command, int count,
                    char *const *words, bool *help, struct Error *error) {
    *help = false;
    *arguments = (struct Arguments){0};
    arguments->operands = memory_array(const char *, count + 1, "operands");
    arguments->values = memory_array(struct ArgumentValue, count + 1, "flags");
    for (int i = 0; i < count && strcmp(words[i], "--"); i++)
        if (!strcmp(words[i], "--help") || !strcmp(words[i], "-h"))
            *help = true;
    if (*help)
        return OK;
    bool flags_end = false;
    for (int i = 0; i < count; i++) {
        if (!flags_end && !strcmp(words[i], "--")) {
            flags_end = true;
        } else if (!flags_end && words[i][0] == '-' && words[i][1]) {
            int code = take_flag(arguments, command, count, words, &i, error);
            if (code)
                return code;
        } else {
            arguments->operands[arguments->operand_count++] = words[i];
        }
    }
    return check_operands(arguments, command, error);
}

void arguments_release(struct Arguments *arguments) {
    memory_release(arguments->operands);
    memory_release(arguments->values);
    *arguments = (struct Arguments){0};
}

const char *argument_value(const struct Arguments *arguments, const char *name) {
    for (int i = arguments->value_count; i-- > 0;)
        if (!strcmp(arguments->values[i].flag->name, name))
            return arguments->values[i].value;
    return NULL;
}

bool argument_given(const struct Arguments *arguments, const char *name) {
    for (int i = 0; i < arguments->value_count; i++)
        if (!strcmp(arguments->values[i].flag->name, name))
            return true;
    return false;
}

int argument_values(const struct Arguments *arguments, const char *name, const char ***values) {
    int count = 0;
    *values = memory_array(const char *, arguments->value_count + 1, "flags");
    for (int i = 0; i < arguments->value_count; i++)
        if (!strcmp(arguments->values[i].flag->name, name))
            (*values)[count++] = arguments->values[i].value;
    return count;
}

int argument_integer(const struct Arguments *arguments, const char *name, int64_t minimum,
                     int64_t maximum, int64_t fallback, int64_t *value, struct Error *error) {
    const char *text = argument_value(arguments, name);
    *value = fallback;
    if (!text)
        return OK;
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    size_t digits = text[0] == '-' ? 1 : 0;
    if (!text[digits] || strspn(text + digits, "0123456789") != strlen(text + digits))
        return fail(error, ERROR_USAGE, "--%s: \"%s\" is not a whole number", name, text);
    if (maximum == INT64_MAX && !errno && number < minimum)
        return fail(error, ERROR_USAGE, "--%s: expected at least %" PRId64 ", found %s", name,
                    minimum, text);
    if (errno || number < minimum || number > maximum)
        return fail(error, ERROR_USAGE, "--%s: %s is outside %" PRId64 " ... %" PRId64, name, text,
                    minimum, maximum);
    *value = number;
    return OK;
}

int argument_real(const struct Arguments *arguments, const char *name, double minimum,
                  double maximum, double fallback, double *value, struct Error *error) {
    const char *text = argument_value(arguments, name);
    *value = fallback;
    if (!text)
        return OK;
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end || strspn(text, "+-.0123456789eE") != strlen(text))
        return fail(error, ERROR_USAGE, "--%s: \"%s\" is not a number", name, text);
    if (!isfinite(number) || number < minimum || number > maximum)
        return fail(error, ERROR_USAGE, "--%s: %s is outside %g ... %g", name, text, minimum,
                    maximum);
    *value = number;
    return OK;
}

int argument_choice(const struct Arguments *arguments, const char *name, const char *const *names,
                    int count, int *choice, struct Error *error) {
    const char *word = argument_value(arguments, name);
    if (!word)
        return OK;
    int found = text_index(word, names, count), known = 0;
    if (found >= 0) {
        *choice = found;
        return OK;
    }
    struct Text all = {0};
    for (; known != count && names[known]; known++)
        text_add(&all, "%s%s", known ? ", " : "", names[known]);
    const char *nearest = text_nearest(word, names, known);
    int code = fail(error, ERROR_USAGE, "--%s %s: expected one of %s%s%s%s", name, word, all.data,
                    nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
    text_release(&all);
    return code;
}
