/* Converts YAML text to the tree by libyaml's events. Unlike its documents, events show anchors,
 * aliases and tags, and have a mark for every node. */
#include <stdint.h>
#include <string.h>
#include <yaml.h>

#include "base/file_kind.h"
#include "base/text.h"
#include "runfile/tree.h"

struct Reader {
    struct Pool *pool;
    struct Error *error;
    yaml_parser_t parser;
    yaml_event_t event; /* the current event */
    bool own_lines;
    const char *text;
    size_t length;
};

static int line_fail(struct Reader *reader, struct YamlNode *node, int line, const char *what,
                     unsigned value) {
    struct YamlNode place = *node;
    if (reader->own_lines)
        place.line = line;
    return node__fail(&place, reader->error, ERROR_RUN_FILE, NULL, what, value);
}

static int check_characters(struct Reader *reader, struct YamlNode *node) {
    const unsigned char *text = (const unsigned char *)reader->text;
    int line = 1;
    const char *wide = file_utf16(text, reader->length);
    if (wide)
        return node__fail(node, reader->error, ERROR_RUN_FILE, NULL, "%s", wide);
    for (size_t i = 0, bytes; i < reader->length; i += bytes) {
        uint32_t code;
        bytes = text_character(reader->text + i, reader->length - i, &code);
        if (bytes == 0)
            return line_fail(reader, node, line, "not UTF-8 text (byte 0x%02x)", text[i]);
        bool control = (code < 0x20 && code != '\t' && code != '\n' && code != '\r') ||
                       (code >= 0x7F && code < 0xA0 && code != 0x85);
        if (control || (code & 0xFFFE) == 0xFFFE)
            return line_fail(reader, node, line, "character U+%04X cannot stand in a run file",
                             code);
        line += code == '\n';
    }
    return OK;
}

static bool tab_indents(const struct Reader *reader, size_t line) {
    const char *at = reader->text, *end = at + reader->length;
    for (; line > 0 && at < end; line -= *at++ == '\n')
        ;
    while (at < end && *at == ' ')
        at++;
    return at < end && *at == '\t';
}

static int syntax_fail(struct Reader *reader, const struct YamlNode *node) {
    const yaml_parser_t *parser = &reader->parser;
    struct YamlNode place = *node;
    place.parent = NULL; /* the parser reads ahead: the line is right, but the key may be wrong */
    if (reader->own_lines)
        place.line = (int)parser->problem_mark.line + 1;
    const char *problem = parser->problem ? parser->problem : "unknown problem";
    const char *hint =
        tab_indents(reader, parser->problem_mark.line) ? " (indent with spaces, not tabs)" : "";
    if (reader->own_lines && parser->context)
        return node__fail(&place, reader->error, ERROR_RUN_FILE, NULL,
                          "not valid YAML: %s, %s that begins on line %d%s", problem,
                          parser->context, (int)parser->context_mark.line + 1, hint);
    return node__fail(&place, reader->error, ERROR_RUN_FILE, NULL, "not valid YAML: %s%s", problem,
                      hint);
}

static int next_event(struct Reader *reader, const struct YamlNode *node) {
    yaml_event_delete(&reader->event);
    if (yaml_parser_parse(&reader->parser, &reader->event))
        return OK;
    reader->event = (yaml_event_t){0};
    return syntax_fail(reader, node);
}

static int refuse(struct Reader *reader, const struct YamlNode *node, const char *what) {
    return node__fail(node, reader->error, ERROR_RUN_FILE, NULL, "%s", what);
}

/* Refuses anchors, aliases and tags, by which a value depends on other lines or on the reader. */
static int refuse_references(struct Reader *reader, const struct YamlNode *node) {
    const yaml_event_t *event = &reader->event;
    const yaml_char_t *anchor = NULL, *tag = NULL;
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return refuse(reader, node, "aliases (*name) are not supported; write the value out");
    case YAML_SCALAR_EVENT:
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
        break;
    default:
        break;
    }
    if (anchor)
        return refuse(reader, node, "anchors (&name) are not supported; write the value out");
    if (tag)
        return refuse(reader, node, "tags (!name) are not supported; remove the tag");
    return OK;
}

static void take_line(const struct Reader *reader, struct YamlNode *node) {
    if (reader->own_lines)
        node->line = (int)reader->event.start_mark.line + 1;
}

static int read_scalar(struct Reader *reader, struct YamlNode *node) {
    const char *text = (const char *)reader->event.data.scalar.value;
    size_t length = reader->event.data.scalar.length;
    if (memchr(text, '\0', length))
        return refuse(reader, node, "text cannot hold the character U+0000");
    node->type = NODE_SCALAR;
    node->text = pool__copy(reader->pool, text, length);
    node->quoted = reader->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return OK;
}

static int read_node(struct Reader *reader, struct YamlNode *node, int depth);

