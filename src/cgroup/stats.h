/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel has counted for a container's cgroup, in the terms of runc's `events`: v1 and v2
 * fill the same structs, with v1's names and units. A member that is 0 may also be unknown.
 */
#ifndef HULL_CGROUP_STATS_H
#define HULL_CGROUP_STATS_H

#include "cgroup/cgroup.h"

/* Pressure stall information, v2 (4.20). Averages are in hundredths of a percent. */
struct cgroup_psi_line { uint64_t avg10, avg60, avg300; uint64_t total; /* microseconds */ };
struct cgroup_psi { bool known; struct cgroup_psi_line some, full; };

struct cgroup_u64s { uint64_t *v; size_t n; };

struct cgroup_cpu_stats {   /* nanoseconds */
    uint64_t total, kernel, user;
    struct cgroup_u64s percpu, percpu_kernel, percpu_user;   /* v1 */
    uint64_t periods, throttled_periods, throttled_time;
    struct cgroup_psi psi;
};

struct cgroup_cpuset_stats {   /* v1 */
    struct cgroup_u64s cpus, mems;
    uint64_t cpu_exclusive, mem_hardwall, mem_exclusive, memory_migrate, memory_spread_page,
        memory_spread_slab, memory_pressure, sched_load_balance;
    int64_t sched_relax_domain_level;
};

struct cgroup_memory_data { uint64_t limit, usage, max, failcnt; };   /* bytes; count */
struct cgroup_key_value { const char *key; uint64_t v; };
struct cgroup_key_values { struct cgroup_key_value *v; size_t n; };

struct cgroup_memory_stats {
    uint64_t cache;
    struct cgroup_memory_data usage, swap, kernel, kernel_tcp;   /* swap: memory and swap together */
    struct cgroup_key_values raw;                                /* memory.stat, sorted by key */
    struct cgroup_psi psi;
};

enum cgroup_blkio_kind {
    BLKIO_SERVICE_BYTES, BLKIO_SERVICED, BLKIO_QUEUED, BLKIO_SERVICE_TIME, BLKIO_WAIT_TIME,
    BLKIO_MERGED, BLKIO_TIME, BLKIO_SECTORS, BLKIO_KIND_COUNT
};
struct cgroup_blkio_entry { uint64_t major, minor; const char *op; uint64_t value; };
struct cgroup_blkio_list { struct cgroup_blkio_entry *v; size_t n, cap; };

struct cgroup_hugetlb_stats { const char *size; uint64_t usage, max, failcnt; };

struct cgroup_stats {
    struct cgroup_cpu_stats    cpu;
    struct cgroup_cpuset_stats cpuset;
    struct cgroup_memory_stats memory;
    uint64_t                   pids_current, pids_limit;   /* limit 0: none */
    struct cgroup_blkio_list   blkio[BLKIO_KIND_COUNT];
    struct cgroup_psi          blkio_psi;
    struct { struct cgroup_hugetlb_stats *v; size_t n; } hugetlb;   /* sorted by size's name */
};

/**
 * Reads all of it. A controller that the container does not have leaves zeros.
 * @param a    owns strings and lists
 * @param ret  zeroed by the function
 * @return 0 or a negative code: "unable to get container cgroup stats: ..."
 */
int cgroup_stats_read(const struct cgroup *cg, struct arena *a, struct cgroup_stats *ret,
                      struct hull_error *e);

/* ----------------------------------------------- for stats.c, stats_v1.c and stats_v2.c only */

/* One directory that is being read. */
struct stats_source {
    struct arena            *a;
    int                      dir;    /* descriptor */
    const struct cgroup_dir *d;
    struct hull_error       *e;
};

int stats_v1(const struct cgroup *cg, struct arena *a, struct cgroup_stats *ret,
             struct hull_error *e);
int stats_v2(const struct cgroup *cg, struct arena *a, struct cgroup_stats *ret,
             struct hull_error *e);

/** The whole file as text. 1, 0 if there is no such file, or negative with the error set. */
int stats_text(const struct stats_source *s, const char *file, char **ret);
/** A file with one number; "max" is UINT64_MAX, a negative one 0. As stats_text. */
int stats_number(const struct stats_source *s, const char *file, uint64_t *ret);
/** Parses decimal digits; 0 for a negative number, which some kernels' counters become. */
int stats_parse(const char *text, uint64_t *ret);
/** "key value" lines into a list sorted by key. As stats_text. */
int stats_key_values(const struct stats_source *s, const char *file,
                     struct cgroup_key_values *ret);
/** The value of a key, or 0. */
uint64_t stats_value(const struct cgroup_key_values *kv, const char *key);
int stats_blkio_add(const struct stats_source *s, struct cgroup_blkio_list *l,
                    const struct cgroup_blkio_entry *entry);
/** The first error of a line that is not as the kernel writes it. */
int stats_malformed(const struct stats_source *s, const char *file);
/**
 * Calls read for each huge page size of the host ("2MB") and keeps what it fills in. read returns
 * as stats_text; 0 leaves the size out.
 */
int stats_hugetlb(const struct stats_source *s, struct cgroup_stats *ret,
                  int (*read)(const struct stats_source *s, struct cgroup_hugetlb_stats *h));
#endif
