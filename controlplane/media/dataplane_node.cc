#include "controlplane/media/dataplane_node.h"

namespace byon::media {
namespace {

// Reads the stream until it ends and owns itself meanwhile.
class EventReader final : public grpc::ClientReadReactor<proto::Event> {
 public:
  EventReader(DataplaneNode::Post post, std::shared_ptr<RpcTracker> tracker,
              std::function<void(const proto::Event&)> on_event, std::function<void()> on_end)
      : post_(std::move(post)),
        tracker_(std::move(tracker)),
        on_event_(std::move(on_event)),
        on_end_(std::move(on_end)) {}

  static void Start(std::unique_ptr<EventReader> reader, proto::MediaControl::Stub& stub,
                    const std::string& controller_id) {
    if (!reader->tracker_->Begin(&reader->context_)) return;
    EventReader* self = reader.release();  // until OnDone
    self->request_.set_controller_id(controller_id);
    stub.async()->WatchEvents(&self->context_, &self->request_, self);
    self->StartRead(&self->event_);
    self->StartCall();
  }

  void OnReadDone(bool is_ok) override {
    if (!is_ok) return;
    post_([event = event_, on_event = on_event_] { on_event(event); });
    StartRead(&event_);
  }
  void OnDone(const grpc::Status&) override {
    std::unique_ptr<EventReader> self(this);
    post_(std::move(on_end_));
    tracker_->End(&context_);
  }

 private:
  DataplaneNode::Post post_;
  std::shared_ptr<RpcTracker> tracker_;
  std::function<void(const proto::Event&)> on_event_;
  std::function<void()> on_end_;
  grpc::ClientContext context_;
  proto::WatchEventsRequest request_;
  proto::Event event_;
};

std::shared_ptr<grpc::Channel> MakeChannel(const DataplaneClientConfig& config, const DataplaneAddress& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, static_cast<int>(config.reconnect_min.count()));
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, static_cast<int>(config.reconnect_min.count()));
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, static_cast<int>(config.reconnect_max.count()));
  // Two clients in one process (tests, a standby) must not share a connection's back-off.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  if (!address.ca_pem.empty()) {
    credentials = grpc::SslCredentials({address.ca_pem, address.client_key_pem, address.client_certificate_pem});
  }
  auto channel = grpc::CreateCustomChannel(address.address, credentials, arguments);
  // gRPC 1.51 may free the queue of its callback threads twice when the last channel that used it
  // goes. So the process keeps its first one until it ends.
  [[maybe_unused]] static auto* const kept = new std::shared_ptr<grpc::Channel>(channel);
  return channel;
}

}  // namespace

DataplaneNode::DataplaneNode(const DataplaneClientConfig& config, const DataplaneAddress& address, Post post,
                             std::shared_ptr<RpcTracker> tracker)
    : config_(config),
      post_(std::move(post)),
      tracker_(std::move(tracker)),
      stub_(proto::MediaControl::NewStub(MakeChannel(config, address))) {
  status.address = address.address;
}

void DataplaneNode::Watch(std::function<void(const proto::Event&)> on_event, std::function<void()> on_end) {
  auto reader = std::make_unique<EventReader>(post_, tracker_, std::move(on_event), std::move(on_end));
  EventReader::Start(std::move(reader), *stub_, config_.controller_id);
}

}  // namespace byon::media
