// SPDX-License-Identifier: Apache-2.0

#ifndef KEYSIDE_CURL_H
#define KEYSIDE_CURL_H

#include <curl/curl.h>
#include <stdint.h>

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

typedef size_t (*keyside_curl_data_function)(char *bytes, size_t size, size_t count, void *context);

static inline CURLcode keyside_curl_set_data_function(
    CURL *handle, CURLoption option, keyside_curl_data_function function) {
    return curl_easy_setopt(handle, option, function);
}

static inline CURLcode keyside_curl_get_long(CURL *handle, CURLINFO info, long *value) {
    return curl_easy_getinfo(handle, info, value);
}

#endif
