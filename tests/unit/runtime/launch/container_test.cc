// SPDX-License-Identifier: Apache-2.0
// The border between keeper and set-up process: what a holder sees.
#include "runtime/launch/container.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/json.h"
#include "runtime/base/unique_fd.h"
#include "tests/support/oci.h"
#include "tests/support/status_matchers.h"

namespace runtime::launch {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A keeper in small: forks the set-up process and reads what it reports.
class LaunchTest : public testing::Test {
 protected:
  void SetUp() override {
    if (std::string reason = tests::Oci::Missing(); !reason.empty()) {
      GTEST_SKIP() << reason;
    }
    request_.id = oci_.id();
    request_.bundle_dir = oci_.bundle();
    // An overlay whose lower layer is the prepared root.
    request_.lower_dirs = {oci_.rootfs()};
    for (std::string* dir :
         {&request_.upper_dir, &request_.work_dir, &request_.rootfs_dir}) {
      *dir = absl::StrCat(oci_.host(), "/", made_++);
      ASSERT_OK(MakeDirs(*dir));
    }
  }
  void TearDown() override {
    if (init_ > 0) {
      kill(init_, SIGKILL);
      waitpid(init_, nullptr, 0);
    }
    EXPECT_EQ(RemoveCgroups(oci_.cgroup()), 0);
  }

  template <typename Function>
  void Fork(Function function) {
    int reports[2], starts[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, reports),
              0);
    ASSERT_EQ(pipe2(starts, O_CLOEXEC), 0);
    reports_.reset(reports[0]);
    start_.reset(starts[1]);
    pid_t pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      close(reports[0]);
      close(starts[1]);
      function(reports[1], starts[0]);
    }
    setup_ = pid;
    close(reports[1]);
    close(starts[0]);
  }

  void Set() {
    request_.config_json = DumpJson(oci_.config);
    Fork([&](int report, int start) {
      request_.report_fd = report;
      request_.start_fd = start;
      request_.stdout_fd = output_[1];
      RunSetup(request_);
    });
  }

  Report Next() {
    Report report = {};
    ssize_t size = recv(reports_.get(), &report, sizeof(report), 0);
    if (size != static_cast<ssize_t>(sizeof(report))) report.kind = 0;
    return report;
  }
  // Next, and init is remembered.
  Report Outcome() {
    const Report report = Next();
    if (report.kind == Report::kCreated && init_ == 0) init_ = report.pid;
    return report;
  }
  int Reap(pid_t pid) {
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  int ReapInit() {
    int code = Reap(init_);
    init_ = 0;
    return code;
  }

  tests::Oci oci_;
  SetupRequest request_;
  UniqueFd reports_, start_;
  int output_[2] = {-1, -1};
  pid_t setup_ = 0, init_ = 0;
  int made_ = 0;
};

TEST_F(LaunchTest, ReportsCreatedWithItsPhasesThenEndOfFileAtExec) {
  oci_.Script("exit 9");
  Set();
  Report created = Outcome();
  ASSERT_EQ(created.kind, Report::kCreated) << created.text;
  EXPECT_EQ(Reap(setup_), 0);
  std::vector<std::string> phases;
  for (uint32_t i = 0; i < created.phase_count; ++i) {
    phases.push_back(created.phases[i].name);
  }
  EXPECT_THAT(phases, ElementsAre("plan", "limits", "root", "clone", "cgroup",
                                  "mounts"));
  ASSERT_EQ(write(start_.get(), "s", 1), 1);
  EXPECT_EQ(Outcome().kind, 0u);
  // Init is a child of the keeper, not of the set-up process.
  EXPECT_EQ(ReapInit(), 9);
}

TEST_F(LaunchTest, WritesGoToTheUpperDirectory) {
  oci_.Script("echo x > /new; rm /bin/yes");
  Set();
  ASSERT_EQ(Outcome().kind, Report::kCreated);
  ASSERT_EQ(write(start_.get(), "s", 1), 1);
  EXPECT_EQ(ReapInit(), 0);
  EXPECT_TRUE(Exists(request_.upper_dir + "/new"));
  EXPECT_FALSE(Exists(oci_.rootfs() + "/new"));
  EXPECT_TRUE(Exists(oci_.rootfs() + "/bin/yes"));
  EXPECT_THAT(ListDir(request_.rootfs_dir).value(), testing::IsEmpty());
  Reap(setup_);
}

TEST_F(LaunchTest, ManyLayersWithLongPathsFit) {
  std::string deep = oci_.host() + "/" + std::string(120, 'l');
  for (int i = 0; i < 120; ++i) {
    std::string layer = absl::StrCat(deep, "/layer", i);
    ASSERT_OK(MakeDirs(layer));
    ASSERT_OK(WriteFileAtomic(absl::StrCat(layer, "/f", i), "x", 0644));
    request_.lower_dirs.insert(request_.lower_dirs.begin(), layer);
  }
  oci_.Script("test $(ls -d /f* | wc -l) = 120");
  Set();
  Report created = Outcome();
  ASSERT_EQ(created.kind, Report::kCreated) << created.text;
  ASSERT_EQ(write(start_.get(), "s", 1), 1);
  EXPECT_EQ(ReapInit(), 0);
  Reap(setup_);
}

