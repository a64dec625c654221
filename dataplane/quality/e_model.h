#pragma once

// The E-model: what a listener would say of a connection, computed from what is known of it. An
// estimate for planning and for comparing calls, not a measurement of one.
namespace byon::quality {

// Narrowband, ITU-T G.107 (06/2015); the defaults are its table 3. Loudness in dB, times in ms.
struct NarrowbandParameters {
  double send_loudness = 8;              // SLR
  double receive_loudness = 2;           // RLR
  double sidetone_masking = 15;          // STMR
  double listener_sidetone = 18;         // LSTR
  double d_value_send = 3;               // Ds
  double talker_echo_loudness = 65;      // TELR
  double weighted_echo_path_loss = 110;  // WEPL
  double echo_delay_ms = 0;              // T, mean one-way delay of the echo path
  double round_trip_delay_ms = 0;        // Tr, in the four-wire loop
  double absolute_delay_ms = 0;          // Ta, mouth to ear
  double quantization_units = 1;         // qdu
  double equipment_impairment = 0;       // Ie
  double loss_robustness = 4.3;          // Bpl
  double loss_percent = 0;               // Ppl, after the jitter buffer
  double burst_ratio = 1;                // BurstR, see BurstRatio()
  double circuit_noise_dbm0p = -70;      // Nc
  double noise_floor_dbmp = -64;         // Nfor
  double room_noise_send_dba = 35;       // Ps
  double room_noise_receive_dba = 35;    // Pr
  double advantage = 0;                  // A
};
// R of 93.2 at best with a telephone; may be negative.
double NarrowbandRating(const NarrowbandParameters& parameters);

// Wideband (50 to 7000 Hz), ITU-T G.107.1: its scale ends at 129. Talker and listener echo are not
// among the parameters: both ends of our calls cancel it, and nothing here could measure it.
struct WidebandParameters {
  double absolute_delay_ms = 0;
  double equipment_impairment = 0;  // Ie,WB
  double loss_robustness = 4.3;     // Bpl
  double loss_percent = 0;
  double burst_ratio = 1;
};
inline constexpr double kWidebandMaximum = 129;  // G.107.1 section 7.2, R0,WB
double WidebandRating(const WidebandParameters& parameters);

// Mean opinion score, 1 to 4.5: G.107 annex B; G.107.1 annex A for the wideband scale.
double NarrowbandMos(double rating);
double WidebandMos(double rating);

// BurstR (G.107 section 7.5): the mean length of a run of losses over that of independent losses, at
// least 1. `loss_share` is 0 to 1.
double BurstRatio(double mean_run_length, double loss_share);

}  // namespace byon::quality
