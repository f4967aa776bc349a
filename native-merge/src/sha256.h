// SHA-256 (FIPS 180-4), with the CPU's SHA instructions where it has them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace temperament {

class Sha256 {
public:
    void update(const void * data, size_t bytes);
    void update(std::string_view text) { update(text.data(), text.size()); }
    // Appends the length (8 bytes, little-endian) and then the text, so that a list of fields hashes unambiguously.
    void update_field(std::string_view text);
    void update_number(uint64_t value);
    std::array<uint8_t, 32> digest();

private:
    std::array<uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    uint8_t block_[64];
    size_t held_ = 0;
    uint64_t total_ = 0;
};

std::string to_hex(const std::array<uint8_t, 32> & digest);

}  // namespace temperament
