// SPDX-License-Identifier: Apache-2.0
// create, start and delete.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/external/call.h"
#include "runtime/external/console.h"
#include "runtime/external/container.h"
#include "runtime/external/files.h"
#include "runtime/external/pid_file.h"
#include "runtime/launch/report.h"

namespace runtime::external {
namespace {

class Setup {
 public:
  explicit Setup(const SetupRequest& request)
      : request_(request),
        bundle_(BundleDir(request.pod_dir, request.plan.id)),
        reporter_(request.report_fd) {}

  absl::Status Create();
  absl::Status Start();
  launch::Reporter& reporter() { return reporter_; }

 private:
  absl::Status WriteBundle(Json* config);
  Call CallOf(std::vector<std::string> args) const;

  const SetupRequest& request_;
  const std::string bundle_;
  launch::Reporter reporter_;
};

Call Setup::CallOf(std::vector<std::string> args) const {
  Call call;
  call.command = request_.plan.runtime;
  call.args = std::move(args);
  call.log_file = JoinPath(bundle_, "log");
  return call;
}

absl::Status Setup::WriteBundle(Json* config) {
  ASSIGN_OR_RETURN(*config,
                   ParseJson(request_.plan.config_json, "config.json"));
  const std::string scratch = JoinPath(bundle_, "mounts");
  RETURN_IF_ERROR(MakeDirs(scratch, 0700));
  reporter_.Phase("plan");
  RETURN_IF_ERROR(PrepareFiles(request_.plan, scratch, config));
  // Runtimes take later ones for what they do not know, some refuse them; what
  // a config of ours says, 1.0 has.
  (*config)["ociVersion"] = "1.0.2";
  JoinPod(request_.pod, config);
  Clamp(Privileges::Own(), &(*config)["process"]);
  RETURN_IF_ERROR(
      WriteFileAtomic(JoinPath(bundle_, "config.json"), DumpJson(*config)));
  reporter_.Phase("root");
  return absl::OkStatus();
}

absl::Status Setup::Create() {
  Json config;
  RETURN_IF_ERROR(WriteBundle(&config));
  const std::string pid_file = JoinPath(bundle_, "pid");
  Call call = CallOf({"create", "--bundle", bundle_, "--pid-file", pid_file});
  call.in = request_.stdin_fd;
  call.out = request_.stdout_fd;
  call.err = request_.stderr_fd;
  Console console;
  const bool tty = (request_.plan.flags & state::kTty) != 0;
  if (tty) {
    RETURN_IF_ERROR(console.Open(bundle_, "tty"));
    call.args.insert(call.args.end(), {"--console-socket", console.path()});
  }
  call.args.push_back(request_.plan.id);
  RETURN_IF_ERROR(NameLimit(config, Run(call)));
  reporter_.Phase("create");
  ASSIGN_OR_RETURN(pid_t pid, TakePid(pid_file));
  UniqueFd master;
  if (tty) {
    ASSIGN_OR_RETURN(master, console.Receive());
  }
  for (int fd : {call.in, call.out, call.err}) {
    if (fd >= 0) close(fd);  // they are the container's alone now
  }
  reporter_.Created(pid, master.get());
  return absl::OkStatus();
}

absl::Status Setup::Start() {
  char byte;
  ssize_t size;
  while ((size = read(request_.start_fd, &byte, 1)) < 0 && errno == EINTR) {
  }
  if (size != 1) return absl::OkStatus();
  RETURN_IF_ERROR(Run(CallOf({"start", request_.plan.id})));
  reporter_.Started();
  return absl::OkStatus();
}

}  // namespace

std::string BundleDir(const std::string& pod_dir, const std::string& id) {
  return absl::StrCat(pod_dir, "/", id, ".bundle");
}

void RunSetup(const SetupRequest& request) {
  Setup setup(request);
  absl::Status status = setup.Create();
  if (status.ok()) status = setup.Start();
  if (status.ok()) _exit(0);
  launch::ReportFailure(status, &setup.reporter());
  _exit(1);
}

void RunDelete(const state::ContainerPlan& plan, const std::string& pod_dir,
               int error_fd) {
  const std::string bundle = BundleDir(pod_dir, plan.id);
  // The set-up may have ended before it made it.
  absl::Status status = MakeDirs(bundle, 0700);
  if (status.ok()) {
    Call call;
    call.command = plan.runtime;
    call.args = {"delete", "--force", plan.id};
    call.log_file = JoinPath(bundle, "log");
    status = Run(call);
    if (SaysUnknown(status.message())) status = absl::OkStatus();
  }
  // Without the runtime nobody knows of it any more. For another try of a
  // delete that has failed the bundle stays.
  if (IsGone(plan.runtime)) status = absl::OkStatus();
  if (status.ok()) status = RemoveTree(bundle);
  if (status.ok()) _exit(0);
  WriteAll(error_fd, status.message(), "error").IgnoreError();
  _exit(1);
}

}  // namespace runtime::external
