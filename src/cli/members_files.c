#include "cli/members_files.h"

#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/hdf5_source.h"
#include "cli/note.h"
#include "cli/shown.h"
#include "comm/node_memory.h"
#include "data/feed.h"
#include "run/blocks.h"

#define STDIN "-"

/* ---- What the model takes ---- */

static int read_resize(struct Members *members, const struct Arguments *arguments,
                       struct Error *error) {
    struct PictureShape *shape = &members->files.shape;
    int rule =
        text_index(members->items[0].preprocess.pictures.resize, resize_rule_names, RESIZE_RULES);
    int code = argument_choice(arguments, "resize", resize_rule_names, RESIZE_RULES, &rule, error);
    members->files.guessed_resize = rule < 0;
    shape->resize = rule < 0 ? RESIZE_CROP : (enum ResizeRule)rule;
    return code;
}

/* Pictures are converted to values in the same way as the training pictures. */
static int read_values(struct Members *members, struct Error *error) {
    const struct Preprocess *input = &members->items[0].preprocess;
    struct PictureForm *form = &members->files.shape.form;
    const char *values = input->pictures.values;
    form->channels = input->channels;
    if (!*values || !strcmp(values, PICTURE_RULE_BYTES))
        return OK;
    form->floats = true;
    for (int scale = 0; scale < PICTURE_SCALES; scale++)
        if (!strcmp(values, picture_scale_names[scale])) {
            form->scale = (enum PictureScale)scale;
            return OK;
        }
    return fail(error, ERROR_USAGE,
                "%s: was trained on arrays of floats, and nothing says how pictures become such "
                "values; predict an HDF5 array, scaled as the training images were",
                members->items[0].path);
}

static int read_shape(struct Members *members, const struct Arguments *arguments,
                      struct Error *error) {
    const struct Preprocess *input = &members->items[0].preprocess;
    struct PictureShape *shape = &members->files.shape;
    shape->height = input->height;
    shape->width = input->width;
    if (input->height * input->width == 1)
        return fail(error, ERROR_USAGE,
                    "%s: takes rows of %" PRId64 " features, and does not say how a table becomes "
                    "them, because it was not trained on one; predict an HDF5 array",
                    members->items[0].path, input->channels);
    int code = read_resize(members, arguments, error);
    return code ? code : read_values(members, error);
}

/* ---- Standard input ---- */

/* Replaces a path in a message by "stdin". */
static void rename_in_message(struct Error *error, const char *path) {
    char *at = strstr(error->text, path);
    if (!at)
        return;
    char *text =
        memory_print("%.*sstdin%s", (int)(at - error->text), error->text, at + strlen(path));
    snprintf(error->text, sizeof error->text, "%s", text);
    memory_release(text);
}

/* Copies stdin to a file without a name. Returns its path, which the caller releases, or NULL with
 * ERROR_SYSTEM. */
static char *keep_stdin(int *descriptor, struct Error *error) {
    char buffer[1 << 16];
    ssize_t got;
    *descriptor = memfd_create("trainer-stdin", MFD_CLOEXEC);
    if (*descriptor < 0) {
        fail_errno(error, "stdin cannot be kept in memory");
        return NULL;
    }
    while ((got = read(STDIN_FILENO, buffer, sizeof buffer)) > 0)
        if (write(*descriptor, buffer, (size_t)got) != got) {
            fail_errno(error, "stdin cannot be kept in memory");
            return NULL;
        }
    if (got < 0) {
        fail_errno(error, "stdin cannot be read");
        return NULL;
    }
    return memory_print("/proc/self/fd/%d", *descriptor);
}

/* ---- The list ---- */

static void notice(void *context, const char *line) {
    (void)context;
    fprintf(stderr, "left out: %s\n", shown(line));
}

static bool takes_tables(const struct Members *members) {
    return members->items[0].encoding.column_count > 0;
}

static int add_path(struct Members *members, const char *path, const char *name, int number,
                    const struct PictureListOptions *options, struct Error *error) {
    if (takes_tables(members))
        return members_rows_add(&members->files.rows, path, name, number,
                                &members->items[0].encoding, error);
    return picture_list_add(&members->files.pictures, path, options, error);
}

