// The one exception type of the addon: a code for programs, a message for people, and what it is about.
#pragma once

#include <exception>
#include <string>
#include <utility>

namespace temperament {

// Codes are listed in index.d.ts (NativeMergeError); keep both in step.
class MergeError : public std::exception {
public:
    MergeError(const char * code, std::string message, std::string file = {}, std::string tensor = {})
        : code(code), message(std::move(message)), file(std::move(file)), tensor(std::move(tensor)) {}

    const char * what() const noexcept override { return message.c_str(); }

    const char * code;
    std::string message;
    std::string file;
    std::string tensor;
};

}  // namespace temperament
