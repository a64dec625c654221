#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/store/store.h"

namespace byon::store {

// Reads what an earlier process left, a little at a time: whatever else comes to the strand is dealt with in between.
// On one strand; nothing is called once this is gone or stopped.
class SliceReader {
 public:
  // Leads to the strand, from any thread; null where the store answers on it: all is read when a call returns.
  using Post = std::function<void(std::function<void()>)>;
  using Take = std::function<void(Record& record)>;

  // Of so many at once the strand is not held up for longer than of a few requests.
  static constexpr size_t kSlice = 100;

  // The store outlives it.
  SliceReader(Store& store, Post post) : store_(store), post_(std::move(post)) {}

  // All of a kind in the order of their keys, then `done`. The next page is read while one is taken.
  void ReadAll(Kind kind, Take take, std::function<void()> done) { TakePage(kind, Fetch(kind, ""), take, done); }
  // The same for those of these keys.
  void ReadKeys(Kind kind, std::vector<std::string> keys, Take take, std::function<void()> done);
  // Runs it on the strand, between other things.
  void Later(std::function<void()> task) const { OnStrand()(std::move(task)); }
  void Stop() { *is_alive_ = false; }
  ~SliceReader() { Stop(); }
  SliceReader(const SliceReader&) = delete;
  SliceReader& operator=(const SliceReader&) = delete;

 private:
  // A page that is being read while the one before is taken.
  struct Coming {
    std::optional<Store::Page> page;
    std::function<void(Store::Page)> use;  // whoever waits for it already
  };
  using Records = std::shared_ptr<std::vector<Record>>;
  std::function<void(std::function<void()>)> OnStrand() const;
  std::shared_ptr<Coming> Fetch(Kind kind, std::string after);
  void TakePage(Kind kind, const std::shared_ptr<Coming>& coming, const Take& take, const std::function<void()>& done);
  void TakeSome(const Records& records, size_t first, const Take& take, const std::function<void()>& then);

  Store& store_;
  const Post post_;
  std::shared_ptr<bool> is_alive_ = std::make_shared<bool>(true);  // read and written on the strand only
};

}  // namespace byon::store
