#pragma once

#include "controlplane/call/media_control.h"
#include "media_control.pb.h"

// Between the call logic's values and the messages of media_control.proto, field by field.
namespace byon::media {

namespace proto = byon::media::v1;

proto::AccessRemote ToProto(const sdp::AccessMedia& media);
// `stream_id` and `symmetric_rtp` go with the description.
proto::ImsRemote ToProto(const sdp::ImsMedia& media, const call::DialogId& stream_id, bool symmetric_rtp);
proto::RtcpXr ToProto(const sdp::RtcpXr& xr);
proto::HoldAudio ToProto(const call::HoldAudio& audio);
call::MediaLocals ToLocals(const proto::Session& session);
call::MediaStats ToStats(const proto::SessionStats& stats);
call::MediaEnd ToMediaEnd(proto::FailureCause cause);
proto::Leg ToProto(call::Leg leg);
proto::Tone ToProto(call::Tone tone);
call::Leg FromProto(proto::Leg leg);

}  // namespace byon::media
