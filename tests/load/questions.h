// SPDX-License-Identifier: Apache-2.0
// The calls beside a pod's life cycle, each timed.
#ifndef CORACLE_TESTS_LOAD_QUESTIONS_H_
#define CORACLE_TESTS_LOAD_QUESTIONS_H_

#include <string>

#include "tests/load/client.h"
#include "tests/load/stopwatch.h"

namespace tests::load {

// What a node asks and tells of one pod and its running container, which has a
// log.
void AskOfOne(Client& client, const std::string& pod,
              const std::string& container, Stopwatch& watch);

// The URLs of streams, of which a server keeps a thousand for a minute.
void AskForStreams(Client& client, const std::string& pod,
                   const std::string& container, Stopwatch& watch);

// The lists of everything, by the object, and what is asked of the node.
void AskOfAll(Client& client, Stopwatch& watch);

// Pulls `image`, which nobody uses, asks for images and removes it.
void AskOfImages(Client& client, const std::string& image, Stopwatch& watch);

}  // namespace tests::load

#endif  // CORACLE_TESTS_LOAD_QUESTIONS_H_
