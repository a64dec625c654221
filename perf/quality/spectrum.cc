#include "perf/quality/spectrum.h"

#include <kiss_fftr.h>

#include <algorithm>

#include "dataplane/base/check.h"

namespace byon::quality {
namespace {

struct FreePlan {
  void operator()(kiss_fftr_state* plan) const { kiss_fftr_free(plan); }
};
using Plan = std::unique_ptr<kiss_fftr_state, FreePlan>;

}  // namespace

struct Spectrum::Plans {
  Plan forward;
  Plan inverse;
};

Spectrum::Spectrum(size_t length) : length_(length), plans_(std::make_unique<Plans>()) {
  BYON_CHECK(length >= 2 && length % 2 == 0, "a real transform has an even length");
  plans_->forward.reset(kiss_fftr_alloc(static_cast<int>(length), 0, nullptr, nullptr));
  plans_->inverse.reset(kiss_fftr_alloc(static_cast<int>(length), 1, nullptr, nullptr));
  BYON_CHECK(plans_->forward && plans_->inverse, "memory for a transform");
}
Spectrum::~Spectrum() = default;

std::vector<std::complex<float>> Spectrum::Forward(std::span<const float> samples) const {
  BYON_CHECK(samples.size() <= length_, "the samples fit the transform");
  std::vector<float> padded(length_, 0.0f);
  std::ranges::copy(samples, padded.begin());
  std::vector<kiss_fft_cpx> out(bins());
  kiss_fftr(plans_->forward.get(), padded.data(), out.data());
  std::vector<std::complex<float>> result(bins());
  std::ranges::transform(out, result.begin(),
                         [](const kiss_fft_cpx& bin) { return std::complex<float>(bin.r, bin.i); });
  return result;
}

std::vector<float> Spectrum::Inverse(std::span<const std::complex<float>> spectrum) const {
  BYON_CHECK(spectrum.size() == bins(), "all bins are there");
  std::vector<kiss_fft_cpx> in(bins());
  std::ranges::transform(spectrum, in.begin(), [](const std::complex<float>& bin) {
    return kiss_fft_cpx{bin.real(), bin.imag()};
  });
  std::vector<float> out(length_);
  kiss_fftri(plans_->inverse.get(), in.data(), out.data());
  for (float& sample : out) sample /= static_cast<float>(length_);
  return out;
}

}  // namespace byon::quality
