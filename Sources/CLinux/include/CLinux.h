// SPDX-License-Identifier: Apache-2.0

#ifndef KEYSIDE_LINUX_H
#define KEYSIDE_LINUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/types.h>

// Calls that Swift's Glibc module lacks: system calls without a wrapper, variadic functions, macros. No logic.

/// memfd_secret(2): a descriptor whose pages leave the kernel's own map; -1 and errno where the kernel has none.
int keyside_memfd_secret(unsigned int flags);

/// mlock2(2), with MLOCK_ONFAULT if pages are to be locked when they are first touched.
int keyside_mlock2(const void *address, size_t byte_count, bool when_touched);

/// prctl(PR_SET_DUMPABLE, 0): no core dump, and /proc/PID belongs to root.
int keyside_forbid_dumping(void);

/// prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME): a name for /proc/PID/maps. Fails, harmlessly, where the kernel was built
/// without it.
int keyside_name_mapping(void *address, size_t byte_count, const char *name);

/// explicit_bzero(3).
void keyside_wipe(void *address, size_t byte_count);

/// The process's environment block: `environ`.
char **keyside_environment(void);

/// sched_getaffinity(2): on how many processors this process may run; 0 if that cannot be told.
int keyside_usable_processors(void);

/// prctl(PR_SET_NAME): the calling thread's name, cut to 15 bytes.
void keyside_name_thread(const char *name);

/// prctl(PR_GET_NAME): the calling thread's name. `name` has room for 16 bytes.
void keyside_get_thread_name(char *name);

/// A number of the calling thread's own, from 0 up, in the order in which threads first ask.
unsigned int keyside_thread_number(void);

/// mallinfo2(3): bytes that malloc has handed out.
size_t keyside_heap_byte_count(void);

/// accept4(2) with a connection that does not block and is not inherited; without the peer's address.
int keyside_accept(int listener);

/// getsockopt(SO_PEERCRED): the process that listens, or that has connected; 0 where it is in no namespace of ours, -1 if
/// that cannot be told.
pid_t keyside_peer_process(int socket);

/// madvise(MADV_DONTNEED) for the code of the program and its libraries: what is run again comes back from the page cache.
void keyside_release_code(void);

/// Adds to the number of messages that are queued and not written. Callable from any thread.
void keyside_count_unwritten(int change);

/// Has SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV and SIGTRAP wait until nothing is unwritten, one second at most, before they
/// end the process. Signals that have a handler keep it.
void keyside_delay_crash(void);

/// MAP_FAILED, which is a cast that Swift does not import.
static inline bool keyside_map_failed(const void *address) { return address == (void *)-1; }

/// A number that the calling thread keeps, 0 at first: which share of the agent's memory OpenSSL allocates from.
extern _Thread_local unsigned char keyside_memory_share_of_thread;

static inline unsigned char keyside_memory_share(void) { return keyside_memory_share_of_thread; }

static inline void keyside_set_memory_share(unsigned char share) { keyside_memory_share_of_thread = share; }

/// Allocations that were refused on the calling thread.
uint64_t keyside_refused_allocations(void);
void keyside_note_refused_allocation(void);

#endif
