/* A provider that costs as little as possible: it answers every POST with fixed bytes.
 *
 * One thread, epoll, keep-alive. Prints its port; ends when its standard input closes.
 * A request with "stream": true is answered with `chunks=N` events, `pace_ms=N` apart (0: back
 * to back), numbers that it finds in the prompt. Each event is sent by a call of its own and
 * carries the time at which that happened, @nanoseconds@, so that a client can tell its age.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 4096, ROOM = 1 << 20, LINE = 1024 };

struct connection {
    char *in, *out;
    size_t in_size, out_size;
    long chunks_left, pace_ns, due;
};

static struct connection all[CONNECTIONS];
static int epoll, answering; /* answering: paced streams under way */
static char whole[4096];
static size_t whole_size;

static const char EVENT[] =
    "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,"
    "\"model\":\"bench\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"@%ld@ \"},"
    "\"finish_reason\":null}]}\n\n";
static const char LAST[] =
    "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,"
    "\"model\":\"bench\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],"
    "\"usage\":{\"prompt_tokens\":412,\"completion_tokens\":200,\"total_tokens\":612}}\n\n"
    "data: [DONE]\n\n";

static long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000L + time.tv_nsec;
}

static void end(int fd) {
    if (all[fd].chunks_left && all[fd].pace_ns) answering--;
    free(all[fd].in);
    free(all[fd].out);
    memset(&all[fd], 0, sizeof all[fd]);
    close(fd);
}

static void watch(int fd, int operation, unsigned events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    epoll_ctl(epoll, operation, fd, &event);
}

/* Send now what can be, keep the rest until the client has read. */
static void put(int fd, const char *bytes, size_t size) {
    struct connection *one = &all[fd];
    ssize_t sent = 0;
    if (!one->out_size) {
        sent = send(fd, bytes, size, MSG_NOSIGNAL);
        if (sent < 0) sent = 0;
    }
    if ((size_t)sent == size || one->out_size + size > ROOM) return;
    if (!one->out) one->out = malloc(ROOM);
    memcpy(one->out + one->out_size, bytes + sent, size - sent);
    one->out_size += size - sent;
    watch(fd, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
}

static void flush(int fd) {
    struct connection *one = &all[fd];
    ssize_t sent = send(fd, one->out, one->out_size, MSG_NOSIGNAL);
    if (sent < 0) return;
    memmove(one->out, one->out + sent, one->out_size - sent);
    if (!(one->out_size -= sent)) watch(fd, EPOLL_CTL_MOD, EPOLLIN);
}

static void put_chunk(int fd, const char *form, ...) {
    char text[LINE], framed[LINE + 32];
    va_list values;
    va_start(values, form);
    int size = vsnprintf(text, sizeof text, form, values);
    va_end(values);
    put(fd, framed, sprintf(framed, "%x\r\n%s\r\n", size, text));
}

static void go_on(int fd) {
    struct connection *one = &all[fd];
    do put_chunk(fd, EVENT, now());
    while (--one->chunks_left && !one->pace_ns);
    if (one->chunks_left) {
        one->due += one->pace_ns;
        return;
    }
    if (one->pace_ns) answering--;
    put_chunk(fd, "%s", LAST);
    put(fd, "0\r\n\r\n", 5);
}

static long number(const char *body, size_t size, const char *name, long otherwise) {
    const char *at = memmem(body, size, name, strlen(name));
    return at ? atol(at + strlen(name)) : otherwise;
}

static void answer(int fd, const char *body, size_t size) {
    if (!memmem(body, size, "\"stream\":true", 13) && !memmem(body, size, "\"stream\": true", 14)) {
        put(fd, whole, whole_size);
        return;
    }
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n";
    struct connection *one = &all[fd];
    one->chunks_left = number(body, size, "chunks=", 1);
    one->pace_ns = number(body, size, "pace_ms=", 0) * 1000000L;
    one->due = now();
    if (one->pace_ns) answering++;
    put(fd, head, sizeof head - 1);
    go_on(fd);
}

/* Answer each whole request in the buffer; nobody here pipelines, but nothing is lost. */
static void take(int fd) {
    struct connection *one = &all[fd];
    for (;;) {
        char *blank = memmem(one->in, one->in_size, "\r\n\r\n", 4);
        if (!blank) return;
        *blank = 0;
        char *field = strcasestr(one->in, "\r\ncontent-length:");
        *blank = '\r';
        size_t head = blank + 4 - one->in, body = field ? strtoul(field + 17, NULL, 10) : 0;
        if (one->in_size < head + body) return;
        answer(fd, one->in + head, body);
        memmove(one->in, one->in + head + body, one->in_size -= head + body);
    }
}

static void receive(int fd) {
    struct connection *one = &all[fd];
    if (!one->in) one->in = calloc(1, ROOM + 1);
    ssize_t size = recv(fd, one->in + one->in_size, ROOM - one->in_size, 0);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) {
        end(fd);
        return;
    }
    one->in_size += size;
    take(fd);
}

static void welcome(int listener) {
    int yes = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) return;
    if (fd >= CONNECTIONS) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    watch(fd, EPOLL_CTL_ADD, EPOLLIN);
}

static void go_on_with_what_is_due(void) {
    long time = now();
    for (int fd = 0; fd < CONNECTIONS; fd++)
        if (all[fd].chunks_left && all[fd].due <= time) go_on(fd);
}

static int listen_on_loopback(void) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (void *)&address, size) || listen(listener, 1024)) exit(1);
    getsockname(listener, (void *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

static void compose_whole(void) {
    char text[640], body[2048];
    for (int i = 0; i < 128; i++) memcpy(text + 5 * i, "word ", 5);
    int size = sprintf(body,
                       "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1,"
                       "\"model\":\"bench\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
                       "\"assistant\",\"content\":\"%.640s\"},\"finish_reason\":\"stop\"}],"
                       "\"usage\":{\"prompt_tokens\":412,\"completion_tokens\":128,"
                       "\"total_tokens\":540}}",
                       text);
    whole_size = sprintf(whole,
                         "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                         "Content-Length: %d\r\n\r\n%s",
                         size, body);
}

int main(void) {
    struct epoll_event ready[256];
    char ignored[64];
    epoll = epoll_create1(0);
    compose_whole();
    int listener = listen_on_loopback();
    watch(listener, EPOLL_CTL_ADD, EPOLLIN);
    watch(0, EPOLL_CTL_ADD, EPOLLIN);
    for (;;) {
        int count = epoll_wait(epoll, ready, 256, answering ? 1 : -1);
        for (int i = 0; i < count; i++) {
            int fd = ready[i].data.fd;
            if (fd == 0 && read(0, ignored, sizeof ignored) <= 0) return 0;
            if (fd == listener) welcome(fd);
            else if (fd && ready[i].events & EPOLLOUT) flush(fd);
            else if (fd) receive(fd);
        }
        if (answering) go_on_with_what_is_due();
    }
}
