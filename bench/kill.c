/* Preloaded by kill.py: ends a process, or fills its disk, at the n-th change that a stage makes to its files.

   KILL_STAGE    part of the command line of the processes that count
   KILL_ROOT     the folder whose files count, with a slash at its end
   KILL_COUNTER  a file of two 64-bit numbers, shared by the processes: changes so far, and whether the n-th was reached
   KILL_AT       n, from 1
   KILL_HOW      count, full, or the number of a signal, which a minus sends to the whole process group */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static long *counter, at;
static int how, full;
static const char *root;

__attribute__((constructor)) static void begin(void) {
    char command[4096] = "";
    const char *stage = getenv("KILL_STAGE"), *file = getenv("KILL_COUNTER"), *text = getenv("KILL_HOW");
    root = getenv("KILL_ROOT");
    if (!stage || !file || !text || !root || !getenv("KILL_AT")) return;
    int handle = open("/proc/self/cmdline", O_RDONLY);
    long length = read(handle, command, sizeof command - 1);
    close(handle);
    for (long i = 0; i + 1 < length; i++) if (!command[i]) command[i] = ' ';
    if (!strstr(command, stage)) return;
    at = atol(getenv("KILL_AT")), full = !strcmp(text, "full"), how = atoi(text);
    handle = open(file, O_RDWR);
    void *shared = mmap(NULL, 2 * sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED, handle, 0);
    close(handle);
    if (shared != MAP_FAILED) counter = shared;
}

static int matters(const char *path) {
    if (!counter || strstr(path, "/__pycache__/") || strstr(path, "/.dvc/")) return 0;
    return path[0] != '/' || !strncmp(path, root, strlen(root));
}

static int open_matters(int handle) {
    char link[64], path[4096];
    struct stat facts;
    if (!counter || fstat(handle, &facts) || !(S_ISREG(facts.st_mode) || S_ISDIR(facts.st_mode))) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
    long length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return matters(path);
}

/* Count a change. Returns whether it is the n-th, or one on a disk that is full by then. */
static int due(void) {
    long count = __atomic_add_fetch(&counter[0], 1, __ATOMIC_SEQ_CST);
    if (count == at) counter[1] = 1;
    return count == at || (full && count > at);
}

static void strike(void) {
    if (how < 0) kill(0, -how);
    if (how > 0) kill(getpid(), how);
    if (how == SIGKILL || how == -SIGKILL) pause();
}

#define WRITER(name, type, more_types, more)                                          \
    type name more_types {                                                            \
        type (*next) more_types = dlsym(RTLD_NEXT, #name);                            \
        if (open_matters(handle) && due()) {                                          \
            if (full) { errno = ENOSPC; return -1; }                                  \
            if (abs(how) == SIGKILL) { size /= 2; next more; }                        \
            strike();                                                                 \
        }                                                                             \
        return next more;                                                             \
    }

#define CHANGER(name, types, arguments, counted, grows)                               \
    int name types {                                                                  \
        int (*next) types = dlsym(RTLD_NEXT, #name);                                  \
        if ((counted) && due()) {                                                     \
            if (full && (grows)) { errno = ENOSPC; return -1; }                       \
            if (!full) strike();                                                      \
        }                                                                             \
        return next arguments;                                                        \
    }

WRITER(write, ssize_t, (int handle, const void *data, size_t size), (handle, data, size))
WRITER(pwrite, ssize_t, (int handle, const void *data, size_t size, off_t place), (handle, data, size, place))
WRITER(pwrite64, ssize_t, (int handle, const void *data, size_t size, off64_t place), (handle, data, size, place))

size_t fwrite(const void *data, size_t size, size_t count, FILE *file) {
    size_t (*next)(const void *, size_t, size_t, FILE *) = dlsym(RTLD_NEXT, "fwrite");
    if (open_matters(fileno(file)) && due()) {
        if (full) { errno = ENOSPC; return 0; }
        if (abs(how) == SIGKILL) { next(data, size, count / 2, file); fflush(file); }
        strike();
    }
    return next(data, size, count, file);
}

CHANGER(rename, (const char *from, const char *to), (from, to), matters(to), 0)
CHANGER(renameat, (int a, const char *from, int b, const char *to), (a, from, b, to), matters(to), 0)
CHANGER(renameat2, (int a, const char *from, int b, const char *to, unsigned flags), (a, from, b, to, flags), matters(to), 0)
CHANGER(fsync, (int handle), (handle), open_matters(handle), 1)
CHANGER(fdatasync, (int handle), (handle), open_matters(handle), 1)
CHANGER(syncfs, (int handle), (handle), open_matters(handle), 1)
CHANGER(unlink, (const char *path), (path), matters(path), 0)
CHANGER(unlinkat, (int folder, const char *path, int flags), (folder, path, flags), matters(path), 0)
CHANGER(rmdir, (const char *path), (path), matters(path), 0)
CHANGER(mkdir, (const char *path, mode_t mode), (path, mode), matters(path), 1)
CHANGER(mkdirat, (int folder, const char *path, mode_t mode), (folder, path, mode), matters(path), 1)
