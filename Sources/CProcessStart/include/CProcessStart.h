// SPDX-License-Identifier: Apache-2.0

#ifndef KEYSIDE_PROCESS_START_H
#define KEYSIDE_PROCESS_START_H

// What a process needs before Swift's runtime starts. Linking this target is enough: its constructor runs before `main`.
//
// 1. It opens /dev/null on each of the descriptors 0 to 2 that the parent left closed. Otherwise a socket or an epoll
//    descriptor would get that number, and log lines would be written into it. The access mode is the wrong one on
//    purpose, write-only for standard input and read-only for the others, so that reads and writes fail with EBADF as
//    they do on a closed descriptor.
// 2. It keeps `argc` and `argv`, which glibc passes to constructors. Swift reads /proc/self/cmdline instead, and finds no
//    arguments where /proc is not mounted.

/// The number of arguments, the program's name included.
int keyside_argument_count(void);

/// The arguments, the program's name first. They live as long as the process.
char *const *keyside_arguments(void);

#endif
