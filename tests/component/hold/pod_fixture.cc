// SPDX-License-Identifier: Apache-2.0
#include "tests/component/hold/pod_fixture.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"

namespace tests {

using runtime::Json;

namespace {

constexpr char kImageScript[] = R"sh(
set -e; cd "$1"; mkdir -p bin lib lib64 proc dev sys tmp etc usr
ln -s ../bin usr/bin; ln -s ../lib usr/lib
for tool in dash sleep cat head ps id hostname true kill setsid dd tail ls stty ln mkdir rm; do
  path=/usr/bin/$tool; [ -e $path ] || path=/bin/$tool
  cp -L "$path" bin/$tool
  ldd "$path" | grep -o '/[^ ]*' | while read lib; do
    mkdir -p ".$(dirname $lib)"; cp -nL "$lib" ".$lib"
  done
done
ln -sf dash bin/sh
)sh";

// Directories below `path` whose name contains `name`.
void FindDirs(const std::string& path, const std::string& name, int depth,
              std::vector<std::string>* found) {
  DIR* dir = opendir(path.c_str());
  if (dir == nullptr) return;
  while (dirent* entry = readdir(dir)) {
    std::string below = entry->d_name;
    if (entry->d_type != DT_DIR || below == "." || below == "..") continue;
    below = absl::StrCat(path, "/", entry->d_name);
    if (absl::StrContains(entry->d_name, name)) {
      found->push_back(below);
    } else if (depth > 0) {
      FindDirs(below, name, depth - 1, found);
    }
  }
  closedir(dir);
}

}  // namespace

TempDir* PodTest::image_ = nullptr;

void PodTest::SetUpTestSuite() {
  image_ = new TempDir();
  std::string script = *image_ / "make";
  ASSERT_THAT(runtime::WriteFileAtomic(script, kImageScript), IsOk());
  ASSERT_EQ(system(absl::StrCat("sh ", script, " ", image_->path()).c_str()),
            0);
}

void PodTest::TearDownTestSuite() { delete image_; }

void PodTest::SetUp() {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to make namespaces";
  char path[] = "/tmp/r2-pod-XXXXXX";
  ASSERT_NE(mkdtemp(path), nullptr);
  dir_ = path;
  name_ = dir_.substr(5);
  Restart();
}

void PodTest::TearDown() {
  if (handler_ == nullptr) return;
  for (const std::string& id : sandboxes_) {
    EXPECT_THAT(handler_->RemoveSandbox(id), IsOk());
  }
  handler_.reset();
  EXPECT_THAT(runtime::StopLauncher(dir_ + "/state"), IsOk());
  Traces traces = FindTraces();
  EXPECT_THAT(LeftProcesses(), ::testing::IsEmpty());
  EXPECT_THAT(traces.mounts, ::testing::IsEmpty());
  std::vector<std::string> containers;
  FindDirs("/sys/fs/cgroup", name_ + "-c", 3, &containers);
  EXPECT_THAT(containers, ::testing::IsEmpty());
  for (const std::string& path : traces.cgroups) rmdir(path.c_str());
  EXPECT_THAT(runtime::RemoveTree(dir_), IsOk());
}

void PodTest::Restart() {
  handler_.reset();
  news_ = std::make_unique<News>();
  handler_ = runtime::MakeBuiltinHandler(
      {.state_dir = dir_ + "/state", .launcher_binary = CORACLE_OCI});
  handler_->SetRuntimes(runtimes_);
  handler_->SetListener(news_->Listener());
  auto found = handler_->Recover();
  ASSERT_THAT(found, IsOk());
  found_ = *found;
}

runtime::SandboxState PodTest::StartSandbox(
    const std::string& id, bool share_pid, const runtime::ns::IdMaps& id_maps) {
  runtime::SandboxOptions options;
  options.id = id;
  options.handler = runtime_name_;
  options.hostname = "pod-" + id;
  options.share_pid = share_pid;
  options.id_maps = id_maps;
  options.sysctls = {{"kernel.shm_rmid_forced", "1"},
                     {"net.ipv4.ip_unprivileged_port_start", "7"}};
  sandboxes_.push_back(id);
  auto state = handler_->StartSandbox(options);
  EXPECT_THAT(state, IsOk());
  return state.value_or(runtime::SandboxState());
}

