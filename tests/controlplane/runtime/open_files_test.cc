#include "controlplane/runtime/open_files.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace byon::runtime {
namespace {

const std::vector<OpenFiles> kBeside = {{"webhooks", 600}, {"SIP", 100}};

TEST(OpenFilesTest, SaysWhatIsNeededAndWhatWouldFit) {
  EXPECT_EQ(OpenFilesMistake(300, kBeside, 1000), std::nullopt);
  EXPECT_EQ(
      OpenFilesMistake(301, kBeside, 1000),
      "limits.connections 301 needs 1001 open files with what is open beside them (webhooks 600, SIP 100), and the "
      "system "
      "allows this process 1000: lower it to 300 or less, or raise the limit (LimitNOFILE of systemd, ulimit -n).");
  EXPECT_EQ(OpenFilesMistake(10, kBeside, 709),
            "limits.connections 10 needs 710 open files with what is open beside them (webhooks 600, SIP 100), and the "
            "system "
            "allows this process 709: raise the limit (LimitNOFILE of systemd, ulimit -n).")
      << "no fewer connections are allowed";
}

// In a process of its own: a limit that was lowered stays low.
int InChild(rlim_t soft, rlim_t hard, size_t connections) {
  const pid_t child = fork();
  if (child == 0) {
    const rlimit files{soft, hard};
    if (setrlimit(RLIMIT_NOFILE, &files) != 0) _exit(9);
    if (AskForOpenFiles(connections, kBeside)) _exit(1);
    rlimit given{};
    getrlimit(RLIMIT_NOFILE, &given);
    _exit(given.rlim_cur == std::max<rlim_t>(soft, connections + 700) ? 0 : 2);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(OpenFilesTest, TheLimitIsRaisedAsFarAsNeeded) {
  EXPECT_EQ(InChild(64, 4000, 300), 0);
  EXPECT_EQ(InChild(2000, 4000, 300), 0) << "more than enough stays";
}

}  // namespace
}  // namespace byon::runtime
