// The modules of a network: its leaves as a table, the whole as a tree.
#pragma once

#include "apps/summaries/table.h"
#include "nn/module.h"

namespace pith::apps {

/// Name, Type of every leaf, in the order of registration.
Table module_table(nn::Module& model);

/// Indented, one module a line, with the sizes of convolutions and linear layers:
///   ResNetCifar
///     conv1: Conv2d 3 -> 16, kernel 3 x 3, stride 1, padding 1
std::string module_tree(nn::Module& model);

/// "3 -> 16, kernel 3 x 3, stride 1, padding 1"; "" for a module that has nothing to tell.
std::string attributes_of(nn::Module& module);

}  // namespace pith::apps
