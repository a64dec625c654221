#include "controlplane/sdp/media_types.h"

namespace byon::sdp {

std::string_view ToString(Direction direction) {
  switch (direction) {
    case Direction::kSendRecv: return "sendrecv";
    case Direction::kSendOnly: return "sendonly";
    case Direction::kRecvOnly: return "recvonly";
    case Direction::kInactive: return "inactive";
  }
  return "inactive";
}

Direction Reversed(Direction direction) {
  if (direction == Direction::kSendOnly) return Direction::kRecvOnly;
  if (direction == Direction::kRecvOnly) return Direction::kSendOnly;
  return direction;
}

Direction Intersect(Direction a, Direction b) {
  bool may_send = MaySend(a) && MaySend(b);
  bool may_receive = MayReceive(a) && MayReceive(b);
  if (may_send && may_receive) return Direction::kSendRecv;
  if (may_send) return Direction::kSendOnly;
  return may_receive ? Direction::kRecvOnly : Direction::kInactive;
}

}  // namespace byon::sdp
