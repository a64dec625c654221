#pragma once

#include "dataplane/amr_wb/batch_job.h"
#include "dataplane/amr_wb/high_band.h"
#include "dataplane/amr_wb/immittance.h"
#include "dataplane/amr_wb/isf_quantizer.h"
#include "dataplane/amr_wb/linear_prediction.h"
#include "dataplane/amr_wb/open_loop_pitch.h"
#include "dataplane/amr_wb/subframe.h"

namespace byon::amr_wb {

// Encodes one frame of up to V::kLanes calls at once. Large: make it once, on the heap.
template <class V>
class FrameCoder {
 public:
  // Every job is another call's.
  void Encode(EncodeJob* jobs, int count) {
    Load(jobs, count);
    Analyze();
    if (Any(is_noise_)) MakeComfortNoise(jobs);
    if (Any(~is_noise_ & is_used_)) QuantizeSpectrum(jobs);
    CodeSubframes();
    KeepForNextFrame();
    Store(jobs);
  }

 private:
  using Mask = typename V::Mask;

  void Put(V value, int bits, Mask lanes) {
    const LaneValues<V> values(value), flags = LaneFlags<V>(lanes);
    for (int lane = 0; lane < count_; ++lane) {
      if (flags[lane] != 0) bits_[lane].Put(static_cast<uint32_t>(values[lane]), bits);
    }
  }

  void Load(EncodeJob* jobs, int count) {
    count_ = count;
    is_used_ = V::FirstLanes(count);
    alignas(64) int32_t modes[V::kLanes] = {}, uses_dtx[V::kLanes] = {};
    for (int lane = 0; lane < V::kLanes; ++lane) {
      // Lanes without a job repeat the first one; what they come to is not stored.
      const EncodeJob& job = jobs[lane < count ? lane : 0];
      modes[lane] = job.mode;
      uses_dtx[lane] = job.use_dtx ? 1 : 0;
      state_row_[lane] = reinterpret_cast<int32_t*>(&job.state->memory);
      sample_row_[lane] = job.samples;
      bits_[lane].Clear();
    }
    mode_ = V::Load(modes);
    uses_dtx_ = V::Load(uses_dtx) != V(0);
    V* const words = reinterpret_cast<V*>(&m_);
    for (int word = 0; word < static_cast<int>(kMemoryWords); word += V::kLanes) {
      V t[V::kLanes];
      const int left = static_cast<int>(kMemoryWords) - word;
      const int at = left >= V::kLanes ? word : static_cast<int>(kMemoryWords) - V::kLanes;
      for (int lane = 0; lane < V::kLanes; ++lane) t[lane] = V::Load(state_row_[lane] + at);
      V::Transpose(t);
      for (int i = 0; i < V::kLanes; ++i) words[at + i] = t[i];
    }
    for (int block = 0; block < kFrame16k / 2; block += V::kLanes) {
      V t[V::kLanes];
      for (int lane = 0; lane < V::kLanes; ++lane) {
        t[lane] = V::Load(sample_row_[lane] + 2 * block);
      }
      V::Transpose(t);
      for (int i = 0; i < V::kLanes; ++i) {
        // 14 bits are coded.
        input_[2 * (block + i)] = Wrap16(t[i]) & V(~3);
        input_[2 * (block + i) + 1] = (t[i] >> 16) & V(~3);
      }
    }
  }

  void Store(EncodeJob* jobs) {
    V* const words = reinterpret_cast<V*>(&m_);
    for (int word = 0; word < static_cast<int>(kMemoryWords); word += V::kLanes) {
      V t[V::kLanes];
      const int left = static_cast<int>(kMemoryWords) - word;
      const int at = left >= V::kLanes ? word : static_cast<int>(kMemoryWords) - V::kLanes;
      for (int i = 0; i < V::kLanes; ++i) t[i] = words[at + i];
      V::Transpose(t);
      for (int lane = 0; lane < count_; ++lane) t[lane].Store(state_row_[lane] + at);
    }
    const LaneValues<V> noise = LaneFlags<V>(is_noise_);
    for (int lane = 0; lane < count_; ++lane) {
      EncodeJob& job = jobs[lane];
      job.size = PackFrame(job.state->transmission.Next(noise[lane] == 0), job.mode, bits_[lane], job.frame);
      if (IsHomingFrame(job.samples)) {
        ResetMemory(job.state->memory);
        job.state->noise.Reset();
      }
    }
  }

