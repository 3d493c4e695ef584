#include "comm/facts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "comm/facts_compare.h"
#include "comm/ranks_link.h"

/* A line is "CODE NAME\tVALUE\n"; the words of a list are divided by WORD_END. */
#define WORD_END '\x1f'
#define SHOWN 200 /* bytes of a value in a message */

void facts_add(struct Text *facts, int code, const char *name, const char *format, ...) {
    va_list arguments;
    char *value = NULL;
    va_start(arguments, format);
    CHECK(vasprintf(&value, format, arguments) >= 0);
    va_end(arguments);
    for (char *at = value; *at; at++)
        if ((unsigned char)*at < ' ' && *at != WORD_END)
            *at = ' ';
    text_add(facts, "%d %s\t%s\n", code, name, value);
    free(value);
}

void facts_add_words(struct Text *facts, int code, const char *name, int count,
                     char *const *words) {
    struct Text list = {0};
    for (int i = 0; i < count; i++)
        text_add(&list, "%s%c", words[i], WORD_END);
    facts_add(facts, code, name, "%s", list.data ? list.data : "");
    text_release(&list);
}

/* ---- Which rank differs ---- */

static bool same_digest(const struct Digest *a, const struct Digest *b) {
    return a->high == b->high && a->low == b->low;
}

static int count_like(const struct Digest *digests, int size, int rank) {
    int count = 0;
    for (int i = 0; i < size; i++)
        count += same_digest(&digests[i], &digests[rank]);
    return count;
}

bool facts__find_odd(const struct Digest *digests, int size, struct Disagreement *disagreement) {
    int majority = count_like(digests, size, 0), other = 0;
    *disagreement = (struct Disagreement){0};
    if (majority == size)
        return false;
    for (int i = 1; i < size && 2 * majority < size; i++) {
        int count = count_like(digests, size, i);
        if (count > majority) {
            majority = count;
            other = i;
        }
    }
    int odd = 0;
    while (same_digest(&digests[odd], &digests[other]))
        odd++;
    *disagreement = (struct Disagreement){.odd = odd, .other = other, .more = size - majority - 1};
    return true;
}

static char *broadcast_text(struct Ranks *ranks, int from, const char *mine) {
    int64_t length = ranks->rank == from ? (int64_t)strlen(mine) : 0;
    ranks->operations->broadcast(ranks, from, &length, sizeof length);
    char *text = memory_array(char, length + 1, "a rank's text");
    if (ranks->rank == from)
        memcpy(text, mine, (size_t)length);
    ranks->operations->broadcast(ranks, from, text, length);
    return text;
}

bool ranks_differ(struct Ranks *ranks, const char *text, struct Disagreement *disagreement) {
    *disagreement = (struct Disagreement){0};
    if (ranks->size == 1)
        return false;
    struct Digest mine = digest_bytes(text, strlen(text));
    struct Digest *all = memory_array(struct Digest, ranks->size, "digests");
    ranks_gather_all(ranks, &mine, sizeof mine, all);
    bool differ = facts__find_odd(all, ranks->size, disagreement);
    memory_release(all);
    if (differ) {
        disagreement->odd_text = broadcast_text(ranks, disagreement->odd, text);
        disagreement->other_text = broadcast_text(ranks, disagreement->other, text);
    }
    return differ;
}

void disagreement_release(struct Disagreement *disagreement) {
    memory_release(disagreement->odd_text);
    memory_release(disagreement->other_text);
    *disagreement = (struct Disagreement){0};
}

/* ---- What is said about it ---- */

static int tell(const struct Disagreement *found, const char *odd_host, const char *other_host,
                int code, const char *name, const char *odd_value, const char *other_value,
                struct Error *error) {
    char more[48] = "";
    if (found->more)
        snprintf(more, sizeof more, " (and %d other%s)", found->more, found->more == 1 ? "" : "s");
    return fail(error, code,
                "rank %d on %s%s differs from rank %d on %s in %s: %.*s instead of %.*s; all ranks "
                "need the same",
                found->odd, odd_host, more, found->other, other_host, name, SHOWN, odd_value, SHOWN,
                other_value);
}

int disagreement_fail(const struct Ranks *ranks, const struct Disagreement *disagreement, int code,
                      const char *name, const char *odd_value, const char *other_value,
                      struct Error *error) {
    return tell(disagreement, ranks->hosts[disagreement->odd], ranks->hosts[disagreement->other],
                code, name, odd_value, other_value, error);
}

