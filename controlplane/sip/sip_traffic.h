#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace byon::sip {

enum class TrafficDirection : uint8_t { kSent, kReceived };

// Why the stack gave an answer of its own to a request of ours.
enum class NoAnswer : uint8_t { kTimeout, kTransport };

// Requests and responses by method and status, and how long the first response took. What a peer names never becomes a
// label: other methods and unregistered statuses are counted together. Retransmissions are not counted. Written by the
// SIP threads, read by anyone.
class SipTraffic {
 public:
  // IANA's methods, and "other" as the last.
  static std::span<const std::string_view> Methods();
  static size_t MethodIndex(std::string_view method);
  // IANA's response codes and, for others of a class, "1xx" to "6xx".
  static std::span<const std::string_view> Statuses();
  static size_t StatusIndex(int status);
  // Upper bounds of the buckets in seconds; one more bucket is for all beyond.
  static std::span<const double> Bounds();
  static constexpr size_t kBounds = 13;

  void CountRequest(TrafficDirection direction, size_t method) { Add(Of(direction).requests[method]); }
  void CountResponse(TrafficDirection direction, size_t method, int status) {
    Add(Of(direction).responses[method][StatusIndex(status)]);
  }
  void CountNoAnswer(size_t method, NoAnswer cause) { Add(no_answers_[static_cast<size_t>(cause)][method]); }
  // From a request of ours to its first response, 100 included.
  void CountRoundTrip(size_t method, std::chrono::microseconds time);

  uint64_t Requests(TrafficDirection direction, size_t method) const { return Get(Of(direction).requests[method]); }
  uint64_t Responses(TrafficDirection direction, size_t method, size_t status) const {
    return Get(Of(direction).responses[method][status]);
  }
  uint64_t NoAnswers(size_t method, NoAnswer cause) const {
    return Get(no_answers_[static_cast<size_t>(cause)][method]);
  }
  struct RoundTrips {
    std::array<uint64_t, kBounds + 1> counts{};  // by bucket, not summed up
    double sum_s = 0;
  };
  RoundTrips RoundTripsOf(size_t method) const;

  static constexpr size_t kMethods = 15;
  static constexpr size_t kStatuses = 81;

 private:
  using Count = std::atomic<uint64_t>;
  static void Add(Count& count, uint64_t n = 1) { count.fetch_add(n, std::memory_order_relaxed); }
  static uint64_t Get(const Count& count) { return count.load(std::memory_order_relaxed); }
  struct OneWay {
    std::array<Count, kMethods> requests{};
    std::array<std::array<Count, kStatuses>, kMethods> responses{};
  };
  OneWay& Of(TrafficDirection direction) { return ways_[static_cast<size_t>(direction)]; }
  const OneWay& Of(TrafficDirection direction) const { return ways_[static_cast<size_t>(direction)]; }

  std::array<OneWay, 2> ways_{};
  std::array<std::array<Count, kMethods>, 2> no_answers_{};
  std::array<std::array<Count, kBounds + 1>, kMethods> round_trips_{};
  std::array<Count, kMethods> round_trip_us_{};
};

}  // namespace byon::sip
