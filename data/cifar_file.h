// CIFAR-10 (Krizhevsky 2009), binary version: records of a label byte and 3 x 32 x 32 bytes, planes in order.
//
// Two forms are read, by what lies in the folder: data_batch_1.bin .. data_batch_5.bin and test_batch.bin (plain or
// gzip by content, with or without .gz in the name), or the compact form data_batch_N.png - one 32 x 320000 RGB
// picture, image i in rows 32 i .. 32 i + 31 - beside data_batch_N-labels-idx1-ubyte. Both give the same bytes.
#pragma once

#include <memory>

#include "data/dataset.h"

namespace pith::data {

/// airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck.
const std::vector<std::string>& cifar10_classes();

/// One .bin file, plain or gzip: any number of records from 1 on. Throws IoError; FormatError for a size that is no
/// whole number of records or a label above 9.
std::shared_ptr<const Dataset> read_cifar10_batch(const std::string& path);

/// A compact batch: the sheet of pictures and its labels. Throws IoError, FormatError.
std::shared_ptr<const Dataset> read_cifar10_sheet(const std::string& png_path, const std::string& labels_path);

/// The five training batches, or the test batch, of a folder. Throws IoError where a batch is missing in both forms.
std::shared_ptr<const Dataset> read_cifar10_train(const std::string& folder);
std::shared_ptr<const Dataset> read_cifar10_test(const std::string& folder);

}  // namespace pith::data
