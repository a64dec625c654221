#pragma once

#include <memory>
#include <span>

#include "controlplane/http/request_target.h"

struct ev_io;
struct ev_loop;
struct lws;

namespace byon::http {

// Looks at a connection's request lines before the library does, which closes without a word what RequestTarget
// refuses, or takes a decoded line end for the end of the line: such a request is answered with 400 and its
// connection ends. The library is held back until the line is whole: it would read on between two looks.
// What comes while another request is being answered is in the library before it can be looked at; it is judged
// by what the library has read (IsRequestLineSound).
class RequestLineGuard {
 public:
  // Looks until Pause(); `connection` is closed by the library, this must end before or with it.
  RequestLineGuard(ev_loop* loop, lws* connection, bool has_tls);
  ~RequestLineGuard();
  RequestLineGuard(const RequestLineGuard&) = delete;
  RequestLineGuard& operator=(const RequestLineGuard&) = delete;

  // The library has a whole request.
  void Pause();
  // The request was answered: what comes now begins another.
  void Resume();

 private:
  void LookAtWhatCame();
  // What lies there, without taking it; nothing as yet: 0, the end: -1.
  int Peek(std::span<char> bytes) const;
  // Until there is more than `size` bytes.
  void WaitForMoreThan(int size);
  void HoldTheLibrary();
  void LeaveToTheLibrary();
  void Refuse();
  // The rest of a refused request: closing on it would take the answer back (RFC 9112 section 9.6).
  void DropWhatCame();

  ev_loop* const loop_;
  lws* const connection_;
  const bool has_tls_;
  std::unique_ptr<ev_io> readable_;
  RequestTarget target_;
  int seen_bytes_ = 0;
  bool is_library_held_ = false;
  bool is_refused_ = false;
};

}  // namespace byon::http