  // Everything up to the open-loop pitch, the same in all modes; decides between speech and noise.
  void Analyze() {
    for (int i = 0; i < kSpeechHistory; ++i) speech_[i] = m_.speech[i];
    const FrameScale<V> scale = Preprocess(input_, m_, speech_);
    scale_ = scale.scale;
    ScaleSignal(speech_, kSpeechHistory - kLookahead, scale.change);
    for (int i = 0; i < kExcitationHistory; ++i) {
      excitation_[i] = ScaleSample(m_.excitation[i], scale.change);
    }
    ScaleSignal(m_.synthesis, kOrder, scale.change);
    ScaleSignal(m_.weighted_decimator, 3, scale.change);
    ScaleSignal(&m_.weighted_deemphasis, 1, scale.change);
    ScaleSignal(&m_.target_memory, 1, scale.change);

    V voice_input[kFrame];
    const V* const fresh = speech_ + kSpeechHistory - kLookahead;
    for (int i = 0; i < kFrame; ++i) voice_input[i] = ScaleSample(fresh[i], V(1) - scale_);
    voice_ = DetectVoice(voice_input, m_);
    m_.frames_without_voice = Select(voice_ == V(0), Wrap16(m_.frames_without_voice + V(1)), V(0));
    DecideNoise();
    Put(voice_, 1, ~is_noise_);

    Double<V> r[kCoefficients];
    Autocorrelate(speech_, r);
    SolvePredictor(r, m_.stable_predictor, a_);
    V isp[kOrder];
    FindImmittancePairs(a_, m_.isp, isp);
    InterpolatePredictors(m_.isp, isp, a_);
    for (int i = 0; i < kOrder; ++i) m_.isp[i] = isp[i];
    PairsToFrequencies(isp, isf_);
    FollowIsfGap(isf_, m_.gain_clip);

    Weight(scale.change);
  }

  void DecideNoise() {
    const auto has_voice = voice_ != V(0);
    const V elapsed = Min(m_.elapsed_count + V(1), V(32767));
    const auto is_over = m_.hangover_count == V(0);
    const V shorter = m_.hangover_count - V(1);
    const auto is_short_pause = (elapsed + shorter) < V(30);
    is_noise_ = uses_dtx_ & ~has_voice & (is_over | is_short_pause);
    const V hangover = Select(has_voice, V(7), Select(is_over, V(0), shorter));
    m_.hangover_count = Select(uses_dtx_, hangover, m_.hangover_count);
    m_.elapsed_count = Select(uses_dtx_, Select(~has_voice & is_over, V(0), elapsed), m_.elapsed_count);
  }

  // Weighted speech at 6.4 kHz and the open-loop pitch in it.
  void Weight(V scale_change) {
    V* const speech = speech_ + kSubframe;
    speech_pairs_[0] = Pair(speech[-kOrder], V(0));
    PairWithPrevious(speech - kOrder + 1, kOrder + kFrame - 1, speech_pairs_ + 1);
    V weighted[kMaxHalfLag + kFrame];
    V* const here = weighted + kMaxHalfLag;
    for (int s = 0; s < kSubframes; ++s) {
      V c[kCoefficients];
      WeightCoefficients(a_ + s * kCoefficients, kPerceptual, c);
      Residual(c, speech_pairs_ + kOrder + s * kSubframe, kSubframe, here + s * kSubframe);
    }
    m_.weighted_deemphasis = Deemphasize(here, kFrame, m_.weighted_deemphasis);
    V peak(0);
    for (int i = 0; i < kFrame; ++i) peak = Max(peak, Abs16(here[i]));
    const V highest = Max(peak, m_.weighted_max);
    m_.weighted_max = peak;
    shift_ = Min(Norm16(highest) - V(3), V(0));
    DecimateByTwo(here, kFrame, m_.weighted_decimator);
    ScaleSignal(here, kHalfFrame, shift_);
    const V change = scale_change + shift_ - m_.weighted_shift;
    m_.weighted_shift = shift_;
    for (int i = 0; i < kMaxHalfLag; ++i) {
      weighted[i] = ScaleSample(m_.weighted_speech[i], change);
    }
    ScaleSignal(m_.high_passed, kMaxHalfLag, change);
    ScaleHighPass180(m_.weighted_high_pass, change);
    lags_ = SearchOpenLoop(weighted, (mode_ == V(0)) & ~is_noise_, m_);
    for (int i = 0; i < kMaxHalfLag; ++i) m_.weighted_speech[i] = weighted[kHalfFrame + i];
  }

