/* SPDX-License-Identifier: Apache-2.0 */
/* Made by tools/seccomp-tables from Linux 7.2.13; do not edit. */
#include "seccomp/syscalls.h"

const char syscall_names[] =
    "_llseek\0" "_newselect\0" "_sysctl\0" "accept\0"
    "accept4\0" "access\0" "acct\0" "add_key\0"
    "adjtimex\0" "afs_syscall\0" "alarm\0" "arch_prctl\0"
    "arm_fadvise64_64\0" "arm_sync_file_range\0" "atomic_barrier\0" "atomic_cmpxchg_32\0"
    "bdflush\0" "bind\0" "bpf\0" "break\0"
    "breakpoint\0" "brk\0" "cachectl\0" "cacheflush\0"
    "cachestat\0" "capget\0" "capset\0" "chdir\0"
    "chmod\0" "chown\0" "chown32\0" "chroot\0"
    "clock_adjtime\0" "clock_adjtime64\0" "clock_getres\0" "clock_getres_time64\0"
    "clock_gettime\0" "clock_gettime64\0" "clock_nanosleep\0" "clock_nanosleep_time64\0"
    "clock_settime\0" "clock_settime64\0" "clone\0" "clone3\0"
    "close\0" "close_range\0" "connect\0" "copy_file_range\0"
    "creat\0" "create_module\0" "delete_module\0" "dup\0"
    "dup2\0" "dup3\0" "epoll_create\0" "epoll_create1\0"
    "epoll_ctl\0" "epoll_ctl_old\0" "epoll_pwait\0" "epoll_pwait2\0"
    "epoll_wait\0" "epoll_wait_old\0" "eventfd\0" "eventfd2\0"
    "execve\0" "execveat\0" "exit\0" "exit_group\0"
    "faccessat\0" "faccessat2\0" "fadvise64\0" "fadvise64_64\0"
    "fallocate\0" "fanotify_init\0" "fanotify_mark\0" "fchdir\0"
    "fchmod\0" "fchmodat\0" "fchmodat2\0" "fchown\0"
    "fchown32\0" "fchownat\0" "fcntl\0" "fcntl64\0"
    "fdatasync\0" "fgetxattr\0" "file_getattr\0" "file_setattr\0"
    "finit_module\0" "flistxattr\0" "flock\0" "fork\0"
    "fremovexattr\0" "fsconfig\0" "fsetxattr\0" "fsmount\0"
    "fsopen\0" "fspick\0" "fstat\0" "fstat64\0"
    "fstatat64\0" "fstatfs\0" "fstatfs64\0" "fsync\0"
    "ftime\0" "ftruncate\0" "ftruncate64\0" "futex\0"
    "futex_requeue\0" "futex_time64\0" "futex_wait\0" "futex_waitv\0"
    "futex_wake\0" "futimesat\0" "get_kernel_syms\0" "get_mempolicy\0"
    "get_robust_list\0" "get_thread_area\0" "get_tls\0" "getcpu\0"
    "getcwd\0" "getdents\0" "getdents64\0" "getegid\0"
    "getegid32\0" "geteuid\0" "geteuid32\0" "getgid\0"
    "getgid32\0" "getgroups\0" "getgroups32\0" "getitimer\0"
    "getpagesize\0" "getpeername\0" "getpgid\0" "getpgrp\0"
    "getpid\0" "getpmsg\0" "getppid\0" "getpriority\0"
    "getrandom\0" "getresgid\0" "getresgid32\0" "getresuid\0"
    "getresuid32\0" "getrlimit\0" "getrusage\0" "getsid\0"
    "getsockname\0" "getsockopt\0" "gettid\0" "gettimeofday\0"
    "getuid\0" "getuid32\0" "getxattr\0" "getxattrat\0"
    "gtty\0" "idle\0" "init_module\0" "inotify_add_watch\0"
    "inotify_init\0" "inotify_init1\0" "inotify_rm_watch\0" "io_cancel\0"
    "io_destroy\0" "io_getevents\0" "io_pgetevents\0" "io_pgetevents_time64\0"
    "io_setup\0" "io_submit\0" "io_uring_enter\0" "io_uring_register\0"
    "io_uring_setup\0" "ioctl\0" "ioperm\0" "iopl\0"
    "ioprio_get\0" "ioprio_set\0" "ipc\0" "kcmp\0"
    "kexec_file_load\0" "kexec_load\0" "keyctl\0" "kill\0"
    "landlock_add_rule\0" "landlock_create_ruleset\0" "landlock_restrict_self\0" "lchown\0"
    "lchown32\0" "lgetxattr\0" "link\0" "linkat\0"
    "listen\0" "listmount\0" "listns\0" "listxattr\0"
    "listxattrat\0" "llistxattr\0" "lock\0" "lookup_dcookie\0"
    "lremovexattr\0" "lseek\0" "lsetxattr\0" "lsm_get_self_attr\0"
    "lsm_list_modules\0" "lsm_set_self_attr\0" "lstat\0" "lstat64\0"
    "madvise\0" "map_shadow_stack\0" "mbind\0" "membarrier\0"
    "memfd_create\0" "memfd_secret\0" "migrate_pages\0" "mincore\0"
    "mkdir\0" "mkdirat\0" "mknod\0" "mknodat\0"
    "mlock\0" "mlock2\0" "mlockall\0" "mmap\0"
    "mmap2\0" "modify_ldt\0" "mount\0" "mount_setattr\0"
    "move_mount\0" "move_pages\0" "mprotect\0" "mpx\0"
    "mq_getsetattr\0" "mq_notify\0" "mq_open\0" "mq_timedreceive\0"
    "mq_timedreceive_time64\0" "mq_timedsend\0" "mq_timedsend_time64\0" "mq_unlink\0"
    "mremap\0" "mseal\0" "msgctl\0" "msgget\0"
    "msgrcv\0" "msgsnd\0" "msync\0" "multiplexer\0"
    "munlock\0" "munlockall\0" "munmap\0" "name_to_handle_at\0"
    "nanosleep\0" "newfstatat\0" "nfsservctl\0" "nice\0"
    "oldfstat\0" "oldlstat\0" "oldolduname\0" "oldstat\0"
    "olduname\0" "open\0" "open_by_handle_at\0" "open_tree\0"
    "open_tree_attr\0" "openat\0" "openat2\0" "pause\0"
    "pciconfig_iobase\0" "pciconfig_read\0" "pciconfig_write\0" "perf_event_open\0"
    "personality\0" "pidfd_getfd\0" "pidfd_open\0" "pidfd_send_signal\0"
    "pipe\0" "pipe2\0" "pivot_root\0" "pkey_alloc\0"
    "pkey_free\0" "pkey_mprotect\0" "poll\0" "ppoll\0"
    "ppoll_time64\0" "prctl\0" "pread64\0" "preadv\0"
    "preadv2\0" "prlimit64\0" "process_madvise\0" "process_mrelease\0"
    "process_vm_readv\0" "process_vm_writev\0" "prof\0" "profil\0"
    "pselect6\0" "pselect6_time64\0" "ptrace\0" "putpmsg\0"
    "pwrite64\0" "pwritev\0" "pwritev2\0" "query_module\0"
    "quotactl\0" "quotactl_fd\0" "read\0" "readahead\0"
    "readdir\0" "readlink\0" "readlinkat\0" "readv\0"
    "reboot\0" "recv\0" "recvfrom\0" "recvmmsg\0"
    "recvmmsg_time64\0" "recvmsg\0" "remap_file_pages\0" "removexattr\0"
    "removexattrat\0" "rename\0" "renameat\0" "renameat2\0"
    "request_key\0" "restart_syscall\0" "riscv_flush_icache\0" "riscv_hwprobe\0"
    "rmdir\0" "rseq\0" "rseq_slice_yield\0" "rt_sigaction\0"
    "rt_sigpending\0" "rt_sigprocmask\0" "rt_sigqueueinfo\0" "rt_sigreturn\0"
    "rt_sigsuspend\0" "rt_sigtimedwait\0" "rt_sigtimedwait_time64\0" "rt_tgsigqueueinfo\0"
    "rtas\0" "s390_guarded_storage\0" "s390_pci_mmio_read\0" "s390_pci_mmio_write\0"
    "s390_runtime_instr\0" "s390_sthyi\0" "sched_get_priority_max\0" "sched_get_priority_min\0"
    "sched_getaffinity\0" "sched_getattr\0" "sched_getparam\0" "sched_getscheduler\0"
    "sched_rr_get_interval\0" "sched_rr_get_interval_time64\0" "sched_setaffinity\0" "sched_setattr\0"
    "sched_setparam\0" "sched_setscheduler\0" "sched_yield\0" "seccomp\0"
    "security\0" "select\0" "semctl\0" "semget\0"
    "semop\0" "semtimedop\0" "semtimedop_time64\0" "send\0"
    "sendfile\0" "sendfile64\0" "sendmmsg\0" "sendmsg\0"
    "sendto\0" "set_mempolicy\0" "set_mempolicy_home_node\0" "set_robust_list\0"
    "set_thread_area\0" "set_tid_address\0" "set_tls\0" "setdomainname\0"
    "setfsgid\0" "setfsgid32\0" "setfsuid\0" "setfsuid32\0"
    "setgid\0" "setgid32\0" "setgroups\0" "setgroups32\0"
    "sethostname\0" "setitimer\0" "setns\0" "setpgid\0"
    "setpriority\0" "setregid\0" "setregid32\0" "setresgid\0"
    "setresgid32\0" "setresuid\0" "setresuid32\0" "setreuid\0"
    "setreuid32\0" "setrlimit\0" "setsid\0" "setsockopt\0"
    "settimeofday\0" "setuid\0" "setuid32\0" "setxattr\0"
    "setxattrat\0" "sgetmask\0" "shmat\0" "shmctl\0"
    "shmdt\0" "shmget\0" "shutdown\0" "sigaction\0"
    "sigaltstack\0" "signal\0" "signalfd\0" "signalfd4\0"
    "sigpending\0" "sigprocmask\0" "sigreturn\0" "sigsuspend\0"
    "socket\0" "socketcall\0" "socketpair\0" "splice\0"
    "spu_create\0" "spu_run\0" "ssetmask\0" "stat\0"
    "stat64\0" "statfs\0" "statfs64\0" "statmount\0"
    "statx\0" "stime\0" "stty\0" "subpage_prot\0"
    "swapcontext\0" "swapoff\0" "swapon\0" "switch_endian\0"
    "symlink\0" "symlinkat\0" "sync\0" "sync_file_range\0"
    "sync_file_range2\0" "syncfs\0" "sys_debug_setcontext\0" "syscall\0"
    "sysfs\0" "sysinfo\0" "syslog\0" "sysmips\0"
    "tee\0" "tgkill\0" "time\0" "timer_create\0"
    "timer_delete\0" "timer_getoverrun\0" "timer_gettime\0" "timer_gettime64\0"
    "timer_settime\0" "timer_settime64\0" "timerfd\0" "timerfd_create\0"
    "timerfd_gettime\0" "timerfd_gettime64\0" "timerfd_settime\0" "timerfd_settime64\0"
    "times\0" "tkill\0" "truncate\0" "truncate64\0"
    "tuxcall\0" "ugetrlimit\0" "ulimit\0" "umask\0"
    "umount\0" "umount2\0" "uname\0" "unlink\0"
    "unlinkat\0" "unshare\0" "uprobe\0" "uretprobe\0"
    "uselib\0" "userfaultfd\0" "usr26\0" "usr32\0"
    "ustat\0" "utime\0" "utimensat\0" "utimensat_time64\0"
    "utimes\0" "vfork\0" "vhangup\0" "vm86\0"
    "vm86old\0" "vmsplice\0" "vserver\0" "wait4\0"
    "waitid\0" "waitpid\0" "write\0" "writev\0";

