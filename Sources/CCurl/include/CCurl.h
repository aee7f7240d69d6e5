// SPDX-License-Identifier: Apache-2.0

#ifndef KEYSIDE_CURL_H
#define KEYSIDE_CURL_H

#include <curl/curl.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

/// prctl(PR_SET_NAME): the calling thread's name, of which the kernel keeps 15 bytes.
int keyside_curl_name_thread(const char *name);

/// Has nghttp2 allocate in this way from now on, for every connection of HTTP/2 that libcurl opens. To be called before the
/// first one. The last argument of each function is not used.
void keyside_http2_allocate_with(
    void *(*allocate)(size_t, void *), void (*release)(void *, void *),
    void *(*allocate_zeroed)(size_t, size_t, void *), void *(*reallocate)(void *, size_t, void *));

// libcurl's option calls are variadic, which Swift cannot import. One line for each kind of argument; no logic.

static inline CURLcode keyside_curl_set_long(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode keyside_curl_set_offset(CURL *handle, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode keyside_curl_set_text(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode keyside_curl_set_pointer(CURL *handle, CURLoption option, const void *value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode keyside_curl_on_data(CURL *handle, curl_write_callback function) {
    return curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, function);
}

static inline CURLcode keyside_curl_on_request(CURL *handle, curl_prereq_callback function) {
    return curl_easy_setopt(handle, CURLOPT_PREREQFUNCTION, function);
}

static inline CURLcode keyside_curl_on_tls(CURL *handle, curl_ssl_ctx_callback function) {
    return curl_easy_setopt(handle, CURLOPT_SSL_CTX_FUNCTION, function);
}

static inline CURLcode keyside_curl_on_open(CURL *handle, curl_opensocket_callback function) {
    return curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, function);
}

static inline CURLcode keyside_curl_on_close(CURL *handle, curl_closesocket_callback function) {
    return curl_easy_setopt(handle, CURLOPT_CLOSESOCKETFUNCTION, function);
}

static inline CURLcode keyside_curl_get_long(CURL *handle, CURLINFO info, long *value) {
    return curl_easy_getinfo(handle, info, value);
}

static inline CURLcode keyside_curl_get_text(CURL *handle, CURLINFO info, const char **value) {
    return curl_easy_getinfo(handle, info, value);
}

/// The connection's SSL; NULL if it has none.
static inline void *keyside_curl_get_tls(CURL *handle) {
    struct curl_tlssessioninfo *session = NULL;
    curl_easy_getinfo(handle, CURLINFO_TLS_SSL_PTR, &session);
    return session != NULL && session->backend == CURLSSLBACKEND_OPENSSL ? session->internals : NULL;
}

static inline CURLMcode keyside_curl_multi_set_long(CURLM *handle, CURLMoption option, long value) {
    return curl_multi_setopt(handle, option, value);
}

static inline CURLMcode keyside_curl_multi_set_pointer(CURLM *handle, CURLMoption option, const void *value) {
    return curl_multi_setopt(handle, option, value);
}

static inline CURLMcode keyside_curl_multi_on_socket(CURLM *handle, curl_socket_callback function) {
    return curl_multi_setopt(handle, CURLMOPT_SOCKETFUNCTION, function);
}

static inline CURLMcode keyside_curl_multi_on_timer(CURLM *handle, curl_multi_timer_callback function) {
    return curl_multi_setopt(handle, CURLMOPT_TIMERFUNCTION, function);
}

static inline CURLSHcode keyside_curl_share(CURLSH *handle, curl_lock_data data) {
    return curl_share_setopt(handle, CURLSHOPT_SHARE, data);
}

#endif
