#pragma once

#include <string>

#include "dataplane/base/result.h"
#include "dataplane/pipeline/audio_clip.h"

namespace byon::config {

// All of a node's announcements together: what ten minutes take, 86 MB, six times.
inline constexpr size_t kMaxAnnouncementSeconds = 3600;

// Reads every *.wav of a directory; an announcement's name is its file's without the ending, of
// 1 to 64 letters, digits, "_" and "-". An empty path gives none. The error names each file that
// cannot be used, one sentence a line.
base::Result<pipeline::AnnouncementSet, std::string> ReadAnnouncements(const std::string& directory);

}  // namespace byon::config
