// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "CLinux.h"

#include <link.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

int keyside_memfd_secret(unsigned int flags) { return (int)syscall(SYS_memfd_secret, flags); }

int keyside_mlock2(const void *address, size_t byte_count, bool when_touched) {
    return (int)syscall(SYS_mlock2, address, byte_count, when_touched ? MLOCK_ONFAULT : 0);
}

int keyside_forbid_dumping(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

int keyside_name_mapping(void *address, size_t byte_count, const char *name) {
    return prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, address, byte_count, name);
}

void keyside_wipe(void *address, size_t byte_count) { explicit_bzero(address, byte_count); }

char **keyside_environment(void) { return environ; }

void keyside_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

void keyside_get_thread_name(char *name) { prctl(PR_GET_NAME, name, 0, 0, 0); }

unsigned int keyside_thread_number(void) {
    static atomic_uint count;
    static _Thread_local unsigned int number; // One more than it is: 0 as long as the thread has none.
    if (number == 0) number = atomic_fetch_add_explicit(&count, 1, memory_order_relaxed) + 1;
    return number - 1;
}

_Thread_local unsigned char keyside_memory_share_of_thread;
static _Thread_local uint64_t refused_allocations;

uint64_t keyside_refused_allocations(void) { return refused_allocations; }

void keyside_note_refused_allocation(void) { refused_allocations++; }

size_t keyside_heap_byte_count(void) { return mallinfo2().uordblks; }

int keyside_usable_processors(void) {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 0;
}

int keyside_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC); }

pid_t keyside_peer_process(int socket) {
    struct ucred peer;
    socklen_t byte_count = sizeof peer;
    return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &byte_count) == 0 ? peer.pid : -1;
}

static int release_code(struct dl_phdr_info *object, size_t size, void *unused) {
    (void)size, (void)unused;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (size_t index = 0; index < object->dlpi_phnum; index++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[index];
        // Nobody writes there, so nothing is lost.
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W) || !(segment->p_flags & PF_X)) continue;
        uintptr_t start = (object->dlpi_addr + segment->p_vaddr) & ~(page - 1);
        uintptr_t end = object->dlpi_addr + segment->p_vaddr + segment->p_memsz;
        madvise((void *)start, end - start, MADV_DONTNEED);
    }
    return 0;
}

void keyside_release_code(void) { dl_iterate_phdr(release_code, NULL); }

static atomic_int unwritten;

void keyside_count_unwritten(int change) { atomic_fetch_add_explicit(&unwritten, change, memory_order_relaxed); }

// Only calls that a signal handler may make.
static void wait_for_writers(int signal_number) {
    const struct timespec pause = {.tv_nsec = 1000000};
    for (int left = 1000; left > 0 && atomic_load_explicit(&unwritten, memory_order_relaxed) > 0; left--) {
        nanosleep(&pause, NULL);
    }
    raise(signal_number); // Blocked until this handler returns, and then handled by default.
}

void keyside_delay_crash(void) {
    const int fatal[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP};
    struct sigaction delayed = {.sa_handler = wait_for_writers, .sa_flags = SA_RESETHAND | SA_ONSTACK};
    sigemptyset(&delayed.sa_mask);
    for (size_t index = 0; index < sizeof fatal / sizeof *fatal; index++) {
        struct sigaction current;
        if (sigaction(fatal[index], NULL, &current) != 0 || current.sa_handler != SIG_DFL) continue;
        sigaction(fatal[index], &delayed, NULL);
    }
}
