// SPDX-License-Identifier: Apache-2.0
// The launcher: the one process that makes holders. Small, static, one thread;
// started by the daemon, survives it, ends only by kQuit (when a daemon with
// another binary takes over) or a signal. Holders live on without it.
#ifndef CORACLE_RUNTIME_HOLD_LAUNCHER_H_
#define CORACLE_RUNTIME_HOLD_LAUNCHER_H_

namespace runtime::hold {

inline constexpr char kLauncherSocket[] = "launch.sock";

// `coracle-oci launch --state DIR [--identity TEXT] [--background]`. The
// identity is what kIdentity tells: the daemon knows by it from which binary it
// started this launcher. With --background it returns
// once the launcher listens, in a process of its own. A second launcher for
// the same directory refuses. Options may stand anywhere in `argv`.
int LaunchMain(int argc, char** argv);

}  // namespace runtime::hold

#endif  // CORACLE_RUNTIME_HOLD_LAUNCHER_H_