static int add_stdin(struct Members *members, int number, const struct PictureListOptions *options,
                     struct Error *error) {
    int descriptor;
    char *path = keep_stdin(&descriptor, error);
    int code = path ? add_path(members, path, "stdin", number, options, error) : error->code;
    if (path && code)
        rename_in_message(error, path);
    memory_release(path);
    if (descriptor >= 0)
        close(descriptor);
    return code;
}

static int refuse_empty(const struct Members *members, struct Error *error) {
    return fail(error, ERROR_DATA, "%s: holds no pictures that can be used",
                members->operands.sources[0]);
}

/* All members of an ensemble must get the same inputs. */
static int check_members(const struct Members *members, const struct Arguments *arguments,
                         struct Error *error) {
    const struct Member *first = &members->items[0];
    for (int i = 1; i < members->count; i++) {
        const struct Member *member = &members->items[i];
        if (!table_encoding_equal(&member->encoding, &first->encoding))
            return fail(error, ERROR_CHECKPOINT,
                        "%s: makes other inputs of a table than %s; predict with one at a time",
                        member->path, first->path);
        if (strcmp(member->preprocess.pictures.resize, first->preprocess.pictures.resize) &&
            !argument_given(arguments, "resize"))
            return fail(error, ERROR_CHECKPOINT,
                        "%s: its training pictures were resized in another way than those of %s; "
                        "--resize RULE says which way to take",
                        member->path, first->path);
    }
    return OK;
}

static int list_sources(struct Members *members, const struct Arguments *arguments,
                        struct Error *error) {
    const struct Operands *operands = &members->operands;
    const struct Ticker ticker = {.notice = notice};
    const struct PictureListOptions options = {argument_given(arguments, "skip-bad"), &ticker};
    int code = check_members(members, arguments, error);
    for (int i = 1; i < operands->source_count && !code; i++)
        if (hdf5_source_is_one(operands->sources[i]))
            code = fail(error, ERROR_USAGE,
                        "%s: is an HDF5 file, %s is not; predict them one after the other",
                        operands->sources[i], operands->sources[0]);
    for (int i = 0; i < operands->source_count && !code; i++)
        code =
            strcmp(operands->sources[i], STDIN)
                ? add_path(members, operands->sources[i], operands->sources[i], i, &options, error)
                : add_stdin(members, i, &options, error);
    if (!code && !takes_tables(members) && !members->files.pictures.count)
        code = refuse_empty(members, error);
    if (!code && members->files.guessed_resize)
        note("%s: does not say how its training pictures were brought to %" PRId64 "x%" PRId64
             "; others are cropped to that shape and scaled (--resize says otherwise)",
             shown(members->items[0].path), members->files.shape.width,
             members->files.shape.height);
    return code;
}

/* Gives every rank the list of rank 0. */
static void share_list(struct PictureList *list, struct Ranks *ranks) {
    int64_t sizes[3] = {list->count, list->skipped, 0};
    for (int64_t i = 0; i < list->count; i++)
        sizes[2] += (int64_t)(strlen(list->files[i].path) + strlen(list->files[i].name)) + 2;
    ranks_broadcast(ranks, sizes, (int64_t)sizeof sizes);
    char *texts = memory_array(char, sizes[2], "names of pictures"), *at = texts;
    for (int64_t i = 0; i < list->count; i++) {
        at = stpcpy(at, list->files[i].path) + 1;
        at = stpcpy(at, list->files[i].name) + 1;
    }
    ranks_broadcast(ranks, texts, sizes[2]);
    if (ranks_rank(ranks) != 0) {
        list->files = memory_array(struct PictureFile, sizes[0], "names of pictures");
        list->count = sizes[0];
        list->skipped = sizes[1];
        at = texts;
        for (int64_t i = 0; i < list->count; i++) {
            list->files[i].path = memory_copy_text(at);
            at += strlen(at) + 1;
            list->files[i].name = memory_copy_text(at);
            at += strlen(at) + 1;
        }
    }
    memory_release(texts);
}

/* Allocates memory for decoded pictures, once on each node: at most half of what is granted.
 * Collective. */
static struct PictureStore make_store(struct MembersFiles *files, struct Ranks *ranks) {
    int64_t bytes = picture_shape_bytes(&files->shape), room = memory_granted() / 2;
    struct PictureStore store = {.count = files->pictures.count};
    ranks_minimum(ranks, &room, 1);
    if (store.count > room / (bytes + 1))
        store.count = room / (bytes + 1);
    files->decoded = node_memory_create(ranks, store.count * (bytes + 1), "pictures");
    store.values = node_memory_data(files->decoded);
    store.kept = (bool *)store.values + store.count * bytes;
    return store;
}

