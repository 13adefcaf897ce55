// SPDX-License-Identifier: Apache-2.0
#include "tests/support/oci.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "runtime/base/spawn.h"
#include "runtime/base/unique_fd.h"
#include "runtime/cgroup/layout.h"

namespace tests {
namespace {

using runtime::Json;

constexpr char kCgroupParent[] = "/coracle-test-oci";

std::string ReadBack(int fd) {
  lseek(fd, 0, SEEK_SET);
  return runtime::ReadFd(fd, "output", 64 << 20).value_or("");
}

Json BaseConfig(const std::string& cgroup) {
  const std::vector<std::string> caps = {"CAP_CHOWN",  "CAP_DAC_OVERRIDE",
                                         "CAP_SETUID", "CAP_SETGID",
                                         "CAP_KILL",   "CAP_MKNOD"};
  Json config = Json::object();
  config["ociVersion"] = "1.0.2";
  config["process"] = {
      {"user", {{"uid", 0}, {"gid", 0}}},
      {"args", {"/bin/sh", "-c", "true"}},
      {"env", {"PATH=/bin"}},
      {"cwd", "/"},
      {"noNewPrivileges", true},
      {"capabilities",
       {{"bounding", caps}, {"effective", caps}, {"permitted", caps}}}};
  config["root"] = {{"path", "rootfs"}};
  config["hostname"] = "boat";
  config["mounts"] = Json::array();
  config["linux"] = {
      {"cgroupsPath", cgroup},
      {"resources", {{"devices", {{{"allow", false}, {"access", "rwm"}}}}}},
      {"maskedPaths", {"/proc/kcore", "/proc/keys", "/sys/firmware"}},
      {"readonlyPaths", {"/proc/sys", "/proc/sysrq-trigger"}}};
  for (const char* type : {"pid", "network", "ipc", "uts", "mount", "cgroup"}) {
    config["linux"]["namespaces"].push_back({{"type", type}});
  }
  return config;
}

}  // namespace

std::string Trim(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) {
    text.pop_back();
  }
  return text;
}

Output RunProgram(const std::vector<std::string>& args,
                  const std::string& input) {
  runtime::UniqueFd in(memfd_create("in", MFD_CLOEXEC));
  runtime::UniqueFd out(memfd_create("out", MFD_CLOEXEC));
  runtime::UniqueFd err(memfd_create("err", MFD_CLOEXEC));
  EXPECT_TRUE(runtime::WriteAll(in.get(), input, "input").ok());
  lseek(in.get(), 0, SEEK_SET);
  const std::vector<char*> argv = runtime::Pointers(args);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.get(), 0);
  posix_spawn_file_actions_adddup2(&actions, out.get(), 1);
  posix_spawn_file_actions_adddup2(&actions, err.get(), 2);
  pid_t pid = -1;
  int error =
      posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  Output output;
  if (error != 0) {
    ADD_FAILURE() << "cannot run " << args[0];
    return output;
  }
  int status = 0;
  waitpid(pid, &status, 0);
  output.code =
      WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  output.out = ReadBack(out.get());
  output.err = ReadBack(err.get());
  return output;
}

std::string Oci::Missing() {
  if (geteuid() != 0) return "making containers needs root";
  static const Output made = RunProgram({BUSYBOX_ROOTFS});
  if (made.code != 0) return Trim(made.err);
  return "";
}

Oci::Oci() {
  static int counter = 0;
  id_ = absl::StrCat("t", getpid(), "-", counter++);
  cgroup_ = absl::StrCat(kCgroupParent, "/", id_);
  config = BaseConfig(cgroup_);
  Mount("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"});
  Mount("/dev", "tmpfs", "tmpfs", {"nosuid", "mode=755", "size=65536k"});
  Mount("/dev/pts", "devpts", "devpts",
        {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"});
  Mount("/dev/shm", "tmpfs", "shm",
        {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"});
  Mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"});
  Mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"});
  Mount("/sys/fs/cgroup", "cgroup", "cgroup",
        {"nosuid", "noexec", "nodev", "relatime", "ro"});
  EXPECT_TRUE(runtime::MakeDirs(bundle()).ok());
  EXPECT_TRUE(runtime::MakeDirs(host()).ok());
  std::string source = Trim(RunProgram({BUSYBOX_ROOTFS}).out);
  Output copy = RunProgram({"cp", "-a", source, rootfs()});
  EXPECT_EQ(copy.code, 0) << copy.err;
}

Oci::~Oci() {
  Call({"delete", "--force", id_});
  absl::StatusOr<runtime::cgroup::Layout> layout = runtime::cgroup::Detect();
  if (!layout.ok()) return;
  for (const auto& hierarchy : layout->hierarchies) {
    // The last container of all tests takes the parent along.
    rmdir(absl::StrCat(hierarchy.mount_point, kCgroupParent).c_str());
  }
}

void Oci::Script(const std::string& script) {
  config["process"]["args"] = {"/bin/sh", "-c", script};
}

Output Oci::Call(std::vector<std::string> args) {
  std::vector<std::string> words = {CORACLE_OCI, "--root", dir_ / "state"};
  words.insert(words.end(), args.begin(), args.end());
  return RunProgram(words);
}

void Oci::WriteConfig() {
  EXPECT_TRUE(runtime::WriteFileAtomic(dir_ / "bundle/config.json",
                                       runtime::DumpJson(config))
                  .ok());
}

Output Oci::Run() {
  WriteConfig();
  return Call({"run", "--bundle", bundle(), id_});
}

Output Oci::Start() {
  WriteConfig();
  Output created = Call({"create", "--bundle", bundle(), id_});
  if (created.code != 0) return created;
  return Call({"start", id_});
}

Output Oci::Exec(const std::string& script, std::vector<std::string> flags) {
  std::vector<std::string> words = {"exec"};
  words.insert(words.end(), flags.begin(), flags.end());
  words.insert(words.end(), {id_, "/bin/sh", "-c", script});
  return Call(words);
}

std::string Oci::Status() {
  Output state = Call({"state", id_});
  if (state.code != 0) return Trim(state.err);
  absl::StatusOr<Json> json = runtime::ParseJson(state.out, "state");
  return json.ok() ? runtime::StringAt(*json, "status") : state.out;
}

void Oci::Mount(const std::string& destination, const std::string& type,
                const std::string& source, std::vector<std::string> options) {
  config["mounts"].push_back({{"destination", destination},
                              {"type", type},
                              {"source", source},
                              {"options", options}});
}

std::string Oci::CgroupFile(const std::string& controller,
                            const std::string& file) {
  absl::StatusOr<runtime::cgroup::Layout> layout = runtime::cgroup::Detect();
  if (!layout.ok()) return "";
  const runtime::cgroup::Hierarchy* hierarchy =
      layout->v2 ? layout->Unified() : layout->Find(controller);
  if (hierarchy == nullptr) return "";
  return Trim(runtime::ReadFile(
                  absl::StrCat(hierarchy->mount_point, cgroup_, "/", file))
                  .value_or(""));
}

}  // namespace tests
