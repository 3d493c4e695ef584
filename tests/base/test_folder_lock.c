/* The lock of a folder: one holder at a time, whatever becomes of the others; with the locks of the
 * file system and without. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/folder_lock.h"
#include "base/holder.h"
#include "store/scratch.h"

#include <cmocka.h>

#include "base/child.h"

static struct Error error;
static struct FolderLock *lock;

/* The linker hands fcntl to this function: -Wl,--wrap=fcntl. */
static bool no_locks;

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);

int __wrap_fcntl(int fd, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if (command == F_OFD_SETLK && no_locks) {
        errno = ENOLCK;
        return -1;
    }
    return __real_fcntl(fd, command, argument);
}

static int with_locks(void **state) {
    (void)state;
    no_locks = false;
    lock = NULL;
    scratch_empty();
    return 0;
}

static int without_locks(void **state) {
    with_locks(state);
    no_locks = true;
    return 0;
}

static const char *file(void) {
    return scratch_path(FOLDER_LOCK_NAME);
}

static int take(double patience) {
    return folder_lock_take(&lock, scratch, patience, NULL, NULL, &error);
}

static bool take_at_once(const char *about, char says[CHILD_SAYS]) {
    (void)about, (void)says;
    return take(0) == OK;
}

/* A process that takes the lock and keeps it until it is killed; waits until it has it. */
static pid_t start_holder(void) {
    char says[CHILD_SAYS];
    return start_child(take_at_once, NULL, says);
}

static void taken_and_released(void **unused) {
    (void)unused;
    struct Holder holder;
    size_t bytes;
    assert_int_equal(take(0), OK);
    char *text = scratch_read(file(), &bytes);
    text[bytes] = '\0';
    assert_true(holder__read(&holder, text));
    free(text);
    assert_int_equal(holder.process, getpid());
    assert_true(holder__is_near(&holder) && holder__runs(&holder));
    assert_int_equal(holder.renews, no_locks);
    assert_int_equal(scratch_count(), 1);
    assert_int_equal(folder_lock_check(lock, &error), OK);
    folder_lock_release(lock);
    folder_lock_release(NULL);
    assert_int_equal(scratch_count(), 0);
}

static void refused_while_its_holder_lives(void **unused) {
    (void)unused;
    char words[400], host[256] = "";
    pid_t holder = start_holder();
    kill(holder, SIGSTOP); /* stopped is not dead */
    assert_int_equal(take(0.3), ERROR_SYSTEM);
    assert_null(lock);
    gethostname(host, sizeof host - 1);
    snprintf(words, sizeof words, "%s: is in use by process %ld on %s since 20", scratch,
             (long)holder, host);
    assert_int_equal(strncmp(error.text, words, strlen(words)), 0);
    assert_int_equal(error.advice.kind, ADVICE_OTHER_FOLDER);
    assert_int_equal(scratch_count(), 1);
    kill_child(holder);
    assert_int_equal(access(file(), F_OK), 0); /* a killed holder's file stays */
    assert_int_equal(take(0), OK);
    folder_lock_release(lock);
    assert_int_equal(scratch_count(), 0);
}

static void waited_for(void **unused) {
    (void)unused;
    pid_t holder = start_holder();
    pid_t killer = fork();
    if (killer == 0) {
        usleep(300000);
        kill(holder, SIGKILL);
        _exit(0);
    }
    double start = clock_seconds();
    /* The holder stays a zombie until this process waits for it: that is not alive. */
    assert_int_equal(take(10), OK);
    assert_true(clock_seconds() - start < 5);
    folder_lock_release(lock);
    waitpid(killer, NULL, 0);
    waitpid(holder, NULL, 0);
}

static void a_lock_that_was_removed_is_taken_again(void **unused) {
    (void)unused;
    assert_int_equal(take(0), OK);
    unlink(file());
    assert_int_equal(folder_lock_check(lock, &error), OK);
    assert_int_equal(access(file(), F_OK), 0);
    unlink(file());
    pid_t holder = start_holder();
    assert_int_equal(folder_lock_check(lock, &error), ERROR_SYSTEM);
    assert_true(folder_lock_is_lost(lock));
    assert_non_null(strstr(error.text, "is in use by process "));
    folder_lock_release(lock);
    assert_int_equal(access(file(), F_OK), 0); /* it is the other's */
    kill_child(holder);
}

static void a_folder_that_is_gone_is_not_lost(void **unused) {
    (void)unused;
    char folder[100];
    snprintf(folder, sizeof folder, "%s", scratch_path("run"));
    assert_int_equal(mkdir(folder, 0777), 0);
    assert_int_equal(folder_lock_take(&lock, folder, 0, NULL, NULL, &error), OK);
    assert_int_equal(rename(folder, scratch_path("moved")), 0);
    assert_int_equal(folder_lock_check(lock, &error), ERROR_SYSTEM);
    assert_non_null(strstr(error.text, "run.lock: cannot be written: No such file"));
    assert_false(folder_lock_is_lost(lock));
    assert_int_equal(rename(scratch_path("moved"), folder), 0);
    assert_int_equal(folder_lock_check(lock, &error), OK);
    folder_lock_release(lock);
    assert_int_equal(rmdir(folder), 0);
}

