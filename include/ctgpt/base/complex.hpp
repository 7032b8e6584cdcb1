// std::complex<double> as a stored element: apart from base/element.hpp, because <complex> brings
// the streams along.
#pragma once

#include <complex>

#include "ctgpt/base/element.hpp"

namespace ctgpt::inline CTGPT_ABI {

template <>
inline constexpr element element_of<std::complex<double>> = element::complex128;

}  // namespace ctgpt::inline CTGPT_ABI
