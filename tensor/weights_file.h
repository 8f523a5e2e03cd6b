// Named tensors from a file of weights, whichever of the three formats it has: told by its content, not by its name.
#pragma once

#include <string>

#include "tensor/container.h"

namespace pith {

/// safetensors, .npz or a zip .pth state dictionary. Throws IoError (cannot read) or FormatError (file, expected,
/// found).
Container read_weights(const std::string& path);

}  // namespace pith
