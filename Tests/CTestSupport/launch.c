// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "CTestSupport.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

static int refuse_memfd_secret(void) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_memfd_secret, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int reset_signals(void) {
    sigset_t none;
    sigemptyset(&none);
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);  // SIGKILL and the like refuse: no matter.
    return sigprocmask(SIG_SETMASK, &none, NULL);
}

static int become(const struct testsupport_launch *launch) {
    if (launch->locked_memory_max >= 0) {
        struct rlimit limit = {(rlim_t)launch->locked_memory_max, (rlim_t)launch->locked_memory_max};
        if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0) return -1;
    }
    if (launch->group != (gid_t)-1 && (setgroups(0, NULL) != 0 || setgid(launch->group) != 0)) return -1;
    if (launch->user != (uid_t)-1 && setuid(launch->user) != 0) return -1;
    return launch->lacks_memfd_secret ? refuse_memfd_secret() : 0;
}

// Only calls that may be made between fork and exec of a process with threads.
static void execute(const struct testsupport_launch *launch, int program) {
    const int wanted[] = {launch->input, launch->output, launch->error};
    for (int number = 0; number < 3; number++) {
        if (dup2(wanted[number], number) < 0) return;
    }
    if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0) return;
    if (chdir(launch->working_folder) != 0 || reset_signals() != 0 || become(launch) != 0) return;
    syscall(SYS_execveat, program, "", launch->arguments, launch->environment, AT_EMPTY_PATH);
}

pid_t testsupport_start(const struct testsupport_launch *launch) {
    int program = open(launch->program, O_RDONLY | O_CLOEXEC);
    if (program < 0) return -1;
    int report[2];  // Carries errno, or closes when the program is executed.
    if (pipe2(report, O_CLOEXEC) != 0) {
        close(program);
        return -1;
    }
    pid_t process = fork();
    if (process == 0) {
        execute(launch, program);
        int code = errno;
        if (write(report[1], &code, sizeof code) < 0) {}
        _exit(127);
    }
    int code = process < 0 ? errno : 0;
    close(program);
    close(report[1]);
    if (process > 0 && read(report[0], &code, sizeof code) > 0) {
        waitpid(process, NULL, 0);
        process = -1;
    }
    close(report[0]);
    errno = code;
    return process;
}

int testsupport_open_process(pid_t process) { return (int)syscall(SYS_pidfd_open, process, 0); }

int testsupport_unread_by_peer(int socket) {
    int byte_count = 0;
    return ioctl(socket, SIOCOUTQ, &byte_count) == 0 ? byte_count : -1;
}

long testsupport_raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return -1;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? (long)limit.rlim_cur : -1;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place) {
    (void)status, (void)kind, (void)place;
    return remove(path);
}

void testsupport_remove_folder(const char *path) { nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS); }
