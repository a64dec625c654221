#include "controlplane/store/slice_reader.h"

#include <algorithm>

namespace byon::store {

std::function<void(std::function<void()>)> SliceReader::OnStrand() const {
  return [is_alive = is_alive_, post = post_](std::function<void()> task) {
    auto run = [is_alive, task = std::move(task)] {
      if (*is_alive) task();
    };
    post ? post(std::move(run)) : run();
  };
}

void SliceReader::ReadKeys(Kind kind, std::vector<std::string> keys, Take take, std::function<void()> done) {
  store_.ReadKeys(kind, std::move(keys),
                  [this, run = OnStrand(), take = std::move(take), done = std::move(done)](std::vector<Record> found) {
                    auto records = std::make_shared<std::vector<Record>>(std::move(found));
                    run([this, records, take, done] { TakeSome(records, 0, take, done); });
                  });
}

std::shared_ptr<SliceReader::Coming> SliceReader::Fetch(Kind kind, std::string after) {
  auto coming = std::make_shared<Coming>();
  store_.ReadPage(kind, std::move(after), [coming, run = OnStrand()](Store::Page page) {
    run([coming, page = std::move(page)]() mutable {
      if (coming->use) return coming->use(std::move(page));
      coming->page = std::move(page);
    });
  });
  return coming;
}

void SliceReader::TakePage(Kind kind, const std::shared_ptr<Coming>& coming, const Take& take,
                           const std::function<void()>& done) {
  auto use = [this, kind, take, done](Store::Page page) {
    const auto next = page.next ? Fetch(kind, std::move(*page.next)) : nullptr;
    auto records = std::make_shared<std::vector<Record>>(std::move(page.records));
    TakeSome(records, 0, take, [this, kind, take, done, next] { next ? TakePage(kind, next, take, done) : done(); });
  };
  if (!coming->page) {
    coming->use = std::move(use);
    return;
  }
  Later([coming, use = std::move(use)] { use(std::move(*coming->page)); });
}

void SliceReader::TakeSome(const Records& records, size_t first, const Take& take, const std::function<void()>& then) {
  const size_t end = std::min(first + kSlice, records->size());
  for (size_t i = first; i < end; ++i) take((*records)[i]);
  if (end == records->size()) return then();
  Later([this, records, end, take, then] { TakeSome(records, end, take, then); });
}

}  // namespace byon::store
