/* Stands before fdatasync and fsync of the store's files. What is synced is copied to $FAULTS, which is what would be left of
 * the files if the power failed. While there is a file $FAULTS/fail, nothing can be synced. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int keep(int fd) {
    char link[64], path[PATH_MAX], part[PATH_MAX + 64], whole[PATH_MAX + 64], bytes[65536];
    const char *faults = getenv("FAULTS");
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (!faults || length < 0) return 0;
    path[length] = 0;
    const char *name = strrchr(path, '/');
    if (!name || strncmp(name, "/microalign.db", 14)) return 0;
    snprintf(part, sizeof part, "%s/fail", faults);
    if (access(part, F_OK) == 0) {
        errno = EIO;
        return -1;
    }
    snprintf(part, sizeof part, "%s%s.part-%d", faults, name, (int)gettid());
    snprintf(whole, sizeof whole, "%s%s", faults, name);
    int out = open(part, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    if (out < 0) abort();
    off_t at = 0;
    for (ssize_t read; (read = pread(fd, bytes, sizeof bytes, at)) > 0; at += read)
        if (write(out, bytes, read) != read) abort();
    close(out);
    if (rename(part, whole)) abort();
    return 0;
}

int fdatasync(int fd) {
    int (*sync)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    return keep(fd) ? -1 : sync(fd);
}

int fsync(int fd) {
    int (*sync)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    return keep(fd) ? -1 : sync(fd);
}
