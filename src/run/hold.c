#include "run/hold.h"

#include <inttypes.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "run/blocks.h"

#define RUN_BYTES ((int64_t)16 << 20) /* preferred size of a window of the validation split */
#define PER_SAMPLE 48 /* bytes for each sample of a window and of the list that fills it */

/* The validation split may have 1/VALIDATION_PART of the memory, because it needs no large
 * windows. */
#define VALIDATION_PART 4

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t granted(const struct HoldRequest *request) {
    int64_t bytes = request->options->data.memory;
    if (bytes < 0)
        bytes = memory_granted() / 2;
    if (request->ranks)
        ranks_minimum(request->ranks, &bytes, 1);
    return bytes;
}

/* Returns whether the validation split has arrays of its own. */
static bool has_own(const struct HoldRequest *request) {
    return request->validation && !dataset_shares(request->validation, request->train);
}

/* ---- Windows ---- */

/* `needed` is the least data.memory that suffices. */
static int refuse(const struct HoldRequest *request, const struct Holding *holding,
                  const struct Split *split, const char *who, double needed, struct Error *error) {
    struct SplitSize size = dataset_size(request->dataset, split);
    char has[32], needs[32], block[32];
    return fail_key(error, ERROR_RUN_FILE, "data.memory",
                    "%s, split %s: %s of memory is too little to stream the samples: they are read "
                    "in blocks of %" PRId64 " (%s), and each %s needs several; expected at least "
                    "%s",
                    request->dataset->path, split->name, text_bytes((double)holding->granted, has),
                    size.block, text_bytes((double)(size.block * size.image), block), who,
                    text_bytes(needed, needs));
}

/* `most` is the largest data.window that fits into the memory. */
static int refuse_window(const struct HoldRequest *request, const struct Holding *holding,
                         double needed, int64_t most, struct Error *error) {
    char has[32], needs[32];
    return fail_key(error, ERROR_RUN_FILE, "data.window",
                    "%s, split %s: windows of %" PRId64
                    " samples need %s of data.memory, which allows %s; expected at most %" PRId64
                    ", or more data.memory",
                    request->dataset->path, request->train->name, request->options->data.window,
                    text_bytes(needed, needs), text_bytes((double)holding->granted, has), most);
}

/* Sets the window of the training split: as the options say, or as large as the memory allows. It
 * does not depend on the number of ranks, of which there are at most as many as shards. */
static int cut_train(const struct HoldRequest *request, struct Holding *holding,
                     struct Error *error) {
    const struct TrainOptions *train = &request->options->train;
    struct SplitSize size = dataset_size(request->dataset, request->train);
    int64_t memory = holding->granted - holding->granted / VALIDATION_PART;
    int64_t window = request->options->data.window, shards = train->shards;
    int64_t fixed = size.reader * shards, sample = 2 * size.image + PER_SAMPLE;
    int64_t lane = shards * size.block;
    if (window < 1)
        window = (memory - fixed) / sample / lane * lane;
    int64_t all = (request->train->count + lane - 1) / lane * lane;
    int64_t whole = least(most(window / lane, 1) * lane, all); /* whole blocks in each lane */
    int64_t needed = fixed + whole * sample;
    double wanted = (double)needed * VALIDATION_PART / (VALIDATION_PART - 1);
    int64_t room = (memory - fixed) / sample / lane * lane;
    if (needed > memory && room > 0 && request->options->data.window > 0)
        return refuse_window(request, holding, wanted, room, error);
    if (needed > memory)
        return refuse(request, holding, request->train, "shard", wanted, error);
    holding->windows += needed;
    holding->train = (struct StreamCut){.window = least(window, request->train->count),
                                        .batch = train->batch,
                                        .shards = shards,
                                        .own_shards = shards / request->rank_count};
    if (request->ranks)
        holding->train.first_shard = ranks_rank(request->ranks) * holding->train.own_shards;
    return OK;
}

/* Each rank reads the blocks that it evaluates. */
static int cut_validation(const struct HoldRequest *request, struct Holding *holding,
                          struct Error *error) {
    struct SplitSize size = dataset_size(request->dataset, request->validation);
    int64_t memory = holding->granted / VALIDATION_PART;
    int64_t ranks = request->rank_count, sample = 2 * size.image + PER_SAMPLE;
    int64_t fixed = size.reader * ranks;
    int64_t window = least(RUN_BYTES / size.image, (memory - fixed) / sample / ranks);
    window = most(window - window % size.block, size.block);
    window = least(window, most(request->validation->count, 1));
    int64_t needed = fixed + ranks * window * sample;
    if (needed > memory)
        return refuse(request, holding, request->validation, "rank",
                      (double)needed * VALIDATION_PART, error);
    holding->windows += needed;
    holding->validation =
        (struct StreamCut){.window = window, .run = EVALUATE_BLOCK, .parts = ranks};
    if (request->ranks)
        holding->validation.part = ranks_rank(request->ranks);
    return OK;
}

