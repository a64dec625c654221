#pragma once

#include <complex>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace byon::quality {

// Fourier transform of real signals of one even length, by kissfft.
class Spectrum {
 public:
  explicit Spectrum(size_t length);
  ~Spectrum();
  Spectrum(const Spectrum&) = delete;
  Spectrum& operator=(const Spectrum&) = delete;

  size_t length() const { return length_; }
  size_t bins() const { return length_ / 2 + 1; }
  // Of at most length() samples; what is missing counts as zero.
  std::vector<std::complex<float>> Forward(std::span<const float> samples) const;
  // Back to length() samples, scaled so that Inverse(Forward(x)) is x.
  std::vector<float> Inverse(std::span<const std::complex<float>> bins) const;

 private:
  struct Plans;
  size_t length_;
  std::unique_ptr<Plans> plans_;
};

}  // namespace byon::quality
