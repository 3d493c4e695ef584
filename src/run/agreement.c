#include "run/agreement.h"

#include <inttypes.h>
#include <string.h>

#include "base/digest.h"
#include "base/log.h"
#include "base/memory.h"
#include "comm/facts.h"

#define SAMPLED_ROWS 64 /* images of a split that are compared byte for byte */

/* ---- The run file ---- */

static int tell_key(const struct Ranks *ranks, const struct Disagreement *disagreement,
                    struct Error *error) {
    struct RunFile *files[2] = {NULL, NULL};
    struct RunOptions options[2];
    const char *texts[] = {disagreement->odd_text, disagreement->other_text};
    struct Difference difference = {0};
    int code = OK;
    memset(options, 0, sizeof options);
    for (int i = 0; i < 2 && !code; i++)
        code = run_parse(&files[i], NULL, texts[i], NULL, 0, &options[i], error);
    if (!code && runfile_difference(run_keys, &options[0], &options[1], &difference))
        code = disagreement_fail(ranks, disagreement, ERROR_RUN_FILE, difference.path.data,
                                 difference.first.data, difference.second.data, error);
    else
        code = disagreement_fail(ranks, disagreement, ERROR_RUN_FILE, "the run file", "one",
                                 "another", error);
    difference_release(&difference);
    runfile_release(files[0]);
    runfile_release(files[1]);
    return code;
}

int run_agree_options(struct Ranks *ranks, const struct RunOptions *options, struct Error *error) {
    struct Disagreement disagreement;
    char *text = runfile_emit(run_keys, options);
    int code = OK;
    if (ranks_differ(ranks, text, &disagreement))
        code = tell_key(ranks, &disagreement, error);
    disagreement_release(&disagreement);
    memory_release(text);
    return code;
}

/* ---- The backend ---- */

enum Variant run_agree_variant(struct Ranks *ranks, enum Variant best) {
    int64_t least[] = {best, backend_bf16_of_cpu()};
    ranks_minimum(ranks, least, 2);
    backend_limit_bf16((enum Bf16Products)least[1]);
    return (enum Variant)least[0];
}

int run_agree_backend(struct Ranks *ranks, const struct Backend *backend, enum Variant variant,
                      struct Error *error) {
    struct Text facts = {0};
    char versions[BACKEND_VERSIONS], instructions[BACKEND_VERSIONS];
    facts_add(&facts, ERROR_SYSTEM, "the backend", "%s (%s)", backend->name, variant_name(variant));
    facts_add(&facts, ERROR_SYSTEM, "the libraries and the kernels that they chose", "%s",
              backend_versions(versions));
    facts_add(&facts, ERROR_SYSTEM, "the instruction set of the libraries", "%s",
              backend_instructions(instructions));
    facts_add(&facts, ERROR_SYSTEM, "the threads that a rank gets (OMP_THREAD_LIMIT, OMP_DYNAMIC)",
              "%d", backend_threads());
    int code = ranks_same(ranks, &facts, error);
    text_release(&facts);
    return code;
}

/* ---- The data ---- */

static void add_digest(struct Text *facts, const char *name, const void *data, int64_t bytes) {
    char text[DIGEST_TEXT];
    if (data)
        facts_add(facts, ERROR_DATA, name, "the digest %s",
                  digest_text(digest_bytes(data, (size_t)bytes), text));
}

static void add_number(struct Text *facts, const char *of, const char *part, int64_t value) {
    char *name = memory_print("%s%s", of, part);
    facts_add(facts, ERROR_DATA, name, "%" PRId64, value);
    memory_release(name);
}

static void add_part(struct Text *facts, const char *of, const char *part, const void *data,
                     int64_t bytes) {
    char *name = memory_print("%s%s", of, part);
    add_digest(facts, name, data, bytes);
    memory_release(name);
}

/* Adds evenly spaced images, including the first and the last: a copy that was cut short ends with
 * zeros. */
static void add_images(struct Text *facts, const char *of, const struct Dataset *dataset,
                       const struct Split *split) {
    if (split->window) /* no images are in memory yet */
        return;
    int64_t rows = split->count < SAMPLED_ROWS ? split->count : SAMPLED_ROWS;
    if (!rows)
        return;
    struct Digest *digests = memory_array(struct Digest, rows, "digests of images");
    for (int64_t i = 0; i < rows; i++) {
        int64_t at = rows > 1 ? i * (split->count - 1) / (rows - 1) : 0;
        digests[i] =
            digest_bytes(dataset_image(dataset, split, at), dataset_image_bytes(dataset, split));
    }
    add_part(facts, of, "images", digests, rows * (int64_t)sizeof *digests);
    memory_release(digests);
}

static void add_split(struct Text *facts, const struct Dataset *dataset,
                      const struct Split *split) {
    char *of = memory_print("%s, split %s: ", dataset->path, split->name);
    add_number(facts, of, "the number of samples", split->count);
    add_number(facts, of, "bytes of a value", split->bytes ? 1 : (int64_t)sizeof(float));
    char *digest = memory_print("%sthe digest in the file", of);
    facts_add(facts, ERROR_DATA, digest, "%s", *split->digest ? split->digest : "none");
    memory_release(digest);
    add_part(facts, of, "labels", split->labels, split->count * (int64_t)sizeof *split->labels);
    add_part(facts, of, "targets", split->targets,
             split->count * dataset->targets.count * (int64_t)sizeof *split->targets);
    add_part(facts, of, "weights", split->weights, split->count * (int64_t)sizeof *split->weights);
    add_images(facts, of, dataset, split);
    memory_release(of);
}

