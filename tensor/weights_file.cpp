#include "tensor/weights_file.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "tensor/input_file.h"
#include "tensor/npz_file.h"
#include "tensor/pth_file.h"
#include "tensor/refusal.h"
#include "tensor/zip_file.h"

namespace pith {
namespace {

bool holds_pickle(const std::string& path) {
  const ZipReader zip(path);
  return std::any_of(zip.names().begin(), zip.names().end(),
                     [](const std::string& name) { return name.ends_with("/data.pkl"); });
}

std::string first_bytes(const std::string& path) {
  const InputFile file(path);
  std::string first(std::min<size_t>(file.size(), 4), '\0');
  file.read(0, std::as_writable_bytes(std::span<char>(first)));
  return first;
}

}  // namespace

Container read_weights(const std::string& path) {
  const std::string first = first_bytes(path);
  if (first.starts_with("PK")) return holds_pickle(path) ? read_pth(path) : read_npz(path);
  if (first.starts_with("\x80\x02"))
    refuse(path, 0, "safetensors, .npz or a zip .pth file",
           "a pickle as torch.save wrote it before 1.6; save it again with a newer torch");
  return read_container(path);
}

}  // namespace pith
