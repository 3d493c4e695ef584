/* Source: https://docs.python.org/3/library/pickletools.html describes each instruction. */
#include "sources/pickle.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/read_file.h"
#include "base/text.h"

#define MOST_BYTES ((int64_t)1 << 30)
#define MOST_STEPS 1000000 /* the largest published file, that of CIFAR-100, takes 200,000 */

enum Kind {
    KIND_OTHER,   /* None or a float, which are not used here */
    KIND_MARK,    /* marks where the elements of a list begin on the stack */
    KIND_NUMBER,  /* `number` */
    KIND_TEXT,    /* `number` bytes from byte `at` of the file */
    KIND_NAME,    /* the name of a function or a class without its module, as in KIND_TEXT */
    KIND_LIST,    /* a list or tuple; `at` is the index of the node */
    KIND_MEMBERS, /* a dictionary: keys and values alternate in the node */
    KIND_TYPE,    /* a type of NumPy; `number`: whether it is the type of bytes */
    KIND_ARRAY    /* a NumPy array; its node has the rows, the columns, the order and the bytes */
};

struct Value {
    enum Kind kind;
    int64_t at, number;
};

struct Values {
    struct Value *values;
    int64_t count, capacity;
};

struct Pickle {
    const char *path;
    uint8_t *bytes;
    int64_t count, at; /* bytes of the file; the next byte */
    struct Values stack, memo;
    struct Values *nodes;
    int64_t node_count, node_capacity;
    struct Value top; /* the value that the pickle holds */
};

enum { ARRAY_ROWS, ARRAY_COLUMNS, ARRAY_BY_COLUMNS, ARRAY_BYTES, ARRAY_PARTS };

static void add(struct Values *values, struct Value value) {
    if (values->count == values->capacity) {
        int64_t capacity = values->capacity ? 2 * values->capacity : 4;
        values->values =
            memory_resize(values->values, (size_t)values->capacity * sizeof(struct Value),
                          (size_t)capacity * sizeof(struct Value), "values of a pickle");
        values->capacity = capacity;
    }
    values->values[values->count++] = value;
}

static void push(struct Pickle *pickle, enum Kind kind, int64_t at, int64_t number) {
    add(&pickle->stack, (struct Value){kind, at, number});
}

/* Adds a node whose members are the last `count` values of the stack. */
static int64_t add_node(struct Pickle *pickle, int64_t count) {
    if (pickle->node_count == pickle->node_capacity) {
        int64_t capacity = pickle->node_capacity ? 2 * pickle->node_capacity : 16;
        pickle->nodes =
            memory_resize(pickle->nodes, (size_t)pickle->node_capacity * sizeof(struct Values),
                          (size_t)capacity * sizeof(struct Values), "a pickle");
        pickle->node_capacity = capacity;
    }
    struct Values *node = &pickle->nodes[pickle->node_count];
    for (int64_t i = pickle->stack.count - count; i < pickle->stack.count; i++)
        add(node, pickle->stack.values[i]);
    pickle->stack.count -= count;
    return pickle->node_count++;
}

static int damaged(const struct Pickle *pickle, struct Error *error) {
    return fail(error, ERROR_DATA, "%s: damaged pickle, at byte %" PRId64, pickle->path,
                pickle->at);
}

/* Returns the value `depth` below the top of the stack; NULL if there is none. */
static struct Value *below(struct Pickle *pickle, int64_t depth) {
    return depth < pickle->stack.count ? &pickle->stack.values[pickle->stack.count - 1 - depth]
                                       : NULL;
}

/* Returns how many values lie above the last mark; −1: there is no mark. */
static int64_t above_mark(const struct Pickle *pickle) {
    for (int64_t i = pickle->stack.count - 1; i >= 0; i--)
        if (pickle->stack.values[i].kind == KIND_MARK)
            return pickle->stack.count - 1 - i;
    return -1;
}

/* Reads the next `count` bytes as a little-endian number. Returns false if the file ends before. */
static bool take_number(struct Pickle *pickle, int count, bool is_signed, int64_t *number) {
    uint64_t value = 0;
    if (pickle->count - pickle->at < count)
        return false;
    for (int i = 0; i < count; i++)
        value |= (uint64_t)pickle->bytes[pickle->at++] << 8 * i;
    if (is_signed && count > 0 && count < 8 && value >> (8 * count - 1))
        value |= ~(uint64_t)0 << 8 * count;
    *number = (int64_t)value;
    return true;
}

