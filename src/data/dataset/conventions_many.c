#include <string.h>

#include "base/memory.h"
#include "data/dataset/conventions_parts.h"
#include "data/dataset/opening.h"

static bool same_shape(const struct H5Info *a, const struct H5Info *b, int from) {
    bool same = a->rank == b->rank;
    for (int i = from; same && i < a->rank; i++)
        same = a->size[i] == b->size[i];
    return same;
}

/* What the arrays of a file have in common if all of them are in the root, or all in groups of the
 * root. */
struct Many {
    int arrays, images, labels, depth;
    const struct ContentsItem *image, *label; /* the first */
    bool encoded;                             /* each image is the bytes of a picture */
    bool one_leaf;                            /* all images have the same name, in groups */
    bool same, alike; /* all shapes are equal; they are equal without the first dimension */
};

static int depth_of(const char *path) {
    int depth = 0;
    for (const char *at = path; *at; at++)
        depth += *at == '/';
    return depth;
}

/* Returns whether an array holds the bytes of one picture. */
static bool is_one_picture(struct H5File *file, const struct ContentsItem *item) {
    const struct Array array = {
        .name = {NULL, item->path}, .file = file, .info = item->storage.info};
    return !item->problem && array.info.rank <= 1 && array.info.type != H5_TEXT &&
           opening__is_encoded(&array);
}

static void look_at_item(struct Many *many, struct H5File *file, const struct ContentsItem *item) {
    const struct H5Info *info = &item->storage.info;
    const char *leaf = strrchr(item->path, '/') + 1;
    bool image = !item->problem && holds_numbers(info) && info->rank >= 2 && info->rank <= 4;
    bool label = !item->problem && (holds_numbers(info) || holds_text(info)) &&
                 memory_product(info->size, info->rank) == 1;
    bool encoded = !image && !label && is_one_picture(file, item);
    image |= encoded;
    many->arrays++;
    if (label) {
        many->label = many->label ? many->label : item;
        many->labels += !strcmp(leaf, strrchr(many->label->path, '/') + 1);
    } else if (image && !many->image) {
        *many = (struct Many){.arrays = many->arrays,
                              .images = 1,
                              .labels = many->labels,
                              .depth = depth_of(item->path),
                              .image = item,
                              .label = many->label,
                              .encoded = encoded,
                              .one_leaf = true,
                              .same = true,
                              .alike = true};
    } else if (image && depth_of(item->path) == many->depth) {
        const struct H5Info *first = &many->image->storage.info;
        many->images++;
        many->one_leaf &= !strcmp(leaf, strrchr(many->image->path, '/') + 1);
        many->same &= encoded ? many->encoded : same_shape(first, info, 0);
        many->alike &= same_shape(first, info, 1);
    }
}

/* With at least this many arrays, there may be one for each sample. */
#define SAMPLES 8

static const char *axes_of_one(const struct Many *many) {
    const struct H5Info *info = &many->image->storage.info;
    return many->encoded                                                 ? ""
           : info->rank == 2                                             ? ", axes: HW"
           : are_channels(info->size[0]) && !are_channels(info->size[2]) ? ", axes: CHW"
                                                                         : ", axes: HWC";
}

/* Returns whether members of the root have usual names of splits, images or labels. */
static bool are_named(const struct Contents *contents) {
    for (int i = 0; i < contents->count; i++) {
        struct Meaning meaning;
        conventions__read_path(contents->items[i].path, &meaning);
        bool root = depth_of(contents->items[i].path) == 1;
        if (root && (meaning.part != PART_OTHER || meaning.role != ROLE_NONE))
            return true;
    }
    return false;
}

bool conventions__many(struct Proposal *proposal, struct H5File *file, const char *path,
                       bool follows, const struct Contents *contents) {
    struct Many many = {0};
    for (int i = 0; i < contents->count; i++)
        if (contents->items[i].member == H5_MEMBER_ARRAY)
            look_at_item(&many, file, &contents->items[i]);
    if (!many.image || many.depth > 2)
        return false;
    const struct H5Info *info = &many.image->storage.info;
    const char *leaf = strrchr(many.image->path, '/') + 1;
    char *lines = NULL;
    const char *name = NULL, *attribute = NULL;
    bool flat = many.depth == 1, few = info->rank <= 3;
    if (!flat && many.one_leaf && many.same && few && many.images >= SAMPLES && many.label &&
        many.labels >= many.images - contents->is_cut && depth_of(many.label->path) == 2 &&
        many.images + many.labels >= many.arrays - 1) {
        name = "a group for each sample";
        lines = memory_print("{images: \"/*/%s\", labels: \"/*/%s\"%s}", leaf,
                             strrchr(many.label->path, '/') + 1, axes_of_one(&many));
    } else if (many.same && few && many.images == many.arrays && many.images >= SAMPLES &&
               (attribute = conventions__label_attribute(file, many.image->path)) != NULL) {
        name = "an array for each sample, its label an attribute";
        lines = memory_print("{images: \"%s%s\", labels: \"@%s\"%s}", flat ? "/" : "/*/",
                             !flat && many.one_leaf ? leaf : "*", attribute, axes_of_one(&many));
    } else if (!flat && !many.one_leaf && many.same && few && many.images == many.arrays &&
               many.images >= SAMPLES && !are_named(contents)) {
        name = "a group for each class, with an array for each sample";
        lines = memory_print("{images: \"/*/*\", labels: group_name%s}", axes_of_one(&many));
    } else if (flat && many.alike && many.images == many.arrays && many.images >= 2 &&
               info->rank >= 3 && !are_named(contents)) {
        name = "an array for each class";
        lines = memory_copy_text("{images: \"/*\", labels: array_name}");
    }
    if (!lines)
        return false;
    struct Text text = {0};
    text_add(&text, "data:\n  file: ");
    conventions__add_name(&text, path);
    text_add(&text, "%s\n  splits:\n    train: %s\n", follows ? "\n  links: follow" : "", lines);
    text_add(&text, "    validation: {fraction_of: train, fraction: 0.1, stratified: true}\n");
    proposal->name = memory_copy_text(name);
    proposal->lines = text.data;
    memory_release(lines);
    return true;
}
