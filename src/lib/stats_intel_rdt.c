/* SPDX-License-Identifier: Apache-2.0 */
/* The part of stats_json.c about resctrl; left out is what Go leaves out ("omitempty"). */
#include "lib/stats_json.h"

static void put(struct json_out *o, const char *key, uint64_t v)
{
    if (v != 0)
        json_out_uint(o, key, v);
}

static void put_text(struct json_out *o, const char *key, const char *v)
{
    if (v && *v)
        json_out_string(o, key, v);
}

static void put_l3(struct json_out *o, const struct intelrdt_stats *s)
{
    json_out_open_object(o, "l3_cache_info");
    put_text(o, "cbm_mask", s->cbm_mask);
    put(o, "min_cbm_bits", s->min_cbm_bits);
    put(o, "num_closids", s->l3_num_closids);
    json_out_close_object(o);
    put_text(o, "l3_cache_schema_root", s->l3_root);
    put_text(o, "l3_cache_schema", s->l3_schema);
}

static void put_mb(struct json_out *o, const struct intelrdt_stats *s)
{
    json_out_open_object(o, "mem_bw_info");
    put(o, "bandwidth_gran", s->bandwidth_gran);
    put(o, "delay_linear", s->delay_linear);
    put(o, "min_bandwidth", s->min_bandwidth);
    put(o, "num_closids", s->mb_num_closids);
    json_out_close_object(o);
    put_text(o, "mem_bw_schema_root", s->mb_root);
    put_text(o, "mem_bw_schema", s->mb_schema);
}

void stats_put_intel_rdt(struct json_out *o, const struct intelrdt_stats *s)
{
    json_out_open_object(o, "intel_rdt");
    if (s && s->l3)
        put_l3(o, s);
    if (s && s->mb)
        put_mb(o, s);
    if (s && s->n_schemata > 0)
        json_out_strings(o, "schemata", s->schemata, s->n_schemata);
    if (s && s->mbm) {
        json_out_open_array(o, "mbm_stats");
        for (size_t i = 0; i < s->n_domains; i++) {
            json_out_open_object(o, NULL);
            json_out_uint(o, "mbm_total_bytes", s->domains[i].mbm_total_bytes);
            json_out_uint(o, "mbm_local_bytes", s->domains[i].mbm_local_bytes);
            json_out_close_object(o);
        }
        json_out_close_array(o);
    }
    if (s && s->cmt) {
        json_out_open_array(o, "cmt_stats");
        for (size_t i = 0; i < s->n_domains; i++) {
            json_out_open_object(o, NULL);
            json_out_uint(o, "llc_occupancy", s->domains[i].llc_occupancy);
            json_out_close_object(o);
        }
        json_out_close_array(o);
    }
    json_out_close_object(o);
}