/* Reads a text that follows its length, a number of `width` bytes. */
static bool take_text(struct Pickle *pickle, int width) {
    int64_t length;
    if (!take_number(pickle, width, false, &length) || length < 0 ||
        length > pickle->count - pickle->at)
        return false;
    push(pickle, KIND_TEXT, pickle->at, length);
    pickle->at += length;
    return true;
}

static bool take_long(struct Pickle *pickle) {
    int64_t bytes, number;
    if (!take_number(pickle, 1, false, &bytes) || bytes > 8 ||
        !take_number(pickle, (int)bytes, true, &number))
        return false;
    push(pickle, KIND_NUMBER, 0, number);
    return true;
}

/* Reads two lines: a module, and the name of a function or a class in it. */
static bool take_global(struct Pickle *pickle) {
    int64_t first = pickle->at;
    for (int lines = 0; pickle->at < pickle->count;)
        if (pickle->bytes[pickle->at++] == '\n') {
            if (++lines == 2) {
                push(pickle, KIND_NAME, first, pickle->at - 1 - first);
                return true;
            }
            first = pickle->at;
        }
    return false;
}

/* Takes the same from two texts on the stack. */
static bool take_stack_global(struct Pickle *pickle) {
    const struct Value *name = below(pickle, 0), *module = below(pickle, 1);
    if (!module || name->kind != KIND_TEXT || module->kind != KIND_TEXT)
        return false;
    const struct Value kept = {KIND_NAME, name->at, name->number};
    pickle->stack.count -= 2;
    add(&pickle->stack, kept);
    return true;
}

static bool is_text(const struct Pickle *pickle, const struct Value *value, enum Kind kind,
                    const char *text) {
    return value && value->kind == kind && value->number == (int64_t)strlen(text) &&
           !memcmp(pickle->bytes + value->at, text, (size_t)value->number);
}

/* Returns a member of a list or tuple; NULL if it has no such member. */
static const struct Value *member_of(const struct Pickle *pickle, const struct Value *list,
                                     int64_t index) {
    if (!list || list->kind != KIND_LIST || index >= pickle->nodes[list->at].count)
        return NULL;
    return &pickle->nodes[list->at].values[index];
}

/* Sets the parts of a NumPy array: shape, type, order and bytes. An array with another number of
 * dimensions or other elements stays empty. */
static void fill_array(struct Pickle *pickle, int64_t array, const struct Value *shape,
                       const struct Value *type, bool by_columns, const struct Value *bytes) {
    const struct Value *rows = member_of(pickle, shape, 0), *columns = member_of(pickle, shape, 1);
    struct Values *node = &pickle->nodes[array];
    node->count = 0;
    if (!rows || !columns || member_of(pickle, shape, 2) || rows->kind != KIND_NUMBER ||
        columns->kind != KIND_NUMBER || !type || type->kind != KIND_TYPE || !type->number ||
        !bytes || bytes->kind != KIND_TEXT)
        return;
    const struct Value parts[ARRAY_PARTS] = {*rows, *columns, {KIND_NUMBER, 0, by_columns}, *bytes};
    for (int i = 0; i < ARRAY_PARTS; i++)
        add(node, parts[i]);
}

/* _frombuffer(bytes, type, shape, "C" or "F") */
static struct Value array_from_buffer(struct Pickle *pickle, const struct Value *arguments) {
    int64_t array = add_node(pickle, 0);
    bool by_columns = is_text(pickle, member_of(pickle, arguments, 3), KIND_TEXT, "F");
    fill_array(pickle, array, member_of(pickle, arguments, 2), member_of(pickle, arguments, 1),
               by_columns, member_of(pickle, arguments, 0));
    return (struct Value){KIND_ARRAY, array, 0};
}

/* encode(text, "latin1"): bytes as Python 3 writes them for Python 2. They equal the text if all
 * are ASCII. */
static struct Value encoded(const struct Pickle *pickle, const struct Value *text) {
    if (!text || text->kind != KIND_TEXT)
        return (struct Value){KIND_OTHER, 0, 0};
    for (int64_t i = 0; i < text->number; i++)
        if (pickle->bytes[text->at + i] > 127)
            return (struct Value){KIND_OTHER, 0, 0};
    return *text;
}

