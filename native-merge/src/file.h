// Reading and writing files so that a vanished, truncated or full disk is an error and never a signal, and output that appears
// under its name only when it is complete.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "mapping.h"

namespace temperament {

// A file opened for reading. read() may be called from several threads at once.
class InputFile {
public:
    // path in UTF-8. Throws 'io'.
    explicit InputFile(const std::string & path);
    ~InputFile();
    InputFile(const InputFile &) = delete;
    InputFile & operator=(const InputFile &) = delete;

    const std::string & path() const { return path_; }
    // Bytes in the file when it was opened.
    uint64_t size() const { return size_; }

    // Fills the buffer from offset on. Throws 'truncated' when the file ends earlier, 'io' when it cannot be read.
    void read(void * buffer, size_t bytes, uint64_t offset) const;

    // These bytes of the file where it is mapped into memory, else null: then read() them. Who views must check_whole() before
    // trusting what came of it: bytes that cannot be read any more are zeros. May be called from several threads at once.
    // Throws 'truncated' where the file ends earlier or that is known already.
    const uint8_t * view(uint64_t offset, size_t bytes) const;
    // Lets go of the memory behind these bytes.
    void release(uint64_t offset, uint64_t bytes) const;
    // Throws 'truncated' where a file that was viewed has been cut since it was opened or could not be read.
    void check_whole() const;

    // True when both are the same file, whatever their names.
    bool is_same_file(const std::string & other_path) const;

private:
    [[noreturn]] void throw_truncated(uint64_t end) const;

    std::string path_;
    uint64_t size_ = 0;
    intptr_t handle_ = -1;
    mutable std::once_flag mapping_once_;
    mutable std::unique_ptr<Mapping> mapping_;  // once something was viewed
};

// A file being written. It has no name until commit(), or where the system cannot do that a temporary one in the same
// folder that is removed when the object goes away uncommitted; what a killed process left of such files is removed when
// the next one is made there. write() may be called from several threads at once.
class OutputFile {
public:
    // Checks first that the folder's disk has room for `bytes` and for the bytes `beside` it that the job also needs.
    // Throws 'no_space' or 'io'.
    OutputFile(const std::string & path, uint64_t bytes, uint64_t beside = 0);
    ~OutputFile();
    OutputFile(const OutputFile &) = delete;
    OutputFile & operator=(const OutputFile &) = delete;

    void write(const void * buffer, size_t bytes, uint64_t offset);
    // Reads back what was written: a file that is never committed is scratch space.
    void read(void * buffer, size_t bytes, uint64_t offset) const;

    // Sets the length to the promised bytes, flushes to the disk and renames over `path`. Returns the seconds that the
    // flush took, which depend on the disk alone.
    double commit();

private:
    void create(const std::string & folder, const std::string & target, uint64_t bytes);
    [[noreturn]] void fail(const char * doing, int error_number) const;

    std::string path_;
    std::string temporary_;  // empty while the file has no name
    uint64_t bytes_;
    intptr_t handle_ = -1;
};

// A file that begins with `header` and reads as zeros up to `bytes`, which take no room. It goes away with the object.
class SparseFile {
public:
    SparseFile(const std::string & header, uint64_t bytes);
    ~SparseFile();
    SparseFile(const SparseFile &) = delete;
    SparseFile & operator=(const SparseFile &) = delete;

    // For other code to open, while the object lives.
    const std::string & path() const { return path_; }

private:
    void release();

    std::string path_;
    std::string temporary_;  // empty while the file has no name
    intptr_t handle_ = -1;
};

// Removes the temporary files of writers that were killed from a folder; those of living ones stay. Never throws: what
// cannot be removed stays. Returns how many went.
unsigned remove_partial_files(const std::string & folder);

// "12.3 MiB"
std::string format_bytes(uint64_t bytes);

}  // namespace temperament
