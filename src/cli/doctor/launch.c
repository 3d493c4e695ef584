/* Checks how the ranks were started, and how they communicate. */
#include <link.h>
#include <string.h>

#include "base/text.h"
#include "cli/doctor/doctor.h"
#include "cli/launch.h"
#include "comm/library.h"

void check_launcher(struct Doctor *doctor) {
    int size = ranks_size(doctor->ranks), nodes = ranks_nodes(doctor->ranks);
    const struct LaunchMethod *launcher = launch_own()->by;
    if (!launcher)
        report_add(&doctor->report, VERDICT_OK, "launcher", NULL,
                   "none: one rank on %s; mpirun -np N trainer doctor examines N ranks",
                   ranks_host(doctor->ranks, 0));
    else
        report_add(&doctor->report, VERDICT_OK, "launcher", NULL, "%s, %d rank%s on %d node%s",
                   launcher->name, size, size == 1 ? "" : "s", nodes, nodes == 1 ? "" : "s");
}

void check_mpi(struct Doctor *doctor) {
    char library[COMM_LIBRARY_LENGTH];
    const char *level = comm_thread_level();
    comm_library_name(library);
    if (!level)
        report_add(&doctor->report, VERDICT_OK, "mpi", NULL, "%s; one rank does not use it",
                   library);
    else
        report_add(&doctor->report, VERDICT_OK, "mpi", NULL, "%s, threads: %s", library, level);
}

/* ---- Open MPI keeps the modules loaded that it uses: mca_pml_ob1.so, mca_btl_vader.so, ... ----
 */

struct Transports {
    struct Text pml, btl;
    bool tcp, shared_memory, fast; /* fast: by a network's own library, without sockets */
};

static void add_component(struct Text *list, const char *name) {
    text_add(list, "%s%.*s", list->length ? ", " : "", (int)strcspn(name, "."), name);
}

static int add_library(struct dl_phdr_info *library, size_t size, void *context) {
    struct Transports *transports = context;
    const char *slash = strrchr(library->dlpi_name, '/');
    const char *name = slash ? slash + 1 : library->dlpi_name;
    (void)size;
    if (!strncmp(name, "mca_pml_", 8) || !strncmp(name, "mca_mtl_", 8)) {
        add_component(&transports->pml, name + 8);
        transports->fast |= !strncmp(name + 8, "ucx", 3) || name[4] == 'm';
    }
    if (!strncmp(name, "mca_btl_", 8)) {
        const char *kind = name + 8;
        add_component(&transports->btl, kind);
        transports->tcp |= !strncmp(kind, "tcp", 3);
        transports->shared_memory |= !strncmp(kind, "vader", 5) || !strncmp(kind, "sm", 2);
        transports->fast |= !strncmp(kind, "openib", 6) || !strncmp(kind, "ofi", 3) ||
                            !strncmp(kind, "uct", 3) || !strncmp(kind, "usnic", 5);
    }
    return 0;
}

void check_transports(struct Doctor *doctor) {
    struct Transports found = {0};
    struct Report *report = &doctor->report;
    int nodes = ranks_nodes(doctor->ranks);
    bool several_here = ranks_size(doctor->ranks) > nodes;
    if (ranks_size(doctor->ranks) == 1)
        return;
    dl_iterate_phdr(add_library, &found);
    const char *pml = found.pml.data ? found.pml.data : "unknown";
    const char *btl = found.btl.data ? found.btl.data : "unknown";
    if (!found.pml.data)
        report_add(report, VERDICT_NOTE, "transports",
                   "mpirun --mca btl_base_verbose 30 shows them",
                   "not known: this MPI library does not show which it uses");
    else if (several_here && !found.shared_memory && !found.fast)
        report_add(report, VERDICT_NOTE, "transports",
                   "add vader (Open MPI 5: sm) to btl, or leave btl out",
                   "pml %s, btl %s: ranks of a node do not share memory", pml, btl);
    else if (nodes > 1 && found.tcp && !found.fast)
        report_add(report, VERDICT_NOTE, "transports",
                   "if the nodes have InfiniBand or the like, use an Open MPI with UCX",
                   "pml %s, btl %s: the nodes talk by TCP", pml, btl);
    else
        report_add(report, VERDICT_OK, "transports", NULL, "pml %s, btl %s", pml, btl);
    text_release(&found.pml);
    text_release(&found.btl);
}
