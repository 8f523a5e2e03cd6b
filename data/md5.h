// MD5 (RFC 1321): the check sum that publishers of data sets give. It finds damage, not malice.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace pith::data {

/// 32 lower-case hexadecimal digits.
std::string md5(std::span<const std::byte> bytes);

}  // namespace pith::data
