#include <jansson.h>

#include "base/memory.h"
#include "cli/doctor/doctor.h"
#include "cli/overrides.h"
#include "compute/backend.h"
#include "run/agreement.h"
#include "run/options.h"

static const struct Flag flags[] = {
    {.name = "out",
     .argument = "DIR",
     .short_name = 'o',
     .help = "folder to which a run would be written; its file system is examined (default: the "
             "working folder)"},
    {.name = "set",
     .argument = "KEY=VALUE",
     .repeated = true,
     .help = "change a key of the run file, as for trainer train"},
    OVERRIDE_FLAGS,
    {.name = "json", .help = "the result as one JSON object on stdout"},
    {0}};

/* In the order of the report. The findings of the run's trial come last. */
static void (*const checks[])(struct Doctor *) = {
    check_launcher, check_mpi,      check_transports, check_processors, check_threads,
    check_cpus,     check_openblas, check_onednn,     check_agreement,  check_shared_memory,
    check_space,    check_locks,    check_clocks,     check_exchange};
#define CHECKS (sizeof checks / sizeof *checks)

/* Makes some steps of the run, if a run file is given. */
static int try_run(struct Doctor *doctor, const struct Arguments *arguments, struct Error *error) {
    struct Overrides overrides = overrides_collect(arguments);
    const struct TrainRequest request = {.run_path = doctor->run_path,
                                         .overrides = overrides.texts,
                                         .override_count = overrides.count,
                                         .folder = doctor->folder};
    int code = train_trial(doctor->ranks, &request, &doctor->trial, error);
    overrides_release(&overrides);
    doctor->tried = !code;
    return code;
}

/* Without a run, or if its trial failed, the number of threads is that of --threads. */
static int prepare(struct Doctor *doctor, const struct Arguments *arguments, struct Error *error) {
    int64_t threads;
    doctor->variant = run_agree_variant(doctor->ranks, variant_best(VARIANT_F32_V4));
    int code = argument_integer(arguments, "threads", 1, RUN_MOST_THREADS, 1, &threads, error);
    doctor->threads = doctor->tried ? (int)doctor->trial.threads : (int)threads;
    if (!code && !doctor->tried)
        backend_configure(doctor->threads, doctor->variant);
    return code;
}

static void print_json(const struct Doctor *doctor) {
    json_t *list = json_array();
    for (int i = 0; i < doctor->report.count; i++) {
        const struct Finding *finding = &doctor->report.findings[i];
        json_t *item = json_pack("{s:s, s:s, s:s}", "check", finding->name, "verdict",
                                 verdict_names[finding->verdict], "found", finding->found);
        if (*finding->advice)
            json_object_set_new(item, "advice", json_string(finding->advice));
        json_array_append_new(list, item);
    }
    json_t *object = json_pack("{s:s, s:i, s:i, s:i, s:o}", "verdict",
                               verdict_names[report_verdict(&doctor->report)], "ranks",
                               ranks_size(doctor->ranks), "nodes", ranks_nodes(doctor->ranks),
                               "threads", doctor->threads, "checks", list);
    if (doctor->exchange > 0)
        json_object_set_new(object, "exchange",
                            json_pack("{s:I, s:f, s:f}", "bytes",
                                      (json_int_t)doctor->exchange_bytes, "seconds",
                                      doctor->exchange, "latency_seconds", doctor->latency));
    if (doctor->tried)
        json_object_set_new(object, "step",
                            json_pack("{s:f, s:f, s:f, s:s, s:f}", "seconds",
                                      doctor->trial.step_seconds, "exchange_seconds",
                                      doctor->trial.exchange_seconds, "exposed_exchange_seconds",
                                      doctor->trial.exposed_seconds, "exchange",
                                      doctor->trial.exchange, "images_per_second",
                                      (double)doctor->trial.batch / doctor->trial.step_seconds));
    json_dumpf(object, stdout, JSON_REAL_PRECISION(6));
    fputc('\n', stdout);
    json_decref(object);
}

/* Makes the exit code for scripts. */
static int judge(const struct Doctor *doctor, struct Error *error) {
    int problems = report_count(&doctor->report, VERDICT_PROBLEM);
    if (!problems)
        return OK;
    return fail(error, ERROR_SYSTEM, "doctor: found %d problem%s", problems,
                problems == 1 ? "" : "s");
}

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error) {
    const char *folder = argument_value(arguments, "out");
    struct Error trouble = {0};
    struct Doctor doctor = {.ranks = ranks,
                            .run_path = arguments->operand_count ? arguments->operands[0] : NULL,
                            .folder = folder && *folder ? folder : "."};
    (void)command;
    int failed = doctor.run_path ? try_run(&doctor, arguments, &trouble) : OK;
    int code = prepare(&doctor, arguments, error);
    for (size_t i = 0; !code && i < CHECKS; i++)
        checks[i](&doctor);
    if (!code && doctor.run_path)
        check_run(&doctor, failed, &trouble);
    if (!code && ranks_rank(ranks) == 0) {
        if (argument_given(arguments, "json"))
            print_json(&doctor);
        else
            report_print(&doctor.report, stdout);
    }
    if (!code && ranks_rank(ranks) == 0)
        code = judge(&doctor, error);
    report_release(&doctor.report);
    return ranks_agree(ranks, code, error);
}

const struct Command command_doctor = {
    .name = "doctor",
    .operands = "[RUN.yaml]",
    .least_operands = 0,
    .most_operands = 1,
    .summary = "examine the machine, the job and the libraries before a training",
    .help = "Prints one line for each of the following, with what to do: the launcher, MPI and "
            "its transports, the ranks' processors and threads, OpenBLAS and oneDNN, the memory "
            "that ranks share, the folder's space and locks, the hosts' clocks, and the time of "
            "an exchange of gradients. With a run file it takes a few of the run's steps, writes "
            "nothing, and says how much of a step is exchange. Start it as the training will be "
            "started: under the same mpirun or srun. A line begins with ok; with note, if a "
            "training works but could be faster or safer; or with problem, if a training would "
            "fail. The exit code is 6 if there is a problem, otherwise 0.\n"
            "\n"
            "Examples:\n"
            "  trainer doctor\n"
            "  mpirun -np 4 trainer doctor mine.yaml --out /scratch/runs/a\n"
            "  mpirun -np 2 trainer doctor mine.yaml --threads 8 --json\n",
    .flags = flags,
    .parallel = true,
    .run = run,
};
