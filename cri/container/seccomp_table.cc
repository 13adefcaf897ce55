// SPDX-License-Identifier: Apache-2.0
// The default seccomp profile's data. Whatever no line names fails with EPERM:
// above all kernel keyrings, modules, io_uring, userfaultfd, mounts and foreign
// namespaces.
#include "cri/container/seccomp_table.h"

namespace cri::container {

const char* const kAlwaysAllowed[] = {
    // Files and directories by path or descriptor.
    "_llseek access cachestat chdir chmod chown chown32 close "
    "close_range copy_file_range creat dup dup2 dup3 faccessat "
    "faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir "
    "fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 "
    "fdatasync fgetxattr flistxattr flock fremovexattr fsetxattr fstat "
    "fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 "
    "futimesat getcwd getdents getdents64 getxattr getxattrat "
    "inotify_add_watch inotify_init inotify_init1 inotify_rm_watch "
    "lchown lchown32 lgetxattr link linkat listmount listxattr "
    "listxattrat llistxattr lremovexattr lseek lsetxattr lstat lstat64 "
    "mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open "
    "openat openat2 readlink readlinkat removexattr removexattrat rename "
    "renameat renameat2 rmdir setxattr setxattrat stat stat64 statfs "
    "statfs64 statmount statx symlink symlinkat sync sync_file_range "
    "syncfs truncate truncate64 umask unlink unlinkat uretprobe utime "
    "utimensat utimensat_time64 utimes",
    // Input and output.
    "_newselect epoll_create epoll_create1 epoll_ctl epoll_ctl_old "
    "epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 "
    "io_cancel io_destroy io_getevents io_pgetevents "
    "io_pgetevents_time64 io_setup io_submit ioctl ioprio_get ioprio_set "
    "pipe pipe2 poll ppoll ppoll_time64 pread64 preadv preadv2 pselect6 "
    "pselect6_time64 pwrite64 pwritev pwritev2 read readahead readv "
    "select sendfile sendfile64 signalfd signalfd4 splice tee "
    "timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime "
    "timerfd_settime64 vmsplice write writev",
    // Memory.
    "brk madvise map_shadow_stack membarrier memfd_create memfd_secret "
    "mincore mlock mlock2 mlockall mmap mmap2 modify_ldt mprotect mremap "
    "mseal msync munlock munlockall munmap pkey_alloc pkey_free "
    "pkey_mprotect process_mrelease remap_file_pages",
    // Processes and threads.
    "arch_prctl execve execveat exit exit_group fork futex futex_requeue "
    "futex_time64 futex_wait futex_waitv futex_wake get_robust_list "
    "get_thread_area getcpu getpgid getpgrp getpid getppid getpriority "
    "getrlimit getrusage getsid gettid kill pause pidfd_open "
    "pidfd_send_signal prctl prlimit64 process_vm_readv "
    "process_vm_writev ptrace restart_syscall rseq "
    "sched_get_priority_max sched_get_priority_min sched_getaffinity "
    "sched_getattr sched_getparam sched_getscheduler "
    "sched_rr_get_interval sched_rr_get_interval_time64 "
    "sched_setaffinity sched_setattr sched_setparam sched_setscheduler "
    "sched_yield set_robust_list set_thread_area set_tid_address setpgid "
    "setpriority setrlimit setsid tgkill tkill ugetrlimit vfork wait4 "
    "waitid waitpid",
    // Signals.
    "rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo "
    "rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 "
    "rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn",
    // Users, groups, capabilities and confinement.
    "capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 "
    "getgroups getgroups32 getresgid getresgid32 getresuid getresuid32 "
    "getuid getuid32 landlock_add_rule landlock_create_ruleset "
    "landlock_restrict_self lsm_get_self_attr lsm_list_modules "
    "lsm_set_self_attr seccomp setfsgid setfsgid32 setfsuid setfsuid32 "
    "setgid setgid32 setgroups setgroups32 setregid setregid32 setresgid "
    "setresgid32 setresuid setresuid32 setreuid setreuid32 setuid "
    "setuid32",
    // Time.
    "adjtimex alarm clock_adjtime clock_adjtime64 clock_getres "
    "clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep "
    "clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer "
    "time timer_create timer_delete timer_getoverrun timer_gettime "
    "timer_gettime64 timer_settime timer_settime64 times",
    // Sockets. socket itself follows below.
    "accept accept4 bind connect getpeername getsockname getsockopt "
    "listen recv recvfrom recvmmsg recvmmsg_time64 recvmsg send sendmmsg "
    "sendmsg sendto setsockopt shutdown socketcall socketpair",
    // System V and POSIX inter-process communication.
    "ipc mq_getsetattr mq_notify mq_open mq_timedreceive "
    "mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink "
    "msgctl msgget msgrcv msgsnd semctl semget semop semtimedop "
    "semtimedop_time64 shmat shmctl shmdt shmget",
    // The rest.
    "getrandom sysinfo uname", nullptr};

const CapabilityCalls kAllowedByCapability[] = {
    {"CAP_DAC_READ_SEARCH", "open_by_handle_at"},
    {"CAP_SYS_ADMIN",
     "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick "
     "lookup_dcookie mount mount_setattr move_mount open_tree perf_event_open "
     "quotactl quotactl_fd setdomainname sethostname setns syslog umount "
     "umount2 unshare"},
    {"CAP_SYS_BOOT", "reboot"},
    {"CAP_SYS_CHROOT", "chroot"},
    {"CAP_SYS_MODULE", "delete_module init_module finit_module"},
    {"CAP_SYS_PACCT", "acct"},
    {"CAP_SYS_PTRACE", "kcmp pidfd_getfd process_madvise"},
    {"CAP_SYS_RAWIO", "iopl ioperm"},
    {"CAP_SYS_TIME", "settimeofday stime clock_settime clock_settime64"},
    {"CAP_SYS_TTY_CONFIG", "vhangup"},
    {"CAP_SYS_NICE",
     "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"},
    {"CAP_SYSLOG", "syslog"},
    {"CAP_BPF", "bpf"},
    {"CAP_PERFMON", "perf_event_open"},
    {nullptr, nullptr}};

}  // namespace cri::container
