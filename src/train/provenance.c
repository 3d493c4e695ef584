#include "train/provenance.h"

static bool is_valid(const void *value) {
    return ((const struct Provenance *)value)->shards >= 1;
}

static const struct SavedField fields[] = {
    SAVED_FIELD(struct Provenance, "seed", seed),
    SAVED_FIELD(struct Provenance, "shards", shards),
    SAVED_FIELD(struct Provenance, "threads", threads),
    SAVED_FIELD(struct Provenance, "instruction_set", instruction_set),
    SAVED_FIELD(struct Provenance, "versions", versions),
    SAVED_FIELD(struct Provenance, "backend", backend),
    SAVED_FIELD(struct Provenance, "data_digest", data_digest),
    SAVED_FIELD(struct Provenance, "validation_digest", validation_digest, .optional = true),
    SAVED_FIELD(struct Provenance, "weights_digest", weights_digest, .optional = true),
    SAVED_FIELD(struct Provenance, "blocks_digest", blocks_digest, .optional = true),
    SAVED_END};
const struct SavedTable provenance_saved = {
    .what = "a run", .fields = fields, .is_valid = is_valid};
