// PyTorch's zip files of state dictionaries (torch.save since 1.6), read without running what is in them
// (tensor/pickle_machine.h). Only for import; Pith writes safetensors.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "tensor/container.h"

namespace pith {

/// The tensors of a state dictionary as sections, row-major whatever their strides, in the order of the dictionary.
/// The dictionary may be the file's value or lie under "state_dict" in it, beside plain values, which are ignored then.
/// Throws IoError (cannot read) or FormatError (file, byte, expected, found), naming what is not allowed.
Container read_pth(const std::string& path);
/// The same from bytes in memory; `path` is for messages.
Container parse_pth(std::span<const std::byte> bytes, const std::string& path);

}  // namespace pith
