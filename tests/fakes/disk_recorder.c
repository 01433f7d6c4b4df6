/* Writes down what a program does to the files of one folder, in the order in which it happens.

   Loaded before the C library (LD_PRELOAD). DISK_FOLDER names the folder, DISK_RECORD the file
   that gets one record a call, appended by one system call, so that several processes share it.
   A change is recorded when it has been made, a sync when it begins and when it has ended: what
   was recorded before the beginning of a sync that ended is on the disk. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CREATE = 1, WRITE, TRUNCATE, SYNC_BEGIN, SYNC_END, RENAME, UNLINK };

struct head {
    uint32_t kind, path_length, other_length, data_length;
    uint64_t thread, inode;
    int64_t offset;
};

static int record = -1;
static char folder[4096];

__attribute__((constructor)) static void start(void) {
    const char *to = getenv("DISK_RECORD"), *from = getenv("DISK_FOLDER");
    if (!to || !from || !realpath(from, folder)) return;
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    int low = real(to, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    record = fcntl(low, F_DUPFD_CLOEXEC, 500);
    close(low);
}

static int watched(const char *path) {
    size_t length = strlen(folder);
    return record >= 0 && !strncmp(path, folder, length) && (!path[length] || path[length] == '/');
}

static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, 4095);
    if (length < 0) return 0;
    path[length] = 0;
    return watched(path);
}

static int absolute(const char *name, char *path) {
    if (record < 0) return 0;
    if (name[0] == '/') snprintf(path, 4096, "%s", name);
    else if (!getcwd(path, 4096)) return 0;
    else snprintf(path + strlen(path), 4096 - strlen(path), "/%s", name);
    return watched(path);
}

static void put(uint32_t kind, const char *path, const char *other, uint64_t inode,
                int64_t offset, const void *data, size_t length) {
    int kept = errno;
    struct head head = {kind, strlen(path), strlen(other), length, syscall(SYS_gettid), inode, offset};
    struct iovec parts[] = {{&head, sizeof head}, {(void *)path, head.path_length},
                            {(void *)other, head.other_length}, {(void *)data, length}};
    ssize_t (*real)(int, const struct iovec *, int) = dlsym(RTLD_NEXT, "writev");
    size_t whole = sizeof head + head.path_length + head.other_length + length;
    if (real(record, parts, 4) != (ssize_t)whole) abort();
    errno = kept;
}

static void put_fd(uint32_t kind, int fd, int64_t offset, const void *data, size_t length) {
    char path[4096];
    struct stat status;
    if (record < 0 || fd == record) return;
    int kept = errno;
    if (path_of(fd, path) && !fstat(fd, &status))
        put(kind, path, "", status.st_ino, offset, data, length);
    errno = kept;
}

static int opened(int fd, int flags) {
    if (fd >= 0 && flags & O_CREAT) put_fd(CREATE, fd, 0, "", 0);
    if (fd >= 0 && flags & O_TRUNC) put_fd(TRUNCATE, fd, 0, "", 0);
    return fd;
}

#define OPEN(name)                                                                              \
    int name(const char *path, int flags, ...) {                                                \
        va_list more;                                                                           \
        va_start(more, flags);                                                                  \
        mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;                 \
        va_end(more);                                                                           \
        int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, #name);                          \
        return opened(real(path, flags, mode), flags);                                          \
    }
#define OPENAT(name)                                                                            \
    int name(int at, const char *path, int flags, ...) {                                        \
        va_list more;                                                                           \
        va_start(more, flags);                                                                  \
        mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;                 \
        va_end(more);                                                                           \
        int (*real)(int, const char *, int, ...) = dlsym(RTLD_NEXT, #name);                     \
        return opened(real(at, path, flags, mode), flags);                                      \
    }
#define PWRITE(name)                                                                            \
    ssize_t name(int fd, const void *data, size_t length, off_t offset) {                       \
        ssize_t (*real)(int, const void *, size_t, off_t) = dlsym(RTLD_NEXT, #name);            \
        ssize_t done = real(fd, data, length, offset);                                          \
        if (done > 0) put_fd(WRITE, fd, offset, data, done);                                    \
        return done;                                                                            \
    }
#define FTRUNCATE(name)                                                                         \
    int name(int fd, off_t length) {                                                            \
        int (*real)(int, off_t) = dlsym(RTLD_NEXT, #name);                                      \
        int done = real(fd, length);                                                            \
        if (!done) put_fd(TRUNCATE, fd, length, "", 0);                                         \
        return done;                                                                            \
    }
#define SYNC(name)                                                                              \
    int name(int fd) {                                                                          \
        int (*real)(int) = dlsym(RTLD_NEXT, #name);                                             \
        put_fd(SYNC_BEGIN, fd, 0, "", 0);                                                       \
        int done = real(fd);                                                                    \
        if (!done) put_fd(SYNC_END, fd, 0, "", 0);                                              \
        return done;                                                                            \
    }

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
PWRITE(pwrite)
PWRITE(pwrite64)
FTRUNCATE(ftruncate)
FTRUNCATE(ftruncate64)
SYNC(fsync)
SYNC(fdatasync)

ssize_t write(int fd, const void *data, size_t length) {
    ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    ssize_t done = real(fd, data, length);
    /* Where it went to: one writer at a time has the place, also at the end of a shared file. */
    if (done > 0 && record >= 0) put_fd(WRITE, fd, lseek(fd, 0, SEEK_CUR) - done, data, done);
    return done;
}

int rename(const char *old, const char *new) {
    int (*real)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");
    char from[4096], to[4096];
    int done = real(old, new);
    if (!done && absolute(old, from) && absolute(new, to)) put(RENAME, from, to, 0, 0, "", 0);
    return done;
}

int unlink(const char *name) {
    int (*real)(const char *) = dlsym(RTLD_NEXT, "unlink");
    char path[4096];
    int done = real(name);
    if (!done && absolute(name, path)) put(UNLINK, path, "", 0, 0, "", 0);
    return done;
}