/* Leaves out pictures that cannot be used. Each rank decodes a share of them. */
static int drop_bad(struct Members *members, struct Ranks *ranks, struct Error *error) {
    struct PictureList *list = &members->files.pictures;
    const struct PictureStore store = make_store(&members->files, ranks);
    const struct Ticker ticker = {.notice = notice};
    bool first = ranks_rank(ranks) == 0;
    int64_t *bad = memory_array(int64_t, list->count, "pictures that cannot be used");
    picture_list_check(list, &members->files.shape, ranks_rank(ranks), ranks_size(ranks), &store,
                       bad);
    ranks_sum(ranks, bad, list->count);
    picture_list_take(list, &members->files.shape, &store); /* after the sum, all are decoded */
    picture_list_drop(list, &members->files.shape, bad, first ? &ticker : NULL);
    memory_release(bad);
    return list->count ? OK : refuse_empty(members, error);
}

int members_list_files(struct Members *members, const struct Arguments *arguments,
                       struct Ranks *ranks, struct Error *error) {
    const struct Operands *operands = &members->operands;
    int64_t listed = operands->source_count && ranks_rank(ranks) == 0 &&
                     !hdf5_source_is_one(operands->sources[0]);
    int code = OK;
    ranks_broadcast(ranks, &listed, (int64_t)sizeof listed);
    members->files.listed = listed;
    if (!listed)
        return OK;
    if (!takes_tables(members))
        code = read_shape(members, arguments, error);
    if (!code && ranks_rank(ranks) == 0)
        code = list_sources(members, arguments, error);
    code = ranks_agree(ranks, code, error);
    if (code)
        return code;
    if (takes_tables(members)) {
        members_rows_share(&members->files.rows, ranks);
        return OK;
    }
    share_list(&members->files.pictures, ranks);
    return argument_given(arguments, "skip-bad") ? drop_bad(members, ranks, error) : OK;
}

/* ---- The data set ---- */

static int read_pictures(void *context, int64_t first, int64_t count, void *samples,
                         struct Error *error) {
    const struct MembersFiles *files = context;
    return picture_list_read(&files->pictures, &files->shape, first, count, samples, error);
}

static int read_rows(void *context, int64_t first, int64_t count, void *samples,
                     struct Error *error) {
    const struct MembersRows *rows = context;
    (void)error;
    memcpy(samples, rows->values + first * rows->features,
           (size_t)(count * rows->features) * sizeof *rows->values);
    return OK;
}

void members_open_files(struct Members *members, const struct Ranks *ranks) {
    struct MembersFiles *files = &members->files;
    const struct PictureShape *shape = &files->shape;
    const struct Operands *operands = &members->operands;
    struct Text path = {0};
    text_add(&path, "%s", operands->sources[0]);
    if (operands->source_count > 1)
        text_add(&path, " and %d more", operands->source_count - 1);
    struct FeedRequest request = {.path = path.data,
                                  .split = "pictures",
                                  .count = files->pictures.count,
                                  .height = shape->height,
                                  .width = shape->width,
                                  .channels = shape->form.channels,
                                  .floats = shape->form.floats,
                                  .targets = &members->items[0].targets,
                                  .block = EVALUATE_BLOCK,
                                  .first_block = ranks_rank(ranks),
                                  .stride = ranks_size(ranks),
                                  .read = read_pictures,
                                  .context = files};
    if (takes_tables(members)) {
        request.split = "rows";
        request.count = files->rows.count;
        request.height = request.width = 1;
        request.channels = files->rows.features;
        request.floats = true;
        request.labels = files->rows.labels;
        request.values = files->rows.targets;
        request.read = read_rows;
        request.context = &files->rows;
    }
    feed_create(&files->feed, &request);
    members->dataset = feed_dataset(files->feed);
    members->split = &members->dataset->splits[0];
    text_release(&path);
}

void members_release_files(struct Members *members) {
    if (members->files.feed)
        members->dataset = NULL; /* the feed releases it */
    feed_release(members->files.feed);
    picture_list_release(&members->files.pictures);
    node_memory_release(members->files.decoded);
    members_rows_release(&members->files.rows);
}
