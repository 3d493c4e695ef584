#include "runfile/tree.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

#define BLOCK_BYTES ((size_t)16384)
#define POOL_ALIGNMENT ((size_t)16)

struct PoolBlock {
    struct PoolBlock *next;
    size_t used, capacity;
    _Alignas(16) char bytes[];
};

void *pool__allocate(struct Pool *pool, size_t bytes) {
    bytes = (bytes + POOL_ALIGNMENT - 1) / POOL_ALIGNMENT * POOL_ALIGNMENT;
    struct PoolBlock *block = pool->blocks;
    if (!block || block->capacity - block->used < bytes) {
        size_t capacity = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
        block = memory_allocate(sizeof *block + capacity, "the run file");
        block->capacity = capacity;
        block->next = pool->blocks;
        pool->blocks = block;
    }
    void *pointer = block->bytes + block->used;
    block->used += bytes;
    return pointer;
}

char *pool__copy(struct Pool *pool, const char *text, size_t length) {
    char *copy = pool__allocate(pool, length + 1);
    memcpy(copy, text, length);
    return copy;
}

void pool__release(struct Pool *pool) {
    while (pool->blocks) {
        struct PoolBlock *next = pool->blocks->next;
        memory_release(pool->blocks);
        pool->blocks = next;
    }
}

struct YamlNode *node__below(struct Pool *pool, enum NodeType type, struct YamlNode *parent,
                             const char *name) {
    struct YamlNode *node = pool__allocate(pool, sizeof *node);
    *node = (struct YamlNode){.type = type,
                              .text = "",
                              .name = name,
                              .line = parent->line,
                              .source = parent->source,
                              .parent = parent};
    return node;
}

void node__append(struct Pool *pool, struct YamlNode *parent, struct YamlNode *item) {
    if (parent->count == parent->capacity) {
        int capacity = parent->capacity ? 2 * parent->capacity : 4;
        struct YamlNode **items = pool__allocate(pool, (size_t)capacity * sizeof(void *));
        if (parent->count)
            memcpy(items, parent->items, (size_t)parent->count * sizeof(void *));
        parent->items = items;
        parent->capacity = capacity;
    }
    item->parent = parent;
    item->index = parent->count;
    parent->items[parent->count++] = item;
}

struct YamlNode *node__find(const struct YamlNode *mapping, const char *name) {
    for (int i = 0; mapping->type == NODE_MAPPING && i < mapping->count; i++)
        if (strcmp(mapping->items[i]->name, name) == 0)
            return mapping->items[i];
    return NULL;
}

bool node__is_null(const struct YamlNode *node) {
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    if (node->type != NODE_SCALAR || node->quoted)
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(node->text, words[i]) == 0)
            return true;
    return false;
}

const char *text__printable(const char *text, char buffer[FOUND_BYTES]) {
    const size_t room = FOUND_BYTES - 6; /* the rest is for quotes, "..." and the NUL */
    size_t length = strlen(text);
    bool cut = length > room;
    if (cut) /* not within a UTF-8 character */
        for (length = room; length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80;)
            length--;
    memcpy(buffer, text, length);
    buffer[length] = '\0';
    size_t used = strlen(text_hide_controls(buffer));
    memcpy(buffer + used, cut ? "..." : "", cut ? 4 : 1);
    return buffer;
}

const char *node__found(const struct YamlNode *node, char buffer[FOUND_BYTES]) {
    if (node->type == NODE_LIST)
        return "a list";
    if (node->type == NODE_MAPPING)
        return "keys";
    if (node__is_null(node))
        return "nothing";
    char text[FOUND_BYTES];
    text__printable(node->text, text);
    size_t length = strlen(text); /* at most FOUND_BYTES - 3, including "..." */
    buffer[0] = '\'';
    memcpy(buffer + 1, text, length);
    memcpy(buffer + 1 + length, "'", 2);
    return buffer;
}

static void add_path(struct Text *path, const struct YamlNode *node) {
    if (!node->parent)
        return;
    add_path(path, node->parent);
    const char *dot = path->length ? "." : "";
    char buffer[FOUND_BYTES];
    if (node->name)
        text_add(path, "%s%s", dot, text__printable(node->name, buffer));
    else
        text_add(path, "%s%d", dot, node->index);
}

int node__locate(const struct YamlNode *place, const char *path, struct Error *error) {
    const struct Source *source = place->source;
    const char *override = source->override;
    struct Text where = {0};
    char printable[FOUND_BYTES];
    size_t length = strlen(path);
    bool said = override && strncmp(override, path, length) == 0 && override[length] == '=';
    text_add(&where, "%s", "");
    if (!override && source->file)
        text_add(&where, "%s:%d", source->file, place->line);
    if (length > 0 && !said)
        text_add(&where, "%s%s", where.length ? ": " : "", path);
    if (where.length)
        error_context(error, "%s", where.data);
    text_release(&where);
    snprintf(error->key, sizeof error->key, "%s", path);
    error->located = true;
    if (override)
        error_blame_option(error, SOURCE_OPTION, text__printable(override, printable));
    return error->code;
}

int node__blame(const struct YamlNode *node, const char *key, struct Error *error) {
    struct Text path = {0};
    text_add(&path, "%s", "");
    add_path(&path, node);
    if (key)
        text_add(&path, "%s%s", path.length ? "." : "", key);
    node__locate(node, path.data, error);
    text_release(&path);
    return error->code;
}

int node__fail_list(const struct YamlNode *node, struct Error *error, int code, const char *key,
                    const char *format, va_list arguments) {
    char message[sizeof error->text];
    vsnprintf(message, sizeof message, format, arguments);
    fail(error, code, "%s", message);
    return node__blame(node, key, error);
}

int node__fail(const struct YamlNode *node, struct Error *error, int code, const char *key,
               const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    node__fail_list(node, error, code, key, format, arguments);
    va_end(arguments);
    return code;
}
