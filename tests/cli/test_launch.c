/* Launchers by the environment that they leave. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/launch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h> /* last: it takes the name of fail() */

static struct Error error;

static int forget(void **state) {
    static const char *const variables[] = {"OMPI_COMM_WORLD_RANK",
                                            "OMPI_COMM_WORLD_SIZE",
                                            "PMIX_RANK",
                                            "PMI_RANK",
                                            "PMI_SIZE",
                                            "MV2_COMM_WORLD_RANK",
                                            "MV2_COMM_WORLD_SIZE",
                                            "MPI_LOCALRANKID",
                                            "MPI_LOCALNRANKS",
                                            "SLURM_PROCID",
                                            "SLURM_STEP_NUM_TASKS",
                                            "SLURM_NTASKS",
                                            "SLURM_CPUS_PER_TASK",
                                            "SLURM_OVERCOMMIT"};
    (void)state;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
    memset(&error, 0, sizeof error);
    return 0;
}

static void set(const char *rank_variable, const char *rank, const char *size_variable,
                const char *size) {
    setenv(rank_variable, rank, 1);
    setenv(size_variable, size, 1);
}

static int check(const char *library) {
    struct Launch launch = launch_read();
    return launch_check(&launch, library, &error);
}

static int check_size(const char *library, int size) {
    struct Launch launch = launch_read();
    return launch_check_size(&launch, library, size, &error);
}

static int check_grant(int size) {
    struct Launch launch = launch_read();
    return launch_check_grant(&launch, size, 1, &error);
}

static void test_nobody(void **state) {
    (void)state;
    assert_null(launch_read().by);
    assert_int_equal(launch_read().rank, 0);
    assert_int_equal(launch_read().size, 1);
    assert_int_equal(check_size("MPI", 1), OK);
}

static void test_mpirun_inside_a_step(void **state) {
    (void)state;
    set("SLURM_PROCID", "1", "SLURM_STEP_NUM_TASKS", "2"); /* those of the daemons of mpirun */
    set("OMPI_COMM_WORLD_RANK", "3", "OMPI_COMM_WORLD_SIZE", "8");
    assert_int_equal(launch_read().rank, 3);
    assert_int_equal(launch_read().size, 8);
    assert_int_equal(check("MPI"), OK);
    assert_int_equal(check_size("MPI", 8), OK);
}

static void test_another_open_mpi(void **state) {
    (void)state;
    set("OMPI_COMM_WORLD_RANK", "3", "OMPI_COMM_WORLD_SIZE", "8");
    assert_int_equal(check_size("Open MPI v4", 1), ERROR_SYSTEM);
    assert_non_null(strstr(error.text, "mpirun started 8 processes, but Open MPI v4 sees 1 rank: "
                                       "each process would be a run of its own"));
    assert_non_null(strstr(error.text, "another installation"));
}

static void test_launchers_of_another_mpi(void **state) {
    (void)state;
    set("PMI_RANK", "1", "PMI_SIZE", "4");
    assert_int_equal(launch_read().rank, 1);
    assert_int_equal(check_size("MPI", 1), ERROR_SYSTEM);
    assert_non_null(strstr(error.text, "mpiexec of MPICH or Intel MPI"));
    assert_non_null(strstr(error.text, "started 4 processes"));
    assert_non_null(strstr(error.text, "use Open MPI's mpirun"));
    forget(NULL);
    set("MV2_COMM_WORLD_RANK", "1", "MV2_COMM_WORLD_SIZE", "4");
    assert_int_equal(check_size("MPI", 1), ERROR_SYSTEM);
    assert_int_equal(check_size("MPI", 4), OK);
}

static void test_srun_without_pmix(void **state) {
    (void)state;
    set("SLURM_PROCID", "2", "SLURM_STEP_NUM_TASKS", "4");
    assert_int_equal(launch_read().rank, 2);
    assert_int_equal(check("Open MPI"), ERROR_SYSTEM);
    assert_non_null(strstr(error.text, "srun started 4 processes without PMIx"));
    assert_non_null(strstr(error.text, "srun --mpi=pmix"));
    setenv("PMIX_RANK", "2", 1);
    assert_int_equal(check("Open MPI"), OK);
    assert_int_equal(check_size("Open MPI", 4), OK);
    assert_int_equal(check_size("Open MPI", 1), ERROR_SYSTEM);
    forget(NULL);
    set("SLURM_PROCID", "0", "SLURM_STEP_NUM_TASKS", "1"); /* one process is no launch */
    assert_null(launch_read().by);
}

/* Fewer ranks may be meant; more would share processors. */
static void test_what_slurm_granted(void **state) {
    (void)state;
    setenv("SLURM_NTASKS", "4", 1);
    assert_int_equal(check_grant(4), OK);
    assert_int_equal(check_grant(1), OK);
    assert_int_equal(check_grant(5), ERROR_SYSTEM);
    assert_non_null(strstr(error.text, "5 ranks, but Slurm granted 4 processors"));
    setenv("SLURM_CPUS_PER_TASK", "2", 1);
    assert_int_equal(check_grant(8), OK);
    assert_int_equal(check_grant(9), ERROR_SYSTEM);
    setenv("SLURM_OVERCOMMIT", "1", 1);
    assert_int_equal(check_grant(9), OK);
}

/* The ranks that a daemon of mpirun starts see the tasks of the daemons' step. */
static void test_what_slurm_granted_to_daemons(void **state) {
    (void)state;
    set("SLURM_PROCID", "1", "SLURM_STEP_NUM_TASKS", "3");
    set("OMPI_COMM_WORLD_RANK", "3", "OMPI_COMM_WORLD_SIZE", "8");
    setenv("SLURM_NTASKS", "3", 1);
    assert_int_equal(check_grant(8), OK);
    setenv("SLURM_JOB_CPUS_PER_NODE", "3(x2),2", 1);
    assert_int_equal(check_grant(8), OK);
    assert_int_equal(check_grant(9), ERROR_SYSTEM);
    assert_non_null(strstr(error.text, "Slurm granted 8 processors"));
    setenv("SLURM_JOB_CPUS_PER_NODE", "7", 1);
    assert_int_equal(check_grant(8), ERROR_SYSTEM);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_nobody, forget),
        cmocka_unit_test_setup(test_mpirun_inside_a_step, forget),
        cmocka_unit_test_setup(test_another_open_mpi, forget),
        cmocka_unit_test_setup(test_launchers_of_another_mpi, forget),
        cmocka_unit_test_setup(test_srun_without_pmix, forget),
        cmocka_unit_test_setup(test_what_slurm_granted, forget),
        cmocka_unit_test_setup(test_what_slurm_granted_to_daemons, forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
