// NumPy's files: .npz is a zip of .npy members, one array each. Read strictly (numpy/lib/format.py, versions 1.0
// - 3.0); element types <f4 <f8 <f2 <i4 <i8 |i1 |u1 |b1; arrays of objects are pickles, that is programs, and are
// refused.
#pragma once

#include <span>
#include <string>

#include "tensor/container.h"

namespace pith {

/// Every array as a section named as NumPy names it (member name without ".npy"), row-major whatever order it had, in
/// the order of the archive. Throws IoError (cannot read) or FormatError (file, member, byte, expected, found).
Container read_npz(const std::string& path);
/// The same from bytes in memory; `path` is for messages.
Container parse_npz(std::span<const std::byte> bytes, const std::string& path);
/// Atomic, stored, same sections same bytes. Metadata have no place in the format and are left out. Throws IoError
/// (what existed is intact then) or FormatError for a section type that NumPy does not have.
void write_npz(const std::string& path, const Container& container);

/// One .npy file in memory as a section `name`; `file` is for messages. Throws FormatError.
Section parse_npy(std::span<const std::byte> bytes, const std::string& name, const std::string& file);
/// A section as a .npy file, version 1.0.
std::vector<std::byte> npy_bytes(const Section& section);

}  // namespace pith
