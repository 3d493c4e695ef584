#include <math.h>

#include "train/trainer.h"

/* The layer of this rank where it began, or NULL. */
static const char *find_in_values(struct Trainer *trainer, const char **what) {
    int64_t first = exchange_first_shard(trainer->exchange);
    struct Image image = loader_image(trainer->loader);
    int64_t elements = image.height * image.width * image.channels;
    for (int64_t i = 0; i < exchange_shard_count(trainer->exchange); i++) {
        struct PlanRun run = trainer_load_shard(trainer, first + i);
        const float *input = plan_input(trainer->plan);
        *what = "the preprocessed images";
        for (int64_t j = 0; j < run.samples * elements; j++)
            if (!isfinite(input[j]))
                return "input";
        const struct Node *node = plan_find_nonfinite(trainer->plan, &run);
        *what = "the output";
        if (node)
            return node->path;
    }
    return NULL;
}

static const char *find_in_gradients(struct Trainer *trainer, const char **what) {
    const struct Arena *arena = model_arena(trainer->model);
    for (int i = 0; i < arena->row_count; i++) {
        const struct ArenaRow *row = &arena->rows[i];
        *what = row->role == ROLE_STATISTIC ? "the batch statistics" : "the gradient";
        if (exchange_own_nonfinite(trainer->exchange, row->offset, row->offset + row->count) >= 0)
            return row->name;
    }
    return NULL;
}

int trainer_diagnose(struct Trainer *trainer, bool gradients, struct Error *error) {
    const char *what = NULL;
    const char *where =
        gradients ? find_in_gradients(trainer, &what) : find_in_values(trainer, &what);
    long long step = trainer->progress.step + 1;
    int code = OK;
    if (where)
        code = fail(error, ERROR_NUMERIC,
                    "step %lld: NaN or Inf on rank %d in %s of layer %s; try a smaller "
                    "optimizer.rate or a longer warm-up; no checkpoint was changed",
                    step, ranks_rank(trainer->ranks), what, where);
    code = ranks_agree(trainer->ranks, code, error);
    if (code)
        return code;
    return fail(error, ERROR_NUMERIC,
                "step %lld: NaN or Inf in the %s, on no single rank: a sum over shards overflowed; "
                "no checkpoint was changed",
                step, gradients ? "gradient" : "loss");
}
