// SPDX-License-Identifier: Apache-2.0

// The safety net under the whole process: heap blocks are wiped when they are released, by whichever library holds
// them. Linked into the executable, these definitions take the place of glibc's for the program and for every shared
// library it loads, and so does that of OPENSSL_cleanse(3). `calloc` and `malloc` stay glibc's; `__libc_*` are its
// documented-by-use inner names.

#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stddef.h>
#include <string.h>

#include "CWipingFree.h"

extern void __libc_free(void *block);
extern void *__libc_malloc(size_t byte_count);

void free(void *block) {
    if (block == NULL) return;
    int saved_errno = errno;
    explicit_bzero(block, malloc_usable_size(block));
    __libc_free(block);
    errno = saved_errno;
}

// glibc's realloc moves and releases the old block by itself, unwiped: allocate, copy and release here instead.
// A block that has room enough and is not far too large stays where it is.
void *realloc(void *block, size_t byte_count) {
    if (block == NULL) return __libc_malloc(byte_count);
    if (byte_count == 0) {
        free(block);
        return NULL;
    }
    size_t usable = malloc_usable_size(block);
    if (byte_count <= usable && byte_count >= usable / 2) return block;

    void *moved = __libc_malloc(byte_count);
    if (moved == NULL) return NULL;
    memcpy(moved, block, byte_count < usable ? byte_count : usable);
    free(block);
    return moved;
}

// libssl wipes its buffers of 16 KiB with this whenever it gives them back. OpenSSL's own writes eight bytes at a time,
// which takes six times as long (2 µs).
void OPENSSL_cleanse(void *address, size_t byte_count) { explicit_bzero(address, byte_count); }
