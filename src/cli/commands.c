#include "cli/command.h"

const struct Command *const commands[] = {
    &command_inspect,
    NULL,
};
