// SPDX-License-Identifier: Apache-2.0

// Wipes every heap block of the process when it is released, whichever library allocated it. The executable defines the
// whole malloc family, as glibc asks of a replacement, so the dynamic linker binds the program, its shared libraries and
// the allocators of preloaded libraries to these functions.
//
// Only `__libc_malloc` and `__libc_free` stand below. Preloaded allocators (jemalloc, mimalloc) export that pair too, so
// blocks may come from glibc or from such an allocator, but always from one of the two. Neither tells the size of a block
// reliably once `malloc_usable_size` is replaced, so each block carries a header of its own:
//
//     start                 block - 16                block
//     | alignment padding   | usable size | distance  | usable bytes …
//
// `distance` is the number of bytes from `start`, which is what the allocator below returned, to the block.
//
// AddressSanitizer and ThreadSanitizer bring a malloc family of their own; in their builds only `OPENSSL_cleanse` is
// replaced.

#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#ifndef __has_feature
#define __has_feature(feature) 0
#endif

#ifndef KEYSIDE_REPLACES_MALLOC
#define KEYSIDE_REPLACES_MALLOC (!__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer))
#endif

#if KEYSIDE_REPLACES_MALLOC

extern void *__libc_malloc(size_t byte_count);
extern void __libc_free(void *start);

struct header {
    size_t usable;
    size_t distance;
};

/// What malloc(3) guarantees on 64-bit machines.
enum { ALIGNMENT = 16 };

_Static_assert(sizeof(struct header) == ALIGNMENT, "the header must not change the alignment of blocks");

static struct header *header_of(void *block) { return (struct header *)block - 1; }

static bool is_power_of_two(size_t number) { return number != 0 && (number & (number - 1)) == 0; }

/// Rounds up so that header and block fill a chunk of glibc's, which are multiples of 16 less a word for its own use.
static size_t rounded(size_t byte_count) {
    const size_t overhead = sizeof(struct header) + sizeof(size_t);
    return ((byte_count + overhead + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1)) - overhead;
}

/// Requires a power of two of at least ALIGNMENT. Returns NULL with ENOMEM on failure.
static void *allocate(size_t alignment, size_t byte_count) {
    if (alignment > PTRDIFF_MAX / 2 || byte_count > PTRDIFF_MAX / 2) {
        errno = ENOMEM;
        return NULL;
    }
    const size_t usable = rounded(byte_count);
    char *start = __libc_malloc(usable + sizeof(struct header) + (alignment - ALIGNMENT));
    if (start == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    const uintptr_t first = (uintptr_t)start + sizeof(struct header);
    char *block = start + sizeof(struct header) + (-first & (alignment - 1));
    *header_of(block) = (struct header){.usable = usable, .distance = (size_t)(block - start)};
    return block;
}

static void *allocate_aligned(size_t alignment, size_t byte_count) {
    if (alignment > SIZE_MAX / 2 + 1) {
        errno = EINVAL;
        return NULL;
    }
    size_t power = ALIGNMENT;
    while (power < alignment) power *= 2;
    return allocate(power, byte_count);
}

static size_t page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

void *malloc(size_t byte_count) { return allocate(ALIGNMENT, byte_count); }

void free(void *block) {
    if (block == NULL) return;
    const int saved_errno = errno;
    const struct header header = *header_of(block);
    explicit_bzero(header_of(block), sizeof(struct header) + header.usable);
    __libc_free((char *)block - header.distance);
    errno = saved_errno;
}

void *calloc(size_t count, size_t byte_count) {
    size_t total;
    if (__builtin_mul_overflow(count, byte_count, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    void *block = allocate(ALIGNMENT, total);
    if (block != NULL) memset(block, 0, total);
    return block;
}

// A block that is large enough, and not more than twice as large, stays where it is.
void *realloc(void *block, size_t byte_count) {
    if (block == NULL) return malloc(byte_count);
    if (byte_count == 0) {
        free(block);
        return NULL;
    }
    const size_t usable = header_of(block)->usable;
    if (byte_count <= usable && byte_count >= usable / 2) return block;

    void *moved = malloc(byte_count);
    if (moved == NULL) return NULL;
    memcpy(moved, block, byte_count < usable ? byte_count : usable);
    free(block);
    return moved;
}

void *reallocarray(void *block, size_t count, size_t byte_count) {
    size_t total;
    if (__builtin_mul_overflow(count, byte_count, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(block, total);
}

void *memalign(size_t alignment, size_t byte_count) { return allocate_aligned(alignment, byte_count); }

void *aligned_alloc(size_t alignment, size_t byte_count) { return allocate_aligned(alignment, byte_count); }

int posix_memalign(void **result, size_t alignment, size_t byte_count) {
    if (!is_power_of_two(alignment) || alignment % sizeof(void *) != 0) return EINVAL;
    const int saved_errno = errno;
    void *block = allocate_aligned(alignment, byte_count);
    errno = saved_errno;
    if (block == NULL) return ENOMEM;
    *result = block;
    return 0;
}

void *valloc(size_t byte_count) { return allocate_aligned(page_size(), byte_count); }

void *pvalloc(size_t byte_count) {
    const size_t page = page_size();
    if (byte_count > PTRDIFF_MAX / 2) {
        errno = ENOMEM;
        return NULL;
    }
    return allocate_aligned(page, (byte_count + page - 1) & ~(page - 1));
}

size_t malloc_usable_size(void *block) { return block == NULL ? 0 : header_of(block)->usable; }

#endif

// libssl wipes its buffers of 16 KiB with this whenever it gives them back. OpenSSL's own writes eight bytes at a time,
// which takes six times as long (2 µs).
void OPENSSL_cleanse(void *address, size_t byte_count) { explicit_bzero(address, byte_count); }
