/* The run file, which describes a run: strict YAML, parsed by the tables of schema.h. Not
 * collective. */
#ifndef TRAINER_RUNFILE_RUNFILE_H
#define TRAINER_RUNFILE_RUNFILE_H

#include "base/error.h"
#include "base/text.h"
#include "runfile/schema.h"

struct RunFile; /* owns the YAML nodes and every options struct parsed from it */

/* Parses the file `path`, or `text` if that is not NULL: then `path` is its name in messages, which
 * name no place if `path` is NULL. Applies the overrides and fills the struct at `options` (zeroed
 * by the caller) by the table `keys`. An override has one of the forms
 * - "key.sub=value";
 * - "model.2.dropout.rate=0.3": the items of a list have numbers;
 * - "optimizer.rate=0.1": the name of the chosen kind may be left out;
 * - "key=": the key's default.
 * Every failure names file, line, key, what was found, what was expected, and the nearest valid
 * name. Refused are unknown, missing and duplicate keys; anchors, aliases, tags, several documents,
 * nesting beyond 32 levels; NaN and Inf; hexadecimal numbers and numbers like "010"; files above 1
 * MiB; text that is not UTF-8. `options` points into *file, which the caller releases; after a
 * failure *file is NULL and `options` must not be used. */
int runfile_parse(struct RunFile **file, const char *path, const char *text,
                  const char *const *overrides, int override_count, const struct Key *keys,
                  void *options, struct Error *error);
/* The same for the text that a checkpoint keeps. Numbers that float32 does not hold are allowed in
 * it, because earlier versions wrote them. */
int runfile_parse_saved(struct RunFile **file, const char *path, const char *text,
                        const char *const *overrides, int override_count, const struct Key *keys,
                        void *options, struct Error *error);

void runfile_release(struct RunFile *file);

/* Adds file and line to an error that blames a key and has no place yet: "FILE:LINE: KEY: message".
 * If the key was not given, the line is that of the section to which it belongs. If an override set
 * the key, the override becomes the option to blame. The function that knows the run file calls it;
 * a second call has no effect. Returns the code. */
int runfile_locate(const struct RunFile *file, struct Error *error);

/* The same, but an override of anything below the key is blamed before the line of the key. For
 * errors of a whole section, such as the number of a model's outputs. */
int runfile_locate_below(const struct RunFile *file, struct Error *error);

/* fail_key and then runfile_locate, for a key such as "train.batch". Returns `code`. */
int runfile_fail(const struct RunFile *file, struct Error *error, int code, const char *path,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Whether the run file or an override has the key `path`. */
bool runfile_given(const struct RunFile *file, const char *path);

/* Whether an override set the key `path`. */
bool runfile_overridden(const struct RunFile *file, const char *path);

/* The whole struct as YAML, as saved in the run's folder and in checkpoints. Every default is
 * written out (optional keys that are absent stay absent), and numbers read back to the same bits:
 * parsing the text gives the same struct, and emitting that gives the same text. The caller
 * releases it. */
char *runfile_emit(const struct Key *keys, const void *options);

/* Finds the first key, in the table's order, at which two structs differ: its path in the form of
 * an override ("lookahead.every", "model.2.dropout.rate"), and both values, short enough for a
 * message. False if they do not differ. The caller calls difference_release in both cases. */
struct Difference {
    struct Text path, first, second;
};
bool runfile_difference(const struct Key *keys, const void *first, const void *second,
                        struct Difference *difference);
void difference_release(struct Difference *difference);

/* Copies the keys that are free_on_resume from one struct to another of the same table. Memory to
 * which they point still belongs to `from`. */
void runfile_copy_free_keys(const struct Key *keys, void *options, const void *from);

/* Switches off all regularisation that is set anywhere below the keys, by without_regularisation in
 * their tables; absent keys stay absent. Changes the structs of chosen kinds in place. */
void runfile_drop_regularisation(const struct Key *keys, void *options);

/* The reference in Markdown: the introduction, every key with its type, range, unit, default and
 * help, and every kind. The caller releases it. */
char *runfile_document(const struct Key *keys, const char *introduction);

#endif
