#include "tools/load/ng_node.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <future>
#include <memory>
#include <stdexcept>

#include "tools/load/call_description.h"
#include "tools/load/clock.h"

namespace byon::load {
namespace {

// As long as a proxy would wait: a lost datagram is asked for again, a repeated one is known by its
// cookie.
constexpr base::TimeDelta kResend = base::TimeDelta::Milliseconds(500);
constexpr base::TimeDelta kGiveUp = base::TimeDelta::Seconds(20);
constexpr int kPollMs = 100;
constexpr const char* kBrowserTag = "browser";
constexpr const char* kPhoneTag = "phone";
constexpr size_t kMostCalls = 100'000;

std::optional<net::SocketAddress> ParseTarget(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view ip = text.substr(0, colon);
  if (ip.starts_with('[') && ip.ends_with(']')) ip = ip.substr(1, ip.size() - 2);
  const auto address = net::IpAddress::Parse(ip);
  const std::string_view digits = text.substr(colon + 1);
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (!address || error != std::errc() || end != digits.data() + digits.size() || port == 0) return std::nullopt;
  return net::SocketAddress{*address, port};
}

// Bits a second, as rtpengine wants to know them beside the mode (TS 26.101, TS 26.201).
std::string BitRate(const std::string& codec_name) {
  const double kilobits = std::stod(codec_name.substr(codec_name.rfind('-') + 1));
  return std::to_string(static_cast<int>(kilobits * 1000 + 0.5));
}

// What it is to make of the browser's Opus for the phone; empty: nothing, Opus is passed on.
std::string TranscodeTo(const PhoneCodecShare& codec) {
  const codec::CodecFormat& format = codec.format;
  const std::string name(codec::CodecName(format.codec));
  if (format.codec == codec::Codec::kOpus) return "";
  if (format.codec == codec::Codec::kPcma || format.codec == codec::Codec::kPcmu) return name;
  uint32_t mode = 0;
  while (mode < 8 && (format.amr.mode_set >> mode & 1) == 0) ++mode;
  // name/clock rate/channels/bit rate/packet time/format parameters
  return name + "/" + std::to_string(codec::ClockRateHz(format.codec)) + "/1/" + BitRate(codec.name) +
         "/20/mode-set=" + std::to_string(mode) + (format.amr.octet_align ? ";octet-align=1" : "");
}

// The figures of what a leg's RTP port receives; null when there are none.
const Bencode* StatisticsOf(const Bencode& query, const char* tag) {
  const Bencode* value = query.Find("tags");
  for (const char* key : {tag, "medias", "streams", "stats"}) {
    if (value == nullptr) return nullptr;
    // Of lists the first: audio, and RTP.
    if (const Bencode::List* const list = value->list()) value = list->empty() ? nullptr : &list->front();
    if (value != nullptr) value = value->Find(key);
  }
  return value;
}

std::optional<uint64_t> CountOf(const Bencode& dictionary, std::string_view key) {
  const Bencode* const value = dictionary.Find(key);
  if (value == nullptr || value->number() == nullptr || *value->number() < 0) return std::nullopt;
  return static_cast<uint64_t>(*value->number());
}

LegFigures ToLegFigures(const Bencode& query, const char* tag) {
  const Bencode* const statistics = StatisticsOf(query, tag);
  LegFigures leg;
  if (statistics == nullptr) return leg;
  leg.packets_received = CountOf(*statistics, "packets").value_or(0);
  // What follows rtpengine does not tell; who stands in front of a gateway may.
  leg.packets_sent = CountOf(*statistics, "sent");
  leg.concealed_frames = CountOf(*statistics, "concealed").value_or(0);
  leg.late_packets = CountOf(*statistics, "late").value_or(0);
  leg.mos_mean = static_cast<double>(CountOf(*statistics, "mos hundredths").value_or(0)) / 100;
  leg.mos_worst = static_cast<double>(CountOf(*statistics, "worst mos hundredths").value_or(0)) / 100;
  leg.added_latency_ms = static_cast<double>(CountOf(*statistics, "added latency us").value_or(0)) / 1000;
  return leg;
}

CallFigures ToFigures(const Bencode& query) {
  CallFigures figures;
  figures.access = ToLegFigures(query, kBrowserTag);
  figures.ims = ToLegFigures(query, kPhoneTag);
  // rtpengine counts what comes to a port, and does not count what it sends.
  figures.access.counts_rtcp = !figures.access.packets_sent;
  return figures;
}

std::string SdpOf(const Bencode& answer) {
  const Bencode* const sdp = answer.Find("sdp");
  return sdp == nullptr || sdp->text() == nullptr ? "" : *sdp->text();
}

std::string OneLine(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return text.substr(0, 200);
}

}  // namespace

NgNode::NgNode(const std::string& target, const Profile& profile, std::string opus_settings)
    : profile_(profile),
      target_(target),
      opus_settings_(std::move(opus_settings)),
      controller_id_("byon-load-" + std::to_string(getpid())) {
  const auto address = ParseTarget(target);
  if (!address) {
    throw std::runtime_error("--ng is \"" + target + "\", but must be an IP address and a port, as 127.0.0.1:22222.");
  }
  const KernelAddress kernel(*address);
  socket_ = socket(kernel.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (socket_ < 0 || wake_ < 0 ||
      connect(socket_, reinterpret_cast<const sockaddr*>(&kernel.storage), kernel.length) != 0)
    throw std::runtime_error("there is no socket to speak ng with.");
  thread_ = std::thread([this] { Run(); });
}

NgNode::~NgNode() {
  pending_.WaitForNone();
  is_ending_ = true;
  const uint64_t one = 1;
  (void)!write(wake_, &one, sizeof one);
  thread_.join();
  close(socket_);
  close(wake_);
}

base::Result<NodeDescription, std::string> NgNode::Describe() {
  using Pong = base::Result<Bencode, std::string>;
  const auto answered = std::make_shared<std::promise<Pong>>();
  Send({{"command", "ping"}}, [answered](Pong pong) { answered->set_value(std::move(pong)); });
  const Pong pong = answered->get_future().get();
  if (!pong) {
    return "nobody answers the ng protocol at " + target_ + " (" + pong.error() +
           "): start rtpengine, or name its listen-ng with --ng.";
  }
  const Bencode* const software = pong->Find("software");
  const bool is_named = software != nullptr && software->text() != nullptr;
  return NodeDescription{.id = is_named ? OneLine(*software->text()) : "rtpengine",
                         .version = {},
                         .workers = 0,
                         .room = CountOf(*pong, "room").value_or(kMostCalls)};
}

void NgNode::SetUp(const CallRequest& request, Done<NodeEnds> done) {
  const bool is_client = profile_.gateway_is_dtls_client;
  Bencode::Dictionary codec;
  if (const std::string wanted = TranscodeTo(*request.codec); !wanted.empty())
    codec.emplace("transcode", Bencode::List{wanted});
  if (!opus_settings_.empty()) codec.emplace("set", Bencode::List{opus_settings_});
  Bencode::Dictionary offer{{"command", "offer"},
                            {"call-id", request.id},
                            {"from-tag", kBrowserTag},
                            {"sdp", DescribeBrowser(profile_, request)},
                            {"transport-protocol", "RTP/AVP"},
                            {"ICE", "remove"},
                            {"ICE-lite", "backward"},
                            {"DTLS-reverse", is_client ? "active" : "passive"},
                            {"rtcp-mux", Bencode::List{"demux"}}};
  if (!codec.empty()) offer.emplace("codec", std::move(codec));
  Send(std::move(offer), [this, request, done, is_client](const base::Result<Bencode, std::string>& offered) {
    if (!offered) return done("the node refused: " + offered.error());
    const auto phone = AnswerAsPhone(SdpOf(*offered), request);
    if (!phone) return done(phone.error());
    Send({{"command", "answer"},
          {"call-id", request.id},
          {"from-tag", kBrowserTag},
          {"to-tag", kPhoneTag},
          {"sdp", phone->sdp}},
         [phone = *phone, done, is_client](const base::Result<Bencode, std::string>& answered) {
           if (!answered) return done("the node refused: " + answered.error());
           auto ends = ReadAnswerToBrowser(SdpOf(*answered), is_client);
           if (ends) {
             ends->rtp = phone.gateway_rtp;
             ends->rtcp = phone.gateway_rtcp;
             ends->phone_payload_type = phone.payload_type;
           }
           done(std::move(ends));
         });
  });
}

void NgNode::Ask(const std::string& id, Done<CallFigures> done) {
  Send({{"command", "query"}, {"call-id", id}}, [done](const base::Result<Bencode, std::string>& answer) {
    if (!answer) return done(answer.error());
    done(ToFigures(*answer));
  });
}

void NgNode::Close(const std::string& id, Done<CallFigures> done) {
  Ask(id, [this, id, done](const base::Result<CallFigures, std::string>& figures) {
    Send({{"command", "delete"}, {"call-id", id}, {"delete delay", int64_t{0}}},
         [figures, done](const base::Result<Bencode, std::string>& deleted) {
           done(deleted ? figures : deleted.error());
         });
  });
}

void NgNode::Send(Bencode::Dictionary command, Done<Bencode> done) {
  pending_.Begin();
  const base::Timestamp now = MonotonicNow();
  std::string datagram;
  {
    const std::lock_guard lock(mutex_);
    const std::string cookie = controller_id_ + "_" + std::to_string(next_cookie_++);
    datagram = cookie + " " + Bencode(std::move(command)).Serialize();
    commands_[cookie] = {datagram, std::move(done), now + kResend, now + kGiveUp};
  }
  (void)!send(socket_, datagram.data(), datagram.size(), MSG_NOSIGNAL);
}

void NgNode::Run() {
  std::vector<char> buffer(64 * 1024);
  while (!is_ending_) {
    std::array<pollfd, 2> ready{pollfd{socket_, POLLIN, 0}, pollfd{wake_, POLLIN, 0}};
    (void)poll(ready.data(), ready.size(), kPollMs);
    for (;;) {
      const ssize_t size = recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (size <= 0) break;
      Take({buffer.data(), static_cast<size_t>(size)});
    }
    Repeat(MonotonicNow());
  }
}

void NgNode::Take(std::string_view datagram) {
  const size_t space = std::min(datagram.find(' '), datagram.size());
  Done<Bencode> done;
  {
    const std::lock_guard lock(mutex_);
    const auto found = commands_.find(datagram.substr(0, space));
    if (found == commands_.end()) return;  // answered already
    done = std::move(found->second.done);
    commands_.erase(found);
  }
  auto answer = Bencode::Parse(datagram.substr(std::min(space + 1, datagram.size())));
  const Bencode* const result = answer ? answer->Find("result") : nullptr;
  if (result == nullptr || result->text() == nullptr) {
    done(std::string("its answer cannot be read"));
  } else if (*result->text() == "error") {
    const Bencode* const reason = answer->Find("error-reason");
    done(reason != nullptr && reason->text() != nullptr ? OneLine(*reason->text()) : std::string("no reason given"));
  } else {
    done(std::move(*answer));
  }
  pending_.End();
}

void NgNode::Repeat(base::Timestamp now) {
  std::vector<Done<Bencode>> given_up;
  {
    const std::lock_guard lock(mutex_);
    for (auto entry = commands_.begin(); entry != commands_.end();) {
      Command& command = entry->second;
      if (command.give_up <= now) {
        given_up.push_back(std::move(command.done));
        entry = commands_.erase(entry);
        continue;
      }
      if (command.resend <= now) {
        (void)!send(socket_, command.datagram.data(), command.datagram.size(), MSG_NOSIGNAL);
        command.resend = now + kResend;
      }
      ++entry;
    }
  }
  for (const Done<Bencode>& done : given_up) {
    done(std::string("no answer within 20 s"));
    pending_.End();
  }
}

}  // namespace byon::load