static int refuse_call(const struct Pickle *pickle, const struct Value *function,
                       struct Error *error) {
    return fail(error, ERROR_DATA,
                "%s: is a pickle that calls '%.*s'; nothing in a pickle is executed: expected a "
                "dictionary of lists and of a NumPy array of bytes, as CIFAR is published; "
                "numpy.savez in Python makes arrays that can be imported",
                pickle->path, (int)(function->number < 60 ? function->number : 60),
                pickle->bytes + function->at);
}

/* Handles function(arguments). Only the functions by which NumPy stores an array are known. */
static int take_call(struct Pickle *pickle, struct Error *error) {
    const struct Value *top = below(pickle, 0), *under = below(pickle, 1);
    if (!under || top->kind != KIND_LIST || under->kind != KIND_NAME)
        return damaged(pickle, error);
    const struct Value arguments = *top, function = *under,
                       *first = member_of(pickle, &arguments, 0);
    struct Value made;
    if (is_text(pickle, &function, KIND_NAME, "_reconstruct"))
        made = (struct Value){KIND_ARRAY, add_node(pickle, 0), 0};
    else if (is_text(pickle, &function, KIND_NAME, "dtype"))
        made = (struct Value){KIND_TYPE, 0, is_text(pickle, first, KIND_TEXT, "u1")};
    else if (is_text(pickle, &function, KIND_NAME, "_frombuffer"))
        made = array_from_buffer(pickle, &arguments);
    else if (is_text(pickle, &function, KIND_NAME, "encode"))
        made = encoded(pickle, first);
    else
        return refuse_call(pickle, &function, error);
    pickle->stack.count -= 2;
    add(&pickle->stack, made);
    return OK;
}

/* Takes the state that completes an array: (version, shape, type, by columns, bytes). */
static bool take_state(struct Pickle *pickle) {
    const struct Value *state = below(pickle, 0), *object = below(pickle, 1);
    if (!object || (object->kind != KIND_ARRAY && object->kind != KIND_TYPE))
        return false;
    const struct Value *order = member_of(pickle, state, 3);
    if (object->kind == KIND_ARRAY)
        fill_array(pickle, object->at, member_of(pickle, state, 1), member_of(pickle, state, 2),
                   order && order->number != 0, member_of(pickle, state, 4));
    pickle->stack.count--;
    return true;
}

/* Makes the last `count` values a node. */
static bool gather(struct Pickle *pickle, enum Kind kind, int64_t count) {
    if (count < 0 || count > pickle->stack.count)
        return false;
    int64_t node = add_node(pickle, count);
    push(pickle, kind, node, 0);
    return true;
}

/* Makes the values above the last mark a node, and removes the mark. */
static bool gather_marked(struct Pickle *pickle, enum Kind kind) {
    if (!gather(pickle, kind, above_mark(pickle)))
        return false;
    struct Value made = *below(pickle, 0);
    pickle->stack.count -= 2;
    add(&pickle->stack, made);
    return true;
}

/* Adds the last `count` values to the list or dictionary below them (if `marked`, below the
 * mark). */
static bool join(struct Pickle *pickle, enum Kind kind, int64_t count, bool marked) {
    const struct Value *container = count < 0 ? NULL : below(pickle, count + marked);
    if (!container || container->kind != kind || (kind == KIND_MEMBERS && count % 2))
        return false;
    struct Values *node = &pickle->nodes[container->at];
    for (int64_t i = pickle->stack.count - count; i < pickle->stack.count; i++)
        add(node, pickle->stack.values[i]);
    pickle->stack.count -= count + marked;
    return true;
}

static bool remember(struct Pickle *pickle, int64_t place) {
    const struct Value *top = below(pickle, 0);
    if (!top || place < 0 || place > pickle->memo.count + 256 || place > MOST_STEPS)
        return false;
    while (pickle->memo.count <= place)
        add(&pickle->memo, (struct Value){KIND_OTHER, 0, 0});
    pickle->memo.values[place] = *top;
    return true;
}

static bool recall(struct Pickle *pickle, int64_t place) {
    if (place < 0 || place >= pickle->memo.count)
        return false;
    add(&pickle->stack, pickle->memo.values[place]);
    return true;
}

/* Handles instructions with a number after them: a value, or a place of the memo to store or to
 * load. */
static bool take_counted(struct Pickle *pickle, int code) {
    int64_t number;
    int width = code == 'J' || code == 'j' || code == 'r' ? 4 : code == 'M' ? 2 : 1;
    if (!take_number(pickle, width, code == 'J', &number))
        return false;
    if (code == 'q' || code == 'r')
        return remember(pickle, number);
    if (code == 'h' || code == 'j')
        return recall(pickle, number);
    push(pickle, KIND_NUMBER, 0, number);
    return true;
}