  // Energy of the residual at the input's own scale.
  V ResidualEnergy(const V* residual) const {
    V sum(0);
    for (int i = 0; i < kFrame; ++i) {
      const V sample = residual[i] >> scale_;
      sum = sum + Multiply16(sample, sample);
    }
    return (sum << 1) >> 1;
  }

  // Silence descriptions where `is_noise_`, with the predictor and excitation of their noise.
  void MakeComfortNoise(EncodeJob* jobs) {
    V residual[kFrame];
    Residual(a_ + 3 * kCoefficients, speech_pairs_ + kOrder, kFrame, residual);
    const LaneValues<V> energy(ResidualEnergy(residual)), flags = LaneFlags<V>(is_noise_);
    alignas(64) int32_t isf_rows[V::kLanes][kOrder];
    StoreRows(isf_, 1, kOrder, &isf_rows[0][0], kOrder);
    for (int lane = 0; lane < V::kLanes; ++lane) {
      if (lane >= count_ || flags[lane] == 0) {
        for (int32_t& sample : noise_rows_[lane]) sample = 0;
        continue;
      }
      ComfortNoise& noise = jobs[lane].state->noise;
      noise.Follow(isf_rows[lane], energy[lane], jobs[lane].mode);
      noise.Describe(isf_rows[lane], noise_rows_[lane], bits_[lane]);
    }
    LoadRows(&isf_rows[0][0], sizeof isf_rows[0], kOrder, noise_isf_, 1);
    LoadRows(&noise_rows_[0][0], sizeof noise_rows_[0], kFrame, noise_excitation_, 1);
    V isp[kOrder];
    FrequenciesToPairs(noise_isf_, isp);
    PairsToPredictor(isp, noise_a_);
  }

  // Quantized predictors, and the residual through them.
  void QuantizeSpectrum(EncodeJob* jobs) {
    const auto is_speech = ~is_noise_;
    const auto is_lowest = mode_ == V(0);
    V index[7], quantized[kOrder], isp[kOrder];
    for (int i = 0; i < kOrder; ++i) quantized[i] = isf_[i];
    QuantizeIsf(quantized, is_lowest, m_.isf_residual, index);
    const auto is_other = is_speech & ~is_lowest;
    Put(index[0], 8, is_speech);
    Put(index[1], 8, is_speech);
    Put(index[2], 7, is_speech & is_lowest);
    Put(index[3], 7, is_speech & is_lowest);
    Put(index[4], 6, is_speech & is_lowest);
    Put(index[2], 6, is_other);
    Put(index[3], 7, is_other);
    Put(index[4], 7, is_other);
    Put(index[5], 5, is_other);
    Put(index[6], 5, is_other);

    V distance(0);
    for (int i = 0; i < kOrder - 1; ++i) {
      const V difference = Wrap16(quantized[i] - m_.isf_quantized[i]);
      distance = distance + Multiply16(difference, difference);
    }
    distance = HighOf(SaturatedShiftLeft<8>(distance << 1));
    const V stability = Wrap16(V(20480) - (MultiplyAddPairs(distance, V(26214)) >> 15));
    stability_ = Max(SaturatedShift16(stability, V(1)), V(0));

    FrequenciesToPairs(quantized, isp);
    const auto is_first = m_.is_first_frame != V(0);
    V old_isp[kOrder];
    for (int i = 0; i < kOrder; ++i) old_isp[i] = Select(is_first, isp[i], m_.isp_quantized[i]);
    InterpolatePredictors(old_isp, isp, a_quantized_);
    for (int i = 0; i < kOrder; ++i) {
      m_.isp_quantized[i] = Select(is_speech, isp[i], m_.isp_quantized[i]);
      m_.isf_quantized[i] = quantized[i];
    }
    m_.is_first_frame = V(0);
    for (int s = 0; s < kSubframes; ++s) {
      Residual(a_quantized_ + s * kCoefficients, speech_pairs_ + kOrder + s * kSubframe, kSubframe,
               residual_ + s * kSubframe);
    }
    // Frames without voice tell what the background is like.
    const auto is_background = is_speech & (voice_ == V(0));
    if (!Any(is_background)) return;
    const LaneValues<V> energy(ResidualEnergy(residual_)), flags = LaneFlags<V>(is_background);
    alignas(64) int32_t isf_rows[V::kLanes][kOrder];
    StoreRows(quantized, 1, kOrder, &isf_rows[0][0], kOrder);
    for (int lane = 0; lane < count_; ++lane) {
      if (flags[lane] != 0) {
        jobs[lane].state->noise.Follow(isf_rows[lane], energy[lane], jobs[lane].mode);
      }
    }
  }

