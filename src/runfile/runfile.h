/* The run file: what a run is. Strict YAML, parsed against the tables of schema.h. */
#ifndef TRAINER_RUNFILE_RUNFILE_H
#define TRAINER_RUNFILE_RUNFILE_H

#include "base/error.h"
#include "base/text.h"
#include "runfile/schema.h"

struct RunFile; /* owns the YAML nodes and every options struct parsed from it */

/* Parses the file `path`, or `text` if it is not NULL: `path` is then its name for messages, and
 * messages name no place if `path` is NULL. Applies the overrides and fills the struct at `options`
 * (zeroed by the caller) from `keys`. Forms of an override:
 * - "key.sub=value";
 * - "model.2.dropout.rate=0.3": the items of a list go by number;
 * - "optimizer.rate=0.1": the name of the chosen kind may be left out;
 * - "key=": the key's default.
 * Every failure names file, line, key, what was found, what was expected, and the nearest
 * valid name. Refused: unknown, missing, duplicate keys; anchors, aliases, tags, several documents,
 * nesting beyond 32; NaN and Inf; "010"-like and hexadecimal numbers; files above 1 MiB; anything
 * not UTF-8. What is parsed lives until runfile_release; after a failure *file is NULL and nothing
 * in `options` may be used. Not collective, no MPI. */
int runfile_parse(struct RunFile **file, const char *path, const char *text,
                  const char *const *overrides, int override_count, const struct Key *keys,
                  void *options, struct Error *error);

void runfile_release(struct RunFile *file);

/* Adds file and line to a failure that carries a key and has no place yet: "FILE:LINE: KEY:
 * message". If the key was not given, the line is that of what it would stand in. For a key that an
 * override set, the override becomes the option to blame. Whoever knows the run file calls it; a
 * second call changes nothing. Returns the code. */
int runfile_locate(const struct RunFile *file, struct Error *error);

/* The same, except that an override of anything below the key is to blame, rather than the line of
 * the key: for what a whole section comes to, such as the outputs of a model. */
int runfile_locate_below(const struct RunFile *file, struct Error *error);

/* fail_key and runfile_locate together: path "train.batch". Returns `code`. */
int runfile_fail(const struct RunFile *file, struct Error *error, int code, const char *path,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Whether the run file or an override has the key `path`. */
bool runfile_given(const struct RunFile *file, const char *path);

/* Whether an override set it. */
bool runfile_overridden(const struct RunFile *file, const char *path);

/* The whole struct as YAML with every default written out (what is optional
 * and absent stays absent), numbers so that they read back to the
 * same bits: what is saved in the run's folder and in checkpoints. Parsing it gives the same struct
 * and emitting that the same text. The caller releases it with memory_release. */
char *runfile_emit(const struct Key *keys, const void *options);

/* The first key, in the table's order, at which two structs differ: its path as an override spells
 * it ("lookahead.every", "model.2.dropout.rate"), and what each says, short enough for a message.
 * False: they do not differ. Either way difference_release. */
struct Difference {
    struct Text path, first, second;
};
bool runfile_difference(const struct Key *keys, const void *first, const void *second,
                        struct Difference *difference);
void difference_release(struct Difference *difference);

/* Copies the keys that are free_on_resume from one struct to another of the same table. What they
 * point at still belongs to `from`. */
void runfile_copy_free_keys(const struct Key *keys, void *options, const void *from);

/* Switches all regularisation off that is set anywhere below the keys, as without_regularisation in
 * their tables says; what is absent stays absent. The structs of chosen kinds are changed in place.
 */
void runfile_drop_regularisation(const struct Key *keys, void *options);

/* In Markdown, after the introduction: every key, its type, range, unit, default and help, and
 * every kind. The caller releases it with memory_release. */
char *runfile_document(const struct Key *keys, const char *introduction);

#endif
