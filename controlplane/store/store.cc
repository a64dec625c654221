#include "controlplane/store/store.h"

#include <future>
#include <memory>

namespace byon::store {

// The next page is read while this one is visited.
void Store::ForEach(Kind kind, const std::function<void(Record)>& visit) {
  const auto read = [this, kind](std::string after) {
    auto promise = std::make_shared<std::promise<Page>>();
    auto page = promise->get_future();
    ReadPage(kind, std::move(after), [promise](Page loaded) { promise->set_value(std::move(loaded)); });
    return page;
  };
  auto coming = read("");
  while (true) {
    Page page = coming.get();
    if (page.next) coming = read(*page.next);
    for (Record& record : page.records) visit(std::move(record));
    if (!page.next) return;
  }
}

}  // namespace byon::store
