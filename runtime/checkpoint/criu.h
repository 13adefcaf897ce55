// SPDX-License-Identifier: Apache-2.0
// CRIU, the program that writes the processes of a container to files: whether
// it is there and works with this kernel, and how it is to be called. Runs
// nothing by itself: the daemon never forks, `coracle check` does.
#ifndef CORACLE_RUNTIME_CHECKPOINT_CRIU_H_
#define CORACLE_RUNTIME_CHECKPOINT_CRIU_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace runtime::checkpoint {

// How a command ended.
struct Output {
  int code = 0;
  std::string out, err;
};
// Runs a command, whose first word is a path, to its end.
using Runner =
    std::function<absl::StatusOr<Output>(const std::vector<std::string>&)>;

inline constexpr char kProgramDirs[] =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct Criu {
  std::string path;
  std::string version;    // "3.17.1"
  bool nftables = false;  // can lock the network without iptables
};

// UNIMPLEMENTED, with what is missing and how to get it, if checkpoints are not
// possible here: no criu in `dirs` (separated by colons), or `criu check` finds
// fault with the kernel.
absl::StatusOr<Criu> FindCriu(const Runner& run,
                              absl::string_view dirs = kProgramDirs);

// What is to be written, and how it is connected with the rest of the host.
struct Dump {
  pid_t pid = 0;           // process 1 of the container
  std::string images_dir;  // of criu's images; empty
  std::string work_dir;    // gets dump.log and stats-dump
  std::string script;      // called at each stage, see script.h
  std::string freezer;     // the container's cgroup; "" leaves it to ptrace
  bool tty = false;        // its terminal's other end is outside
  // Inodes of the namespaces that are not its own alone; 0 if they are.
  ino_t network_namespace = 0;
  ino_t pid_namespace = 0;
  // Where volumes and files of the host are mounted, in the container.
  std::vector<std::string> bind_targets;
};

// The command line. The container goes on afterwards. Bind mounts beyond
// `most_bytes` of arguments keep names that criu makes up.
std::vector<std::string> DumpCommand(const Criu& criu, const Dump& dump,
                                     size_t most_bytes);

// The first error in what criu has printed or logged, without time and place in
// its source; of a log that ends in "Dumping FAILED" the last one before that.
std::string FirstError(absl::string_view text);
std::string LastError(absl::string_view log);

}  // namespace runtime::checkpoint

#endif  // CORACLE_RUNTIME_CHECKPOINT_CRIU_H_