/* The next line of `*at`, taken apart; false at the end. */
struct Fact {
    int code;
    char *name, *value;
};
static bool next_fact(const char **at, struct Fact *fact) {
    const char *space = strchr(*at, ' '), *tab = strchr(*at, '\t'), *end = strchr(*at, '\n');
    if (!space || !tab || !end || space > tab || tab > end)
        return false;
    fact->code = atoi(*at);
    fact->name = memory_copy_span(space + 1, (size_t)(tab - space - 1));
    fact->value = memory_copy_span(tab + 1, (size_t)(end - tab - 1));
    *at = end + 1;
    return true;
}

static void fact_release(struct Fact *fact) {
    memory_release(fact->name);
    memory_release(fact->value);
    *fact = (struct Fact){0};
}

/* The value of the fact `name` in `facts`, to be released; NULL if it is not there. */
static char *value_of(const char *facts, const char *name) {
    struct Fact fact = {0};
    char *value = NULL;
    while (!value && next_fact(&facts, &fact)) {
        if (!strcmp(fact.name, name)) {
            value = fact.value;
            fact.value = NULL;
        }
        fact_release(&fact);
    }
    return value;
}

static int split_words(char *list, char **words) {
    int count = 0;
    for (char *at = list, *end; (end = strchr(at, WORD_END)); at = end + 1) {
        *end = '\0';
        words[count++] = at;
    }
    return count;
}

static char *join_words(char *const *words, int count) {
    struct Text text = {0};
    for (int i = 0; i < count; i++)
        text_add(&text, "%s%s", i ? " " : "", words[i]);
    return text.data ? text.data : memory_copy_text("nothing");
}

/* "--stop-after 5" says more than "5". */
static bool is_argument_of_flag(char *const *words, int at, int count) {
    return at > 0 && words[at - 1][0] == '-' && !strchr(words[at - 1], '=') &&
           (at == count || words[at][0] != '-');
}

/* Leaves of two lists of words those that differ. */
static void keep_difference(char **first, char **second) {
    char **words[2] = {memory_array(char *, (int64_t)strlen(*first) + 1, "words"),
                       memory_array(char *, (int64_t)strlen(*second) + 1, "words")};
    int count[2] = {split_words(*first, words[0]), split_words(*second, words[1])};
    int from = 0;
    while (from < count[0] && from < count[1] && !strcmp(words[0][from], words[1][from]))
        from++;
    while (count[0] > from && count[1] > from &&
           !strcmp(words[0][count[0] - 1], words[1][count[1] - 1])) {
        count[0]--;
        count[1]--;
    }
    if (from < count[0] && from < count[1] && is_argument_of_flag(words[0], from, count[0]) &&
        is_argument_of_flag(words[1], from, count[1]))
        from--;
    char *kept[2] = {join_words(words[0] + from, count[0] - from),
                     join_words(words[1] + from, count[1] - from)};
    memory_release(words[0]);
    memory_release(words[1]);
    memory_release(*first);
    memory_release(*second);
    *first = kept[0];
    *second = kept[1];
}

int facts_tell(const struct Disagreement *disagreement, const char *odd_host,
               const char *other_host, struct Error *error) {
    const struct Disagreement swapped = {.odd_text = disagreement->other_text,
                                         .other_text = disagreement->odd_text};
    const struct Disagreement *orders[] = {disagreement, &swapped};
    for (int i = 0; i < 2; i++) { /* a fact may be on one of the two ranks alone */
        const char *at = orders[i]->odd_text;
        struct Fact fact = {0};
        while (next_fact(&at, &fact)) {
            char *value = value_of(orders[i]->other_text, fact.name);
            if (!value || strcmp(value, fact.value)) {
                if (value && (strchr(value, WORD_END) || strchr(fact.value, WORD_END)))
                    keep_difference(&fact.value, &value);
                const char *other = value ? value : "nothing";
                tell(disagreement, odd_host, other_host, fact.code, fact.name,
                     i ? other : fact.value, i ? fact.value : other, error);
                memory_release(value);
                fact_release(&fact);
                return error->code;
            }
            memory_release(value);
            fact_release(&fact);
        }
    }
    return tell(disagreement, odd_host, other_host, ERROR_SYSTEM, "what they know of the run",
                "something", "something else", error);
}

int ranks_same(struct Ranks *ranks, const struct Text *facts, struct Error *error) {
    struct Disagreement disagreement;
    int code = OK;
    if (ranks_differ(ranks, facts->data ? facts->data : "", &disagreement))
        code = facts_tell(&disagreement, ranks->hosts[disagreement.odd],
                          ranks->hosts[disagreement.other], error);
    disagreement_release(&disagreement);
    return code;
}
