#include "controlplane/sip/text/diversion.h"

#include <algorithm>
#include <map>
#include <optional>

#include "controlplane/sip/text/header_text.h"

namespace byon::sip {
namespace {

using call::Diversion;

constexpr size_t kMaxDiversions = 8;
constexpr size_t kMaxEntries = 32;

// RFC 4458 section 4.
Diversion::Reason ReasonOfCause(std::string_view cause) {
  if (cause == "302") return Diversion::Reason::kUnconditional;
  if (cause == "486") return Diversion::Reason::kBusy;
  if (cause == "408") return Diversion::Reason::kNoAnswer;
  if (cause == "480" || cause == "487") return Diversion::Reason::kDeflection;
  if (cause == "503" || cause == "404") return Diversion::Reason::kUnreachable;
  return Diversion::Reason::kUnknown;
}

// RFC 5806 section 3.
Diversion::Reason ReasonOfWord(std::string_view word) {
  if (EqualsIgnoringCase(word, "unconditional")) return Diversion::Reason::kUnconditional;
  if (EqualsIgnoringCase(word, "user-busy")) return Diversion::Reason::kBusy;
  if (EqualsIgnoringCase(word, "no-answer")) return Diversion::Reason::kNoAnswer;
  if (EqualsIgnoringCase(word, "deflection")) return Diversion::Reason::kDeflection;
  if (EqualsIgnoringCase(word, "unavailable") || EqualsIgnoringCase(word, "out-of-service")) {
    return Diversion::Reason::kUnreachable;
  }
  return Diversion::Reason::kUnknown;
}

const std::string kWithheld = "sip:anonymous@anonymous.invalid";

struct DiversionWords {
  const char* cause;   // RFC 4458 section 4
  const char* reason;  // RFC 5806 section 3
};
DiversionWords WordsOf(Diversion::Reason reason) {
  switch (reason) {
    case Diversion::Reason::kUnconditional: return {"302", "unconditional"};
    case Diversion::Reason::kBusy: return {"486", "user-busy"};
    case Diversion::Reason::kNoAnswer: return {"408", "no-answer"};
    case Diversion::Reason::kUnreachable: return {"503", "unavailable"};
    case Diversion::Reason::kDeflection: return {"480", "deflection"};
    case Diversion::Reason::kUnknown: break;
  }
  return {"302", "unknown"};
}

// One hi-entry: the target, how the call came to it, and whether it may be shown.
struct Entry {
  std::string index;
  std::string uri;    // without headers
  std::string cause;  // of the diversion that led here; empty: none did
  std::string from;   // index of who diverted: mp or rc; empty: not said
  bool is_private = false;
};

std::optional<Entry> ReadEntry(const std::string& value) {
  const auto address = ParseNameAddr(value);
  const auto index = address ? address->Parameter("index") : std::nullopt;
  const auto uri = address ? ParseUri(address->uri) : std::nullopt;
  if (!uri || !index) return std::nullopt;
  Entry entry;
  entry.index = *index;
  const size_t headers = address->uri.find('?');
  entry.uri = address->uri.substr(0, headers);
  if (headers != std::string::npos) {
    const std::string text = ToLower(address->uri.substr(headers));
    // Privacy=history, or of the whole identity; the value may be quoted or escaped.
    const size_t privacy = text.find("privacy=");
    entry.is_private = privacy != std::string::npos && text.compare(privacy + 8, 4, "none") != 0;
  }
  entry.cause = UriParameter(*uri, "cause");
  entry.from = address->Parameter("mp").value_or(address->Parameter("rc").value_or(""));
  if (!IsSafeUri(entry.uri)) entry.uri.clear();
  return entry;
}

// The entry that this one was derived from: as it says, else by its index (RFC 7044 section 10.3), else the one before.
const Entry* OriginOf(const std::vector<Entry>& entries, size_t at) {
  const Entry& entry = entries[at];
  const std::string& wanted = entry.from.empty() ? entry.index.substr(0, entry.index.rfind('.')) : entry.from;
  for (size_t i = 0; i < at; ++i) {
    if (entries[i].index == wanted) return &entries[i];
  }
  return at == 0 ? nullptr : &entries[at - 1];
}

std::vector<Entry> ReadEntries(const std::vector<std::string>& values) {
  std::vector<Entry> entries;
  for (const std::string& value : values) {
    if (entries.size() >= kMaxEntries) break;
    if (auto entry = ReadEntry(value)) entries.push_back(std::move(*entry));
  }
  return entries;
}

std::vector<Diversion> OfHistory(const std::vector<std::string>& values) {
  const std::vector<Entry> entries = ReadEntries(values);
  std::vector<Diversion> diversions;
  for (size_t i = 0; i < entries.size() && diversions.size() < kMaxDiversions; ++i) {
    if (entries[i].cause.empty()) continue;
    const Entry* origin = OriginOf(entries, i);
    if (origin == nullptr) continue;
    diversions.push_back({origin->is_private ? "" : origin->uri, ReasonOfCause(entries[i].cause)});
  }
  return diversions;
}

std::vector<Diversion> OfDiversion(const std::vector<std::string>& values) {
  std::vector<Diversion> diversions;
  for (const std::string& value : values) {
    const auto address = ParseNameAddr(value);
    if (!address || diversions.size() >= kMaxDiversions) continue;
    const std::string privacy = address->Parameter("privacy").value_or("off");
    const bool is_shown = EqualsIgnoringCase(privacy, "off") && IsSafeUri(address->uri);
    diversions.push_back({is_shown ? address->uri : "", ReasonOfWord(address->Parameter("reason").value_or(""))});
  }
  // The latest stands on top.
  std::reverse(diversions.begin(), diversions.end());
  return diversions;
}

}  // namespace

std::vector<Diversion> ReadDiversions(const std::vector<std::string>& history_info,
                                      const std::vector<std::string>& diversion) {
  std::vector<Diversion> diversions = OfHistory(history_info);
  return diversions.empty() ? OfDiversion(diversion) : diversions;
}

std::vector<std::string> FormatHistoryInfo(const std::vector<Diversion>& diversions, const std::string& target_uri) {
  std::vector<std::string> values;
  std::string index = "1";
  std::string cause;
  std::string origin;
  const auto add = [&](const std::string& uri) {
    const bool is_shown = IsSafeUri(uri) && uri.find('?') == std::string::npos;
    // The cause stands in the URI that a diversion led to (RFC 4458).
    values.push_back("<" + (is_shown ? uri : kWithheld) + cause + (is_shown ? "" : "?Privacy=history") +
                     ">;index=" + index + (origin.empty() ? "" : ";mp=" + origin));
    origin = index;
    index += ".1";
  };
  for (const Diversion& one : diversions) {
    add(one.uri);
    cause = std::string(";cause=") + WordsOf(one.reason).cause;
  }
  add(target_uri);
  return values;
}

std::vector<std::string> FormatDiversion(const std::vector<Diversion>& diversions) {
  std::vector<std::string> values;
  for (const Diversion& one : diversions) {
    const bool is_shown = IsSafeUri(one.uri);
    values.push_back("<" + (is_shown ? one.uri : kWithheld) + ">;reason=" + WordsOf(one.reason).reason +
                     ";privacy=" + (is_shown ? "off" : "full"));
  }
  std::reverse(values.begin(), values.end());
  return values;
}

std::string ReadDivertedTo(const std::vector<std::string>& history_info) {
  const std::vector<Entry> entries = ReadEntries(history_info);
  const auto last =
      std::find_if(entries.rbegin(), entries.rend(), [](const Entry& entry) { return !entry.cause.empty(); });
  return last == entries.rend() || last->is_private ? std::string() : last->uri;
}

}  // namespace byon::sip
