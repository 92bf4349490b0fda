/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "oci/load.h"
#include "oci/validate.h"

/* A sound configuration with something added to its process, its top level or its linux object. */
enum part { PROCESS, TOP, LINUX, WHOLE };

static struct arena arena;
static struct hull_error error;
static char warnings[1024];

static void note(void *arg, enum hull_log_level level, const char *text)
{
    (void)arg;
    (void)level;
    snprintf(warnings, sizeof(warnings), "%s", text);
}

static struct oci_config *config(enum part part, const char *json)
{
    struct oci_config *c;
    struct hull_error e;
    arena_free(&arena);
    char *text =
        part == WHOLE
            ? arena_strdup(&arena, json)
            : arena_printf(&arena,
                           "{\"ociVersion\":\"1.0.2\","
                           "\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"]%s},"
                           "\"root\":{\"path\":\"rootfs\"}%s%s%s%s}",
                           part == PROCESS ? json : "", part == TOP ? json : "",
                           part == LINUX ? ",\"linux\":{" : "", part == LINUX ? json : "",
                           part == LINUX ? "}" : "");
    assert_non_null(text);
    if (oci_config_parse(text, strlen(text), &arena, NULL, &c, &e) < 0)
        fail_msg("%s: %s", json, e.text);
    return c;
}

static int validate(enum part part, const char *json)
{
    struct log log = {.fn = note, .level = HULL_LOG_WARNING};
    struct oci_config *c = config(part, json);
    warnings[0] = '\0';
    memset(&error, 0, sizeof(error));
    return oci_validate(c, &log, &error);
}

