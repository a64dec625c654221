#pragma once

#include "dataplane/codec/codec_format.h"

namespace byon::quality {

// What a codec costs by itself and under loss, for the E-model of its own bandwidth.
struct CodecImpairment {
  bool is_wideband = false;         // on which scale: G.107.1 or G.107
  double equipment_impairment = 0;  // Ie, Ie,WB
  double loss_robustness = 4.3;     // Bpl with the concealment in use
};

// `amr_mode`: of AMR and AMR-WB, -1 when it is not known. `bitrate_bps`: of Opus, 0 when not known.
CodecImpairment ImpairmentOf(codec::Codec codec, int amr_mode, double bitrate_bps);

}  // namespace byon::quality
