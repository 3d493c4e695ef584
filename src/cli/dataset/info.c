#include <inttypes.h>

#include "base/memory.h"
#include "cli/dataset/dataset.h"
#include "cli/shown.h"
#include "data/dataset/contents.h"
#include "data/dataset/conventions.h"

static const char *const member_words[] = {[H5_MEMBER_GROUP] = "group",
                                           [H5_MEMBER_ARRAY] = "array",
                                           [H5_MEMBER_OTHER] = "named type",
                                           [H5_MEMBER_LINK] = "link to another file",
                                           [H5_MEMBER_UNREADABLE] = "unreadable"};

static void print_item(const struct ContentsItem *item) {
    const struct H5Storage *storage = &item->storage;
    struct Text line = {0};
    if (item->member == H5_MEMBER_GROUP || item->member == H5_MEMBER_OTHER)
        return;
    text_add(&line, "  %-28s ", shown(item->path));
    if (item->problem) {
        text_add(&line, "%s: %s", member_words[item->member], shown(item->problem));
    } else {
        contents_describe(item, &line);
        if (storage->is_chunked) {
            text_add(&line, ", chunks ");
            text_add_shape(&line, storage->chunk, storage->info.rank);
        }
        if (storage->is_virtual)
            text_add(&line, ", virtual");
        if (*storage->filters)
            text_add(&line, ", %s", storage->filters);
    }
    printf("%s\n", line.data);
    text_release(&line);
}

static void print_contents(const struct Contents *contents) {
    printf("arrays\n");
    for (int i = 0; i < contents->count; i++)
        print_item(&contents->items[i]);
    if (contents->is_cut)
        printf("  and more; the first %d objects are listed\n", CONTENTS_MOST);
}

static json_t *sizes_to_json(const int64_t *size, int rank) {
    json_t *list = json_array();
    for (int i = 0; i < rank; i++)
        json_array_append_new(list, json_integer(size[i]));
    return list;
}

static json_t *contents_to_json(const struct Contents *contents) {
    json_t *list = json_array();
    for (int i = 0; i < contents->count; i++) {
        const struct ContentsItem *item = &contents->items[i];
        const struct H5Storage *storage = &item->storage;
        int rank = storage->info.rank;
        if (item->member == H5_MEMBER_GROUP || item->member == H5_MEMBER_OTHER)
            continue;
        json_t *object = json_pack("{s:o}", "path", shown_json(item->path));
        if (item->problem)
            json_object_set_new(object, "problem", shown_json(item->problem));
        else
            json_object_update_new(
                object,
                json_pack("{s:o, s:o, s:o, s:o}", "type", shown_json(storage->info.type_name),
                          "shape", sizes_to_json(storage->info.size, rank), "chunks",
                          storage->is_chunked ? sizes_to_json(storage->chunk, rank) : json_null(),
                          "filters", shown_json(storage->filters)));
        json_array_append_new(list, object);
    }
    return list;
}

/* Prints the contents of a file of another program, and the lines for a run file. */
static void print_foreign(const char *path, const struct Contents *contents,
                          const struct Proposal *proposal, bool json) {
    if (json) {
        dataset_print_json(json_pack("{s:o, s:o, s:s?, s:o, s:o}", "file", shown_json(path),
                                     "arrays", contents_to_json(contents), "convention",
                                     proposal->name, "proposal", shown_json(proposal->lines),
                                     "missing", shown_json(proposal->missing)));
        return;
    }
    printf("%s\n", shown(path));
    print_contents(contents);
    if (!proposal->lines) {
        printf(
            "No convention is recognised; docs/your-data.md says how a run file names the arrays "
            "to use\n");
        return;
    }
    printf("recognised: %s\n"
           "The lines for the run file%s%s%s:\n\n"
           "%s",
           proposal->name, proposal->missing ? " (" : "",
           proposal->missing ? proposal->missing : "", proposal->missing ? ")" : "",
           proposal->lines);
}

/* Whether the file has a link to another file, or an array that is a view of others. */
static bool has_links(const struct Contents *contents) {
    for (int i = 0; i < contents->count; i++)
        if (contents->items[i].member == H5_MEMBER_LINK || contents->items[i].storage.is_virtual)
            return true;
    return false;
}

