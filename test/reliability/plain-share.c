/* A network share or a memory card: no hard links, no modes, no flushing, no custom times. */
#include <errno.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

static int refuse(int code) {
  errno = code;
  return -1;
}

int link(const char *from, const char *to) { return refuse(EPERM); }
int linkat(int a, const char *from, int b, const char *to, int flags) { return refuse(EPERM); }
int symlink(const char *to, const char *path) { return refuse(EPERM); }
int symlinkat(const char *to, int folder, const char *path) { return refuse(EPERM); }
int fsync(int file) { return refuse(EINVAL); }
int fdatasync(int file) { return refuse(EINVAL); }
int chmod(const char *path, mode_t mode) { return refuse(EPERM); }
int fchmod(int file, mode_t mode) { return refuse(EPERM); }
int chown(const char *path, uid_t owner, gid_t group) { return refuse(EPERM); }
int fchown(int file, uid_t owner, gid_t group) { return refuse(EPERM); }
int utimensat(int folder, const char *path, const struct timespec times[2], int flags) { return refuse(EPERM); }
int futimens(int file, const struct timespec times[2]) { return refuse(EPERM); }