Json PodTest::Config(const std::string& id, const std::string& script) {
  Json caps = {"CAP_KILL", "CAP_CHOWN", "CAP_SETUID", "CAP_SETGID"};
  return {{"ociVersion", "1.1.0"},
          {"process",
           {{"args", {"/bin/sh", "-c", script}},
            {"cwd", "/"},
            {"env", {"PATH=/bin"}},
            {"user", {{"uid", 0}, {"gid", 0}}},
            {"noNewPrivileges", true},
            {"capabilities",
             {{"bounding", caps}, {"effective", caps}, {"permitted", caps}}}}},
          {"root", {{"path", "rootfs"}}},
          {"mounts",
           {{{"destination", "/proc"}, {"type", "proc"}, {"source", "proc"}},
            {{"destination", "/dev"},
             {"type", "tmpfs"},
             {"source", "tmpfs"},
             {"options", {"nosuid", "mode=755", "size=65536k"}}}}},
          {"linux",
           {{"cgroupsPath", absl::StrCat("/", name_, "/", name_, "-c-", id)},
            {"namespaces", {{{"type", "pid"}}, {{"type", "mount"}}}},
            {"resources", {{"pids", {{"limit", 100}}}}}}}};
}

absl::StatusOr<runtime::ContainerState> PodTest::Create(
    const std::string& sandbox, const std::string& id, const Json& config,
    bool stdin_open) {
  runtime::ContainerOptions options;
  options.stdin_open = stdin_open;
  return Create(sandbox, id, config, std::move(options));
}

absl::StatusOr<runtime::ContainerState> PodTest::Create(
    const std::string& sandbox, const std::string& id, const Json& config,
    runtime::ContainerOptions options) {
  options.sandbox_id = sandbox;
  options.id = id;
  options.oci_config = runtime::DumpJson(config);
  std::string base = absl::StrCat(dir_, "/c/", id);
  options.lower_dirs = {image_->path()};
  options.upper_dir = base + "/upper";
  options.work_dir = base + "/work";
  options.rootfs_dir = base + "/rootfs";
  for (const std::string& path :
       {options.upper_dir, options.work_dir, options.rootfs_dir}) {
    EXPECT_THAT(runtime::MakeDirs(path), IsOk());
  }
  options.log_path = LogPath(id);
  options.tty = runtime::BoolAt(runtime::At(config, "process"), "terminal");
  return handler_->CreateContainer(options);
}

runtime::ContainerState PodTest::Run(const std::string& sandbox,
                                     const std::string& id,
                                     const std::string& script) {
  EXPECT_THAT(Create(sandbox, id, Config(id, script)), IsOk());
  auto state = handler_->StartContainer(sandbox, id);
  EXPECT_THAT(state, IsOk());
  return state.value_or(runtime::ContainerState());
}

std::string PodTest::LogPath(const std::string& id) const {
  return absl::StrCat(dir_, "/log/", id, "/0.log");
}

std::string PodTest::Log(const std::string& id) const {
  std::string result;
  std::string data = runtime::ReadFile(LogPath(id)).value_or("");
  for (absl::string_view line : absl::StrSplit(data, '\n', absl::SkipEmpty())) {
    if (line.size() > 31) absl::StrAppend(&result, line.substr(31), "\n");
  }
  return result;
}

Traces PodTest::FindTraces() const {
  Traces traces;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    int pid;
    std::string file = entry.path().filename();
    if (!absl::SimpleAtoi(file, &pid)) continue;
    std::string cgroup =
        runtime::ReadFile(absl::StrCat("/proc/", pid, "/cgroup")).value_or("");
    if (absl::StrContains(cgroup, name_)) traces.processes.push_back(file);
  }
  FindDirs("/sys/fs/cgroup", name_, 2, &traces.cgroups);
  std::string mounts = runtime::ReadFile("/proc/self/mountinfo").value_or("");
  for (absl::string_view line : absl::StrSplit(mounts, '\n')) {
    if (absl::StrContains(line, dir_)) traces.mounts.emplace_back(line);
  }
  return traces;
}

std::vector<std::string> PodTest::LeftProcesses() const {
  absl::Time deadline = absl::Now() + absl::Seconds(10);
  std::vector<std::string> left;
  do {
    left = FindTraces().processes;
    if (!left.empty()) absl::SleepFor(absl::Milliseconds(2));
  } while (!left.empty() && absl::Now() < deadline);
  return left;
}

int64_t PodTest::PrivateMemory(pid_t pid) {
  std::string text =
      runtime::ReadFile(absl::StrCat("/proc/", pid, "/smaps_rollup"))
          .value_or("");
  int64_t total = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!absl::StartsWith(line, "Private_")) continue;
    std::vector<absl::string_view> words =
        absl::StrSplit(line, ' ', absl::SkipEmpty());
    int64_t kilobytes = 0;
    if (words.size() > 1 && absl::SimpleAtoi(words[1], &kilobytes)) {
      total += kilobytes;
    }
  }
  return total;
}

}  // namespace tests