  void CodeSubframes() {
    const auto is_speech = ~is_noise_ & is_used_;
    V energies[4];
    for (int i = 0; i < 4; ++i) energies[i] = m_.gain_energies[i];
    first_lag_ = FirstLag(lags_.first);
    for (int s = 0; s < kSubframes; ++s) {
      if (Any(is_speech)) CodeSubframe(s);
      const auto has_high_band = is_noise_ | (mode_ == V(8));
      if (Any(has_high_band & is_used_)) CodeHighBand(s, has_high_band);
    }
    for (int i = 0; i < 4; ++i) {
      m_.gain_energies[i] = Select(is_noise_, energies[i], m_.gain_energies[i]);
    }
  }

  void CodeSubframe(int s) {
    const auto is_speech = ~is_noise_;
    const auto is_low_mode = mode_ <= V(1);
    V* const excitation = excitation_ + kExcitationHistory + s * kSubframe;
    const V* const a = a_ + s * kCoefficients;
    const V* const a_quantized = a_quantized_ + s * kCoefficients;
    const V* const residual = residual_ + s * kSubframe;

    // 6.60 kbit/s codes only the first lag absolutely, the others the third one too.
    auto is_absolute = V(s) == V(0);
    if (s == 2) {
      is_absolute = mode_ != V(0);
      first_lag_ = Select(is_absolute, FirstLag(lags_.second), first_lag_);
    }
    for (int i = 0; i < kSubframe; ++i) excitation[i] = residual[i];
    SubframeTarget<V> target;
    FindTarget(a, a_quantized, speech_ + kSubframe + s * kSubframe, residual, m_, target);
    V codebook_response[kSubframe], h[kSubframe], h_pairs_buffer[8 + kSubframe];
    for (int i = 0; i < kSubframe; ++i) {
      codebook_response[i] = ScaleSample(target.response[i], V(-2));
      h[i] = ScaleSample(target.response[i], V(1) + shift_);
    }
    ScaleSignal(target.pitch, kSubframe, shift_);
    V* const h_pairs = h_pairs_buffer + 8;
    for (int i = 0; i < 8; ++i) h_pairs_buffer[i] = V(0);
    h_pairs[0] = h[0] & V(0xffff);
    PairWithPrevious(h + 1, kSubframe - 1, h_pairs + 1);

    const PitchLag<V> pitch = SearchLag(excitation, target.pitch, h, h_pairs, first_lag_, is_absolute, is_low_mode);
    const V lag_index = LagIndex(pitch, first_lag_, is_absolute, is_low_mode);
    Put(lag_index, 8, is_speech & is_low_mode & is_absolute);
    Put(lag_index, 5, is_speech & is_low_mode & ~is_absolute);
    Put(lag_index, 9, is_speech & ~is_low_mode & is_absolute);
    Put(lag_index, 6, is_speech & ~is_low_mode & ~is_absolute);
    first_lag_ = Select(is_absolute, FirstLag(pitch.lag), first_lag_);

    const auto must_clip = MustClipGain(m_.gain_clip);
    const auto clip = [&](V gain) { return Select(must_clip, Min(gain, V(kClippedPitchGain)), gain); };
    PredictExcitation(excitation, pitch);

    // The excitation as it is, and through a low pass: the better one is taken.
    V plain[kSubframe], plain_rest[kSubframe], y1[kSubframe], rest[kSubframe];
    V low_passed[kSubframe], low_passed_filtered[kSubframe], pairs[kSubframe];
    PitchCorrelation<V> correlation, plain_correlation;
    V plain_gain(0);
    const bool any_plain = Any(~is_low_mode & is_speech);
    if (any_plain) {
      PairWithNext(excitation, kSubframe, pairs);
      Convolve(pairs, h_pairs, plain);
      plain_gain = clip(PitchGain(target.pitch, plain, plain_correlation));
      SubtractScaled(target.pitch, plain, plain_gain, plain_rest);
    }
    for (int i = 0; i < kSubframe; ++i) {
      const V sum = MultiplyAddPairs(Pair(excitation[i - 1], excitation[i]), V(PairOf(5898, 20972))) +
                    MultiplyAddPairs(excitation[i + 1], V(5898));
      low_passed[i] = (sum + V(0x4000)) >> 15;
    }
    PairWithNext(low_passed, kSubframe - 1, pairs);
    pairs[kSubframe - 1] = low_passed[kSubframe - 1];
    Convolve(pairs, h_pairs, low_passed_filtered);
    V pitch_gain = clip(PitchGain(target.pitch, low_passed_filtered, correlation));
    SubtractScaled(target.pitch, low_passed_filtered, pitch_gain, rest);
    if (any_plain) {
      const V balance = DotProduct(plain_rest, plain_rest, kSubframe) - DotProduct(rest, rest, kSubframe);
      const auto is_plain = (balance <= V(0)) & ~is_low_mode;
      Put(Select(is_plain, V(1), V(0)), 1, is_speech & ~is_low_mode);
      pitch_gain = Select(is_plain, plain_gain, pitch_gain);
      correlation.energy = Choose(is_plain, plain_correlation.energy, correlation.energy);
      correlation.product = Choose(is_plain, plain_correlation.product, correlation.product);
      for (int i = 0; i < kSubframe; ++i) {
        excitation[i] = Select(is_plain, excitation[i], low_passed[i]);
        y1[i] = Select(is_plain, plain[i], low_passed_filtered[i]);
        rest[i] = Select(is_plain, plain_rest[i], rest[i]);
      }
    } else {
      for (int i = 0; i < kSubframe; ++i) {
        excitation[i] = low_passed[i];
        y1[i] = low_passed_filtered[i];
      }
    }

    // Targets of the codebook.
    SubtractScaled(target.residual, excitation, pitch_gain, target.residual);
    ScaleSignal(target.residual, kSubframe, shift_);
    Preemphasize(codebook_response, kSubframe, m_.code_tilt);
    const V sharpening_lag = Select(pitch.fraction > V(2), pitch.lag + V(1), pitch.lag);
    SharpenPitch(codebook_response, sharpening_lag);
    V dn[kSubframe];
    CorrelateTarget(codebook_response, rest, dn);
    SearchCodebooks(dn, target.residual, codebook_response, low_passed_filtered);
    V* const code = choice_.code;
    Preemphasize(code, kSubframe, m_.code_tilt);
    SharpenPitch(code, sharpening_lag);

    const QuantizedGains<V> gains = QuantizeGains(target.pitch, y1, scale_ + shift_, choice_.filtered, code,
                                                  correlation, pitch_gain, is_low_mode, must_clip, m_.gain_energies);
    Put(gains.index, 6, is_speech & is_low_mode);
    Put(gains.index, 7, is_speech & ~is_low_mode);
    FollowPitchGain(gains.pitch, m_.gain_clip);
    const V code_gain = SaturatedRoundHigh(SaturatedShift(gains.code, scale_));

    V scaled[kSubframe];
    for (int i = 0; i < kSubframe; ++i) scaled[i] = ScaleSample(excitation[i], shift_);
    const V voicing = VoicingFactor(scaled, shift_, gains.pitch, code, code_gain);
    m_.code_tilt = (voicing >> 2) + V(8192);

    constexpr int kLast = kSubframe - 1;
    V error = SaturatedShift(Multiply16(code_gain, choice_.filtered[kLast]) << 1, V(5) + shift_);
    error = SaturatedNegate(error) + (target.pitch[kLast] << 15) - (Multiply16(y1[kLast], gains.pitch) << 1);
    m_.target_memory = SaturatedRoundHigh(SaturatedShift(error, V(1) - shift_));

    if (Any((mode_ == V(8)) & is_speech)) {
      for (int i = 0; i < kSubframe; ++i) enhanced_[i] = excitation[i];
      EnhanceExcitation(enhanced_, code, gains, scale_, voicing, stability_, m_.code_gain_threshold, mode_ == V(8));
    }
    for (int i = 0; i < kSubframe; ++i) {
      const V sum = (Multiply16(code_gain, code[i]) << 6) + (Multiply16(excitation[i], gains.pitch) << 1);
      excitation[i] = ShiftLeftRoundHigh<1>(sum);
    }
    V synthesized[kSubframe];
    Synthesis(a_quantized, excitation, kSubframe, m_.synthesis, synthesized);
    for (int i = 0; i < kOrder; ++i) m_.synthesis[i] = synthesized[kSubframe - kOrder + i];
  }

