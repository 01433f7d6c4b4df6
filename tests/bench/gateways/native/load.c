/* A load generator that costs as little as possible: `load PORT CONNECTIONS COUNT < request`.
 *
 * One thread, epoll, keep-alive connections, one request at a time on each. The eight digits
 * after "number " in the request are counted up, so that no two prompts are alike. Prints one
 * JSON object: whole-answer times, times to the first token, and the age of each chunk as it
 * arrived (the upstream writes @nanoseconds@ into each), all in microseconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 1024, HEAD = 16384, READ = 1 << 16, PATIENCE_MS = 120000 };
enum { EXTENSION = 1 };
enum step { HEADER, LENGTH, SIZE, DATA, AFTER_DATA, TRAILER };

struct connection {
    int fd, status, in_marker;
    enum step step;
    size_t head_size, left, line; /* line: bytes of this line of the framing so far */
    long started, first, marker;
    char head[HEAD + 1];
};
struct numbers {
    long *values;
    size_t count, room;
};

static struct connection all[MOST];
static struct numbers whole, first, ages;
static char request[1 << 22], *counter, complaint[512];
static size_t request_size;
static long to_send, failed;
static int epoll, port;

static long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000L + time.tv_nsec;
}

static void keep(struct numbers *list, long value) {
    if (list->count == list->room) {
        list->room = list->room ? 2 * list->room : 4096;
        list->values = realloc(list->values, list->room * sizeof *list->values);
    }
    list->values[list->count++] = value;
}

static void print(const char *name, struct numbers *list) {
    printf("\"%s\":[", name);
    for (size_t i = 0; i < list->count; i++) printf(i ? ",%.1f" : "%.1f", list->values[i] / 1e3);
    printf("],");
}

static void open_connection(struct connection *one) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = one};
    int yes = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    one->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(one->fd, (void *)&address, sizeof address)) {
        perror("load: connect");
        exit(1);
    }
    setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    epoll_ctl(epoll, EPOLL_CTL_ADD, one->fd, &event);
}

static void ask(struct connection *one) {
    char digits[32];
    sprintf(digits, "%08ld", to_send % 100000000);
    if (counter) memcpy(counter, digits, 8);
    to_send--;
    one->step = HEADER;
    one->head_size = one->in_marker = one->line = 0;
    one->first = 0;
    one->started = now();
    for (size_t sent = 0; sent < request_size;) {
        ssize_t size = send(one->fd, request + sent, request_size - sent, MSG_NOSIGNAL);
        if (size < 0) return; /* it shows when the answer is read */
        sent += size;
    }
}

static int next(struct connection *one) {
    if (to_send <= 0) return 1;
    ask(one);
    return 0;
}

static void note_failure(const char *what, size_t size) {
    if (!failed++) snprintf(complaint, sizeof complaint, "%.*s", (int)size, what);
}

/* Each answer's end. Returns 1 when there is nothing more to ask. */
static int answered(struct connection *one) {
    long time = now();
    if (one->status == 200) {
        keep(&whole, time - one->started);
        if (one->first) keep(&first, one->first - one->started);
    } else {
        note_failure(one->head, one->head_size);
    }
    return next(one);
}

/* Look for @nanoseconds@ in a piece of a body. */
static void look(struct connection *one, const char *bytes, size_t size) {
    long time = now();
    for (size_t i = 0; i < size; i++) {
        char c = bytes[i];
        if (!one->in_marker) {
            const char *at = memchr(bytes + i, '@', size - i);
            if (!at) return;
            i = at - bytes;
            one->in_marker = 1;
            one->marker = 0;
        } else if (c >= '0' && c <= '9') {
            one->marker = one->marker * 10 + c - '0';
        } else {
            one->in_marker = 0;
            if (c != '@' || !one->marker) continue;
            keep(&ages, time - one->marker);
            if (!one->first) one->first = time;
        }
    }
}

static void read_head(struct connection *one) {
    char *length = strcasestr(one->head, "\r\ncontent-length:");
    one->status = atoi(one->head + 9);
    one->step = strcasestr(one->head, "\r\ntransfer-encoding: chunked") ? SIZE : LENGTH;
    one->left = one->step == LENGTH && length ? strtoul(length + 17, NULL, 10) : 0;
}

