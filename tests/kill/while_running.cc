// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/file.h"
#include "tests/kill/operation.h"

namespace tests::kill {
namespace {

namespace fs = std::filesystem;

constexpr char kMoreAddresses[] = ",fd00:6b69:6c6c::/64";
// Of both versions of cgroups.
constexpr const char* kLimits[] = {"memory.limit_in_bytes",
                                   "cpu.shares",
                                   "cpu.cfs_quota_us",
                                   "cpu.cfs_period_us",
                                   "cpuset.cpus",
                                   "memory.max",
                                   "cpu.weight",
                                   "cpu.max"};

v1::LinuxContainerResources Limits(int64_t megabytes, int64_t shares,
                                   int64_t quota, int64_t period) {
  v1::LinuxContainerResources limits;
  limits.set_memory_limit_in_bytes(megabytes << 20);
  limits.set_cpu_shares(shares);
  limits.set_cpu_quota(quota);
  limits.set_cpu_period(period);
  return limits;
}

// A container that runs, and goes on however often the server dies.
class Running {
 public:
  explicit Running(Subject& subject) : s_(subject) {}

  Operation UpdateContainer();
  Operation UpdatePod();
  Operation UpdateRuntimeConfig();
  Operation ReopenLog();
  Operation Exec();
  Operation Checkpoint();

 private:
  struct Kept {
    int64_t started_at = 0;
    std::string processes;
  };
  // Limits as the client says and as the kernel does.
  struct View {
    v1::LinuxContainerResources status;
    std::string kernel;
    bool operator==(const View& other) const {
      return kernel == other.kernel &&
             status.SerializeAsString() == other.status.SerializeAsString();
    }
    std::string Text() const {
      return absl::StrCat(status.ShortDebugString(), kernel);
    }
  };

  v1::ContainerStatus Status();
  // The contents of these files of the container's cgroups.
  template <typename Names>
  std::string Kernel(const Names& names);
  std::string Processes();
  View Look() { return {Status().resources().linux(), Kernel(kLimits)}; }
  View SetLimits(const v1::LinuxContainerResources& limits);
  void Keep() { kept_ = {Status().started_at(), Processes()}; }
  // The same processes as when it was kept, soon.
  void ExpectKept();
  void KillDuringCommand();
  std::string Log(const char* suffix = "");
  void AwaitLog();

