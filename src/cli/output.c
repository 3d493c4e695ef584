#include "cli/output.h"

#include <sys/stat.h>

int output_check(const char *flag, const char *out, const char *const *inputs, int count,
                 struct Error *error) {
    struct stat output, input;
    if (stat(out, &output))
        return OK;
    for (int i = 0; i < count; i++)
        if (inputs[i] && !stat(inputs[i], &input) && output.st_dev == input.st_dev &&
            output.st_ino == input.st_ino)
            return fail(error, ERROR_USAGE, "%s %s: would overwrite the input %s", flag, out,
                        inputs[i]);
    return OK;
}