  static Scaled<V> Choose(Mask mask, Scaled<V> yes, Scaled<V> no) {
    return {Select(mask, yes.mantissa, no.mantissa), Select(mask, yes.exponent, no.exponent)};
  }

  // One search for every mode there is; most batches have one.
  void SearchCodebooks(const V* dn, const V* cn, const V* response, const V* old_filtered) {
    const auto is_speech = ~is_noise_ & is_used_;
    for (int i = 0; i < kSubframe; ++i) {
      choice_.filtered[i] = old_filtered[i];
      choice_.code[i] = V(0);
    }
    for (int mode = 0; mode < kModes; ++mode) {
      const auto lanes = is_speech & (mode_ == V(mode));
      if (!Any(lanes)) continue;
      for (int i = 0; i < kSubframe; ++i) {
        mode_dn_[i] = dn[i];
        mode_choice_.filtered[i] = old_filtered[i];
      }
      if (mode == 0) {
        SearchTwoTracks(mode_dn_, cn, response, mode_choice_);
      } else {
        CodebookSearch<V> search(kCodebooks[mode], mode_dn_, cn, response);
        search.Run(mode_choice_);
      }
      for (int i = 0; i < kSubframe; ++i) {
        choice_.code[i] = Select(lanes, mode_choice_.code[i], choice_.code[i]);
        choice_.filtered[i] = Select(lanes, mode_choice_.filtered[i], choice_.filtered[i]);
      }
      const LaneValues<V> flags = LaneFlags<V>(lanes);
      for (int lane = 0; lane < count_; ++lane) {
        if (flags[lane] != 0) PutCode(mode, mode_choice_.index[lane], bits_[lane]);
      }
    }
  }