/* Lists a file that is no data set of this program. */
static int describe_foreign(const char *path, bool json, struct Error *error) {
    struct H5File *file;
    struct Contents contents;
    struct Proposal proposal;
    int code = h5_open(&file, path, ERROR_DATA, error);
    if (code != OK)
        return code;
    contents_read(file, &contents);
    bool follows = has_links(&contents);
    if (follows) {
        contents_release(&contents);
        h5_follow_links(file, true);
        contents_read(file, &contents);
    }
    proposal_make(&proposal, file, path, follows, &contents);
    print_foreign(path, &contents, &proposal, json);
    proposal_release(&proposal);
    contents_release(&contents);
    code = h5_check(file, error);
    h5_close(file);
    return code;
}

/* Whether the file is undamaged, and has a link to a missing object or to another file, or an array
 * that is a view of other files. */
static bool leads_elsewhere(const char *path) {
    struct H5File *file;
    struct Contents contents;
    struct Error ignored;
    if (h5_open(&file, path, ERROR_DATA, &ignored) != OK)
        return false;
    contents_read(file, &contents);
    bool found = has_links(&contents);
    for (int i = 0; i < contents.count; i++)
        found |= contents.items[i].member == H5_MEMBER_UNREADABLE;
    found = found && h5_check(file, &ignored) == OK;
    contents_release(&contents);
    h5_close(file);
    return found;
}

/* Lists the arrays, and then fails if something in the file is damaged. */
static int list_arrays(const char *path, bool prints, struct Error *error) {
    struct H5File *file;
    struct Contents contents;
    int code = h5_open(&file, path, ERROR_DATA, error);
    if (code != OK)
        return code;
    contents_read(file, &contents);
    if (prints)
        print_contents(&contents);
    contents_release(&contents);
    code = h5_check(file, error);
    h5_close(file);
    return code;
}

int dataset_show(const char *path, const char *kind, bool json, struct Error *error) {
    struct Dataset *dataset;
    const struct DatasetRequest request = {.path = path, .skips_bad = true, .defers = true};
    int code = dataset_open_request(&dataset, &request, error);
    bool has_advice = error->advice.kind != ADVICE_NONE;
    if (code != OK &&
        (has_advice ? error->advice.kind == ADVICE_CONTENTS : leads_elsewhere(path))) {
        *error = (struct Error){0};
        return describe_foreign(path, json, error);
    }
    if (code != OK)
        return code;
    if (json) {
        json_t *object = dataset_to_json(dataset);
        if (kind)
            json_object_set_new(object, "kind", json_string(kind));
        dataset_print_json(object);
    } else {
        dataset_print(stdout, dataset);
    }
    for (int i = 0; i < dataset->note_count && !json; i++)
        printf("note: %s\n", shown(dataset->notes[i]));
    dataset_warn_of_arrays(dataset);
    dataset_close(dataset);
    return list_arrays(path, !json, error);
}

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error) {
    (void)command;
    (void)ranks;
    return dataset_show(arguments->operands[0], NULL, argument_given(arguments, "json"), error);
}

static const struct Flag flags[] = {
    {.name = "json", .help = "the result as one JSON object on stdout"},
    {.name = NULL},
};

const struct Command command_dataset_info = {
    .name = "dataset info",
    .operands = "FILE.h5",
    .least_operands = 1,
    .most_operands = 1,
    .summary = "print what an HDF5 file holds",
    .help = "Prints the image size, the splits with their digests, the statistics of the "
            "training split and how many images each class has. An image with a soft label (a "
            "distribution over the classes) counts for its most probable class. If another "
            "program wrote the file, it lists every array with type, shape, chunks and filters, "
            "and proposes the lines for a run file that name the arrays to train on.\n"
            "\n"
            "Examples:\n"
            "  trainer dataset info shapes.h5\n"
            "  trainer dataset info shapes.h5 --json | python3 -m json.tool\n"
            "  trainer dataset info data_of_another_program.h5\n",
    .flags = flags,
    .run = run};
