// SPDX-License-Identifier: Apache-2.0
//
// What libcurl takes for a request by itself: one thread, one multi handle, so many requests in flight, each of which is
// sent again as soon as it is answered. Prints the processor's microseconds per request.
//
//   libcurl URL CERTIFICATE KEY AUTHORITY BODY REQUESTS IN_FLIGHT 1.1|2

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static size_t ignore(char *bytes, size_t size, size_t count, void *context) { return size * count; }

static double processor_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

int main(int count, char **arguments) {
    if (count != 9) return 64;
    static char body[65536];
    FILE *file = fopen(arguments[5], "r");
    if (file == NULL) return 66;
    size_t byte_count = fread(body, 1, sizeof body, file);
    long requests = atol(arguments[6]);
    int in_flight = atoi(arguments[7]);
    int is_http2 = strcmp(arguments[8], "2") == 0;

    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURLM *multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, is_http2 ? CURLPIPE_MULTIPLEX : CURLPIPE_NOTHING);
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, is_http2 ? 1L : 24L); // As many as the agent has.
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 256L);
    struct curl_slist *fields = curl_slist_append(curl_slist_append(NULL, "Expect:"), "Content-Type: application/json");
    for (int index = 0; index < in_flight; index++) {
        CURL *easy = curl_easy_init();
        curl_easy_setopt(easy, CURLOPT_URL, arguments[1]);
        curl_easy_setopt(easy, CURLOPT_SSLCERT, arguments[2]);
        curl_easy_setopt(easy, CURLOPT_SSLKEY, arguments[3]);
        curl_easy_setopt(easy, CURLOPT_CAINFO, arguments[4]);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)byte_count);
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fields);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore);
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, is_http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1);
        curl_easy_setopt(easy, CURLOPT_PIPEWAIT, is_http2 ? 1L : 0L);
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_multi_add_handle(multi, easy);
    }

    long begun = in_flight, ended = 0;
    double start = 0;
    while (ended < requests) {
        int running, left;
        curl_multi_perform(multi, &running);
        CURLMsg *message;
        while ((message = curl_multi_info_read(multi, &left)) != NULL) {
            long status = 0;
            CURL *easy = message->easy_handle;
            curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
            if (message->data.result != CURLE_OK || status != 200) {
                fprintf(stderr, "status %ld: %s\n", status, curl_easy_strerror(message->data.result));
                return 76;
            }
            if (++ended == in_flight) start = processor_seconds(); // Without the handshakes.
            curl_multi_remove_handle(multi, easy);
            if (begun++ < requests) curl_multi_add_handle(multi, easy);
        }
        if (ended < requests) curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    printf("%.1f\n", (processor_seconds() - start) * 1e6 / (double)(requests - in_flight));
    return 0;
}
