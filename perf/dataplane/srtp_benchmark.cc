// What SRTP costs per packet of 100 bytes of payload: each backend and profile, sessions visited in
// turn. Arguments of a run: sessions, packets in a burst. libsrtp2 stands beside for comparison.
#include <benchmark/benchmark.h>
#include <srtp2/srtp.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/srtp/srtp_session.h"

namespace byon::srtp {
namespace {

constexpr size_t kPayloadBytes = 100;
constexpr size_t kPacketBytes = 12 + kPayloadBytes;
constexpr size_t kBufferBytes = 192;
using Buffer = std::array<std::byte, kBufferBytes>;

void WriteRtp(Buffer& buffer, uint32_t ssrc, uint16_t sequence) {
  base::ByteWriter writer(buffer);
  writer.WriteU8(0x80);
  writer.WriteU8(111);
  writer.WriteU16(sequence);
  writer.WriteU32(uint32_t{sequence} * 960);
  writer.WriteU32(ssrc);
}

SrtpKeyingMaterial KeyingOf(SrtpProfile profile, size_t session) {
  SrtpKeyingMaterial keying;
  keying.profile = profile;
  for (size_t i = 0; i < keying.key_storage.size(); ++i) {
    keying.key_storage[i] = static_cast<std::byte>(i * 11 + session);
  }
  keying.salt_storage.fill(static_cast<std::byte>(session >> 8));
  return keying;
}

enum class Way { kProtect, kUnprotect };

// One round: each session sends one packet. What is not measured is paused away per round, not per
// packet.
void RunOurs(benchmark::State& state, SrtpBackend backend, SrtpProfile profile, Way way) {
  if (!IsAvailable(backend)) return state.SkipWithError("backend not available");
  const auto sessions = static_cast<size_t>(state.range(0));
  const auto burst_size = static_cast<size_t>(state.range(1));
  const auto transform = MakeSrtpTransform(backend);
  std::vector<SrtpSession> out, in;
  for (size_t i = 0; i < sessions; ++i) {
    out.emplace_back(backend, KeyingOf(profile, i));
    in.emplace_back(backend, KeyingOf(profile, i));
  }
  // A round of one session is as long as a round of many.
  const size_t packets = std::max<size_t>(sessions, 1024);
  std::vector<Buffer> buffers(packets);
  std::vector<BurstPacket> burst(packets);
  std::vector<uint16_t> next_sequence(sessions);
  const auto prepare = [&] {
    for (size_t i = 0; i < packets; ++i) {
      const size_t session = i % sessions;
      WriteRtp(buffers[i], static_cast<uint32_t>(session), next_sequence[session]++);
      burst[i] = {&out[session], buffers[i], kPacketBytes, std::nullopt};
    }
  };
  const auto in_bursts = [&](auto run) {
    for (size_t i = 0; i < packets; i += burst_size) {
      run(*transform, std::span(burst).subspan(i, std::min(burst_size, packets - i)));
    }
  };
  for (auto _ : state) {
    state.PauseTiming();
    prepare();
    if (way == Way::kUnprotect) {
      ProtectRtpBurst(*transform, burst);
      for (size_t i = 0; i < packets; ++i) burst[i].session = &in[i % sessions];
    }
    state.ResumeTiming();
    if (way == Way::kProtect) {
      in_bursts(ProtectRtpBurst);
    } else {
      in_bursts(UnprotectRtpBurst);
    }
    state.PauseTiming();
    for (const BurstPacket& packet : burst) {
      if (packet.drop) state.SkipWithError(std::string(DropReasonName(*packet.drop)).c_str());
    }
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(packets));
}

void RunLibsrtp(benchmark::State& state, SrtpProfile profile) {
  static const auto started = srtp_init();
  if (started != srtp_err_status_ok) return state.SkipWithError("libsrtp2 does not start");
  const auto sessions = static_cast<size_t>(state.range(0));
  std::vector<srtp_t> out(sessions);
  for (size_t i = 0; i < sessions; ++i) {
    const SrtpKeyingMaterial keying = KeyingOf(profile, i);
    std::array<unsigned char, 64> key{};
    std::memcpy(key.data(), keying.key().data(), keying.key().size());
    std::memcpy(key.data() + keying.key().size(), keying.salt().data(), keying.salt().size());
    srtp_policy_t policy;
    std::memset(&policy, 0, sizeof(policy));
    if (profile == SrtpProfile::kAes128CmSha1_80) {
      srtp_crypto_policy_set_rtp_default(&policy.rtp);
      srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
    } else {
      srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
      srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
    }
    policy.ssrc.type = ssrc_any_outbound;
    policy.key = key.data();
    if (srtp_create(&out[i], &policy) != srtp_err_status_ok) {
      return state.SkipWithError("libsrtp2 refuses the policy");
    }
  }
  std::vector<uint16_t> next_sequence(sessions);
  Buffer buffer{};
  size_t session = 0;
  for (auto _ : state) {
    WriteRtp(buffer, static_cast<uint32_t>(session), next_sequence[session]++);
    int length = kPacketBytes;
    if (srtp_protect(out[session], buffer.data(), &length) != srtp_err_status_ok) {
      state.SkipWithError("libsrtp2 refuses a packet");
    }
    session = session + 1 == sessions ? 0 : session + 1;
  }
  state.SetItemsProcessed(state.iterations());
  for (srtp_t one : out) srtp_dealloc(one);
}

void Register() {
  const std::pair<SrtpBackend, const char*> backends[] = {{SrtpBackend::kIpsecMb, "ipsec_mb"},
                                                          {SrtpBackend::kOpenSsl, "openssl"}};
  const std::pair<SrtpProfile, const char*> profiles[] = {{SrtpProfile::kAes128CmSha1_80, "aes_cm_sha1"},
                                                          {SrtpProfile::kAeadAes128Gcm, "aes_128_gcm"},
                                                          {SrtpProfile::kAeadAes256Gcm, "aes_256_gcm"}};
  for (const auto& [backend, backend_name] : backends) {
    for (const auto& [profile, profile_name] : profiles) {
      for (const auto& [way, way_name] :
           {std::pair(Way::kProtect, "protect"), std::pair(Way::kUnprotect, "unprotect")}) {
        const std::string name = std::string("srtp/") + way_name + "/" + backend_name + "/" + profile_name;
        benchmark::RegisterBenchmark(name.c_str(),
                                     [backend = backend, profile = profile, way = way](benchmark::State& state) {
                                       RunOurs(state, backend, profile, way);
                                     })
            ->ArgNames({"sessions", "burst"})
            ->ArgsProduct({{1, 1000, 4000}, {1, 8, 32, 64}});
      }
    }
  }
  for (const auto& [profile, name] : {std::pair(SrtpProfile::kAes128CmSha1_80, "srtp/protect/libsrtp2/aes_cm_sha1"),
                                      std::pair(SrtpProfile::kAeadAes128Gcm, "srtp/protect/libsrtp2/aes_128_gcm")}) {
    benchmark::RegisterBenchmark(name, [profile = profile](benchmark::State& state) { RunLibsrtp(state, profile); })
        ->ArgName("sessions")
        ->Args({1})
        ->Args({1000});
  }
}

}  // namespace
}  // namespace byon::srtp

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  byon::srtp::Register();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
