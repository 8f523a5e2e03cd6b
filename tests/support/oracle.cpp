#include "tests/support/oracle.h"

#include <Eigen/Dense>

namespace pith::test::oracle {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Rows `r0 .. r0 + rows` of values seen as a matrix of `columns` columns.
Matrix rows_of(const Values& values, int64_t r0, int64_t rows, int64_t columns) {
  return Eigen::Map<const Matrix>(values.data(), static_cast<int64_t>(values.size()) / columns, columns)
      .middleRows(r0, rows);
}

/// Output extent as the textbook has it.
int64_t extent(int64_t in, int64_t kernel, const Window& v, size_t axis) {
  return (in + 2 * v.padding[axis] - v.dilation[axis] * (kernel - 1) - 1) / v.stride[axis] + 1;
}

/// Position in one image's channels of element (c, r, s) of window (i, j); -1 in the padding.
class Unfolding {
 public:
  Unfolding(const Shape& x, const Shape& w, const Window& window)
      : x_(x), w_(w), v_(window), oh_(extent(x[2], w[2], window, 0)), ow_(extent(x[3], w[3], window, 1)) {}
  int64_t taps() const { return w_[1] * w_[2] * w_[3]; }
  int64_t pixels() const { return oh_ * ow_; }
  int64_t operator()(int64_t tap, int64_t pixel) const {
    const int64_t c = tap / (w_[2] * w_[3]), r = tap / w_[3] % w_[2], s = tap % w_[3];
    const int64_t y = pixel / ow_ * v_.stride[0] - v_.padding[0] + r * v_.dilation[0];
    const int64_t x = pixel % ow_ * v_.stride[1] - v_.padding[1] + s * v_.dilation[1];
    return y < 0 || y >= x_[2] || x < 0 || x >= x_[3] ? -1 : (c * x_[2] + y) * x_[3] + x;
  }
  /// x's values of one image and group, unfolded to [taps, pixels].
  Matrix unfold(const double* image) const {
    Matrix m(taps(), pixels());
    for (int64_t t = 0; t < taps(); ++t)
      for (int64_t p = 0; p < pixels(); ++p) m(t, p) = (*this)(t, p) < 0 ? 0 : image[(*this)(t, p)];
    return m;
  }

 private:
  Shape x_, w_;
  Window v_;
  int64_t oh_, ow_;
};

/// Calls each(offset of the group's channels in x, first filter, index of (image, group) in y counted in groups).
template <class Each>
void each_group(const Shape& xs, const Shape& ws, const Window& v, const Each& each) {
  for (int64_t n = 0; n < xs[0]; ++n)
    for (int64_t g = 0; g < v.groups; ++g)
      each((n * xs[1] + g * ws[1]) * xs[2] * xs[3], g * (ws[0] / v.groups), n * v.groups + g);
}

}  // namespace

Values matmul(const Values& a, const Values& b, int64_t m, int64_t k, int64_t n) {
  const Matrix c = Eigen::Map<const Matrix>(a.data(), m, k) * Eigen::Map<const Matrix>(b.data(), k, n);
  return {c.data(), c.data() + c.size()};
}

Values least_squares_fit(const Values& a, const Values& b) {
  const int64_t m = static_cast<int64_t>(b.size()), n = static_cast<int64_t>(a.size()) / m;
  const Matrix columns = rows_of(a, 0, m, n);
  const Eigen::VectorXd fit =
      columns * columns.completeOrthogonalDecomposition().solve(Eigen::Map<const Eigen::VectorXd>(b.data(), m)).eval();
  return {fit.data(), fit.data() + m};
}

Values transpose(const Values& a, int64_t m, int64_t n) {
  const Matrix t = Eigen::Map<const Matrix>(a.data(), m, n).transpose();
  return {t.data(), t.data() + t.size()};
}

Values conv2d(const Values& x, const Shape& xs, const Values& w, const Shape& ws, const Window& window) {
  const Unfolding unfolding(xs, ws, window);
  const int64_t filters = ws[0] / window.groups;
  Values y;
  each_group(xs, ws, window, [&](int64_t offset, int64_t filter, int64_t) {
    const Matrix part = rows_of(w, filter, filters, unfolding.taps()) * unfolding.unfold(x.data() + offset);
    y.insert(y.end(), part.data(), part.data() + part.size());
  });
  return y;
}

Values conv2d_input_gradient(const Values& dy, const Values& w, const Shape& ws, const Shape& xs,
                             const Window& window) {
  const Unfolding unfolding(xs, ws, window);
  const int64_t filters = ws[0] / window.groups;
  Values dx(static_cast<size_t>(xs.numel()));
  each_group(xs, ws, window, [&](int64_t offset, int64_t filter, int64_t index) {
    const Matrix columns = rows_of(w, filter, filters, unfolding.taps()).transpose() *
                           rows_of(dy, index * filters, filters, unfolding.pixels());
    for (int64_t t = 0; t < unfolding.taps(); ++t)
      for (int64_t p = 0; p < unfolding.pixels(); ++p)
        if (unfolding(t, p) >= 0) dx[static_cast<size_t>(offset + unfolding(t, p))] += columns(t, p);
  });
  return dx;
}

Values conv2d_weight_gradient(const Values& x, const Shape& xs, const Values& dy, const Shape& ws,
                              const Window& window) {
  const Unfolding unfolding(xs, ws, window);
  const int64_t filters = ws[0] / window.groups;
  Matrix dw = Matrix::Zero(ws[0], unfolding.taps());
  each_group(xs, ws, window, [&](int64_t offset, int64_t filter, int64_t index) {
    dw.middleRows(filter, filters) +=
        rows_of(dy, index * filters, filters, unfolding.pixels()) * unfolding.unfold(x.data() + offset).transpose();
  });
  return {dw.data(), dw.data() + dw.size()};
}

}  // namespace pith::test::oracle