TEST_F(LaunchTest, ACommandThatCannotExecIsReportedAfterStart) {
  oci_.config["process"]["args"] = {"/nope"};
  Set();
  ASSERT_EQ(Outcome().kind, Report::kCreated);
  ASSERT_EQ(write(start_.get(), "s", 1), 1);
  Report failed = Outcome();
  EXPECT_EQ(failed.kind, Report::kFailed);
  EXPECT_EQ(failed.error, ENOENT);
  EXPECT_STREQ(failed.text, "exec /nope: No such file or directory");
  ReapInit();
  Reap(setup_);
}

TEST_F(LaunchTest, AFailureNamesTheMount) {
  oci_.Mount("/data", "bind", "/no/such/place", {"rbind"});
  Set();
  Report failed = Outcome();
  EXPECT_EQ(failed.kind, Report::kFailed);
  EXPECT_STREQ(failed.text,
               "mount /data: bind /no/such/place: No such file or directory");
  while (waitpid(-1, nullptr, 0) > 0) {
  }
}

TEST_F(LaunchTest, InitEndsWhenItsKeeperIsGone) {
  oci_.Script("echo ran > /ran");
  Set();
  ASSERT_EQ(Outcome().kind, Report::kCreated);
  Reap(setup_);
  start_.reset();
  EXPECT_EQ(ReapInit(), 0);
  EXPECT_FALSE(Exists(request_.upper_dir + "/ran"));
}

TEST_F(LaunchTest, ExecsAreChildrenOfTheKeeperInTheContainer) {
  oci_.Script("exec sleep 1000");
  Set();
  ASSERT_EQ(Outcome().kind, Report::kCreated);
  Reap(setup_);
  ASSERT_EQ(write(start_.get(), "s", 1), 1);
  ASSERT_EQ(Outcome().kind, 0u);
  const spec::Config config = spec::Parse(request_.config_json).value();
  absl::StatusOr<ExecTarget> target = FindExecTarget(
      init_, config.linux_section.cgroups_path, cgroup::Detect().value());
  ASSERT_OK(target);
  ExecRequest request;
  request.target = &*target;
  request.config = &config;
  request.process_json =
      R"({"args":["sh","-c","test $(cat /proc/1/comm) = sleep && exit 4"],"cwd":"/"})";
  for (int i = 0; i < 2; ++i) {
    int reports[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, reports),
              0);
    reports_.reset(reports[0]);
    request.report_fd = reports[1];
    absl::StatusOr<ExecStarted> started = StartExec(request);
    close(reports[1]);
    ASSERT_OK(started);
    EXPECT_FALSE(started->terminal);
    const Report report = Outcome();
    EXPECT_EQ(report.kind, 0u) << report.text;
    EXPECT_EQ(Reap(started->pid), 4);
  }
  // What this process forks next is not the container's.
  std::error_code error;
  EXPECT_EQ(
      std::filesystem::read_symlink("/proc/self/ns/pid_for_children", error),
      std::filesystem::read_symlink("/proc/self/ns/pid", error));
}

TEST_F(LaunchTest, KillCgroupEndsTheContainer) {
  oci_.Script("sleep 1000 & sleep 1000");
  Set();
  ASSERT_EQ(Outcome().kind, Report::kCreated);
  Reap(setup_);
  ASSERT_EQ(write(start_.get(), "s", 1), 1);
  ASSERT_EQ(Outcome().kind, 0u);
  EXPECT_EQ(OomKills(oci_.cgroup()), 0);
  EXPECT_EQ(KillCgroup(oci_.cgroup(), SIGKILL), 0);
  EXPECT_EQ(ReapInit(), 128 + SIGKILL);
}

TEST_F(LaunchTest, PhasesTakeLittleTime) {
  // Prints a breakdown for whoever tunes; asserts only that it adds up. As in a
  // pod: network, IPC and UTS namespaces are the holder's.
  Json& namespaces = oci_.config["linux"]["namespaces"];
  namespaces = {{{"type", "pid"}}, {{"type", "mount"}}, {{"type", "cgroup"}}};
  oci_.Script("true");
  Set();
  uint64_t total = 0;
  const Report report = Outcome();
  ASSERT_EQ(report.kind, Report::kCreated);
  std::string line;
  for (const Report::Phase& phase : report.phases) {
    absl::StrAppend(&line, phase.name, " ", phase.nanoseconds / 1000, " us  ");
    total += phase.nanoseconds;
  }
  EXPECT_EQ(report.phase_count, 6u);
  std::printf("phases: %s\n", line.c_str());
  EXPECT_LT(total, 5'000'000'000u);
  Reap(setup_);
}

}  // namespace
}  // namespace runtime::launch
