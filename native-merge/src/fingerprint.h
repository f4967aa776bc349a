// Who is this model? Two hashes: of what a vector must agree with, and of the weights themselves.
#pragma once

#include <string>

#include "gguf.h"
#include "parallel.h"

namespace temperament {

struct Fingerprint {
    std::string backbone;  // SHA-256 in hex
    std::string content;
};

// backbone: architecture, its dimensions, tokens, tensor names and shapes (see backbone_fields in the source).
// content: over the tensors sorted by name, each with type, shape and the SHA-256 of its bytes.
Fingerprint fingerprint(const std::string & path, unsigned threads, Progress & progress);

}  // namespace temperament
