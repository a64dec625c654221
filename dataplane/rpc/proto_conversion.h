#pragma once

#include <string>

#include "dataplane/base/result.h"
#include "dataplane/pipeline/audio_clip.h"
#include "dataplane/session/descriptions.h"
#include "dataplane/worker/commands.h"
#include "media_control.pb.h"

// Protobuf messages to domain types, at the edge. Each conversion checks every field; its error is one sentence that
// names the field, its value and what is allowed.
namespace byon::rpc {

namespace proto = ::byon::media::v1;

template <typename T>
using Checked = base::Result<T, std::string>;
struct Valid {};

Checked<Valid> CheckSessionId(const std::string& session_id);
Checked<Valid> CheckControllerId(const std::string& controller_id);

// `field` is the message's own name in the request ("access").
// `announcements`: what a hold_audio may name; null for nothing.
Checked<session::AccessRemote> ToDomain(const proto::AccessRemote& message, const std::string& field,
                                        const pipeline::AnnouncementSet* announcements = nullptr);
// The remote addresses must be of the leg's family.
Checked<session::ImsRemote> ToDomain(const proto::ImsRemote& message, const std::string& field, bool is_v4,
                                     const pipeline::AnnouncementSet* announcements = nullptr);
Checked<session::Leg> ToDomain(proto::Leg leg);
Checked<worker::SendDtmf> ToDomain(const proto::SendDtmfRequest& request);
Checked<worker::PlayTone> ToDomain(const proto::PlayToneRequest& request);
Checked<worker::PlayAnnouncement> ToDomain(const proto::PlayAnnouncementRequest& request,
                                           const pipeline::AnnouncementSet* announcements);

}  // namespace byon::rpc