static int teardown(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

#define NS(type) "{\"type\":\"" type "\"}"
#define LIST(name, elements) "\"" name "\":[" elements "]"
#define MAP1 "[{\"containerID\":0,\"hostID\":1000,\"size\":1}]"

static const struct { enum part part; const char *json; } good[] = {
    {TOP, ""},
    {WHOLE, "{\"ociVersion\":\"1.0.2-dev\",\"process\":{\"cwd\":\"/a\",\"args\":[\"x\"]},"
            "\"root\":{\"path\":\"/\"}}"},
    {WHOLE, "{\"ociVersion\":\"1.3.0-rc.1+b.01\",\"process\":{\"cwd\":\"/a\",\"args\":[\"\"]},"
            "\"root\":{\"path\":\"/\"}}"},
    {PROCESS, ",\"env\":[\"A=\",\"B=c=d\"],\"oomScoreAdj\":-1000,\"capabilities\":{}"},
    {PROCESS, ",\"scheduler\":{\"policy\":\"SCHED_FIFO\",\"priority\":5}"},
    {PROCESS, ",\"scheduler\":{\"policy\":\"SCHED_DEADLINE\",\"runtime\":5}"},
    {PROCESS, ",\"scheduler\":{\"policy\":\"SCHED_BATCH\",\"nice\":-20}"},
    {PROCESS, ",\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":7}"},
    {PROCESS, ",\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"soft\":0,\"hard\":18446744073709551615}]"},
    {TOP, ",\"hostname\":\"\",\"domainname\":\"\""},
    {TOP, ",\"hostname\":\"h\",\"domainname\":\"d\",\"linux\":{\"namespaces\":[" NS("uts") "]}"},
    {TOP, ",\"mounts\":[{\"destination\":\"/a\",\"options\":[\"rbind\",\"idmap\"],"
          "\"uidMappings\":" MAP1 ",\"gidMappings\":" MAP1 "}]"},
    {LINUX, "\"timeOffsets\":null"},
    {LINUX, "\"timeOffsets\":{\"monotonic\":{\"secs\":-5,\"nanosecs\":999999999}}," LIST(
                "namespaces", NS("time"))},
    {LINUX, "\"uidMappings\":" MAP1 "," LIST("namespaces", NS("user"))},
    {LINUX, LIST("namespaces", "{\"type\":\"user\",\"path\":\"/proc/1/ns/user\"}")},
    {LINUX, LIST("maskedPaths", "\"/a\"") "," LIST("namespaces", NS("mount"))},
    {LINUX, "\"rootfsPropagation\":\"rslave\""},
    {LINUX, "\"rootfsPropagation\":\"\""},
    {LINUX, "\"sysctl\":{\"net.ipv4.ip_forward\":\"1\",\"net/ipv4/conf/eno2.100/rp_filter\":\"1\","
            "\"net.ipv4.conf.eno2/100.rp_filter\":\"1\"}," LIST("namespaces", NS("network"))},
    {LINUX, "\"sysctl\":{\"kernel.shm_rmid_forced\":\"1\",\"fs/mqueue/msg_max\":\"1\"}," LIST(
                "namespaces", NS("ipc"))},
    {LINUX, "\"sysctl\":{\"kernel.domainname\":\"d\"}," LIST("namespaces", NS("uts"))},
    {LINUX, "\"sysctl\":{\"user.max_mnt_namespaces\":\"4\"},\"gidMappings\":" MAP1 "," LIST(
                "namespaces", NS("user"))},
    {LINUX, LIST("devices", "{\"type\":\"p\",\"path\":\"/dev/p\"},"
                            "{\"type\":\"c\",\"path\":\"/dev/n\",\"major\":1,\"minor\":3}")},
    {LINUX, "\"resources\":{\"devices\":[{\"allow\":false,\"access\":\"rwm\"},"
            "{\"allow\":true,\"type\":\"c\",\"access\":\"m\"}]}"},
    {LINUX, "\"intelRdt\":{\"closID\":\"/\"}"},
    {LINUX, "\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"0-3,7\",\"flags\":"
            "[\"MPOL_F_STATIC_NODES\"]}"},
    {LINUX, "\"memoryPolicy\":{\"mode\":\"MPOL_DEFAULT\"}"},
    {LINUX, "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,"
            "\"listenerPath\":\"/s\",\"syscalls\":[{\"names\":[\"mkdir\"],\"action\":"
            "\"SCMP_ACT_NOTIFY\",\"args\":[{\"index\":5,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]}]}"},
};

static const struct { enum part part; const char *json, *where, *text; } bad[] = {
    {WHOLE, "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"}}", "process",
     "process property must not be empty"},
    {WHOLE, "{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/\",\"args\":[\"a\"]}}", "root",
     "root must be specified"},
    {WHOLE, "{\"ociVersion\":\"1.0\",\"process\":{\"cwd\":\"/\"}}", "ociVersion",
     "ociVersion: \"1.0\" is not a semantic version"},
    {WHOLE, "{\"ociVersion\":\"\",\"process\":{\"cwd\":\"/\"}}", "ociVersion",
     "ociVersion: \"\" is not a semantic version"},
    {WHOLE, "{\"ociVersion\":\"1.01.0\",\"process\":{\"cwd\":\"/\"}}", "ociVersion",
     "ociVersion: \"1.01.0\" is not a semantic version"},
    {WHOLE, "{\"ociVersion\":\"1.0.0-01\",\"process\":{\"cwd\":\"/\"}}", "ociVersion",
     "ociVersion: \"1.0.0-01\" is not a semantic version"},
    {WHOLE, "{\"ociVersion\":\"1.0.0-\",\"process\":{\"cwd\":\"/\"}}", "ociVersion",
     "ociVersion: \"1.0.0-\" is not a semantic version"},
    {WHOLE, "{\"ociVersion\":\"2.0.0\",\"process\":{\"cwd\":\"/\"}}", "ociVersion",
     "ociVersion: \"2.0.0\" is not supported, only 1.x is"},
    {WHOLE, "{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"\",\"args\":[\"a\"]}}",
     "process.cwd", "Cwd property must not be empty"},
    {WHOLE, "{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"a\",\"args\":[\"a\"]}}",
     "process.cwd", "Cwd must be an absolute path"},
    {WHOLE, "{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/\",\"args\":[]}}", "process.args",
     "args must not be empty"},
    {WHOLE, "{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/\",\"args\":[\"a\"]},"
            "\"root\":{\"path\":\"\"}}", "root.path", "root.path: must not be empty"},
    {PROCESS, ",\"env\":[\"A=b\",\"C\"]", "process.env[1]",
     "invalid environment variable: missing '='"},
    {PROCESS, ",\"env\":[\"=b\"]", "process.env[0]",
     "invalid environment variable: name cannot be empty"},
    {PROCESS, ",\"user\":{\"uid\":4294967295}", "process.user.uid",
     "process.user.uid: 4294967295 is not a valid id"},
    {PROCESS, ",\"user\":{\"gid\":4294967295}", "process.user.gid",
     "process.user.gid: 4294967295 is not a valid id"},
    {PROCESS, ",\"user\":{\"additionalGids\":[1,4294967295]}", "process.user.additionalGids[1]",
     "process.user.additionalGids[1]: 4294967295 is not a valid id"},
    {PROCESS, ",\"rlimits\":[{\"type\":\"RLIMIT_AS\",\"soft\":1,\"hard\":1},"
              "{\"type\":\"RLIMIT_AS\",\"soft\":1,\"hard\":1}]", "process.rlimits[1].type",
     "process.rlimits[1].type: duplicate rlimit RLIMIT_AS"},
    {PROCESS, ",\"rlimits\":[{\"type\":\"RLIMIT_AS\",\"soft\":2,\"hard\":1}]",
     "process.rlimits[0].soft", "process.rlimits[0].soft: 2 is above the hard limit 1"},
    {PROCESS, ",\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"nice\":20}", "process.scheduler.nice",
     "invalid scheduler.nice: 20 when scheduler.policy is SCHED_OTHER"},
    {PROCESS, ",\"scheduler\":{\"policy\":\"SCHED_IDLE\",\"priority\":1}",
     "process.scheduler.priority",
     "scheduler.priority can only be specified for SchedFIFO or SchedRR policy"},
    {PROCESS, ",\"scheduler\":{\"policy\":\"SCHED_RR\",\"period\":1}", "process.scheduler",
     "scheduler runtime/deadline/period can only be specified for SchedDeadline policy"},
    {PROCESS, ",\"ioPriority\":{\"class\":\"IOPRIO_CLASS_RT\",\"priority\":8}",
     "process.ioPriority.priority", "invalid ioPriority.Priority: 8"},
    {PROCESS, ",\"oomScoreAdj\":1001", "process.oomScoreAdj",
     "process.oomScoreAdj: 1001 is not within -1000 and 1000"},
    {TOP, ",\"hostname\":\"h\"", "hostname",
     "unable to set hostname without a private UTS namespace"},
    {TOP, ",\"domainname\":\"h\"", "domainname",
     "unable to set domainname without a private UTS namespace"},
    {TOP, ",\"mounts\":[{\"destination\":\"\"}]", "mounts[0].destination",
     "mounts[0].destination: must not be empty"},
    {TOP, ",\"mounts\":[{\"destination\":\"/a\",\"options\":[\"bind\"],\"uidMappings\":" MAP1 "}]",
     "mounts[0]",
     "invalid mount \"/a\": id-mapped mounts must have both uid and gid mappings specified"},
    {TOP, ",\"mounts\":[{\"destination\":\"/a\",\"options\":[\"bind\",\"ridmap\"]}]", "mounts[0]",
     "invalid mount \"/a\": id-mapped mounts must have both uid and gid mappings specified"},
    {TOP, ",\"mounts\":[{\"destination\":\"/a\",\"options\":[\"idmap\"]}]", "mounts[0]",
     "invalid mount \"/a\": id-mapped mounts are only supported for bind-mounts"},
    {TOP, ",\"hooks\":{\"poststop\":[{\"path\":\"/a\"},{\"path\":\"b\"}]}",
     "hooks.poststop[1].path",
     "hooks.poststop[1].path: must be an absolute path, got \"b\""},
    {TOP, ",\"hooks\":{\"prestart\":[{\"path\":\"/a\",\"timeout\":0}]}",
     "hooks.prestart[0].timeout",
     "hooks.prestart[0].timeout: must be greater than 0, got 0"},
    {TOP, ",\"annotations\":{\"\":\"x\"}", "annotations", "annotations: a key must not be empty"},
    {LINUX, LIST("namespaces", NS("pid") "," NS("mount") "," NS("pid")),
     "linux.namespaces[2].type", "malformed spec file: duplicated ns {\"pid\" \"\"}"},
    {LINUX, LIST("namespaces", "{\"type\":\"ipc\",\"path\":\"x/y\"}"), "linux.namespaces[0].path",
     "linux.namespaces[0].path: must be an absolute path, got \"x/y\""},
    {LINUX, LIST("namespaces", NS("user")), "linux.uidMappings",
     "user namespaces enabled, but no namespace path to join nor mappings to apply specified"},
    {LINUX, "\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":0}]," LIST(
                "namespaces", NS("user")), "linux.uidMappings[0].size",
     "linux.uidMappings[0].size: must be greater than 0"},
    {LINUX, "\"uidMappings\":[{\"containerID\":1,\"hostID\":0,\"size\":4294967295},"
            "{\"containerID\":0,\"hostID\":2,\"size\":4294967295}]," LIST("namespaces", NS("user")),
     "linux.uidMappings[1].size", "linux.uidMappings[1].size: the range goes beyond 32 bits"},
    {LINUX, LIST("readonlyPaths", "\"/a\""), "linux.readonlyPaths",
     "unable to restrict sys entries without a private MNT namespace"},
    {LINUX, LIST("maskedPaths", "\"/a\",\"\"") "," LIST("namespaces", NS("mount")),
     "linux.maskedPaths[1]", "linux.maskedPaths[1]: must be an absolute path, got \"\""},
    {LINUX, "\"rootfsPropagation\":\"private,x\"", "linux.rootfsPropagation",
     "rootfsPropagation=private,x is not supported"},
    {LINUX, "\"timeOffsets\":{}", "linux.timeOffsets",
     "time namespace offsets specified, but time namespace isn't enabled in the config"},
    {LINUX, "\"timeOffsets\":{\"boottime\":{\"secs\":1}}," LIST(
                "namespaces", "{\"type\":\"time\",\"path\":\"/t\"}"), "linux.timeOffsets",
     "time namespace enabled, but both namespace path and time offsets specified -- you may only "
     "provide one"},
    {LINUX, "\"timeOffsets\":{\"boottime\":{\"nanosecs\":1000000000}}," LIST(
                "namespaces", NS("time")), "linux.timeOffsets.boottime.nanosecs",
     "linux.timeOffsets.boottime.nanosecs: 1000000000 is not below one second"},
    {LINUX, "\"sysctl\":{\"vm.swappiness\":\"1\"}", "linux.sysctl",
     "sysctl \"vm.swappiness\" is not in a separate kernel namespace"},
    {LINUX, "\"sysctl\":{\"kernel/hostname\":\"1\"}," LIST("namespaces", NS("uts")), "linux.sysctl",
     "sysctl \"kernel.hostname\" is not allowed as it conflicts with the OCI \"hostname\" field"},
    {LINUX, "\"sysctl\":{\"kernel.hostname\":\"1\"}", "linux.sysctl",
     "sysctl \"kernel.hostname\" is not in a separate kernel namespace"},
    {LINUX, "\"sysctl\":{\"kernel.sem\":\"1\"}", "linux.sysctl",
     "sysctl \"kernel.sem\" is not allowed in the hosts ipc namespace"},
    {LINUX, "\"sysctl\":{\"net.core.somaxconn\":\"1\"}", "linux.sysctl",
     "sysctl \"net.core.somaxconn\" not allowed in host network namespace"},
    {LINUX, "\"sysctl\":{\"user.max_mnt_namespaces\":\"1\"}", "linux.sysctl",
     "setting ucounts without a user namespace not allowed: user.max_mnt_namespaces"},
    {LINUX, "\"sysctl\":{\"net/../kernel/core_pattern\":\"1\"}," LIST("namespaces", NS("network")),
     "linux.sysctl", "sysctl \"net/../kernel/core_pattern\" is not a valid name"},
    {LINUX, "\"sysctl\":{\"net.//.kernel.core_pattern\":\"1\"}," LIST("namespaces", NS("network")),
     "linux.sysctl", "sysctl \"net.//.kernel.core_pattern\" is not a valid name"},
    {LINUX, "\"sysctl\":{\"net..a\":\"1\"}," LIST("namespaces", NS("network")), "linux.sysctl",
     "sysctl \"net..a\" is not a valid name"},
    {LINUX, "\"sysctl\":{\"\":\"1\"}", "linux.sysctl", "sysctl \"\" is not a valid name"},
    {LINUX, LIST("devices", "{\"type\":\"c\",\"path\":\"dev/x\"}"), "linux.devices[0].path",
     "linux.devices[0].path: must be an absolute path, got \"dev/x\""},
    {LINUX, LIST("devices", "{\"type\":\"u\",\"path\":\"/dev/x\",\"major\":1}"), "linux.devices[0]",
     "linux.devices[0]: type u needs major and minor"},
    {LINUX, LIST("devices", "{\"type\":\"b\",\"path\":\"/dev/x\",\"major\":-1,\"minor\":0}"),
     "linux.devices[0]", "linux.devices[0]: there is no device number -1:0"},
    {LINUX, "\"resources\":{\"devices\":[{\"allow\":false}]}", "linux.resources.devices[0].access",
     "device access at 0 field cannot be empty"},
    {LINUX, "\"resources\":{\"devices\":[{\"allow\":true,\"access\":\"xy\"}]}",
     "linux.resources.devices[0].access",
     "linux.resources.devices[0].access: expected letters of \"rwm\", got \"xy\""},
    {LINUX, "\"resources\":{\"devices\":[{\"allow\":true,\"access\":\"r\",\"type\":\"u\"}]}",
     "linux.resources.devices[0].type", "invalid cgroup device type \"u\""},
    {LINUX, "\"netDevices\":{\"eth0\":{}}", "linux.netDevices",
     "unable to move network devices without a NET namespace"},
    {LINUX, "\"netDevices\":{\"a/b\":{}}," LIST("namespaces", NS("network")), "linux.netDevices",
     "invalid network device name \"a/b\""},
    {LINUX, "\"netDevices\":{\"a\":{\"name\":\"0123456789abcdef\"}}," LIST(
                "namespaces", NS("network")), "linux.netDevices",
     "invalid network device name \"0123456789abcdef\""},
    {LINUX, "\"intelRdt\":{\"closID\":\"a/b\"}", "linux.intelRdt.closID",
     "invalid intelRdt.ClosID \"a/b\""},
    {LINUX, "\"intelRdt\":{\"memBwSchema\":\"L3:0=1\"}", "linux.intelRdt.memBwSchema",
     "linux.intelRdt.memBwSchema: must be one line that begins with \"MB:\""},
    {LINUX, "\"intelRdt\":{\"schemata\":[\"L3:0=1\",\"a\\nb\"]}", "linux.intelRdt.schemata[1]",
     "linux.intelRdt.schemata[1]: must be one line"},
    {LINUX, "\"memoryPolicy\":{}", "linux.memoryPolicy.mode", "invalid memory policy mode \"\""},
    {LINUX, "\"memoryPolicy\":{\"mode\":\"BIND\"}", "linux.memoryPolicy.mode",
     "invalid memory policy mode \"BIND\""},
    {LINUX, "\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"9876543210\"}",
     "linux.memoryPolicy.nodes", "invalid memory policy nodes \"9876543210\""},
    {LINUX, "\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"3-1\"}",
     "linux.memoryPolicy.nodes", "invalid memory policy nodes \"3-1\""},
    {LINUX, "\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\",\"}",
     "linux.memoryPolicy.nodes", "invalid memory policy nodes \",\""},
    {LINUX, "\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"1-\"}",
     "linux.memoryPolicy.nodes", "invalid memory policy nodes \"1-\""},
    {LINUX, "\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"0\",\"flags\":[\"X\"]}",
     "linux.memoryPolicy.flags[0]", "invalid memory policy flag \"X\""},
    {LINUX, "\"memoryPolicy\":{\"mode\":\"MPOL_DEFAULT\",\"nodes\":\"0-7\"}",
     "linux.memoryPolicy.nodes", "memory policy mode requires 0 nodes but got 8"},
    {LINUX, "\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"\"}", "linux.memoryPolicy.nodes",
     "memory policy mode requires at least one node but got 0"},
    {LINUX, "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}", "linux.seccomp.defaultAction",
     "SCMP_ACT_NOTIFY cannot be used as default action"},
    {LINUX, "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_KILL\",\"defaultErrnoRet\":1}",
     "linux.seccomp.defaultErrnoRet",
     "linux.seccomp.defaultErrnoRet: action SCMP_ACT_KILL takes no errno"},
    {LINUX, "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_KILL\",\"listenerMetadata\":\"m\"}",
     "linux.seccomp.listenerMetadata",
     "linux.seccomp.listenerMetadata: makes no sense without listenerPath"},
    {LINUX, "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_KILL\",\"listenerPath\":\"/s\",\"syscalls\":"
            "[{\"names\":[\"read\",\"write\"],\"action\":\"SCMP_ACT_NOTIFY\"}]}",
     "linux.seccomp.syscalls[0].names[1]", "SCMP_ACT_NOTIFY cannot be used for the write syscall"},
    {LINUX, "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_KILL\",\"syscalls\":"
            "[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_NOTIFY\"}]}",
     "linux.seccomp.syscalls[0].action", "seccomp listenerPath is not set"},
    {LINUX, "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_KILL\",\"syscalls\":"
            "[{\"names\":[\"\"],\"action\":\"SCMP_ACT_ALLOW\"}]}",
     "linux.seccomp.syscalls[0].names[0]", "empty string is not a valid syscall"},
    {LINUX, "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_KILL\",\"syscalls\":"
            "[{\"names\":[],\"action\":\"SCMP_ACT_ALLOW\"}]}",
     "linux.seccomp.syscalls[0].names", "linux.seccomp.syscalls[0].names: must not be empty"},
    {LINUX, "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_KILL\",\"syscalls\":[{\"names\":[\"a\"],"
            "\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":9,\"value\":0,\"op\":"
            "\"SCMP_CMP_EQ\"}]}]}", "linux.seccomp.syscalls[0].args[0].index",
     "linux.seccomp.syscalls[0].args[0].index: 9 is above 5"},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++)
        if (validate(good[i].part, good[i].json) != 0 || *warnings)
            fail_msg("%s: %s%s", good[i].json, error.text, warnings);
}

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        int err = validate(bad[i].part, bad[i].json);
        if (err != -HULL_E_CONFIG || strcmp(error.text, bad[i].text) != 0 ||
            strcmp(error.where, bad[i].where) != 0)
            fail_msg("%s: %d at %s: %s", bad[i].json, err, error.where, error.text);
    }
}

