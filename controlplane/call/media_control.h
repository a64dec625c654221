#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/call/sip_signaling.h"
#include "controlplane/sdp/media_types.h"

namespace byon::call {

// The gateway's own ends of a call's media.
struct MediaLocals {
  sdp::AccessLocal access;
  sdp::ImsLocal ims;
};

// What a held side hears in place of the other one.
struct HoldAudio {
  enum class Kind : uint8_t { kNone, kSilence, kComfortNoise, kAnnouncement };
  Kind kind = Kind::kNone;
  std::string announcement;  // of the dataplane's directory, looped
  // Only while nothing comes from the other side, which may play music of its own.
  bool only_when_silent = false;
  bool operator==(const HoldAudio&) const = default;
};

// What is to become of a media session; absent parts stay as they are.
struct MediaChange {
  std::optional<sdp::AccessMedia> access;
  std::optional<sdp::ImsMedia> ims;
  // Which dialog `ims` belongs to: a change of it starts a new source in this direction without a
  // break in the other.
  DialogId stream_id;
  bool restart_ice = false;
  std::optional<HoldAudio> access_hold;  // what the browser hears
  std::optional<HoldAudio> ims_hold;     // what the network hears
  CallId beside;                         // at creation: near this call's session, so that the two may be joined
  bool is_ims_ipv6 = false;              // wanted at creation, when the network offered an IPv6 address
};

enum class Leg : uint8_t { kAccess, kIms };
enum class Tone : uint8_t { kNone, kRingback, kBusy, kCongestion };

// An announcement or a tone that a client wants heard on one leg.
struct Playback {
  Leg leg = Leg::kAccess;
  std::string announcement;  // a name of the media plane's directory; empty: the tone
  Tone tone = Tone::kNone;   // none, without an announcement: silence
  bool is_looped = false;    // of an announcement: until it is stopped
  std::string id;            // of this playback, new
};
enum class PlayOutcome : uint8_t { kDone, kUnknownAnnouncement, kFailed };

// Why media ended without anybody closing it.
enum class MediaEnd : uint8_t {
  kAccessTimeout,  // nothing came from the browser
  kImsTimeout,     // nothing came from the network
  kConsentLost,    // RFC 7675
  kIceFailed,
  kDtlsFailed,
  kSessionLost,  // the dataplane restarted, or closed the session by itself
};
std::string_view ToString(MediaEnd end);

// Quality of a call as the dataplane measures it.
struct MediaStats {
  struct Leg {
    std::string codec;
    uint64_t packets_received = 0;
    uint64_t packets_sent = 0;
    int64_t packets_lost = 0;
    double jitter_ms = 0;
    double round_trip_ms = 0;
    double playout_delay_ms = 0;
    double added_latency_ms = 0;
    uint64_t concealed_frames = 0;
    uint64_t recovered_frames = 0;
    uint64_t late_packets = 0;
    uint64_t duplicate_packets = 0;
    double remote_fraction_lost = 0;
    // Of the last 5 s in which somebody spoke, by the E-model (ITU-T G.107, G.107.1).
    struct Quality {
      bool is_wideband = false;  // r_factor is on the scale to 129, else to 93.2
      double r_factor = 0;
      double mos_listening = 0;
      double mos_conversational = 0;
      double concealed_share = 0;  // 0 to 1, as the other shares
      double loss_share = 0;
      double discard_share = 0;
      double one_way_delay_ms = 0;
    };
    std::optional<Quality> quality{};
    std::optional<double> mean_mos{};   // conversational, of the call
    std::optional<double> worst_mos{};  // of any 5 s
    std::optional<double> signal_level_dbm0{};
    std::optional<double> noise_level_dbm0{};
    std::string sent_codec{};
    // What the peer says of the stream that it gets (RFC 3611 section 4.7).
    std::optional<double> remote_mos{};
  };
  Leg access;
  Leg ims;
  std::map<std::string, uint64_t> drops;
};

// Media sessions as the call logic sees them; a session goes by its call's id. Called on the
// gateway's strand, never blocks; outcomes come through MediaObserver or the given function on the
// same strand.
class MediaControl {
 public:
  virtual ~MediaControl() = default;

  // Answered by OnMediaReady with change_id 0, or OnMediaRefused.
  virtual void Create(const CallId& call_id, MediaChange initial) = 0;
  // Changes of one call are carried out in order. Answered by OnMediaReady with the same change_id.
  virtual void Modify(const CallId& call_id, uint64_t change_id, MediaChange change) = 0;
  // Joins the IMS legs of two calls, the second made beside the first: their networks' sides hear each
  // other, the browser of neither. `done` gets nothing when that is so, else why not.
  virtual void Join(const CallId& call_id, const CallId& peer,
                    std::function<void(std::optional<std::string> error)> done) = 0;
  // Also takes back a Create that has not been answered. Not answered.
  virtual void Close(const CallId& call_id, const std::string& reason) = 0;
  virtual void PlayTone(const CallId& call_id, Leg leg, Tone tone) = 0;
  // What a client lets a leg hear, in the place of what plays there; a Playback of nothing stops it.
  virtual void Play(const CallId& call_id, Playback playback, std::function<void(PlayOutcome)> done) = 0;

  // Digits of 0-9 * # A-D into the network's leg. `done` gets nothing when they are queued, else
  // why not.
  virtual void SendDtmf(const CallId& call_id, const std::string& digits,
                        std::function<void(std::optional<std::string> error)> done) = 0;
  // Nothing when the session or its node is gone.
  virtual void GetStats(const CallId& call_id, std::function<void(std::optional<MediaStats>)> done) = 0;

  // Takes up sessions that an earlier process of the same controller made: those in `calls` are
  // adopted, all others of this controller are closed, and for each call without a session
  // OnMediaEnded(kSessionLost) follows once every node has been asked.
  virtual void Adopt(std::vector<CallId> calls) = 0;
};

class MediaObserver {
 public:
  virtual ~MediaObserver() = default;
  virtual void OnMediaReady(const CallId& call_id, uint64_t change_id, MediaLocals locals) = 0;
  // Create (change_id 0) or Modify failed; the session is gone after a failed Create only.
  virtual void OnMediaRefused(const CallId& call_id, uint64_t change_id, std::string reason) = 0;
  // ICE and DTLS are up: media can flow to the browser.
  virtual void OnAccessConnected(const CallId& call_id) = 0;
  virtual void OnMediaStarted(const CallId& call_id, Leg leg, const DialogId& stream_id) = 0;
  virtual void OnDtmf(const CallId& call_id, Leg leg, std::string digit, int duration_ms) = 0;
  virtual void OnMediaEnded(const CallId& call_id, MediaEnd end, std::string detail) = 0;
};

}  // namespace byon::call
