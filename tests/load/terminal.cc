// SPDX-License-Identifier: Apache-2.0
// Sizes of terminals, over every protocol that can tell one:
//   cri_terminal SOCKET CONTAINER
// CONTAINER has a terminal and runs what kTold says. Exit code 0 if all sizes
// arrive where a program in the container sees them.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/load/client.h"
#include "tests/unit/cri/stream/spdy_client.h"
#include "tests/unit/cri/stream/websocket_client.h"

namespace tests::load {
namespace {

using ::cri::stream::SpdyClient;
using ::cri::stream::WebSocketClient;

// Says how large its terminal is again and again, and when it hears of a
// change.
constexpr char kTold[] =
    "trap 'echo changed' WINCH; while :; do stty size; sleep 0.05; done";

// What a container says in half a minute.
constexpr size_t kPatience = 4096;

std::string container;
std::unique_ptr<Client> client;

// A session with a terminal, of an exec or, if `attach`, of the container.
std::string Url(bool attach) {
  grpc::ClientContext context;
  grpc::Status status;
  std::string url;
  if (attach) {
    v1::AttachRequest request;
    v1::AttachResponse response;
    request.set_container_id(container);
    request.set_tty(true);
    request.set_stdin(true);
    request.set_stdout(true);
    status = client->runtime().Attach(&context, request, &response);
    url = response.url();
  } else {
    v1::ExecRequest request;
    v1::ExecResponse response;
    request.set_container_id(container);
    for (const char* word : {"sh", "-c", kTold}) request.add_cmd(word);
    request.set_tty(true);
    request.set_stdin(true);
    request.set_stdout(true);
    status = client->runtime().Exec(&context, request, &response);
    url = response.url();
  }
  if (!status.ok()) Fail("a streaming URL", status);
  return url;
}

struct Place {
  int port = 0;
  std::string path;
};
Place PlaceOf(const std::string& url) {
  const size_t host = url.find("://") + 3, path = url.find('/', host);
  Place place{0, url.substr(path)};
  EXPECT_TRUE(absl::SimpleAtoi(
      url.substr(url.rfind(':', path) + 1, path - url.rfind(':', path) - 1),
      &place.port))
      << url;
  return place;
}

std::string Size(int rows, int columns) {
  return absl::StrCat("{\"Width\":", columns, ",\"Height\":", rows, "}");
}

struct Row {
  bool attach;
  std::string protocol;
};
std::string NameOf(const ::testing::TestParamInfo<Row>& info) {
  std::string name = absl::StrCat(info.param.attach ? "attach_" : "exec_",
                                  info.param.protocol);
  for (char& c : name) c = c == '.' ? '_' : c;
  return name;
}
std::vector<Row> Both(const std::vector<std::string>& protocols) {
  std::vector<Row> rows;
  for (const std::string& protocol : protocols) {
    rows.push_back({false, protocol});
    rows.push_back({true, protocol});
  }
  return rows;
}

// A size of its own for each session: an attach finds the one before.
int next = 10;

class Spdy : public ::testing::TestWithParam<Row> {
 protected:
  Spdy() {
    const Place place = PlaceOf(Url(GetParam().attach));
    spdy_ = std::make_unique<SpdyClient>(place.port, place.path,
                                         GetParam().protocol);
    spdy_->Open("error");
    spdy_->Open("stdin");
  }
  // Reads on until the container has said this after what is known.
  void AwaitWords(const std::string& words) {
    while (spdy_->Data(out_).find(words, seen_) == std::string::npos) {
      const size_t size = spdy_->Data(out_).size();
      spdy_->AwaitData(out_, size + 1);
      ASSERT_GT(spdy_->Data(out_).size(), size) << "no " << words;
      ASSERT_LT(size, seen_ + kPatience)
          << "no " << words << " in " << spdy_->Data(out_).substr(seen_);
    }
    seen_ = spdy_->Data(out_).find(words, seen_);
  }

  std::unique_ptr<SpdyClient> spdy_;
  uint32_t out_ = 0;
  size_t seen_ = 0;
};

class SpdyWithSizes : public Spdy {};
class SpdyWithoutSizes : public Spdy {};
class WebSockets : public ::testing::TestWithParam<Row> {};

TEST_P(SpdyWithSizes, Arrive) {
  out_ = spdy_->Open("stdout");
  const uint32_t resize = spdy_->Open("resize");
  const int rows = next++;
  spdy_->Send(resize, Size(rows, 101));
  AwaitWords(absl::StrCat("\n", rows, " 101\r\n"));
  spdy_->Send(resize, Size(rows, 202));
  AwaitWords("changed");
  AwaitWords(absl::StrCat("\n", rows, " 202\r\n"));
}

TEST_P(SpdyWithoutSizes, HaveNoStreamForThem) {
  spdy_->AwaitReset(spdy_->Open("resize"));
  out_ = spdy_->Open("stdout");
  AwaitWords("stty: standard input");  // says busybox where none is known
}

TEST_P(WebSockets, Arrive) {
  const Place place = PlaceOf(Url(GetParam().attach));
  WebSocketClient socket(place.port, place.path, GetParam().protocol);
  std::string said;
  const auto await_words = [&](const std::string& words) {
    while (!absl::StrContains(said, words)) {
      const std::string message = socket.ReadDecoded();
      ASSERT_FALSE(message.empty() || said.size() > kPatience)
          << "no " << words << " in " << said;
      ASSERT_EQ(message[0], 1) << message.substr(1);
      said += message.substr(1);
    }
    said.erase(0, said.find(words));
  };
  const int rows = next++;
  socket.SendTo(4, Size(rows, 101));
  await_words(absl::StrCat("\n", rows, " 101\r\n"));
  socket.SendTo(4, Size(rows, 202));
  await_words("changed");
  await_words(absl::StrCat("\n", rows, " 202\r\n"));
}

INSTANTIATE_TEST_SUITE_P(Sizes, SpdyWithSizes,
                         ::testing::ValuesIn(Both({"v4.channel.k8s.io",
                                                   "v3.channel.k8s.io"})),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(Sizes, SpdyWithoutSizes,
                         ::testing::Values(Row{false, "v2.channel.k8s.io"},
                                           Row{false, "channel.k8s.io"}),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(
    Sizes, WebSockets,
    ::testing::ValuesIn(Both({"v5.channel.k8s.io", "v4.channel.k8s.io",
                              "v4.base64.channel.k8s.io", "channel.k8s.io",
                              "base64.channel.k8s.io", ""})),
    NameOf);

}  // namespace
}  // namespace tests::load

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (argc != 3) {
    fprintf(stderr, "usage: cri_terminal SOCKET CONTAINER\n");
    return 2;
  }
  tests::load::client = std::make_unique<tests::load::Client>(argv[1], "");
  tests::load::container = argv[2];
  const int result = RUN_ALL_TESTS();
  tests::load::client = nullptr;
  return result;
}
