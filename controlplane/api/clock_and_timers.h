#pragma once

#include <chrono>
#include <functional>

#include "controlplane/gateway/timers.h"

namespace byon::api {

using WallTime = std::chrono::system_clock::time_point;
using Clock = std::function<WallTime()>;
using Timers = gateway::Timers;

}  // namespace byon::api
