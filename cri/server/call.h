// SPDX-License-Identifier: Apache-2.0
// Call is one RPC between gRPC's completion queue and the functions of rpc.h:
// it reads the request, lets the executor answer it, logs the outcome once and
// writes the answer. Method names are looked up here and not by gRPC, so that
// one waiting call, not one for each method, takes whatever comes.
#ifndef CORACLE_CRI_SERVER_CALL_H_
#define CORACLE_CRI_SERVER_CALL_H_

#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/async_generic_service.h>

#include <memory>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "cri/server/cancellation.h"
#include "cri/server/context.h"
#include "cri/server/event_stream.h"
#include "cri/server/methods.h"

namespace cri::server {

// What all calls of a server share. Outlives them.
struct CallSite {
  explicit CallSite(Engine& e) : engine(e) {}

  Engine& engine;
  grpc::AsyncGenericService service;
  std::unique_ptr<grpc::ServerCompletionQueue> queue;
  absl::Mutex mutex;
  int calls ABSL_GUARDED_BY(mutex) = 0;
};

// Owns itself. The queue's one thread runs its steps; Answer and what the event
// bus asks for run in others.
class Call final : public EventStream::Sink {
 public:
  // A step of a call that the queue says is done. What it carries are these.
  struct Step {
    Call* call;
    void (Call::*run)(bool ok);

    void Run(bool ok) { (call->*run)(ok); }
  };

  // Takes the next RPC that comes, and that one the next, until the server
  // shuts down.
  static void Accept(CallSite& site);

 private:
  explicit Call(CallSite& site);
  ~Call() override;

  void OnAccepted(bool ok);
  void OnRead(bool ok);
  void OnWritten(bool ok);
  void OnFinished(bool ok);
  // The RPC is over or the client gone.
  void OnOver(bool ok);
  void DropOne();

  void Answer();
  // Sends the next message, or the end. The last thing of a thread but the
  // queue's: the call may be gone before it returns.
  void WriteNext();

  void WriteHeaders() override;
  void WriteEvent(const runtime::v1::ContainerEventResponse& event) override;
  void Finish(const absl::Status& status) override;

  CallSite& site_;
  grpc::GenericServerContext rpc_;
  grpc::GenericServerAsyncReaderWriter stream_{&rpc_};
  Step accepted_{this, &Call::OnAccepted}, read_{this, &Call::OnRead},
      written_{this, &Call::OnWritten}, finished_{this, &Call::OnFinished},
      over_{this, &Call::OnOver};
  int left_ = 2;  // of finished_ and over_
  Cancellation cancellation_;
  const Method* method_ = nullptr;
  std::optional<Context> context_;
  grpc::ByteBuffer request_;
  std::vector<grpc::ByteBuffer> messages_;
  size_t next_ = 0;
  std::unique_ptr<EventStream> events_;
};

}  // namespace cri::server

#endif  // CORACLE_CRI_SERVER_CALL_H_
