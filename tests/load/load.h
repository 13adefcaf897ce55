// SPDX-License-Identifier: Apache-2.0
// What cri_load can do with a CRI server. Each function ends the program with a
// message when the server does something it must not.
#ifndef CORACLE_TESTS_LOAD_LOAD_H_
#define CORACLE_TESTS_LOAD_LOAD_H_

#include <cstdint>
#include <functional>
#include <string>

#include "tests/load/client.h"

namespace tests::load {

// Calls work(0) … work(count - 1), `at_once` of them at a time.
void ForEach(int count, int at_once, const std::function<void(int)>& work);

// `pods` lives of pods, `at_once` at a time: made, used and removed, with
// random timeouts and cancellations in between; the server may be killed and
// come back meanwhile. What it once confirmed must be there afterwards, and in
// the end all pods must go. An eighth of them is of `handler`.
void Churn(Client& client, int pods, int at_once, uint64_t seed,
           const std::string& handler);

// `pods` pods with one running container each, which stay.
void Fill(Client& client, int pods);

// Lets `lives` pods live one after the other and prints for each operation a
// line of tab-separated NAME, P50, P90, P99, in milliseconds.
void Live(Client& client, int lives);

// The same, and every tenth time what else there is to call: everything that
// CRI has but checkpoints and events. `other_image` is pulled and removed.
void Measure(Client& client, int samples, const std::string& other_image);

// Asks for lists, for the streams of the same and for stats of each object
// alone: they must tell the same. There must be pods, containers and images
// that stay, asked about before: a rate is told from the second time on.
void CompareAnswers(Client& client);

// Removes every pod of this program; none may be left.
void Drain(Client& client);

}  // namespace tests::load

#endif  // CORACLE_TESTS_LOAD_LOAD_H_
