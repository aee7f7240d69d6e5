// SPDX-License-Identifier: Apache-2.0

// libcurl has functions of ours to allocate with (curl_global_init_mem), and does not pass them on to nghttp2, which
// keeps what it sends in buffers of its own. The definition below takes the place of nghttp2's for libcurl, as those of
// the program come before those of any library. Later versions of libcurl (8.10) pass them on, and do not call it.

#define _GNU_SOURCE
#include "CCurl.h"

#include <dlfcn.h>
#include <stddef.h>

/// nghttp2_mem, as nghttp2.h has had it from version 1.0 on.
struct memory {
    void *context;
    void *(*allocate)(size_t byte_count, void *context);
    void (*release)(void *block, void *context);
    void *(*allocate_zeroed)(size_t count, size_t byte_count, void *context);
    void *(*reallocate)(void *block, size_t byte_count, void *context);
};

static struct memory memory;

void keyside_http2_allocate_with(
    void *(*allocate)(size_t, void *), void (*release)(void *, void *),
    void *(*allocate_zeroed)(size_t, size_t, void *), void *(*reallocate)(void *, size_t, void *)) {
    memory = (struct memory){NULL, allocate, release, allocate_zeroed, reallocate};
}

typedef int make_session(void *session, const void *callbacks, void *user, const void *options, struct memory *memory);

int nghttp2_session_client_new2(void *session, const void *callbacks, void *user, const void *options);

/// - Returns: what nghttp2 does; NGHTTP2_ERR_NOMEM also where there is no such function.
int nghttp2_session_client_new2(void *session, const void *callbacks, void *user, const void *options) {
    make_session *make = (make_session *)dlsym(RTLD_DEFAULT, "nghttp2_session_client_new3");
    if (make == NULL) return -901;
    return make(session, callbacks, user, options, memory.allocate == NULL ? NULL : &memory);
}
