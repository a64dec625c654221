#include "controlplane/runtime/open_files.h"

#include <sys/resource.h>

#include <algorithm>

namespace byon::runtime {
namespace {

constexpr size_t kFewestConnections = 10;  // as the schema has it

size_t Sum(const std::vector<OpenFiles>& parts) {
  size_t sum = 0;
  for (const OpenFiles& part : parts) sum += part.count;
  return sum;
}

}  // namespace

std::optional<std::string> OpenFilesMistake(size_t connections, const std::vector<OpenFiles>& beside, size_t allowed) {
  const size_t others = Sum(beside);
  if (connections + others <= allowed) return std::nullopt;
  std::string list;
  for (const OpenFiles& part : beside)
    list += (list.empty() ? "" : ", ") + part.what + " " + std::to_string(part.count);
  const std::string lower =
      allowed < others + kFewestConnections ? "" : "lower it to " + std::to_string(allowed - others) + " or less, or ";
  return "limits.connections " + std::to_string(connections) + " needs " + std::to_string(connections + others) +
         " open files with what is open beside them (" + list + "), and the system allows this process " +
         std::to_string(allowed) + ": " + lower + "raise the limit (LimitNOFILE of systemd, ulimit -n).";
}

std::optional<std::string> AskForOpenFiles(size_t connections, const std::vector<OpenFiles>& beside) {
  const rlim_t wanted = connections + Sum(beside);
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= wanted) return std::nullopt;
  rlimit more = files;
  more.rlim_cur = std::min(files.rlim_max, wanted);
  if (setrlimit(RLIMIT_NOFILE, &more) == 0 && more.rlim_cur >= wanted) return std::nullopt;
  more.rlim_cur = more.rlim_max = wanted;  // the privileged may go beyond
  if (setrlimit(RLIMIT_NOFILE, &more) == 0) return std::nullopt;
  return OpenFilesMistake(connections, beside, files.rlim_max);
}

}  // namespace byon::runtime
