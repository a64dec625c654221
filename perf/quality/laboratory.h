#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "perf/quality/alignment.h"
#include "perf/quality/call_path.h"
#include "perf/quality/call_script.h"
#include "perf/quality/weather.h"

namespace byon::quality {

// How one recording came out.
struct PartScore {
  double stoi = 0;
  double lsd_db = 0;
  std::vector<AlignedPiece> pieces;
};
// `start_s`: of `said` in the call.
PartScore ScorePart(const Signal& said, const SearchedOutput& output, double start_s, const DelayRange& range,
                    const std::vector<double>& jumps_s = {});

// The library chain under a loss pattern, which rows with the same one share.
struct LibraryRow {
  CallPath path;
  double loss = 0;
  double burst_loss = 0;
  Concealment concealment = Concealment::kLibrary;
  int times_seeds = 1;
  double listener_loss = 0;
  OpusToListener coding = OpusToListener::kAsTheGateway;
};

// What is said, encoded, and heard through the library chain: each made once, when it is first
// asked for. May be used by many threads.
class Laboratory {
 public:
  explicit Laboratory(const std::vector<Recording>& recordings);

  struct Call {
    CallScript script;
    std::map<int, std::vector<Signal>> parts;  // by rate in Hz: what was said
  };
  // With a longer lead when something happens in it.
  const Call& CallFor(bool has_event) const { return has_event ? event_call_ : call_; }
  const std::vector<Payload>& Frames(const CodecChoice& codec, double loss, bool has_event);
  // One score a recording.
  const std::vector<PartScore>& Library(const LibraryRow& row, uint64_t seed);
  // Delay of the path's codecs alone: the median over the pieces of a clean call.
  double LibraryDelaySeconds(const CallPath& path);

  static constexpr base::Timestamp kStart = base::Timestamp::FromMilliseconds(1'000'000);
  static constexpr double kLeadSeconds = 4;
  static constexpr double kEventLeadSeconds = 12;

 private:
  // A value made for a key by whoever needs it first.
  template <typename Key, typename Value>
  class Cache {
   public:
    template <typename Make>
    const Value& Get(const Key& key, const Make& make) {
      Entry* entry = nullptr;
      {
        const std::lock_guard lock(mutex_);
        entry = &entries_[key];
      }
      std::call_once(entry->once, [&] { entry->value = make(); });
      return entry->value;
    }

   private:
    struct Entry {
      std::once_flag once;
      Value value;
    };
    std::mutex mutex_;
    std::map<Key, Entry> entries_;
  };

  Call call_;
  Call event_call_;
  Cache<std::tuple<std::string, int, bool>, std::vector<Payload>> frames_;
  Cache<std::tuple<std::string, double, double, Concealment, double, OpusToListener, uint64_t>, std::vector<PartScore>>
      library_;
};

}  // namespace byon::quality
