/* A profile in JSON. */
#ifndef TRAINER_CLI_PROFILE_JSON_H
#define TRAINER_CLI_PROFILE_JSON_H

#include <jansson.h>

#include "report/profile.h"

/* An object; the caller owns it. docs/profiling.md names its members. */
json_t *profile_json(const struct Profile *profile);

#endif