  static void PutCode(int mode, const uint32_t* index, FrameBits& bits) {
    constexpr int kWidths[kModes][8] = {{12},
                                        {5, 5, 5, 5},
                                        {9, 9, 9, 9},
                                        {13, 13, 9, 9},
                                        {13, 13, 13, 13},
                                        {2, 2, 2, 2, 14, 14, 14, 14},
                                        {10, 10, 2, 2, 10, 10, 14, 14},
                                        {11, 11, 11, 11, 11, 11, 11, 11},
                                        {11, 11, 11, 11, 11, 11, 11, 11}};
    for (int i = 0; i < 8 && kWidths[mode][i] > 0; ++i) bits.Put(index[i], kWidths[mode][i]);
  }

  // Speech at 23.85 kbit/s sends the gain; comfort noise only moves the filters on.
  void CodeHighBand(int s, Mask lanes) {
    V a[kCoefficients], excitation[kSubframe];
    const bool any_noise = Any(is_noise_);
    for (int i = 0; i < kCoefficients; ++i) {
      const V speech = a_quantized_[s * kCoefficients + i];
      a[i] = any_noise ? Select(is_noise_, noise_a_[i], speech) : speech;
    }
    for (int i = 0; i < kSubframe; ++i) {
      excitation[i] = any_noise ? Select(is_noise_, noise_excitation_[s * kSubframe + i], enhanced_[i]) : enhanced_[i];
    }
    const CoderMemory<V> before = m_;
    const V index = QuantizeHighBand(a, excitation, Select(is_noise_, V(0), scale_), input_ + s * kSubframe16k, m_);
    Put(index, 4, (mode_ == V(8)) & ~is_noise_);
    Keep(lanes, before.synthesis_high, m_.synthesis_high);
    Keep(lanes, before.synthesis_low, m_.synthesis_low);
    m_.deemphasis = Select(lanes, m_.deemphasis, before.deemphasis);
    Keep(lanes, before.output_high_pass, m_.output_high_pass);
    Keep(lanes, before.tilt_high_pass, m_.tilt_high_pass);
    Keep(lanes, before.noise_synthesis, m_.noise_synthesis);
    Keep(lanes, before.noise_band_pass, m_.noise_band_pass);
    Keep(lanes, before.speech_band_pass, m_.speech_band_pass);
    m_.noise_seed = Select(lanes, m_.noise_seed, before.noise_seed);
    m_.noise_gain_weight = Select(lanes, m_.noise_gain_weight, before.noise_gain_weight);
  }
  template <int n>
  static void Keep(Mask lanes, const V (&before)[n], V (&after)[n]) {
    for (int i = 0; i < n; ++i) after[i] = Select(lanes, after[i], before[i]);
  }