static bool skip(struct Pickle *pickle, int64_t count) {
    pickle->at += count;
    return pickle->at <= pickle->count;
}

static bool push_other(struct Pickle *pickle, int64_t skipped) {
    push(pickle, KIND_OTHER, 0, 0);
    return skip(pickle, skipped);
}

static bool push_number(struct Pickle *pickle, enum Kind kind, int64_t number) {
    push(pickle, kind, 0, number);
    return true;
}

/* Handles instructions that make containers or add values to them. */
static bool take_container(struct Pickle *pickle, int code) {
    switch (code) {
    case ']': /* EMPTY_LIST */
    case ')': /* EMPTY_TUPLE */
        return gather(pickle, KIND_LIST, 0);
    case '}': /* EMPTY_DICT */
        return gather(pickle, KIND_MEMBERS, 0);
    case 0x85: /* TUPLE1 */
    case 0x86:
    case 0x87:
        return gather(pickle, KIND_LIST, code - 0x84);
    case 't': /* TUPLE */
    case 'l': /* LIST */
        return gather_marked(pickle, KIND_LIST);
    case 'a': /* APPEND */
        return join(pickle, KIND_LIST, 1, false);
    case 'e': /* APPENDS */
        return join(pickle, KIND_LIST, above_mark(pickle), true);
    case 's': /* SETITEM */
        return join(pickle, KIND_MEMBERS, 2, false);
    case 'u': /* SETITEMS */
        return join(pickle, KIND_MEMBERS, above_mark(pickle), true);
    default:
        return false;
    }
}

/* Handles the other values. Returns false if the instruction is none of these, or its values are
 * missing. */
static bool take_value(struct Pickle *pickle, int code) {
    switch (code) {
    case 0x95: /* FRAME */
        return skip(pickle, 8);
    case '(': /* MARK */
        return push_number(pickle, KIND_MARK, 0);
    case 'N': /* NONE */
        return push_other(pickle, 0);
    case 'G': /* BINFLOAT */
        return push_other(pickle, 8);
    case 0x88: /* NEWTRUE */
    case 0x89: /* NEWFALSE */
        return push_number(pickle, KIND_NUMBER, code == 0x88);
    case 0x8a: /* LONG1 */
        return take_long(pickle);
    case 'U':  /* SHORT_BINSTRING */
    case 'C':  /* SHORT_BINBYTES */
    case 0x8c: /* SHORT_BINUNICODE */
        return take_text(pickle, 1);
    case 'T': /* BINSTRING */
    case 'B': /* BINBYTES */
    case 'X': /* BINUNICODE */
        return take_text(pickle, 4);
    case 0x8d: /* BINUNICODE8 */
    case 0x8e: /* BINBYTES8 */
    case 0x96: /* BYTEARRAY8 */
        return take_text(pickle, 8);
    case 'c': /* GLOBAL */
        return take_global(pickle);
    case 0x93: /* STACK_GLOBAL */
        return take_stack_global(pickle);
    case 'b': /* BUILD */
        return take_state(pickle);
    case 0x94: /* MEMOIZE */
        return remember(pickle, pickle->memo.count);
    default:
        return strchr("KMJqrhj", code) ? take_counted(pickle, code) : take_container(pickle, code);
    }
}

static int walk(struct Pickle *pickle, struct Error *error) {
    int code = OK;
    pickle->at = 2; /* after the protocol */
    for (int64_t step = 0; code == OK; step++) {
        if (pickle->at >= pickle->count || step == MOST_STEPS)
            return damaged(pickle, error);
        int instruction = pickle->bytes[pickle->at++];
        if (instruction == '.')
            break;
        if (instruction == 'R')
            code = take_call(pickle, error);
        else if (!instruction || !take_value(pickle, instruction))
            code = damaged(pickle, error);
    }
    const struct Value *top = below(pickle, 0);
    if (code == OK && (!top || top->kind != KIND_MEMBERS))
        code = fail(error, ERROR_DATA, "%s: is a pickle that does not hold a dictionary",
                    pickle->path);
    if (code == OK)
        pickle->top = *top;
    return code;
}

