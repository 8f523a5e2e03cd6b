// e^x, 1 / (1 + e^-x) and tanh on vectors: range reduction and the polynomials of Cephes (Moshier 1989), within 3 units
// in the last place of the true value (test: tests/tensor/ops/map_test.cpp). NaN stays NaN.

/// x = n ln 2 + r with |r| <= ln 2 / 2; e^r by a polynomial; overflow gives infinity, underflow 0 through denormals.
static inline Vec exp_of(Vec x) {
  x = min(Vec::set(89.0f), max(Vec::set(-104.0f), x));
  const Vec n = rounded(x * Vec::set(1.44269504088896341f));
  Vec r = fma(n, Vec::set(-0.693359375f), x);  // ln 2 in two parts: the first has few bits, so its product is exact
  r = fma(n, Vec::set(2.12194440e-4f), r);
  Vec p = Vec::set(1.9875691500e-4f);
  p = fma(p, r, Vec::set(1.3981999507e-3f));
  p = fma(p, r, Vec::set(8.3334519073e-3f));
  p = fma(p, r, Vec::set(4.1665795894e-2f));
  p = fma(p, r, Vec::set(1.6666665459e-1f));
  p = fma(p, r, Vec::set(5.0000001201e-1f));
  return scaled(fma(p, r * r, r) + Vec::set(1.0f), n);
}

static inline Vec sigmoid_of(Vec x) {
  const Vec one = Vec::set(1.0f);
  return one / (one + exp_of(Vec::zero() - x));
}

/// Odd polynomial below 0.625, where 1 - 2 / (e^2|x| + 1) would cancel.
static inline Vec tanh_of(Vec x) {
  const Vec size = max(x, Vec::zero() - x), z = x * x, one = Vec::set(1.0f);
  Vec p = Vec::set(-5.70498872745e-3f);
  p = fma(p, z, Vec::set(2.06390887954e-2f));
  p = fma(p, z, Vec::set(-5.37397155531e-2f));
  p = fma(p, z, Vec::set(1.33314422036e-1f));
  p = fma(p, z, Vec::set(-3.33332819422e-1f));
  const Vec near = fma(p * z, x, x);
  const Vec t = one - Vec::set(2.0f) / (exp_of(size + size) + one);
  const Vec far = select_positive(x, t, Vec::zero() - t);
  return select_positive(size - Vec::set(0.625f), far, near);
}
