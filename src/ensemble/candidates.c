#include "ensemble/candidates.h"

#include <string.h>

#include "base/memory.h"
#include "data/dataset/mapping.h"
#include "nn/loss.h"

/* ---- Facts ---- */

static struct Digest digest_data(const struct DataOptions *data) {
    struct DataOptions options = *data;
    options.file = NULL;
    options.memory = options.window = -1;
    options.check = DATASET_CHECK_AUTO;
    options.links = LINKS_REFUSE;
    options.plugins = PLUGINS_REFUSE;
    options.folds.held_out = 1;
    char *text = runfile_emit(data_keys, &options);
    struct Digest digest = digest_bytes(text, strlen(text));
    memory_release(text);
    return digest;
}

static struct CandidateFacts look_at(const struct Member *member) {
    const struct RunOptions *options = &member->options;
    return (struct CandidateFacts){.known = true,
                                   .averaged = member->averaged,
                                   .prediction =
                                       ((const struct Loss *)options->loss.kind)->prediction,
                                   .parameters = model_arena(member->model)->parameters,
                                   .folds = options->data.folds.count,
                                   .held_out = options->data.folds.held_out,
                                   .data = digest_data(&options->data)};
}

/* Every rank gets the facts that any knows. */
static void share_facts(struct Candidates *candidates) {
    struct Ranks *ranks = candidates->ranks;
    int size = ranks_size(ranks), count = candidates->count;
    struct CandidateFacts *all =
        memory_array(struct CandidateFacts, (int64_t)size * count, "facts");
    ranks_gather_all(ranks, candidates->facts, (int64_t)sizeof *all * count, all);
    for (int i = 0; i < size * count; i++)
        if (all[i].known)
            candidates->facts[i % count] = all[i];
    memory_release(all);
}

static int check_predictions(const struct Candidates *candidates, struct Error *error) {
    for (int i = 1; i < candidates->count; i++)
        if (candidates->facts[i].prediction != candidates->facts[0].prediction)
            return fail(error, ERROR_CHECKPOINT,
                        "%s: predicts %s, %s predicts %s: they make no "
                        "ensemble",
                        candidates->paths[i], prediction_words[candidates->facts[i].prediction],
                        candidates->paths[0], prediction_words[candidates->facts[0].prediction]);
    return OK;
}

/* ---- Opening ---- */

static int open_one(struct Candidates *candidates, int i, struct Ranks *ranks,
                    struct Error *error) {
    if (candidates->is_open[i])
        return OK;
    int code = member_open(&candidates->items[i], ranks, candidates->paths[i],
                           candidates->parameters, error);
    candidates->is_open[i] = true;
    if (!code)
        candidates->facts[i] = look_at(&candidates->items[i]);
    return code;
}

/* Whether this rank keeps a candidate open. */
static bool is_kept(const struct Candidates *candidates, int i) {
    int first, end;
    fill_members(candidates->count, ranks_rank(candidates->ranks), ranks_size(candidates->ranks),
                 &first, &end);
    return i == 0 || (i >= first && i < end);
}

static int open_own(struct Candidates *candidates, struct Error *error) {
    int code = OK;
    for (int i = 1; i < candidates->count && !code; i++)
        if (is_kept(candidates, i))
            code = open_one(candidates, i, candidates->alone, error);
    return code;
}

int candidates_open(struct Candidates *candidates, struct Ranks *ranks, char *const *paths,
                    int count, enum MemberParameters parameters, struct Error *error) {
    *candidates =
        (struct Candidates){.ranks = ranks,
                            .alone = ranks_alone(),
                            .count = count,
                            .paths = paths,
                            .parameters = parameters,
                            .items = memory_array(struct Member, count, "members"),
                            .is_open = memory_array(bool, count, "members"),
                            .facts = memory_array(struct CandidateFacts, count, "members")};
    int code = open_one(candidates, 0, ranks, error);
    if (!code)
        code = ranks_agree(ranks, open_own(candidates, error), error);
    if (code)
        return code;
    share_facts(candidates);
    return check_predictions(candidates, error);
}

void candidates_release(struct Candidates *candidates) {
    for (int i = 0; candidates->items && i < candidates->count; i++)
        if (candidates->is_open[i])
            member_release(&candidates->items[i]);
    memory_release(candidates->items);
    memory_release(candidates->is_open);
    memory_release(candidates->facts);
    if (candidates->alone)
        ranks_release(candidates->alone);
    *candidates = (struct Candidates){0};
}

bool candidates_share_fold(const struct Candidates *candidates) {
    const struct CandidateFacts *facts = candidates->facts;
    for (int i = 1; i < candidates->count; i++)
        if (facts[i].folds != facts[0].folds ||
            (facts[i].folds && facts[i].held_out != facts[0].held_out))
            return false;
    return true;
}

bool candidates_share_data(const struct Candidates *candidates) {
    for (int i = 1; i < candidates->count; i++)
        if (candidates->facts[i].data.high != candidates->facts[0].data.high ||
            candidates->facts[i].data.low != candidates->facts[0].data.low)
            return false;
    return true;
}

int candidates_match(const struct Candidates *candidates, const struct Dataset *dataset,
                     struct Error *error) {
    int code = OK;
    for (int i = 0; i < candidates->count && !code; i++)
        if (candidates->is_open[i])
            code = member_match(&candidates->items[i], dataset, error);
    return ranks_agree(candidates->ranks, code, error);
}

/* ---- Predicting ---- */

static int attach(void *context, int i, struct Predictor *predictor, struct Error *error) {
    struct Candidates *candidates = context;
    struct Member *member = &candidates->items[i];
    int code = open_one(candidates, i, candidates->alone, error);
    if (!code)
        code = member_match(member, candidates->attachment.dataset, error);
    if (!code)
        code = member_attach(member, &candidates->attachment, error);
    if (!code)
        *predictor = member_predictor(member);
    return code;
}

static void detach(void *context, int i) {
    struct Candidates *candidates = context;
    member_detach(&candidates->items[i]);
    if (is_kept(candidates, i))
        return;
    member_release(&candidates->items[i]);
    candidates->is_open[i] = false;
}

int candidates_fill(struct Candidates *candidates, const struct Attachment *attachment,
                    struct Pool *pool, struct Fill fill, struct Error *error) {
    int64_t streams = attachment->cut.window > 0;
    ranks_maximum(candidates->ranks, &streams, 1);
    candidates->attachment = *attachment;
    fill.ranks = candidates->ranks;
    fill.by_blocks = streams > 0;
    fill.attach = attach;
    fill.detach = detach;
    fill.context = candidates;
    return fill_pool(pool, &fill, error);
}