static int read_list(struct Reader *reader, struct YamlNode *node, int depth) {
    node->type = NODE_LIST;
    for (;;) {
        int code = next_event(reader, node);
        if (code)
            return code;
        if (reader->event.type == YAML_SEQUENCE_END_EVENT)
            return OK;
        struct YamlNode *item = node__below(reader->pool, NODE_SCALAR, node, NULL);
        take_line(reader, item);
        node__append(reader->pool, node, item);
        code = read_node(reader, item, depth + 1);
        if (code)
            return code;
    }
}

/* Makes the node for the value of the key that is the current event, and moves to the value's
 * event. */
static int read_key(struct Reader *reader, struct YamlNode *mapping, struct YamlNode **item) {
    struct YamlNode key = *mapping, *first;
    take_line(reader, &key);
    int code = refuse_references(reader, &key);
    if (code)
        return code;
    if (reader->event.type != YAML_SCALAR_EVENT)
        return refuse(reader, &key, "a key must be a word, not a list or a mapping");
    code = read_scalar(reader, &key);
    if (code)
        return code;
    *item = node__below(reader->pool, NODE_SCALAR, mapping, key.text);
    (*item)->line = key.line;
    if ((first = node__find(mapping, key.text)) != NULL)
        return reader->own_lines
                   ? node__fail(*item, reader->error, ERROR_RUN_FILE, NULL,
                                "duplicate key; it stands on line %d already", first->line)
                   : refuse(reader, *item, "duplicate key");
    if (mapping->count == TREE_KEYS)
        return node__fail(mapping, reader->error, ERROR_RUN_FILE, NULL,
                          "has more than %d keys, which is the most that a mapping can have",
                          TREE_KEYS);
    node__append(reader->pool, mapping, *item);
    return next_event(reader, *item);
}

static int read_mapping(struct Reader *reader, struct YamlNode *node, int depth) {
    node->type = NODE_MAPPING;
    for (;;) {
        int code = next_event(reader, node);
        if (code)
            return code;
        if (reader->event.type == YAML_MAPPING_END_EVENT)
            return OK;
        struct YamlNode *item = NULL;
        code = read_key(reader, node, &item);
        if (!code)
            code = read_node(reader, item, depth + 1);
        if (code)
            return code;
    }
}

/* Reads the node that the current event begins. `depth` counts mappings and lists, including the
 * node. */
static int read_node(struct Reader *reader, struct YamlNode *node, int depth) {
    int code = refuse_references(reader, node);
    if (code)
        return code;
    if (reader->event.type == YAML_SCALAR_EVENT)
        return read_scalar(reader, node);
    if (depth > TREE_NESTING)
        return node__fail(node, reader->error, ERROR_RUN_FILE, NULL, "nested deeper than %d levels",
                          TREE_NESTING);
    return reader->event.type == YAML_SEQUENCE_START_EVENT ? read_list(reader, node, depth)
                                                           : read_mapping(reader, node, depth);
}

static int read_document(struct Reader *reader, struct YamlNode *node) {
    int code = next_event(reader, node); /* stream start */
    if (!code)
        code = next_event(reader, node);
    if (code || reader->event.type == YAML_STREAM_END_EVENT)
        return code;
    struct YamlNode place = *node;
    take_line(reader, &place);
    if (reader->event.data.document_start.version_directive ||
        reader->event.data.document_start.tag_directives.start !=
            reader->event.data.document_start.tag_directives.end)
        return refuse(reader, &place, "directives (%YAML, %TAG) are not supported");
    code = next_event(reader, node);
    if (!code)
        code = read_node(reader, node, 1);
    if (!code)
        code = next_event(reader, node); /* document end */
    if (!code)
        code = next_event(reader, node);
    if (code || reader->event.type == YAML_STREAM_END_EVENT)
        return code;
    take_line(reader, &place);
    return refuse(reader, &place, "a second document begins here; one is expected");
}

/* Skips the byte order mark with which editors on Windows begin UTF-8. */
static void skip_mark(struct Reader *reader) {
    static const char mark[] = "\xEF\xBB\xBF";
    if (reader->length >= 3 && !memcmp(reader->text, mark, 3)) {
        reader->text += 3;
        reader->length -= 3;
    }
}

int yaml__read(struct Pool *pool, struct YamlNode *node, bool own_lines, const char *text,
               size_t length, struct Error *error) {
    struct Reader reader = {
        .pool = pool, .error = error, .own_lines = own_lines, .text = text, .length = length};
    if (length > TREE_BYTES)
        return node__fail(node, error, ERROR_RUN_FILE, NULL, "larger than %zu bytes", TREE_BYTES);
    skip_mark(&reader);
    int code = check_characters(&reader, node);
    if (code)
        return code;
    if (!yaml_parser_initialize(&reader.parser))
        return node__fail(node, error, ERROR_SYSTEM, NULL, "libyaml cannot start: out of memory");
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)reader.text, reader.length);
    code = read_document(&reader, node);
    yaml_event_delete(&reader.event);
    yaml_parser_delete(&reader.parser);
    return code;
}
