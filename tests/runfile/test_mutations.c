/* 20,000 mutants of valid files, the same ones each time. */
#include "base/random.h"
#include "runfile/law.h" /* first: cmocka.h makes a macro of fail */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MUTANTS 20000
#define ROOM 8192 /* bytes of a mutant */

struct Mutant {
    char text[ROOM];
    size_t length;
    struct RandomStream stream;
    uint64_t drawn;
};

static size_t draw(struct Mutant *mutant, size_t bound) {
    return random_below(random_word(&mutant->stream, mutant->drawn++), (uint32_t)bound);
}

/* Replaces `count` bytes at `at` by `text`. */
static void splice(struct Mutant *mutant, size_t at, size_t count, const char *text) {
    size_t length = strlen(text);
    if (at + count > mutant->length || mutant->length - count + length >= ROOM)
        return;
    memmove(mutant->text + at + length, mutant->text + at + count, mutant->length - at - count + 1);
    memcpy(mutant->text + at, text, length);
    mutant->length += length - count;
}

/* The line that holds byte `at`: where it begins, and its length with the newline. */
static size_t line_at(const struct Mutant *mutant, size_t at, size_t *length) {
    size_t begin = at, end = at;
    while (begin > 0 && mutant->text[begin - 1] != '\n')
        begin--;
    while (end < mutant->length && mutant->text[end] != '\n')
        end++;
    *length = end - begin + (end < mutant->length);
    return begin;
}

static void move_line(struct Mutant *mutant, bool keep) {
    char line[ROOM];
    size_t length, from = line_at(mutant, draw(mutant, mutant->length), &length);
    memcpy(line, mutant->text + from, length);
    line[length] = '\0';
    if (!keep)
        splice(mutant, from, length, "");
    size_t to = line_at(mutant, mutant->length ? draw(mutant, mutant->length) : 0, &length);
    splice(mutant, to, 0, line);
}

static void mutate(struct Mutant *mutant) {
    static const char *const syntax[] = {":",
                                         ": ",
                                         "- ",
                                         "\n- ",
                                         "\n",
                                         "  ",
                                         "{",
                                         "}",
                                         "[",
                                         "]",
                                         ",",
                                         "&a ",
                                         "*a",
                                         "!t ",
                                         "|\n",
                                         ">\n",
                                         "\"",
                                         "'",
                                         "#",
                                         "\t",
                                         "? ",
                                         "---\n",
                                         "...\n",
                                         "%",
                                         "~",
                                         "null",
                                         "relu",
                                         "conv: ",
                                         "{}",
                                         "[]",
                                         "0",
                                         "1",
                                         "-",
                                         ".",
                                         "e9",
                                         "e400",
                                         ".nan",
                                         "true",
                                         "auto",
                                         "<<: ",
                                         "\xC3\xA9",
                                         "\xEF\xBB\xBF",
                                         "\xE2\x80\xA8",
                                         "\\",
                                         "\r",
                                         "\xC2\x85",
                                         " epochs",
                                         " steps",
                                         "99",
                                         "@"};
    if (mutant->length == 0)
        return;
    size_t at = draw(mutant, mutant->length);
    switch (draw(mutant, 7)) {
    case 0: /* a bit */
        mutant->text[at] = (char)(mutant->text[at] ^ (1 << draw(mutant, 8)));
        if (!mutant->text[at])
            mutant->text[at] = ' ';
        break;
    case 1: /* a printable byte */
        mutant->text[at] = (char)(' ' + draw(mutant, 95));
        break;
    case 2: /* some bytes go */
        splice(mutant, at, 1 + draw(mutant, 6), "");
        break;
    case 3: /* a line moves */
        move_line(mutant, false);
        break;
    case 4: /* a line doubles */
        move_line(mutant, true);
        break;
    default:
        splice(mutant, at, 0, syntax[draw(mutant, sizeof syntax / sizeof *syntax)]);
    }
}

static void test_mutants(void **state) {
    (void)state;
    static const char *const files[] = {plain_file, odd_file, short_file};
    struct Mutant *mutant = memory_allocate(sizeof *mutant, "test");
    int accepted_count = 0;
    for (int i = 0; i < MUTANTS; i++) {
        *mutant = (struct Mutant){.stream = random_stream(1, RANDOM_TEST, 0, 0, (uint64_t)i)};
        mutant->length = strlen(files[i % 3]);
        memcpy(mutant->text, files[i % 3], mutant->length + 1);
        for (size_t changes = 1 + draw(mutant, 2); changes > 0; changes--)
            mutate(mutant);
        bool accepted;
        const char *broken = law_broken_by(mutant->text, &accepted);
        if (broken)
            fail_msg("mutant %d: %s:\n%s", i, broken, mutant->text);
        accepted_count += accepted;
    }
    memory_release(mutant);
    print_message("%d of %d mutants accepted\n", accepted_count, MUTANTS);
    /* Both sides of the law were put to the test. */
    assert_in_range(accepted_count, MUTANTS / 50, MUTANTS / 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mutants)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
