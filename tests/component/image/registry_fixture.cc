// SPDX-License-Identifier: Apache-2.0
#include "tests/component/image/registry_fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "cri/image/digest.h"
#include "runtime/base/file.h"
#include "runtime/base/spawn.h"
#include "runtime/base/unique_fd.h"
#include "tests/support/status_matchers.h"

extern char** environ;

namespace cri::image {
namespace {

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

pid_t Spawn(const std::vector<std::string>& args, const std::string& log) {
  const std::vector<char*> argv = ::runtime::Pointers(args);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t pid = 0;
  if (posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ) !=
      0) {
    pid = -1;
  }
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

bool Answers(int port) {
  runtime::UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = Loopback(port);
  return connect(fd.get(), reinterpret_cast<sockaddr*>(&address),
                 sizeof address) == 0;
}

}  // namespace

int FreePort() {
  runtime::UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

bool RunProgram(const std::vector<std::string>& args) {
  pid_t pid = Spawn(args, "/dev/stderr");
  if (pid < 0) return false;
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void RegistryTest::SetUp() {
  if (getuid() != 0) GTEST_SKIP() << "needs root: layers carry owners";
  for (const char* program : {"/usr/bin/docker-registry", "/usr/bin/skopeo"}) {
    if (!runtime::Exists(program)) GTEST_SKIP() << program << " is missing";
  }
  port_ = FreePort();
  const std::string config = dir_ / "registry.yml";
  ASSERT_OK(runtime::WriteFileAtomic(
      config,
      absl::StrCat("version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: ",
                   dir_ / "storage", "\nhttp:\n  addr: 127.0.0.1:", port_,
                   "\n")));
  registry_ = Spawn({"docker-registry", "serve", config}, dir_ / "log");
  ASSERT_GT(registry_, 0);
  const absl::Time limit = absl::Now() + absl::Seconds(20);
  while (!Answers(port_)) {
    ASSERT_LT(absl::Now(), limit) << "docker-registry does not answer";
    absl::SleepFor(absl::Milliseconds(20));
  }
  OpenStore();
}

void RegistryTest::StopRegistry() {
  if (registry_ <= 0) return;
  kill(registry_, SIGKILL);
  waitpid(registry_, nullptr, 0);
  registry_ = 0;
}

void RegistryTest::TearDown() {
  store_.reset();
  StopRegistry();
}

std::string RegistryTest::Name(const std::string& name) const {
  return absl::StrCat("127.0.0.1:", port_, "/", name);
}

void RegistryTest::Push(ImageBuilder* builder, const std::string& name) {
  const std::string layout = dir_ / absl::StrCat("layout", pushed_++);
  builder->Write(layout, "x:1");
  ASSERT_TRUE(RunProgram({"skopeo", "copy", "-q", "--preserve-digests",
                          "--dest-tls-verify=false",
                          absl::StrCat("oci:", layout, ":x:1"),
                          absl::StrCat("docker://", Name(name))}))
      << "skopeo copy to " << Name(name);
}

void RegistryTest::WriteHosts(const std::string& host,
                              const std::string& text) {
  const std::string path = dir_ / ("certs.d/" + host);
  ASSERT_OK(runtime::MakeDirs(path));
  ASSERT_OK(runtime::WriteFileAtomic(path + "/hosts.toml", text));
}

void RegistryTest::OpenStore(int parallel) {
  store_.reset();
  ASSERT_OK_AND_ASSIGN(
      store_, OpenImageStore({dir_ / "root", dir_ / "certs.d", parallel}));
}

std::string RegistryTest::BlobFile(const std::string& digest) const {
  const std::string hex(Hex(digest));
  return dir_ / absl::StrCat("storage/docker/registry/v2/blobs/sha256/",
                             hex.substr(0, 2), "/", hex, "/data");
}

}  // namespace cri::image
