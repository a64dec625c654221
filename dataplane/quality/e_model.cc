#include "dataplane/quality/e_model.h"

#include <algorithm>
#include <cmath>

namespace byon::quality {
namespace {

// Letters and equation numbers are those of G.107 section 7.

double PowerOf(double level_db) { return std::pow(10, level_db / 10); }

// No, the sum of all noise at the 0 dBr point (7-3).
double NoiseLevel(const NarrowbandParameters& p) {
  const double olr = p.send_loudness + p.receive_loudness;
  const double send_offset = p.room_noise_send_dba - olr - p.d_value_send - 14;
  const double nos = p.room_noise_send_dba - p.send_loudness - p.d_value_send - 100 + 0.004 * send_offset * send_offset;
  const double pre = p.room_noise_receive_dba + 10 * std::log10(1 + PowerOf(10 - p.listener_sidetone));
  const double nor = p.receive_loudness - 121 + pre + 0.008 * (pre - 35) * (pre - 35);
  const double nfo = p.noise_floor_dbmp + p.receive_loudness;
  return 10 * std::log10(PowerOf(p.circuit_noise_dbm0p) + PowerOf(nos) + PowerOf(nor) + PowerOf(nfo));
}

// Ist, non-optimum sidetone (7-11, 7-12).
double SidetoneImpairment(const NarrowbandParameters& p) {
  const double stmr_o = -10 * std::log10(PowerOf(-p.sidetone_masking) +
                                         std::exp(-p.echo_delay_ms / 4) * PowerOf(-p.talker_echo_loudness));
  return 12 * std::pow(1 + std::pow((stmr_o - 13) / 6, 8), 1.0 / 8) -
         28 * std::pow(1 + std::pow((stmr_o + 1) / 19.4, 35), 1.0 / 35) -
         13 * std::pow(1 + std::pow((stmr_o - 3) / 33, 13), 1.0 / 13) + 29;
}

// Is = Iolr + Ist + Iq (7-8).
double SimultaneousImpairment(const NarrowbandParameters& p, double ro, double no, double ist) {
  const double olr = p.send_loudness + p.receive_loudness;
  const double x = (olr + 0.2 * (64 + no - p.receive_loudness)) / 8;
  const double iolr = 20 * (std::pow(1 + std::pow(x, 8), 1.0 / 8) - x);
  const double q = 37 - 15 * std::log10(p.quantization_units);
  const double g = 1.07 + 0.258 * q + 0.0602 * q * q;
  const double y = (ro - 100) / 15 + 46 / 8.4 - g / 9;
  const double z = 46.0 / 30 - g / 40;
  return iolr + ist + 15 * std::log10(1 + std::pow(10, y) + std::pow(10, z));
}

// Idte (7-20 to 7-26).
double TalkerEchoImpairment(const NarrowbandParameters& p, double no, double ist) {
  const double t = p.echo_delay_ms;
  double terv = p.talker_echo_loudness - 40 * std::log10((1 + t / 10) / (1 + t / 150)) + 6 * std::exp(-0.3 * t * t);
  if (p.sidetone_masking < 9) terv += ist / 2;
  const double roe = -1.5 * (no - p.receive_loudness);
  const double re = 80 + 2.5 * (terv - 14);
  const double half = (roe - re) / 2;
  const double idte = (half + std::sqrt(half * half + 100) - 1) * (1 - std::exp(-t));
  return p.sidetone_masking > 20 ? std::sqrt(idte * idte + ist * ist) : idte;
}

// Idle (7-27, 7-28).
double ListenerEchoImpairment(const NarrowbandParameters& p, double ro) {
  const double rle = 10.5 * (p.weighted_echo_path_loss + 7) * std::pow(p.round_trip_delay_ms + 1, -0.25);
  const double half = (ro - rle) / 2;
  return half + std::sqrt(half * half + 169);
}

// Idd, too long a way even without echo (7-29); the same in G.107.1.
double AbsoluteDelayImpairment(double absolute_delay_ms) {
  constexpr double kUnnoticedMs = 100;  // mT of table 3, with a sensitivity sT of 1
  if (absolute_delay_ms <= kUnnoticedMs) return 0;
  const double x = std::log2(absolute_delay_ms / kUnnoticedMs);
  return 25 * (std::pow(1 + std::pow(x, 6), 1.0 / 6) - 3 * std::pow(1 + std::pow(x / 3, 6), 1.0 / 6) + 2);
}

// Ie,eff; 95 on both scales (G.107 section 7.5, G.107.1 section 7.5).
double EffectiveImpairment(double ie, double bpl, double loss_percent, double burst_ratio) {
  if (loss_percent <= 0) return ie;
  // Long bursts at high loss leave the range that the formula was fitted to: no worse than all.
  const double share = loss_percent / (loss_percent / std::max(burst_ratio, 1.0) + bpl);
  return ie + (95 - ie) * std::min(share, 1.0);
}

}  // namespace

double NarrowbandRating(const NarrowbandParameters& p) {
  const double no = NoiseLevel(p);
  const double ro = 15 - 1.5 * (p.send_loudness + no);
  const double ist = SidetoneImpairment(p);
  const double id =
      TalkerEchoImpairment(p, no, ist) + ListenerEchoImpairment(p, ro) + AbsoluteDelayImpairment(p.absolute_delay_ms);
  return ro - SimultaneousImpairment(p, ro, no, ist) - id -
         EffectiveImpairment(p.equipment_impairment, p.loss_robustness, p.loss_percent, p.burst_ratio) + p.advantage;
}

double WidebandRating(const WidebandParameters& p) {
  return kWidebandMaximum - AbsoluteDelayImpairment(p.absolute_delay_ms) -
         EffectiveImpairment(p.equipment_impairment, p.loss_robustness, p.loss_percent, p.burst_ratio);
}

double NarrowbandMos(double rating) {
  if (rating <= 0) return 1;
  if (rating >= 100) return 4.5;
  const double mos = 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6;
  return std::max(mos, 1.0);  // the polynomial dips below 1 under an R of 6.5
}

double WidebandMos(double rating) { return NarrowbandMos(rating / 1.29); }

double BurstRatio(double mean_run_length, double loss_share) {
  return std::max(1.0, mean_run_length * (1 - std::clamp(loss_share, 0.0, 1.0)));
}

}  // namespace byon::quality
