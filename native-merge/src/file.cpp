// Files on POSIX systems (and, behind the same few functions, on Windows).
#include "file.h"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>

#ifdef _WIN32
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>
#include <winioctl.h>
#else
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/magic.h>
#include <sys/vfs.h>
#endif
#endif

#include "error.h"

namespace temperament {

namespace {

// Systems cap one transfer at just under 2 GiB.
constexpr size_t MAX_TRANSFER = size_t(1) << 30;

std::filesystem::path to_path(const std::string & text) {
    return std::filesystem::path(reinterpret_cast<const char8_t *>(text.c_str()));
}

std::string to_text(const std::filesystem::path & path) {
    const std::u8string text = path.u8string();
    return {reinterpret_cast<const char *>(text.data()), text.size()};
}

#ifdef _WIN32
std::string system_message(int error) { return std::system_category().message(error); }
int last_error() { return int(GetLastError()); }
bool is_full(int error) { return error == ERROR_DISK_FULL || error == ERROR_HANDLE_DISK_FULL; }
long long transfer(intptr_t handle, void * buffer, size_t bytes, uint64_t offset, bool writing) {
    OVERLAPPED at = {};
    at.Offset = DWORD(offset);
    at.OffsetHigh = DWORD(offset >> 32);
    DWORD moved = 0;
    const BOOL good = writing ? WriteFile(HANDLE(handle), buffer, DWORD(bytes), &moved, &at)
                              : ReadFile(HANDLE(handle), buffer, DWORD(bytes), &moved, &at);
    if (!good && !(GetLastError() == ERROR_HANDLE_EOF && !writing)) return -1;
    return moved;
}
void close_handle(intptr_t handle) { CloseHandle(HANDLE(handle)); }
#else
std::string system_message(int error) { return std::generic_category().message(error); }
int last_error() { return errno; }
bool is_full(int error) { return error == ENOSPC || error == EDQUOT || error == EFBIG; }
long long transfer(intptr_t handle, void * buffer, size_t bytes, uint64_t offset, bool writing) {
    for (;;) {
        const ssize_t moved = writing ? pwrite(int(handle), buffer, bytes, off_t(offset))
                                      : pread(int(handle), buffer, bytes, off_t(offset));
        if (moved >= 0 || errno != EINTR) return moved;
    }
}
void close_handle(intptr_t handle) { close(int(handle)); }
#endif

// Is this a name that partial_name() makes: ".<target>.<pid>-<number>.partial"?
bool is_partial_name(const std::string & name) {
    const std::string end = ".partial";
    if (name.size() <= end.size() || name[0] != '.' || name.compare(name.size() - end.size(), end.size(), end) != 0) return false;
    size_t at = name.size() - end.size();
    const auto digits = [&] {
        const size_t from = at;
        while (at > 0 && std::isdigit(static_cast<unsigned char>(name[at - 1]))) at--;
        return at < from;
    };
    if (!digits() || at == 0 || name[--at] != '-') return false;
    return digits() && at > 1 && name[at - 1] == '.';
}

#ifndef _WIN32
// A writer holds its file locked for as long as it lives.
bool lock_file(intptr_t handle) { return flock(int(handle), LOCK_EX | LOCK_NB) == 0; }

// Takes the room on the disk at once where the file system can: writing is then nearly twice as fast (ext4), and the file
// less scattered. In file systems that live in memory it would write every page twice. Failing is no loss.
void reserve(int handle, uint64_t bytes) {
#ifdef __linux__
    struct statfs system;
    if (fstatfs(handle, &system) != 0 || system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC) return;
    if (bytes > 0 && fallocate(handle, FALLOC_FL_KEEP_SIZE, 0, off_t(bytes)) != 0) return;
#else
    (void) handle, (void) bytes;
#endif
}
#endif

// A name beside the target that no other writer uses.
std::filesystem::path partial_name(const std::filesystem::path & target) {
    static std::atomic<unsigned> counter{0};
#ifdef _WIN32
    const unsigned long process = GetCurrentProcessId();
#else
    const unsigned long process = static_cast<unsigned long>(getpid());
#endif
    char number[64];
    snprintf(number, sizeof number, ".%lu-%u.partial", process, counter++);
    std::string name = ".";
    name += to_text(target.filename());
    name += number;
    return target.parent_path() / to_path(name);
}

}  // namespace

std::string format_bytes(uint64_t bytes) {
    const char * units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double value = double(bytes);
    int unit = 0;
    while (value >= 1024 && unit < 4) value /= 1024, unit++;
    char text[32];
    snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return text;
}

InputFile::InputFile(const std::string & path) : path_(path) {
#ifdef _WIN32
    HANDLE handle = CreateFileW(to_path(path).c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr,
                                OPEN_EXISTING, FILE_FLAG_SEQUENTIAL_SCAN, nullptr);
    LARGE_INTEGER size = {};
    if (handle == INVALID_HANDLE_VALUE || !GetFileSizeEx(handle, &size)) {
        throw MergeError("io", "Cannot open " + path + ": " + system_message(last_error()) + ".", path);
    }
    handle_ = intptr_t(handle);
    size_ = uint64_t(size.QuadPart);
#else
    // Non-blocking, so that a named pipe is refused below instead of waiting for a writer.
    handle_ = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (handle_ < 0) throw MergeError("io", "Cannot open " + path + ": " + system_message(errno) + ".", path);
    struct stat status;
    if (fstat(int(handle_), &status) != 0 || !S_ISREG(status.st_mode)) {
        close_handle(handle_);
        throw MergeError("io", "Cannot read " + path + ": it is not a regular file.", path);
    }
    size_ = uint64_t(status.st_size);
#endif
}

InputFile::~InputFile() { close_handle(handle_); }

void InputFile::read(void * buffer, size_t bytes, uint64_t offset) const {
    auto * at = static_cast<char *>(buffer);
    while (bytes > 0) {
        const long long moved = transfer(handle_, at, bytes < MAX_TRANSFER ? bytes : MAX_TRANSFER, offset, false);
        if (moved < 0) throw MergeError("io", "Cannot read " + path_ + ": " + system_message(last_error()) + ".", path_);
        if (moved == 0) throw_truncated(offset);
        at += moved, offset += uint64_t(moved), bytes -= size_t(moved);
    }
}

void InputFile::throw_truncated(uint64_t end) const {
    throw MergeError("truncated", path_ + " ends at byte " + std::to_string(end) +
                                      ", before the data it announces. Copy or download it again.", path_);
}

const uint8_t * InputFile::view(uint64_t offset, size_t bytes) const {
    std::call_once(mapping_once_, [&] { mapping_ = std::make_unique<Mapping>(handle_, size_); });
    if (!mapping_->data()) return nullptr;
    if (offset > size_ || bytes > size_ - offset) throw_truncated(size_);
    if (mapping_->lost()) check_whole();
    return mapping_->data() + offset;
}

void InputFile::release(uint64_t offset, uint64_t bytes) const {
    if (mapping_ && offset <= size_ && bytes <= size_ - offset) mapping_->release(offset, bytes);
}

void InputFile::check_whole() const {
#ifndef _WIN32
    if (!mapping_ || !mapping_->data()) return;
    struct stat status;
    if (fstat(int(handle_), &status) == 0 && uint64_t(status.st_size) < size_) throw_truncated(uint64_t(status.st_size));
    if (!mapping_->lost()) return;
    throw MergeError("io", "Cannot read " + path_ + ": part of it was cut off or its disk failed meanwhile. Try again.", path_);
#endif
}

bool InputFile::is_same_file(const std::string & other_path) const {
    std::error_code ignored;
    return std::filesystem::equivalent(to_path(path_), to_path(other_path), ignored);
}

OutputFile::OutputFile(const std::string & path, uint64_t bytes, uint64_t beside) : path_(path), bytes_(bytes) {
    std::error_code error;
    const auto target = std::filesystem::absolute(to_path(path), error);
    const auto folder = target.parent_path();
    if (std::filesystem::is_directory(target, error)) {
        throw MergeError("io", "Cannot write " + path + ": it is a folder.", path);
    }
    remove_partial_files(to_text(folder));
    const auto space = std::filesystem::space(folder, error);
    if (error) {
        throw MergeError("io", "Cannot write into " + to_text(folder) + ": " + error.message() + ".", path);
    }
    if (space.available < bytes + beside) {
        const std::string needed = format_bytes(bytes + beside) + " needed" +
                                   (beside ? " (" + format_bytes(beside) + " of it for the time of the work)" : "");
        throw MergeError("no_space", "Not enough room in " + to_text(folder) + ": " + needed + ", " +
                                         format_bytes(space.available) +
                                         " available. Free some space or choose another folder.", path);
    }
    create(to_text(folder), to_text(target), bytes);
}

void OutputFile::create(const std::string & folder, const std::string & target, uint64_t bytes) {
#ifdef _WIN32
    (void) folder, (void) bytes;
    const auto name = partial_name(to_path(target));
    temporary_ = to_text(name);
    HANDLE handle = CreateFileW(name.c_str(), GENERIC_READ | GENERIC_WRITE, 0, nullptr, CREATE_NEW, FILE_ATTRIBUTE_NORMAL,
                                nullptr);
    if (handle == INVALID_HANDLE_VALUE) fail("create", last_error());
    handle_ = intptr_t(handle);
#else
#ifdef O_TMPFILE
    // A file without a name: not even a killed process leaves anything behind.
    handle_ = open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
    if (handle_ >= 0) {
        lock_file(handle_);  // for the moment between its name and its renaming
        reserve(int(handle_), bytes);
        return;
    }
#else
    (void) folder;
#endif
    for (;;) {
        const auto name = partial_name(to_path(target));
        handle_ = open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (handle_ < 0) fail("create", errno);
        // Someone tidying up may have taken it before it was locked.
        struct stat status;
        if (lock_file(handle_) && fstat(int(handle_), &status) == 0 && status.st_nlink == 0) {
            close_handle(handle_);
            continue;
        }
        temporary_ = to_text(name);
        reserve(int(handle_), bytes);
        return;
    }
#endif
}

OutputFile::~OutputFile() {
    if (handle_ >= 0) close_handle(handle_);
    std::error_code ignored;
    if (!temporary_.empty()) std::filesystem::remove(to_path(temporary_), ignored);
}

void OutputFile::fail(const char * doing, int error_number) const {
    const std::string reason = system_message(error_number);
    if (is_full(error_number)) {
        std::error_code ignored;
        const auto folder = std::filesystem::absolute(to_path(path_), ignored).parent_path();
        const auto space = std::filesystem::space(folder, ignored);
        throw MergeError("no_space", "The disk filled up while writing " + path_ + ": " + format_bytes(bytes_) +
                                         " needed, " + format_bytes(space.available) +
                                         " now available (" + reason + "). Nothing was kept.", path_);
    }
    throw MergeError("io", std::string("Cannot ") + doing + " " + path_ + ": " + reason + ".", path_);
}

void OutputFile::write(const void * buffer, size_t bytes, uint64_t offset) {
    auto * at = static_cast<const char *>(buffer);
    while (bytes > 0) {
        const size_t part = bytes < MAX_TRANSFER ? bytes : MAX_TRANSFER;
        const long long moved = transfer(handle_, const_cast<char *>(at), part, offset, true);
        if (moved < 0) fail("write", last_error());
        at += moved, offset += uint64_t(moved), bytes -= size_t(moved);
    }
}

void OutputFile::read(void * buffer, size_t bytes, uint64_t offset) const {
    auto * at = static_cast<char *>(buffer);
    while (bytes > 0) {
        const long long moved = transfer(handle_, at, bytes < MAX_TRANSFER ? bytes : MAX_TRANSFER, offset, false);
        if (moved <= 0) fail("read back", moved < 0 ? last_error() : EIO);
        at += moved, offset += uint64_t(moved), bytes -= size_t(moved);
    }
}

double OutputFile::commit() {
    const auto start = std::chrono::steady_clock::now();
    const auto elapsed = [&] {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    std::error_code error;
    const auto target = std::filesystem::absolute(to_path(path_), error);
#ifdef _WIN32
    LARGE_INTEGER length;
    length.QuadPart = LONGLONG(bytes_);
    if (!SetFilePointerEx(HANDLE(handle_), length, nullptr, FILE_BEGIN) || !SetEndOfFile(HANDLE(handle_)) ||
        !FlushFileBuffers(HANDLE(handle_))) {
        fail("flush", last_error());
    }
    close_handle(handle_);
    handle_ = -1;
    if (!MoveFileExW(to_path(temporary_).c_str(), target.c_str(), MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)) {
        const int reason = last_error();
        // Windows replaces no file that is open anywhere.
        if ((reason == ERROR_ACCESS_DENIED || reason == ERROR_SHARING_VIOLATION) && std::filesystem::exists(target, error)) {
            throw MergeError("io", "Cannot replace " + path_ + " while it is in use, perhaps as a loaded model. Close it there "
                                   "or choose another name.", path_);
        }
        fail("rename", reason);
    }
    temporary_.clear();
    return elapsed();
#else
    if (ftruncate(int(handle_), off_t(bytes_)) != 0) fail("write", errno);
    if (fsync(int(handle_)) != 0) fail("flush", errno);
    const double seconds = elapsed();
    if (temporary_.empty()) {
        // linkat cannot replace, so give the file a temporary name for the moment before the rename.
        const auto name = partial_name(target);
        const std::string self = "/proc/self/fd/" + std::to_string(handle_);
        if (linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) != 0) fail("name", errno);
        temporary_ = to_text(name);
    }
    if (rename(temporary_.c_str(), target.c_str()) != 0) fail("rename", errno);
    temporary_.clear();
    // The rename itself lives in the folder.
    const int folder = open(target.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        fsync(folder);
        close(folder);
    }
    return seconds;
#endif
}

SparseFile::SparseFile(const std::string & header, uint64_t bytes) {
    const auto fail = [](int error) {
        throw MergeError("io", "Cannot make a temporary file: " + system_message(error) + ".");
    };
#ifdef __linux__
    handle_ = memfd_create("native-merge", MFD_CLOEXEC);
    if (handle_ < 0) fail(errno);
    path_ = "/proc/self/fd/" + std::to_string(handle_);
#else
    std::error_code error;
    const auto folder = std::filesystem::temp_directory_path(error);
    if (error) fail(error.value());
    const auto name = partial_name(folder / "native-merge");
    path_ = temporary_ = to_text(name);
#ifdef _WIN32
    HANDLE handle = CreateFileW(name.c_str(), GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr,
                                CREATE_NEW, FILE_ATTRIBUTE_TEMPORARY, nullptr);
    if (handle == INVALID_HANDLE_VALUE) fail(last_error());
    handle_ = intptr_t(handle);
    DWORD returned = 0;
    DeviceIoControl(handle, FSCTL_SET_SPARSE, nullptr, 0, nullptr, 0, &returned, nullptr);
#else
    handle_ = open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (handle_ < 0) fail(errno);
#endif
#endif
    try {
        for (size_t at = 0; at < header.size();) {
            const size_t part = std::min(header.size() - at, MAX_TRANSFER);
            const long long moved = transfer(handle_, const_cast<char *>(header.data()) + at, part, at, true);
            if (moved < 0) fail(last_error());
            at += size_t(moved);
        }
#ifdef _WIN32
        FILE_END_OF_FILE_INFO end;
        end.EndOfFile.QuadPart = LONGLONG(bytes);
        if (!SetFileInformationByHandle(HANDLE(handle_), FileEndOfFileInfo, &end, sizeof end)) fail(last_error());
#else
        if (ftruncate(int(handle_), off_t(bytes)) != 0) fail(errno);
#endif
    } catch (...) {
        release();
        throw;
    }
}

SparseFile::~SparseFile() { release(); }

void SparseFile::release() {
    if (handle_ >= 0) close_handle(handle_);
    std::error_code ignored;
    if (!temporary_.empty()) std::filesystem::remove(to_path(temporary_), ignored);
}

unsigned remove_partial_files(const std::string & folder) {
    unsigned removed = 0;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(to_path(folder), error), end; !error && entry != end; entry.increment(error)) {
        const auto path = entry->path();
        if (!is_partial_name(to_text(path.filename()))) continue;
#ifdef _WIN32
        removed += DeleteFileW(path.c_str()) != 0;  // fails while a writer has it open
#else
        const int handle = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (handle < 0) continue;
        removed += lock_file(handle) && unlink(path.c_str()) == 0;
        close(handle);
#endif
    }
    return removed;
}

}  // namespace temperament
