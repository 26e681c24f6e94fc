/* A disk that fails at the n-th call: loaded before the C library (LD_PRELOAD), it counts what a
   process does to one folder and fails, fills up, or kills the process where it is told to.

   What goes through stdio's own buffers (fwrite) is not seen here. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char place[4096];
static long count, at;
static int code, lasting; /* errno, or 0 to be killed; whether all later writes fail, too */

void faulty_set(const char *folder, long call, int error, int for_good) {
    strncpy(place, folder, sizeof place - 1);
    count = 0, at = call, code = error, lasting = for_good;
}

long faulty_count(void) { return count; }

static int trips(void) {
    if (!at) return 0;
    count++;
    if (count < at || (count > at && !lasting)) return 0;
    if (!code) kill(getpid(), SIGKILL);
    errno = code;
    return 1;
}

static int is_path(const char *path) {
    return place[0] && path && !strncmp(path, place, strlen(place));
}

static int is_file(int file) {
    char link[64], path[4096];
    if (!place[0]) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return 0;
    path[size] = 0;
    return is_path(path);
}

#define FIND(name)                                                                      \
    if (!real) real = (__typeof__(real))dlsym(RTLD_NEXT, #name)

/* Half of what is written arrives before the disk is full. */
#define HALF(size) (lasting && count == at && (size) > 1)

ssize_t write(int file, const void *data, size_t size) {
    static ssize_t (*real)(int, const void *, size_t);
    FIND(write);
    if (is_file(file) && trips()) return HALF(size) ? real(file, data, size / 2) : -1;
    return real(file, data, size);
}

#define PWRITE(name, offset)                                                            \
    ssize_t name(int file, const void *data, size_t size, offset where) {               \
        static ssize_t (*real)(int, const void *, size_t, offset);                      \
        FIND(name);                                                                     \
        if (is_file(file) && trips()) return -1;                                        \
        return real(file, data, size, where);                                     \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t writev(int file, const struct iovec *data, int parts) {
    static ssize_t (*real)(int, const struct iovec *, int);
    FIND(writev);
    if (is_file(file) && trips()) return -1;
    return real(file, data, parts);
}

#define FILE_CALL(name, type)                                                           \
    int name(int file, type value) {                                                    \
        static int (*real)(int, type);                                                  \
        FIND(name);                                                                     \
        if (is_file(file) && trips()) return -1;                                        \
        return real(file, value);                                                 \
    }
FILE_CALL(ftruncate, off_t)
FILE_CALL(ftruncate64, off64_t)

#define TWO_PATHS(name)                                                                 \
    int name(const char *from, const char *to) {                                        \
        static int (*real)(const char *, const char *);                                 \
        FIND(name);                                                                     \
        if (is_path(to) && trips()) return -1;                                          \
        return real(from, to);                                                    \
    }
TWO_PATHS(rename)
TWO_PATHS(link)

/* What makes room works on a full disk. */
int unlink(const char *path) {
    static int (*real)(const char *);
    FIND(unlink);
    if (!lasting && is_path(path) && trips()) return -1;
    return real(path);
}

int mkdir(const char *path, mode_t mode) {
    static int (*real)(const char *, mode_t);
    FIND(mkdir);
    if (is_path(path) && trips()) return -1;
    return real(path, mode);
}

int chmod(const char *path, mode_t mode) {
    static int (*real)(const char *, mode_t);
    FIND(chmod);
    if (!lasting && is_path(path) && trips()) return -1;
    return real(path, mode);
}

#define OPEN(name)                                                                      \
    int name(const char *path, int flags, ...) {                                        \
        static int (*real)(const char *, int, mode_t);                                  \
        FIND(name);                                                                     \
        mode_t mode = 0;                                                                \
        if (flags & (O_CREAT | O_TMPFILE)) {                                            \
            va_list more;                                                               \
            va_start(more, flags);                                                      \
            mode = va_arg(more, mode_t);                                                \
            va_end(more);                                                               \
        }                                                                               \
        if ((flags & O_CREAT) && is_path(path) && trips()) return -1;                   \
        return real(path, flags, mode);                                           \
    }
OPEN(open)
OPEN(open64)