/* Several processes try at the same time; each that has the lock keeps it until all have tried. */
static void one_of_many(void **unused) {
    (void)unused;
    enum { PROCESSES = 8, ROUNDS = 20 };
    for (int round = 0; round < ROUNDS; round++) {
        int go[2], result[2];
        pid_t processes[PROCESSES];
        assert_int_equal(pipe(go) || pipe(result), 0);
        for (int i = 0; i < PROCESSES; i++) {
            processes[i] = fork();
            if (processes[i])
                continue;
            char end;
            close(go[1]);
            if (read(go[0], &end, 1)) /* returns when the parent closes its end */
                _exit(1);
            char letter = take(0) ? 'n' : 'y';
            if (write(result[1], &letter, 1) != 1)
                _exit(1);
            for (;;)
                pause();
        }
        close(go[0]);
        close(go[1]);
        int holders = 0;
        for (int i = 0; i < PROCESSES; i++) {
            char letter = 0;
            assert_int_equal(read(result[0], &letter, 1), 1);
            holders += letter == 'y';
        }
        for (int i = 0; i < PROCESSES; i++)
            kill_child(processes[i]);
        close(result[0]);
        close(result[1]);
        assert_int_equal(holders, 1);
        assert_int_equal(scratch_count(), 1); /* so the next round begins with a killed holder's */
    }
}

static void other_kinds_of_files(void **unused) {
    (void)unused;
    scratch_write(scratch_path("victim"), "old", 3);
    assert_int_equal(symlink("victim", file()), 0);
    assert_int_equal(take(0), ERROR_SYSTEM);
    assert_non_null(strstr(error.text, "run.lock: is a link, expected the file of a lock"));
    size_t bytes;
    char *text = scratch_read(scratch_path("victim"), &bytes);
    assert_int_equal(bytes, 3);
    free(text);
    unlink(file());
    assert_int_equal(mkdir(file(), 0777), 0);
    assert_int_equal(take(0), ERROR_SYSTEM);
    assert_non_null(strstr(error.text, "run.lock: is a folder, expected the file of a lock"));
    assert_int_equal(rmdir(file()), 0);
    scratch_write(file(), "something else\n", 15);
    assert_int_equal(take(0), no_locks ? ERROR_SYSTEM : OK);
    folder_lock_release(lock);
}

/* --- without locks ---------------------------------------------------------------------------- */

/* The file of a holder on another machine, which was renewed so many seconds ago. */
static void write_distant(bool renews, int seconds) {
    char text[HOLDER_TEXT];
    struct Holder holder = {.process = 4711,
                            .host = "elsewhere",
                            .since = "2026-11-28 13:40:12 +0000",
                            .start = 1,
                            .boot = "b",
                            .numbers = "n",
                            .renews = renews};
    holder__write(&holder, text);
    scratch_write(file(), text, strlen(text));
    struct timespec times[2];
    clock_gettime(CLOCK_REALTIME, &times[0]);
    times[0].tv_sec -= seconds;
    times[1] = times[0];
    assert_int_equal(utimensat(AT_FDCWD, file(), times, 0), 0);
}

static void another_machines_lives_while_it_is_renewed(void **unused) {
    (void)unused;
    write_distant(true, FOLDER_LOCK_STALE / 2);
    assert_int_equal(take(0), ERROR_SYSTEM);
    assert_non_null(strstr(error.text, "process 4711 on elsewhere since 2026-11-28 13:40:12 +0000; "
                                       "if that process is dead, the folder is free 120 seconds"));
    write_distant(true, FOLDER_LOCK_STALE + 10);
    assert_int_equal(take(0), OK);
    folder_lock_release(lock);
    assert_int_equal(scratch_count(), 0);
}

/* That machine's file system had locks, and so its holder renews nothing. */
static void another_machines_that_is_never_renewed_stays(void **unused) {
    (void)unused;
    write_distant(false, 100 * FOLDER_LOCK_STALE);
    assert_int_equal(take(0), ERROR_SYSTEM);
}

static void a_file_that_says_nothing(void **unused) {
    (void)unused;
    scratch_write(file(), "", 0);
    assert_int_equal(take(0), ERROR_SYSTEM); /* its writer may be about to */
    assert_non_null(strstr(error.text, "is in use by another process"));
}

static void its_time_is_renewed(void **unused) {
    (void)unused;
    struct stat status;
    assert_int_equal(take(0), OK);
    const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    assert_int_equal(utimensat(AT_FDCWD, file(), old, 0), 0);
    folder_lock_release(lock);
    assert_int_equal(take(0), OK);
    for (int i = 0; i < 100; i++) { /* the thread renews it once at its start */
        assert_int_equal(stat(file(), &status), 0);
        usleep(1000);
    }
    assert_true(time(NULL) - status.st_mtim.tv_sec < 60);
    folder_lock_release(lock);
}

/* A file system has locks here, and its holder elsewhere found none. */
static void found_with_locks_but_renewed(void **unused) {
    (void)unused;
    write_distant(true, 0);
    assert_int_equal(take(0), ERROR_SYSTEM);
    write_distant(true, FOLDER_LOCK_STALE + 10);
    assert_int_equal(take(0), OK);
    folder_lock_release(lock);
}

int main(void) {
#define BOTH(test)                                                                                 \
    {#test " (with locks)", test, with_locks, NULL, NULL}, {                                       \
#test " (without)", test, without_locks, NULL, NULL                                        \
    }
    const struct CMUnitTest tests[] = {
        BOTH(taken_and_released),
        BOTH(refused_while_its_holder_lives),
        BOTH(waited_for),
        BOTH(a_lock_that_was_removed_is_taken_again),
        BOTH(a_folder_that_is_gone_is_not_lost),
        BOTH(one_of_many),
        BOTH(other_kinds_of_files),
        cmocka_unit_test_setup(another_machines_lives_while_it_is_renewed, without_locks),
        cmocka_unit_test_setup(another_machines_that_is_never_renewed_stays, without_locks),
        cmocka_unit_test_setup(a_file_that_says_nothing, without_locks),
        cmocka_unit_test_setup(its_time_is_renewed, without_locks),
        cmocka_unit_test_setup(found_with_locks_but_renewed, with_locks),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