const uint16_t syscall_name_at[SYSCALL_COUNT] = {
    0, 8, 19, 27, 34, 42, 49, 54, 62, 71, 83, 89, 100, 117, 137, 152,
    170, 178, 183, 187, 193, 204, 208, 217, 228, 238, 245, 252, 258, 264, 270, 278,
    285, 299, 315, 328, 348, 362, 378, 394, 417, 431, 447, 453, 460, 466, 478, 486,
    502, 508, 522, 536, 540, 545, 550, 563, 577, 587, 601, 613, 626, 637, 652, 660,
    669, 676, 685, 690, 701, 711, 722, 732, 745, 755, 769, 783, 790, 797, 806, 816,
    823, 832, 841, 847, 855, 865, 875, 888, 901, 914, 925, 931, 936, 949, 958, 968,
    976, 983, 990, 996, 1004, 1014, 1022, 1032, 1038, 1044, 1054, 1066, 1072, 1086, 1099, 1110,
    1122, 1133, 1143, 1159, 1173, 1189, 1205, 1213, 1220, 1227, 1236, 1247, 1255, 1265, 1273, 1283,
    1290, 1299, 1309, 1321, 1331, 1343, 1355, 1363, 1371, 1378, 1386, 1394, 1406, 1416, 1426, 1438,
    1448, 1460, 1470, 1480, 1487, 1499, 1510, 1517, 1530, 1537, 1546, 1555, 1566, 1571, 1576, 1588,
    1606, 1619, 1633, 1650, 1660, 1671, 1684, 1698, 1719, 1728, 1738, 1753, 1771, 1786, 1792, 1799,
    1804, 1815, 1826, 1830, 1835, 1851, 1862, 1869, 1874, 1892, 1916, 1939, 1946, 1955, 1965, 1970,
    1977, 1984, 1994, 2001, 2011, 2023, 2034, 2039, 2054, 2067, 2073, 2083, 2101, 2118, 2136, 2142,
    2150, 2158, 2175, 2181, 2192, 2205, 2218, 2232, 2240, 2246, 2254, 2260, 2268, 2274, 2281, 2290,
    2295, 2301, 2312, 2318, 2332, 2343, 2354, 2363, 2367, 2381, 2391, 2399, 2415, 2438, 2451, 2471,
    2481, 2488, 2494, 2501, 2508, 2515, 2522, 2528, 2540, 2548, 2559, 2566, 2584, 2594, 2605, 2616,
    2621, 2630, 2639, 2651, 2659, 2668, 2673, 2691, 2701, 2716, 2723, 2731, 2737, 2754, 2769, 2785,
    2801, 2813, 2825, 2836, 2854, 2859, 2865, 2876, 2887, 2897, 2911, 2916, 2922, 2935, 2941, 2949,
    2956, 2964, 2974, 2990, 3007, 3024, 3042, 3047, 3054, 3063, 3079, 3086, 3094, 3103, 3111, 3120,
    3133, 3142, 3154, 3159, 3169, 3177, 3186, 3197, 3203, 3210, 3215, 3224, 3233, 3249, 3257, 3274,
    3286, 3300, 3307, 3316, 3326, 3338, 3354, 3373, 3387, 3393, 3398, 3415, 3428, 3442, 3457, 3473,
    3486, 3500, 3516, 3539, 3557, 3562, 3583, 3602, 3622, 3641, 3652, 3675, 3698, 3716, 3730, 3745,
    3764, 3786, 3815, 3833, 3847, 3862, 3881, 3893, 3901, 3910, 3917, 3924, 3931, 3937, 3948, 3966,
    3971, 3980, 3991, 4000, 4008, 4015, 4029, 4053, 4069, 4085, 4101, 4109, 4123, 4132, 4143, 4152,
    4163, 4170, 4179, 4189, 4201, 4213, 4223, 4229, 4237, 4249, 4258, 4269, 4279, 4291, 4301, 4313,
    4322, 4333, 4343, 4350, 4361, 4374, 4381, 4390, 4399, 4410, 4419, 4425, 4432, 4438, 4445, 4454,
    4464, 4476, 4483, 4492, 4502, 4513, 4525, 4535, 4546, 4553, 4564, 4575, 4582, 4593, 4601, 4610,
    4615, 4622, 4629, 4638, 4648, 4654, 4660, 4665, 4678, 4690, 4698, 4705, 4719, 4727, 4737, 4742,
    4758, 4775, 4782, 4803, 4811, 4817, 4825, 4832, 4840, 4844, 4851, 4856, 4869, 4882, 4899, 4913,
    4929, 4943, 4959, 4967, 4982, 4998, 5016, 5032, 5050, 5056, 5062, 5071, 5082, 5090, 5101, 5108,
    5114, 5121, 5129, 5135, 5142, 5151, 5159, 5166, 5176, 5183, 5195, 5201, 5207, 5213, 5219, 5229,
    5246, 5253, 5259, 5267, 5272, 5280, 5289, 5297, 5303, 5310, 5318, 5324,
};

const uint8_t syscall_mux[SYSCALL_COUNT] = {
    0, 0, 0, 5, 18, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 6, 15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 142, 141, 140, 139, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 10, 12, 19, 0, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 131, 130, 129, 132, 0, 9, 0, 0, 20, 16, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 14, 0, 0, 0, 0,
    0, 0, 149, 152, 150, 151, 13, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0,
};
