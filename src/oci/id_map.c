/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/id_map.h"

#include <stdio.h>

int oci_id_map_text(const struct oci_id_mappings *m, const char *name, struct arena *a, char **ret,
                    struct hull_error *e)
{
    enum { LINE_MAX_LEN = 36 };
    const size_t cap = m->n * LINE_MAX_LEN + 1;
    size_t used = 0;
    if (m->n > OCI_ID_MAPS_MAX)
        return error_set(e, HULL_E_CONFIG, "%s: the kernel takes at most %d mappings", name,
                         OCI_ID_MAPS_MAX);
    char *text = arena_alloc(a, cap);
    if (!text)
        return error_oom(e);
    for (size_t i = 0; i < m->n; i++)
        used += (size_t)snprintf(text + used, cap - used, "%u %u %u\n", m->v[i].containerID,
                                 m->v[i].hostID, m->v[i].size);
    *ret = text;
    return 0;
}

bool oci_id_map_host(const struct oci_id_mappings *m, uint32_t id, uint32_t *ret)
{
    for (size_t i = 0; i < m->n; i++)
        if (id >= m->v[i].containerID && id - m->v[i].containerID < m->v[i].size) {
            *ret = m->v[i].hostID + (id - m->v[i].containerID);
            return true;
        }
    return false;
}

bool oci_id_map_equal(const struct oci_id_mappings *a, const struct oci_id_mappings *b)
{
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++)
        same = a->v[i].containerID == b->v[i].containerID && a->v[i].hostID == b->v[i].hostID &&
               a->v[i].size == b->v[i].size;
    return same;
}