static void add_statistics(struct Text *facts, const struct Dataset *dataset) {
    for (const struct StatisticRow *row = statistic_rows; row->name; row++) {
        int64_t size[3], bytes = row->single ? sizeof(float) : sizeof(double);
        int rank = statistic_shape(row, dataset->height, dataset->width, dataset->channels, size);
        for (int i = 0; i < rank; i++)
            bytes *= size[i];
        char *of = memory_print("%s, statistics: ", dataset->path);
        if (rank)
            add_part(facts, of, row->name, statistic_of(row, &dataset->statistics), bytes);
        memory_release(of);
    }
    int64_t bytes = dataset->targets.count * (int64_t)sizeof(double);
    add_part(facts, dataset->path, ", target_mean", dataset->target_mean, bytes);
    add_part(facts, dataset->path, ", target_std", dataset->target_std, bytes);
}

static void add_names(struct Text *facts, const struct Dataset *dataset) {
    char *name =
        memory_print("%s: the names of its %s", dataset->path, targets_words(&dataset->targets));
    facts_add_words(facts, ERROR_DATA, name, (int)dataset->targets.count, dataset->targets.names);
    memory_release(name);
}

/* What a rank tells the others about its data. */
struct Seen {
    struct Digest identity;
    int64_t node;
    char digest[DIGEST_TEXT + 7]; /* of a split; padded, so that no byte is undefined */
};

/* Returns what all ranks see. The caller releases it. */
static struct Seen *see(struct Ranks *ranks, const struct Dataset *dataset,
                        const struct Split *split) {
    int rank = ranks_rank(ranks), size = ranks_size(ranks);
    struct Seen mine = {.node = ranks_node(ranks, rank)};
    if (!dataset_identify(dataset, &mine.identity)) /* unlike those of any other rank */
        mine = (struct Seen){.node = -1 - rank};
    memcpy(mine.digest, split->digest, DIGEST_TEXT);
    struct Seen *all = memory_array(struct Seen, size, "digests");
    ranks_gather_all(ranks, &mine, sizeof mine, all);
    return all;
}

static bool see_the_same(const struct Seen *a, const struct Seen *b) {
    return a->node == b->node && a->identity.high == b->identity.high &&
           a->identity.low == b->identity.low;
}

/* Ranks that use the same bytes share the work. */
static int check_split(struct Ranks *ranks, struct Dataset *dataset, const struct Split *split,
                       enum DatasetCheck when, struct Error *error) {
    int rank = ranks_rank(ranks), worker = 0, workers = 0;
    struct Seen *all = see(ranks, dataset, split);
    for (int r = 0; r < ranks_size(ranks); r++) {
        bool same = see_the_same(&all[r], &all[rank]);
        worker += same && r < rank;
        workers += same;
    }
    memory_release(all);
    return dataset_check_split(dataset, split, when, worker, workers, error);
}

/* Gives all of them the digest of a split that one of them computed. */
static void share_digest(struct Ranks *ranks, const struct Dataset *dataset, struct Split *split) {
    struct Seen *all = see(ranks, dataset, split);
    const struct Seen *mine = &all[ranks_rank(ranks)];
    for (int r = 0; r < ranks_size(ranks) && !split->digest[0]; r++)
        if (see_the_same(&all[r], mine))
            memcpy(split->digest, all[r].digest, DIGEST_TEXT);
    memory_release(all);
}

static void settle_split(struct Ranks *ranks, struct Dataset *dataset, const struct Split *split,
                         enum DatasetCheck when) {
    share_digest(ranks, dataset, &dataset->splits[split - dataset->splits]);
    dataset_trust(dataset, split, when);
    if (dataset_is_unchecked(dataset, split, when) && ranks_rank(ranks) == 0)
        log_warning("%s:/%s: is not compared with its digest, because it is large and the file has "
                    "no digests of its blocks; with data.check: start it is",
                    dataset->path, split->name);
}

int run_check_splits(struct Ranks *ranks, struct Dataset *dataset,
                     const struct Split *const *splits, int split_count, enum DatasetCheck when,
                     int code, struct Error *error) {
    code = ranks_agree(ranks, code, error);
    if (code)
        return code;
    for (int i = 0; i < split_count; i++) {
        struct Error own;
        int found = splits[i] ? check_split(ranks, dataset, splits[i], when, &own) : OK;
        if (found && !code)
            *error = own;
        code = code ? code : found;
    }
    code = ranks_agree(ranks, code, error);
    for (int i = 0; i < split_count && !code; i++)
        if (splits[i])
            settle_split(ranks, dataset, splits[i], when);
    return code;
}

int run_agree_data(struct Ranks *ranks, const struct Dataset *dataset,
                   const struct Split *const *splits, int split_count, struct Error *error) {
    struct Text facts = {0};
    if (ranks_size(ranks) == 1)
        return OK;
    char *shape = memory_print("%s: the shape of an image", dataset->path);
    facts_add(&facts, ERROR_DATA, shape, "(%" PRId64 ",%" PRId64 ",%" PRId64 ")", dataset->height,
              dataset->width, dataset->channels);
    memory_release(shape);
    add_number(&facts, dataset->path, ": the kind of target", (int64_t)dataset->targets.kind);
    for (int i = 0; i < split_count; i++)
        if (splits[i])
            add_split(&facts, dataset, splits[i]);
    add_names(&facts, dataset);
    add_statistics(&facts, dataset);
    int code = ranks_same(ranks, &facts, error);
    text_release(&facts);
    return code;
}
