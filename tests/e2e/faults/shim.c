/* Stands between the program and the system. In the folder $FAULTS,
 * - each of the store's files that is synced is kept as it then is: what would be left of them if the power failed;
 * - while there is a file `fail`, none of them can be synced;
 * - `clock`, if it is there at the start, holds the seconds (a little-endian int64) by which the clock is wrong.
 * $KILL_AT, such as "sync microalign.db-wal 3 after", ends the process like SIGKILL before, half-way through or after the
 * third call of a kind (sync, write, open, rename) on files whose path contains that. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

enum moment { NEVER, BEFORE, HALF, AFTER };

static void end(void) { kill(getpid(), SIGKILL); }

static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
    return length > 0;
}

/* When the process is to end at this call: before it if `BEFORE`, and so on. */
static enum moment point(const char *call, int fd, const char *path) {
    static _Atomic int calls;
    static __thread char name[PATH_MAX];
    char kind[16], part[64], moment[16];
    int wanted;
    const char *at = getenv("KILL_AT");
    if (!at || sscanf(at, "%15s %63s %d %15s", kind, part, &wanted, moment) != 4 || strcmp(kind, call)) return NEVER;
    if (!path && !path_of(fd, name)) return NEVER;
    if (!strstr(path ? path : name, part) || ++calls != wanted) return NEVER;
    return *moment == 'b' ? BEFORE : *moment == 'h' ? HALF : AFTER;
}

/* Makes a call, unless the process ends before it. */
#define CALL(kind, fd, path, call, half)                                                                               \
    enum moment moment = point(kind, fd, path);                                                                        \
    if (moment == BEFORE) end();                                                                                       \
    if (moment == HALF) {                                                                                              \
        half;                                                                                                          \
        end();                                                                                                         \
    }                                                                                                                  \
    __auto_type result = call;                                                                                         \
    if (moment == AFTER) end();                                                                                        \
    return result

/* Keeps what is synced of the store's files. */
static int keep(int fd) {
    char path[PATH_MAX], part[PATH_MAX + 64], whole[PATH_MAX + 64], bytes[65536];
    const char *faults = getenv("FAULTS");
    if (!faults || !path_of(fd, path)) return 0;
    const char *name = strrchr(path, '/');
    if (!name || strncmp(name, "/microalign.db", 14)) return 0;
    snprintf(part, sizeof part, "%s/fail", faults);
    if (access(part, F_OK) == 0) {
        errno = EIO;
        return -1;
    }
    snprintf(part, sizeof part, "%s%s.part-%d", faults, name, (int)gettid());
    snprintf(whole, sizeof whole, "%s%s", faults, name);
    int out = REAL(open)(part, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    if (out < 0) abort();
    off_t at = 0;
    for (ssize_t read; (read = pread(fd, bytes, sizeof bytes, at)) > 0; at += read)
        if (REAL(write)(out, bytes, read) != read) abort();
    close(out);
    if (REAL(rename)(part, whole)) abort();
    return 0;
}

int fdatasync(int fd) { CALL("sync", fd, NULL, keep(fd) ? -1 : REAL(fdatasync)(fd), (void)0); }

int fsync(int fd) { CALL("sync", fd, NULL, keep(fd) ? -1 : REAL(fsync)(fd), (void)0); }

ssize_t write(int fd, const void *bytes, size_t count) {
    CALL("write", fd, NULL, REAL(write)(fd, bytes, count), REAL(write)(fd, bytes, count / 2));
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
    CALL("write", fd, NULL, REAL(pwrite)(fd, bytes, count, at), REAL(pwrite)(fd, bytes, count / 2, at));
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    CALL("write", fd, NULL, REAL(pwrite64)(fd, bytes, count, at), REAL(pwrite64)(fd, bytes, count / 2, at));
}

#define MODE                                                                                                           \
    va_list rest;                                                                                                      \
    va_start(rest, flags);                                                                                             \
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0;                                          \
    va_end(rest)

int open(const char *path, int flags, ...) {
    MODE;
    CALL("open", -1, path, REAL(open)(path, flags, mode), (void)0);
}

int open64(const char *path, int flags, ...) {
    MODE;
    CALL("open", -1, path, REAL(open64)(path, flags, mode), (void)0);
}

int rename(const char *from, const char *to) { CALL("rename", -1, to, REAL(rename)(from, to), (void)0); }

int clock_gettime(clockid_t clock, struct timespec *time) {
    static _Atomic(int64_t *) wrong;
    static int64_t right;
    if (!wrong) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/clock", getenv("FAULTS") ?: "");
        int fd = REAL(open)(path, O_RDONLY);
        void *mapped = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof right, PROT_READ, MAP_SHARED, fd, 0);
        wrong = mapped == MAP_FAILED ? &right : mapped;
    }
    int result = REAL(clock_gettime)(clock, time);
    if (clock == CLOCK_REALTIME) time->tv_sec += *wrong;
    return result;
}