static int load(struct Pickle *pickle, const char *path, struct Error *error) {
    struct stat about;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0 || fstat(file, &about) != 0) {
        fail_errno(error, "%s: cannot open", path);
    } else if (!S_ISREG(about.st_mode) || about.st_size > MOST_BYTES ||
               !memory_can_hold((uint64_t)about.st_size)) {
        fail(error, ERROR_DATA, "%s: has %" PRId64 " bytes, too many for a pickle of a data set",
             path, (int64_t)about.st_size);
    } else {
        pickle->bytes = memory_array(uint8_t, about.st_size, "a pickle");
        pickle->count = read_file_part(file, pickle->bytes, (uint64_t)about.st_size, 0);
        if (pickle->count < 0)
            fail_errno(error, "%s: cannot read", path);
    }
    if (file >= 0)
        close(file);
    return pickle->bytes && pickle->count >= 0 ? OK : error->code;
}

bool pickle__is_one(const char *path) {
    uint8_t head[2];
    return read_file_head(path, head, 2) == 2 && head[0] == 0x80 && head[1] >= 2 && head[1] <= 5;
}

int pickle__open(struct Pickle **out, const char *path, struct Error *error) {
    struct Pickle *pickle = memory_allocate(sizeof *pickle, "a pickle");
    pickle->path = path;
    int code = load(pickle, path, error);
    if (code == OK)
        code = walk(pickle, error);
    pickle->path = NULL; /* owned by the caller */
    *out = code == OK ? pickle : NULL;
    if (code != OK)
        pickle__close(pickle);
    return code;
}

void pickle__close(struct Pickle *pickle) {
    if (!pickle)
        return;
    for (int64_t i = 0; i < pickle->node_count; i++)
        memory_release(pickle->nodes[i].values);
    memory_release(pickle->nodes);
    memory_release(pickle->stack.values);
    memory_release(pickle->memo.values);
    memory_release(pickle->bytes);
    memory_release(pickle);
}

/* Returns the value of a key; NULL if the dictionary does not have it. */
static const struct Value *value_of(const struct Pickle *pickle, const char *key) {
    const struct Values *members = &pickle->nodes[pickle->top.at];
    for (int64_t i = 0; i + 1 < members->count; i += 2)
        if (is_text(pickle, &members->values[i], KIND_TEXT, key))
            return &members->values[i + 1];
    return NULL;
}

int64_t pickle__numbers(const struct Pickle *pickle, const char *key, int64_t *numbers,
                        int64_t most) {
    const struct Value *list = value_of(pickle, key), *member;
    int64_t count = 0;
    if (!list || list->kind != KIND_LIST)
        return -1;
    for (; (member = member_of(pickle, list, count)); count++) {
        if (member->kind != KIND_NUMBER)
            return -1;
        if (count < most)
            numbers[count] = member->number;
    }
    return count;
}

char *pickle__text(const struct Pickle *pickle, const char *key, int64_t index) {
    const struct Value *text = member_of(pickle, value_of(pickle, key), index);
    return text && text->kind == KIND_TEXT
               ? memory_copy_span((const char *)pickle->bytes + text->at, (size_t)text->number)
               : NULL;
}

bool pickle__bytes(const struct Pickle *pickle, const char *key, int64_t *rows, int64_t *columns,
                   int64_t *offset, bool *by_columns) {
    const struct Value *array = value_of(pickle, key);
    if (!array || array->kind != KIND_ARRAY || pickle->nodes[array->at].count != ARRAY_PARTS)
        return false;
    const struct Value *parts = pickle->nodes[array->at].values;
    *rows = parts[ARRAY_ROWS].number;
    *columns = parts[ARRAY_COLUMNS].number;
    *by_columns = parts[ARRAY_BY_COLUMNS].number != 0;
    *offset = parts[ARRAY_BYTES].at;
    return memory_product((const int64_t[]){*rows, *columns}, 2) == parts[ARRAY_BYTES].number;
}

char *pickle__keys(const struct Pickle *pickle) {
    const struct Values *members = &pickle->nodes[pickle->top.at];
    struct Text keys = {0};
    text_add(&keys, "%s", members->count ? "" : "nothing");
    for (int64_t i = 0; i < members->count && i < 40; i += 2)
        if (members->values[i].kind == KIND_TEXT)
            text_add(&keys, "%s%.*s", i ? ", " : "",
                     (int)(members->values[i].number < 40 ? members->values[i].number : 40),
                     pickle->bytes + members->values[i].at);
    return keys.data;
}
