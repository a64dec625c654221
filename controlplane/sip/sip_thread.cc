#include "controlplane/sip/sofia.h"
// The library's headers go first: they fix its context types.
#include "controlplane/sip/sip_thread.h"

#include <algorithm>
#include <future>

#include "dataplane/base/check.h"

namespace byon::sip {

using std::chrono::milliseconds;

namespace {

// The library's log lines carry whole messages: numbers, addresses, credentials. None leaves it.
void DropLog(void*, const char*, va_list) {}

}  // namespace

SipThread::SipThread() = default;

SipThread::~SipThread() { BYON_CHECK(!thread_.joinable(), "Stop() was not called"); }

void SipThread::Start() {
  std::promise<void> is_up;
  thread_ = std::thread([this, &is_up] {
    su_init();
    su_log_redirect(nullptr, DropLog, nullptr);
    root_ = su_root_create(this);
    BYON_CHECK(root_ != nullptr, "no event loop");
    su_root_threading(root_, 0);
    timer_ = su_timer_create(su_root_task(root_), 1);
    {
      const std::lock_guard lock(mutex_);
      is_accepting_ = true;
    }
    is_up.set_value();
    su_root_run(root_);
    su_timer_destroy(timer_);
    su_root_destroy(root_);
    root_ = nullptr;
    su_deinit();
  });
  is_up.get_future().wait();
}

void SipThread::Stop(Task last) {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    PostLocked([this, run = std::move(last)] {
      run();
      // What the timers are about is gone; some may be due in this very turn of the loop.
      timers_.clear();
      su_root_break(root_);
    });
    is_accepting_ = false;
  }
  thread_.join();
  tasks_.clear();
}

void SipThread::Post(Task task) {
  const std::lock_guard lock(mutex_);
  if (is_accepting_) PostLocked(std::move(task));
}

void SipThread::PostLocked(Task task) {
  tasks_.push_back(std::move(task));
  if (tasks_.size() > 1) return;  // a wake-up is already on its way
  su_msg_r message = SU_MSG_R_INIT;
  if (su_msg_new(message, sizeof(SipThread*)) != 0) return;
  *static_cast<SipThread**>(su_msg_data(message)) = this;
  su_msg_send_to(message, su_root_task(root_), OnWake);
}

void SipThread::PostAndWait(const Task& task) {
  std::promise<void> is_done;
  Post([&] {
    task();
    is_done.set_value();
  });
  is_done.get_future().wait();
}

void SipThread::OnWake(void*, su_msg_s**, void* argument) { (*static_cast<SipThread**>(argument))->DrainTasks(); }

void SipThread::DrainTasks() {
  std::vector<Task> ready;
  {
    const std::lock_guard lock(mutex_);
    ready.swap(tasks_);
  }
  for (const Task& task : ready) task();
}

SipThread::TimerId SipThread::After(milliseconds delay, Task task) {
  const Clock::time_point deadline = Clock::now() + std::max(delay, milliseconds(0));
  const TimerId id(deadline, ++last_timer_);
  timers_.emplace(id, std::move(task));
  if (timers_.begin()->first == id) ArmTimer();
  return id;
}

void SipThread::Cancel(TimerId id) { timers_.erase(id); }

void SipThread::OnTimer(void*, su_timer_s*, void* argument) { static_cast<SipThread*>(argument)->RunDueTimers(); }

void SipThread::RunDueTimers() {
  const Clock::time_point now = Clock::now();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    auto node = timers_.extract(timers_.begin());
    node.mapped()();
  }
  ArmTimer();
}

void SipThread::ArmTimer() {
  if (timers_.empty()) return;
  const auto wait = std::chrono::ceil<milliseconds>(timers_.begin()->first.first - Clock::now());
  const auto bounded = std::clamp<int64_t>(wait.count(), 1, 3'600'000);
  su_timer_set_interval(timer_, OnTimer, this, bounded);
}

}  // namespace byon::sip