/* ---- In memory ---- */

/* Reads the images of a split; the ranks of a node share the work. Collective. */
static int load_split(struct Dataset *dataset, const struct Split *split, struct Ranks *ranks,
                      struct NodeMemory **memory, struct Error *error) {
    *memory = node_memory_create(ranks, dataset_size(dataset, split).missing, "images");
    int code = dataset_load(split, node_memory_place(*memory), node_memory_sharers(*memory),
                            node_memory_data(*memory), error);
    code = ranks_agree(ranks, code, error); /* all ranks of the node have read their share */
    if (!code)
        dataset_take(dataset, split, node_memory_data(*memory));
    return code;
}

static int load(const struct HoldRequest *request, const struct Split *split,
                struct NodeMemory **memory, struct Error *error) {
    if (!dataset_size(request->dataset, split).missing || !request->ranks)
        return OK;
    return load_split(request->dataset, split, request->ranks, memory, error);
}

static int check_room(const struct HoldRequest *request, int64_t missing, int64_t memory,
                      struct Error *error) {
    char needs[32], has[32];
    bool chosen = request->options->data.memory >= 0;
    if (missing == 0 || (chosen ? missing <= memory : memory_can_hold((uint64_t)missing)))
        return OK;
    return fail_key(error, ERROR_RUN_FILE, "data.memory",
                    "%s: the samples take %s, and there is room for %s; the run shuffles all of "
                    "them together (data.window), so that they cannot be streamed",
                    request->dataset->path, text_bytes((double)missing, needs),
                    text_bytes((double)memory, has));
}

static int hold_all(const struct HoldRequest *request, struct Holding *holding,
                    struct Error *error) {
    struct SplitSize train = dataset_size(request->dataset, request->train), validation = {0};
    if (has_own(request))
        validation = dataset_size(request->dataset, request->validation);
    holding->held = train.missing + validation.missing;
    holding->mapped = train.bytes + validation.bytes - holding->held;
    int code = check_room(request, holding->held, holding->granted, error);
    if (!code)
        code = load(request, request->train, &holding->memory[0], error);
    if (!code && has_own(request))
        code = load(request, request->validation, &holding->memory[1], error);
    return code;
}

/* Streams the training split, and the validation split unless it is small. */
static int stream(const struct HoldRequest *request, struct Holding *holding, struct Error *error) {
    struct SplitSize validation = {0};
    int code = OK;
    if (request->validation)
        validation = dataset_size(request->dataset, request->validation);
    if (has_own(request) && validation.bytes <= holding->granted / VALIDATION_PART) {
        holding->held = validation.missing;
        holding->mapped = validation.bytes - validation.missing;
        code = load(request, request->validation, &holding->memory[1], error);
    } else if (request->validation) {
        code = cut_validation(request, holding, error);
    }
    return code ? code : cut_train(request, holding, error);
}

/* Returns whether all samples are shuffled together. */
static bool is_whole(const struct HoldRequest *request, int64_t memory) {
    int64_t window = request->options->data.window;
    int64_t bytes = dataset_size(request->dataset, request->train).bytes;
    if (has_own(request))
        bytes += dataset_size(request->dataset, request->validation).bytes;
    return window == 0 || (window < 0 && (request->resumed || bytes <= memory));
}

int run_hold(struct Holding *holding, const struct HoldRequest *request, struct Error *error) {
    *holding = (struct Holding){.granted = granted(request)};
    int code = is_whole(request, holding->granted) ? hold_all(request, holding, error)
                                                   : stream(request, holding, error);
    log_debug("images: %" PRId64 " bytes mapped, %" PRId64 " in memory, %" PRId64
              " in windows of at most %" PRId64 " samples",
              holding->mapped, holding->held, holding->windows, holding->train.window);
    return code;
}

int run_hold_evaluated(struct Dataset *dataset, const struct Split *split, int64_t memory,
                       struct Ranks *ranks, struct NodeMemory **held, struct StreamCut *cut,
                       struct Error *error) {
    struct SplitSize size = dataset_size(dataset, split);
    int64_t count = ranks_size(ranks), room = memory < 0 ? memory_granted() / 2 : memory;
    *cut = (struct StreamCut){0};
    *held = NULL;
    ranks_minimum(ranks, &room, 1);
    if (!size.missing)
        return OK;
    if (size.missing <= room)
        return load_split(dataset, split, ranks, held, error);
    int64_t window = least(RUN_BYTES / size.image, room / count / 4 / size.image);
    *cut = (struct StreamCut){.window = most(window - window % size.block, size.block),
                              .run = EVALUATE_BLOCK,
                              .parts = count,
                              .part = ranks_rank(ranks)};
    return OK;
}

void holding_release(struct Holding *holding) {
    node_memory_release(holding->memory[0]);
    node_memory_release(holding->memory[1]);
    holding->memory[0] = holding->memory[1] = NULL;
}