/* One byte of what frames the body; returns 1 at the end of the answer. */
static int framing(struct connection *one, char c) {
    if (one->step == HEADER) {
        if (one->head_size < HEAD) one->head[one->head_size++] = c;
        one->head[one->head_size] = 0;
        if (c == '\n' && one->head_size >= 4 &&
            !memcmp(one->head + one->head_size - 4, "\r\n\r\n", 4)) {
            read_head(one);
            return one->step == LENGTH && !one->left;
        }
        return 0;
    }
    int hexadecimal = isxdigit((unsigned char)c) && one->line != EXTENSION;
    if (one->step == TRAILER && c == '\n' && !one->line) return 1;
    if (c == '\n') {
        one->step = one->step == AFTER_DATA ? SIZE : one->left ? DATA : TRAILER;
        one->line = 0;
    } else if (one->step == SIZE && hexadecimal) {
        one->left = one->left * 16 + (c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    } else if (c != '\r') {
        one->line = EXTENSION; /* no digit of the size any more, or a line of the trailer */
    }
    return 0;
}

/* Take what was read; returns 1 when this connection has nothing more to do. */
static int take(struct connection *one, const char *bytes, size_t size) {
    size_t at = 0;
    while (at < size) {
        int complete = 0;
        if (one->step == LENGTH || one->step == DATA) {
            size_t piece = size - at < one->left ? size - at : one->left;
            look(one, bytes + at, piece);
            if (one->status != 200 && one->head_size + piece < HEAD) {
                memcpy(one->head + one->head_size, bytes + at, piece);
                one->head_size += piece;
            }
            at += piece;
            one->left -= piece;
            if (!one->left && one->step == DATA) one->step = AFTER_DATA;
            else complete = !one->left;
        } else {
            complete = framing(one, bytes[at++]);
        }
        if (complete && answered(one)) return 1;
    }
    return 0;
}

/* A server may close a connection that is kept; in the middle of an answer it is a failure. */
static int receive(struct connection *one) {
    static char bytes[READ];
    ssize_t size = recv(one->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (size > 0) return take(one, bytes, size);
    if (size < 0 && errno == EAGAIN) return 0;
    close(one->fd);
    note_failure("the connection was closed", 25);
    if (to_send <= 0) return 1;
    open_connection(one);
    return next(one);
}

static void run(int connections) {
    int busy = 0;
    for (int i = 0; i < connections && to_send > 0; i++, busy++) {
        open_connection(&all[i]);
        ask(&all[i]);
    }
    while (busy) {
        struct epoll_event ready[64];
        int count = epoll_wait(epoll, ready, 64, PATIENCE_MS);
        if (count == 0) {
            note_failure("no answer for two minutes", 25);
            return;
        }
        for (int i = 0; i < count; i++) {
            struct connection *one = ready[i].data.ptr;
            if (receive(one)) {
                close(one->fd);
                busy--;
            }
        }
    }
}

int main(int count, char **arguments) {
    if (count != 4) {
        fprintf(stderr, "usage: load PORT CONNECTIONS COUNT < request\n");
        return 2;
    }
    port = atoi(arguments[1]);
    to_send = atol(arguments[3]);
    request_size = fread(request, 1, sizeof request, stdin);
    counter = memmem(request, request_size, "number ", 7);
    if (counter) counter += 7;
    epoll = epoll_create1(0);
    long started = now();
    run(atoi(arguments[2]) < MOST ? atoi(arguments[2]) : MOST);
    printf("{\"seconds\":%.6f,\"failed\":%ld,", (now() - started) / 1e9, failed);
    print("whole_us", &whole);
    print("first_us", &first);
    print("age_us", &ages);
    for (char *c = complaint; *c; c++)
        if ((unsigned char)*c < 32 || *c == '"' || *c == '\\' || *c < 0) *c = ' ';
    printf("\"complaint\":\"%s\"}\n", complaint);
    return 0;
}
