// SPDX-License-Identifier: Apache-2.0

// The malloc family of the program under other names, so that tests can call it without replacing their own.

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "CTestSupport.h"

#define KEYSIDE_REPLACES_MALLOC 1
#define malloc testsupport_malloc
#define calloc testsupport_calloc
#define realloc testsupport_realloc
#define reallocarray testsupport_reallocarray
#define free testsupport_free
#define memalign testsupport_memalign
#define aligned_alloc testsupport_aligned_alloc
#define posix_memalign testsupport_posix_memalign
#define valloc testsupport_valloc
#define pvalloc testsupport_pvalloc
#define malloc_usable_size testsupport_malloc_usable_size
#define OPENSSL_cleanse testsupport_cleanse

#include "../../Sources/CWipingFree/wiping_free.c"
