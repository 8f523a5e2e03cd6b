// The one family of errors. A message is a sentence that names the operation, both facts and the reader's way out.
//
// Invariant: nothing aborts on user data; every public function that refuses throws one of these.
// Programs turn a kind into an exit code at one place (apps/pith.cpp).
#pragma once

#include <stdexcept>
#include <string>

namespace pith {

/// The root of everything Pith throws on purpose.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Shapes that do not fit together, or whose element count does not fit 63 bits.
class ShapeError : public Error {
 public:
  using Error::Error;
};

/// An element type or memory order that an operation does not take.
class TypeError : public Error {
 public:
  using Error::Error;
};

/// A file whose content is refused: names file, offset or line, what was expected and what was found.
class FormatError : public Error {
 public:
  using Error::Error;
};

/// The system refused: cannot open, read, write, sync or rename. Carries path and the system's reason.
class IoError : public Error {
 public:
  using Error::Error;
};

/// NaN or infinity where a finite number must stand (a loss, a gradient, a calibration range).
class NumericError : public Error {
 public:
  using Error::Error;
};

/// A setting outside its domain: an unknown name, a rate that is not finite, a level above one.
class ArgumentError : public Error {
 public:
  using Error::Error;
};

}  // namespace pith