  Subject& s_;
  Kept kept_;
  View old_, new_;
  std::string cidr_;  // before the update
};

v1::ContainerStatus Running::Status() {
  v1::ContainerStatus status;
  s_.Must(s_.client().ContainerStatus(s_.id(), &status), "ContainerStatus");
  return status;
}

template <typename Names>
std::string Running::Kernel(const Names& names) {
  std::vector<std::string> lines;
  std::error_code error;
  fs::recursive_directory_iterator at("/sys/fs/cgroup", error), end;
  while (!error && at != end) {
    if (at->path().filename() == s_.id()) {
      for (const char* name : names) {
        const auto text = runtime::ReadFile(at->path() / name);
        if (text.ok()) lines.push_back(absl::StrCat("\n", name, " ", *text));
      }
    }
    at.increment(error);
  }
  std::sort(lines.begin(), lines.end());
  lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
  s_.Check(!lines.empty(), "the container has no cgroup");
  std::string all;
  for (const std::string& line : lines) absl::StrAppend(&all, line);
  return all;
}

std::string Running::Processes() {
  return Kernel(std::vector<const char*>{"cgroup.procs"});
}

Running::View Running::SetLimits(const v1::LinuxContainerResources& limits) {
  s_.Must(s_.client().UpdateContainer(s_.id(), limits), "the limits");
  const View view = Look();
  View wanted = view;
  wanted.status = limits;
  s_.Check(view == wanted, "the limits are " + view.Text());
  return view;
}

void Running::ExpectKept() {
  s_.ExpectState(v1::CONTAINER_RUNNING);
  s_.Check(Status().started_at() == kept_.started_at, "it started anew");
  s_.Await([&] { return Processes() == kept_.processes; },
           absl::StrCat("there were", kept_.processes));
}

// Whoever is told that an update failed may ask for the old limits again, so
// status and kernel have to agree in between as well.
Operation Running::UpdateContainer() {
  const auto wanted = Limits(96, 256, 30000, 50000);
  const auto before = Limits(64, 512, 80000, 100000);
  return {"UpdateContainerResources",
          [=, this] {
            s_.MakeRunning();
            new_ = SetLimits(wanted);
            old_ = SetLimits(before);
            Keep();
          },
          [=, this] { return s_.client().UpdateContainer(s_.id(), wanted); },
          [=, this] {
            ExpectKept();
            s_.Check(Look() == new_, "the limits are " + Look().Text());
            s_.Check(SetLimits(before) == old_, "the old ones do not return");
          },
          [this] {
            ExpectKept();
            const View now = Look();
            s_.Check(now == old_ || now == new_,
                     "neither the old nor the new limits: " + now.Text());
          }};
}

Operation Running::UpdatePod() {
  v1::LinuxContainerResources wanted;
  wanted.set_cpu_shares(77);
  const auto shown = [this] {
    v1::PodSandboxStatusResponse response;
    s_.Must(s_.client().PodStatus(s_.pod_id(), {}, &response),
            "PodSandboxStatus");
    s_.Check(response.status().state() == v1::SANDBOX_READY, "it is not ready");
    return absl::StrContains(response.info().at("info"),
                             R"("cpu_shares":"77")");
  };
  return {"UpdatePodSandboxResources",
          [this] {
            s_.MakeRunning();
            Keep();
          },
          [=, this] { return s_.client().UpdatePod(s_.pod_id(), wanted); },
          [=, this] {
            ExpectKept();
            s_.Check(shown(), "the pod's limits are not shown");
          },
          [=, this] {
            ExpectKept();
            shown();
          }};
}

// The ranges that a server was told last are those of the next one. The pod
// that stays has an address of the first.
Operation Running::UpdateRuntimeConfig() {
  const std::string file = s_.places().state + "/network/pod_cidr";
  return {"UpdateRuntimeConfig",
          [=, this] {
            const auto text = runtime::ReadFile(file);
            s_.Check(text.ok(), "the server was told no ranges");
            cidr_ = std::string(absl::StripSuffix(*text, "\n"));
          },
          [this] { return s_.client().SetPodCidr(cidr_ + kMoreAddresses); },
          [this] {
            s_.Must(s_.RunPod(), "RunPodSandbox");
            v1::PodSandboxStatusResponse response;
            s_.Must(s_.client().PodStatus(s_.pod_id(), {}, &response),
                    "PodSandboxStatus");
            s_.Check(response.status().network().additional_ips_size() == 1,
                     "no address of the new range: " +
                         response.status().ShortDebugString());
            s_.ExpectUsable();
          },
          [this] {
            s_.Must(s_.RunPod(), "RunPodSandbox");
            s_.ExpectUsable();
            s_.Must(s_.client().RemovePod(s_.pod_id()), "RemovePodSandbox");
            s_.ForgetContainer();
          },
          [this] { s_.Must(s_.client().SetPodCidr(cidr_), "the old ranges"); }};
}

std::string Running::Log(const char* suffix) {
  return runtime::ReadFile(
             absl::StrCat(s_.pod().log_directory, "/c.log", suffix))
      .value_or("");
}

void Running::AwaitLog() {
  s_.Await([&] { return absl::StrContains(Log(), " stdout F line "); },
           "nothing is written to the log");
}

// As a kubelet rotates: the file has its new name before the call.
Operation Running::ReopenLog() {
  return {
      "ReopenContainerLog",
      [this] {
        std::error_code unused;
        fs::remove_all(s_.pod().log_directory, unused);
        s_.MakeRunning(kCount);
        kept_ = {Status().started_at(), ""};
        AwaitLog();
        const std::string log = s_.pod().log_directory + "/c.log";
        fs::rename(log, log + ".1", unused);
        s_.Check(!unused, "the log is not renamed");
      },
      [this] { return s_.client().ReopenLog(s_.id()); },
      [this] {
        AwaitLog();
        const std::string rotated = Log(".1"), hole = FindHole(rotated + Log());
        s_.Check(hole.empty(), hole);
        s_.Check(Status().started_at() == kept_.started_at, "it started anew");
        AwaitLog();
        s_.Check(Log(".1") == rotated, "the old file is still written to");
      }};
}

// No process of a command outlives the server that somebody asked to run it.
Operation Running::Exec() {
  return {"ExecSync",
          [this] {
            s_.MakeRunning();
            Keep();
          },
          [this] {
            v1::ExecSyncResponse response;
            const grpc::Status status = s_.client().Exec(
                s_.id(), {"sh", "-c", "echo out; echo err >&2; exit 3"},
                &response);
            s_.Check(!status.ok() || (response.exit_code() == 3 &&
                                      response.stdout() == "out\n" &&
                                      response.stderr() == "err\n"),
                     "the answer is " + response.ShortDebugString());
            return status;
          },
          [this] {
            ExpectKept();
            KillDuringCommand();
            ExpectKept();
          },
          [this] { ExpectKept(); }};
}

// The archive is the old one or a whole new one, and the processes, which stood
// still for it, go on.
Operation Running::Checkpoint() {
  const std::string archive = s_.places().scratch + "/checkpoint.tar";
  constexpr char kOld[] = "the old one";
  const auto take = [=, this] {
    return s_.client().Checkpoint(s_.id(), archive);
  };
  // The last of a tar are two blocks of zeros.
  const auto is_new = [=] {
    const std::string text = runtime::ReadFile(archive).value_or("");
    return text.size() > 10000 && text.size() % 512 == 0 &&
           absl::EndsWith(text, std::string(1024, '\0'));
  };
  return {"CheckpointContainer",
          [=, this] {
            s_.Check(runtime::WriteFileAtomic(archive, kOld).ok(), archive);
            s_.MakeRunning();
            Keep();
          },
          take,
          [=, this] {
            ExpectKept();
            s_.Must(s_.client().ExecTrue(s_.id()), "ExecSync");
            s_.Check(is_new(), "the archive is not whole");
          },
          [=, this] {
            ExpectKept();
            s_.Must(s_.client().ExecTrue(s_.id()), "ExecSync");
            s_.Check(
                runtime::ReadFile(archive).value_or("") == kOld || is_new(),
                "the archive is neither the old one nor a whole new one");
          },
          [=, this] {
            std::error_code unused;
            fs::remove(archive, unused);
            const auto names = runtime::ListDir(s_.places().scratch);
            s_.Check(names.ok(), "the scratch directory cannot be listed");
            for (const std::string& name : *names) {
              s_.Check(!absl::EndsWith(name, ".partial"), name + " is left");
            }
          },
          [=]() -> std::string {
            const grpc::Status status = take();
            return status.error_code() == grpc::StatusCode::UNIMPLEMENTED
                       ? status.error_message()
                       : "";
          }};
}

// Between the changes of state: the server only waits then.
void Running::KillDuringCommand() {
  std::thread caller([this] {
    v1::ExecSyncResponse unused;
    (void)s_.client().Exec(s_.id(), {"sh", "-c", "sleep 100000 & wait"},
                           &unused);
  });
  s_.Await([this] { return Processes() != kept_.processes; },
           "the command does not start");
  s_.daemon().Kill();
  caller.join();
  s_.daemon().Start();
}

}  // namespace

std::vector<Operation> WhileRunning(Subject& subject) {
  // Lives as long as the operations.
  const auto running = std::make_shared<Running>(subject);
  std::vector<Operation> all = {running->UpdateContainer(),
                                running->UpdatePod(),
                                running->UpdateRuntimeConfig(),
                                running->ReopenLog(),
                                running->Exec(),
                                running->Checkpoint()};
  for (Operation& operation : all) {
    operation.prepare = [running, prepare = operation.prepare] { prepare(); };
  }
  return all;
}

}  // namespace tests::kill
