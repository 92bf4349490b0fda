/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: the formulas are those all runtimes have agreed upon
 * (https://kubernetes.io/blog/2026/01/30/new-cgroup-v1-to-v2-cpu-conversion-formula/ for the CPU:
 * a quadratic function of log2 that meets minimum, default and maximum of both scales).
 */
#include "cgroup/convert.h"

#include <math.h>
#include <stddef.h>

uint64_t convert_shares_to_weight(uint64_t shares)
{
    if (shares == 0)
        return 0;
    if (shares <= 2)
        return 1;
    if (shares >= 262144)
        return 10000;
    double l = log2((double)shares);
    double exponent = (l * l + 125 * l) / 612.0 - 7.0 / 34.0;
    return (uint64_t)ceil(pow(10, exponent));
}

uint64_t convert_blkio_weight(uint16_t weight)
{
    if (weight == 0)
        return 0;
    if (weight < 10)
        return 1;
    return 1 + ((uint64_t)weight - 10) * 9999 / 990;
}

const char *convert_swap(int64_t swap, int64_t memory, int64_t *ret)
{
    /* On v1 unlimited memory without a swap limit lifts the limit of both. */
    if (memory == -1 && swap == 0) {
        *ret = -1;
        return NULL;
    }
    if (swap == -1 || swap == 0 || memory == -1) {
        *ret = swap;
        return NULL;
    }
    if (memory == 0)
        return "unable to set swap limit without memory limit";
    if (memory < 0 || swap < 0)
        return "invalid memory or swap value";
    if (swap < memory)
        return "memory+swap limit should be >= memory limit";
    *ret = swap - memory;
    return NULL;
}