  void KeepForNextFrame() {
    for (int i = 0; i < kSpeechHistory; ++i) m_.speech[i] = speech_[kFrame + i];
    for (int i = 0; i < kExcitationHistory; ++i) m_.excitation[i] = excitation_[kFrame + i];
    if (!Any(is_noise_)) return;
    // After comfort noise speech starts afresh.
    const auto clear = [this](V* x, int n, int value) {
      for (int i = 0; i < n; ++i) x[i] = Select(is_noise_, V(value), x[i]);
    };
    clear(m_.excitation, kExcitationHistory, 0);
    clear(m_.synthesis, kOrder, 0);
    clear(m_.isf_residual, kOrder, 0);
    clear(&m_.target_memory, 1, 0);
    clear(&m_.code_tilt, 1, 0);
    clear(&m_.is_first_frame, 1, 1);
    clear(&m_.gain_clip[0], 1, kInitialIsfGap);
    clear(&m_.gain_clip[1], 1, kInitialPitchGain);
    clear(&m_.code_gain_threshold, 1, 0);
    for (int i = 0; i < kOrder; ++i) {
      m_.isf_quantized[i] = Select(is_noise_, noise_isf_[i], m_.isf_quantized[i]);
    }
  }

  CoderMemory<V> m_;
  V input_[kFrame16k];
  V speech_[kSpeechHistory + kFrame];
  V speech_pairs_[kOrder + kFrame];
  V excitation_[kExcitationHistory + kFrame + 1];
  V residual_[kFrame];
  V a_[kSubframes * kCoefficients];
  V a_quantized_[kSubframes * kCoefficients];
  V isf_[kOrder];
  V enhanced_[kSubframe];
  V noise_isf_[kOrder];
  V noise_a_[kCoefficients];
  V noise_excitation_[kFrame];
  V mode_, voice_, scale_, shift_, stability_, first_lag_;
  OpenLoopLags<V> lags_;
  Mask is_used_, uses_dtx_, is_noise_;
  CodeChoice<V> choice_, mode_choice_;
  V mode_dn_[kSubframe];

  int count_;
  int32_t* state_row_[V::kLanes];
  const int16_t* sample_row_[V::kLanes];
  FrameBits bits_[V::kLanes];
  alignas(64) int32_t noise_rows_[V::kLanes][kFrame];
};

}  // namespace byon::amr_wb
