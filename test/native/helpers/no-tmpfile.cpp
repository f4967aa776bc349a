// Preloaded, makes the system look like one where a file cannot be without a name (network folders, macOS).
#include <cerrno>
#include <cstdarg>
#include <dlfcn.h>
#include <fcntl.h>

namespace {
int open_named(const char * symbol, const char * path, int flags, unsigned mode) {
    if ((flags & O_TMPFILE) == O_TMPFILE) return errno = EOPNOTSUPP, -1;
    return reinterpret_cast<int (*)(const char *, int, ...)>(dlsym(RTLD_NEXT, symbol))(path, flags, mode);
}
unsigned mode_of(int flags, va_list arguments) { return flags & O_CREAT ? va_arg(arguments, unsigned) : 0; }
}  // namespace

extern "C" int open(const char * path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const unsigned mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_named("open", path, flags, mode);
}
extern "C" int open64(const char * path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const unsigned mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_named("open64", path, flags, mode);
}
