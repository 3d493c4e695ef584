#include "examples.h"

#include "base/memory.h"
#include "net.h"
#include "nn/initialise.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdbool.h>
#include <string.h>

/* The first of the characters `ends` that is not inside <…>. */
static const char *find_end(const char *from, const char *ends) {
    int depth = 0;
    for (; *from; from++) {
        if (depth == 0 && strchr(ends, *from))
            return from;
        depth += *from == '<' ? 1 : *from == '>' ? -1 : 0;
    }
    fail_msg("a \"<\" without its \">\"");
    return from;
}

static char *draw_span(const char *from, const char *end, uint64_t *position) {
    char *made = memory_copy_text("");
    while (from < end) {
        char *piece, *longer;
        if (*from == '<') {
            const char *close = find_end(from + 1, ">"), *choice = from + 1;
            int64_t count = 1;
            for (const char *bar = find_end(choice, "|>"); bar < close;
                 bar = find_end(bar + 1, "|>"))
                count++;
            for (int64_t chosen = pick(position, count); chosen > 1; chosen--)
                choice = find_end(choice, "|>") + 1;
            piece = draw_span(choice, find_end(choice, "|>"), position);
            from = close + 1;
        } else {
            const char *open = memchr(from, '<', (size_t)(end - from));
            open = open ? open : end;
            piece = memory_copy_span(from, (size_t)(open - from));
            from = open;
        }
        longer = memory_print("%s%s", made, piece);
        memory_release(made);
        memory_release(piece);
        made = longer;
    }
    return made;
}

char *example_draw(const char *text, uint64_t *position) {
    return draw_span(text, text + strlen(text), position);
}

static bool word_character(char c) {
    return c && strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", c);
}

static bool names(const char *text, const char *word) {
    size_t length = strlen(word);
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
        if ((at == text || !word_character(at[-1])) && !word_character(at[length]))
            return true;
    return false;
}

static void check_named(const struct Kind *kind, const char *word, const char *const *texts,
                        int count) {
    for (int i = 0; i < count; i++)
        if (names(texts[i], word))
            return;
    fail_msg("%s: no row names its \"%s\"", kind->name, word);
}

void example_check_keys(const struct Kind *kind, const char *const *texts, int count) {
    for (const struct Key *key = kind->keys; key && key->name; key++) {
        if (key->kinds == &initialiser_kinds)
            continue;
        check_named(kind, key->name, texts, count);
        for (const char *const *word = key->type == KEY_ENUM ? key->names : NULL; word && *word;
             word++)
            check_named(kind, *word, texts, count);
    }
}
