/* Faults of a disk, as a program meets them: preloaded into the real broker by tests of the store.
 *
 * PREGAO_FAULT names a file. While it is there, calls on files whose path contains its second
 * word misbehave as its first word says; its third is a number N of calls that still go well, its
 * fourth tells one setting from the next:
 *   sync WORD N     fsync and fdatasync fail with EIO; "once" for "sync": one call, then never again
 *   hang WORD N     they wait until the file is gone, and then succeed
 *   read WORD N     reading fails with EIO
 *   stall WORD N    reading waits until the file is gone, and then succeeds
 * A fault that was set once takes its file away. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char last[256];
static long passed;

struct fault {
    char text[256], kind[16], word[128];
    long after;
};

static ssize_t (*true_read(void))(int, void *, size_t) {
    static ssize_t (*real)(int, void *, size_t);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "read");
    return real;
}

/* The fault that is set for a file, if any. */
static int meets(int fd, struct fault *fault) {
    const char *flag = getenv("PREGAO_FAULT");
    char link[64], path[1024];
    int saved = errno, file = flag ? open(flag, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) {
        errno = saved;
        return 0;
    }
    ssize_t length = true_read()(file, fault->text, sizeof fault->text - 1);
    close(file);
    fault->text[length > 0 ? length : 0] = 0;
    errno = saved;
    if (sscanf(fault->text, "%15s %127s %ld", fault->kind, fault->word, &fault->after) != 3) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = 0;
    errno = saved;
    return strstr(path, fault->word) != NULL;
}

/* Whether this call is the one, or one of those, that misbehave. */
static int is_due(const struct fault *fault) {
    pthread_mutex_lock(&lock);
    if (strcmp(last, fault->text)) {
        strcpy(last, fault->text);
        passed = 0;
    }
    int due = passed++ >= fault->after;
    pthread_mutex_unlock(&lock);
    return due;
}

static void wait_until_gone(void) {
    while (access(getenv("PREGAO_FAULT"), F_OK) == 0) usleep(5000);
}

static int sync_fails(int fd) {
    struct fault fault;
    if (!meets(fd, &fault)) return 0;
    if (!strcmp(fault.kind, "hang") && is_due(&fault)) {
        wait_until_gone();
        return 0;
    }
    int once = !strcmp(fault.kind, "once");
    if ((!once && strcmp(fault.kind, "sync")) || !is_due(&fault)) return 0;
    /* Of several threads, the one that took the file away is the one that fails. */
    if (once && unlink(getenv("PREGAO_FAULT")) != 0) return 0;
    errno = EIO;
    return 1;
}

static int read_fails(int fd) {
    struct fault fault;
    if (!meets(fd, &fault)) return 0;
    if (!strcmp(fault.kind, "stall") && is_due(&fault)) {
        wait_until_gone();
        return 0;
    }
    if (strcmp(fault.kind, "read") || !is_due(&fault)) return 0;
    errno = EIO;
    return 1;
}

#define WRAP(type, name, parameters, arguments, fails)          \
    type name parameters {                                      \
        static type(*real) parameters;                          \
        if (!real) *(void **)&real = dlsym(RTLD_NEXT, #name);   \
        return fails(fd) ? -1 : real arguments;                 \
    }
WRAP(int, fsync, (int fd), (fd), sync_fails)
WRAP(int, fdatasync, (int fd), (fd), sync_fails)
WRAP(ssize_t, read, (int fd, void *to, size_t size), (fd, to, size), read_fails)
WRAP(ssize_t, pread, (int fd, void *to, size_t size, off_t at), (fd, to, size, at), read_fails)
WRAP(ssize_t, pread64, (int fd, void *to, size_t size, off64_t at), (fd, to, size, at), read_fails)