static void test_warnings(void **state)
{
    (void)state;
    assert_int_equal(validate(TOP, ",\"mounts\":[{\"destination\":\"a/b\"}]"), 0);
    assert_non_null(strstr(warnings, "mount destination a/b is not absolute"));
    assert_int_equal(
        validate(LINUX, "\"personality\":{\"domain\":\"LINUX32\",\"flags\":[\"X\"]}"), 0);
    assert_non_null(strstr(warnings, "linux.personality.flags"));
}

static void test_rootless(void **state)
{
    (void)state;
    static const struct { const char *json, *text; } cases[] = {
        {"", "rootless container requires user namespaces"},
        {LIST("namespaces", NS("user")), "rootless containers requires at least one UID mapping"},
        {LIST("namespaces", NS("user")) ",\"uidMappings\":" MAP1,
         "rootless containers requires at least one GID mapping"},
        {LIST("namespaces", NS("user")) ",\"uidMappings\":" MAP1 ",\"gidMappings\":" MAP1, NULL},
        {LIST("namespaces", "{\"type\":\"user\",\"path\":\"/x\"}"), NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int err = oci_validate_rootless(config(LINUX, cases[i].json), &error);
        assert_int_equal(err, cases[i].text ? -HULL_E_CONFIG : 0);
        if (cases[i].text)
            assert_string_equal(error.text, cases[i].text);
    }
    static const char mount[] =
        ",\"mounts\":[{\"destination\":\"/a\",\"options\":[\"uid=0,gid=x\",\"mode=1,gid=5,ro\"]}],"
        "\"linux\":{" LIST("namespaces", NS("user")) ",\"uidMappings\":" MAP1
        ",\"gidMappings\":" MAP1 "}";
    assert_int_equal(oci_validate_rootless(config(TOP, mount), &error), -HULL_E_CONFIG);
    assert_string_equal(error.where, "mounts[0].options[1]");
    assert_string_equal(error.text,
                        "cannot specify gid=5 mount option for rootless container: user namespaces "
                        "enabled, but no mapping found for gid 5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_good, teardown),
        cmocka_unit_test_teardown(test_bad, teardown),
        cmocka_unit_test_teardown(test_warnings, teardown),
        cmocka_unit_test_teardown(test_rootless, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
