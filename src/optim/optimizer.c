#include "optim/optimizer.h"

const char *const optimizer_row_names[] = {"weights", "all", NULL};
