// SPDX-License-Identifier: Apache-2.0
//
// The least that a server on a Unix socket can do: wait, read, find the end of a request, write a constant. What any
// server costs beyond it is its own. For hit-path.sh; not for the world: it trusts its clients.
//
//   floor SOCKET ANSWER-FILE      the file holds the whole answer, head included

#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BUFFER_SIZE = 16384, EVENTS_MAX = 64 };

struct client {
    int socket;
    size_t byte_count;
    char bytes[BUFFER_SIZE];
};

static char answer[BUFFER_SIZE];
static size_t answer_byte_count;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

// How many bytes the first request has, 0 if it is not whole.
static size_t request_byte_count(const char *bytes, size_t byte_count) {
    const char *end = memmem(bytes, byte_count, "\r\n\r\n", 4);
    if (end == NULL) return 0;
    size_t body = 0;
    for (const char *line = bytes; line < end;) {
        if (strncasecmp(line, "content-length:", 15) == 0) body = strtoul(line + 15, NULL, 10);
        line = (const char *)memchr(line, '\n', (size_t)(end + 2 - line)) + 1;
    }
    size_t whole = (size_t)(end - bytes) + 4 + body;
    return whole <= byte_count ? whole : 0;
}

// Answers every request that is whole. False when the client has gone.
static int serve(struct client *client) {
    ssize_t received = read(client->socket, client->bytes + client->byte_count, BUFFER_SIZE - client->byte_count);
    if (received < 0) return errno == EAGAIN;
    if (received == 0) return 0;
    client->byte_count += (size_t)received;
    size_t used = 0, request;
    while ((request = request_byte_count(client->bytes + used, client->byte_count - used)) > 0) {
        if (write(client->socket, answer, answer_byte_count) != (ssize_t)answer_byte_count) return 0;
        used += request;
    }
    memmove(client->bytes, client->bytes + used, client->byte_count - used);
    client->byte_count -= used;
    return client->byte_count < BUFFER_SIZE;
}

static int listen_at(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 4096) != 0)
        fail(path);
    return listener;
}

int main(int argc, char **argv) {
    if (argc != 3) return 64;
    FILE *file = fopen(argv[2], "r");
    if (file == NULL) fail(argv[2]);
    answer_byte_count = fread(answer, 1, sizeof answer, file);
    int listener = listen_at(argv[1]), queue = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    if (queue < 0 || epoll_ctl(queue, EPOLL_CTL_ADD, listener, &event) != 0) fail("epoll");

    for (;;) {
        struct epoll_event events[EVENTS_MAX];
        int count = epoll_wait(queue, events, EVENTS_MAX, -1);
        for (int index = 0; index < count; index++) {
            struct client *client = events[index].data.ptr;
            if (client == NULL) {
                int socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
                if (socket < 0 || (client = malloc(sizeof *client)) == NULL) continue;
                client->socket = socket;
                client->byte_count = 0;
                event.data.ptr = client;
                if (epoll_ctl(queue, EPOLL_CTL_ADD, socket, &event) != 0) fail("epoll");
            } else if (!serve(client)) {
                close(client->socket);
                free(client);
            }
        }
    }
}
