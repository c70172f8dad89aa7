#include "questdb/endpoint/endpoint.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "net/interrupt.h"
#include "net/tcp.h"
#include "questdb/endpoint/connection.h"
#include "questdb/endpoint/upgrade.h"
#include "questdb/upgrade_terms.h"

namespace colonnade::questdb::endpoint {
namespace {

using net::Deadline;

// How long Accept rests when the system has no room for a connection.
constexpr std::chrono::milliseconds kAcceptRest{20};

// A connection and its thread.
struct Served {
  std::unique_ptr<net::Interrupt> interrupt;
  std::atomic<Ending> ending = Ending::kNone;
  std::atomic<bool> done = false;
  std::thread thread;

  void End(Ending how) {
    ending.store(how);
    interrupt->Set();
  }
};

UpgradeRules RulesOf(const EndpointOptions& options) {
  UpgradeRules rules;
  if (!options.user.empty()) {
    rules.authorizations.push_back(BasicAuthorization(options.user, options.password.Reveal()));
  }
  if (!options.token.empty()) rules.authorizations.push_back("Bearer " + options.token.Reveal());
  rules.role = options.role;
  rules.zone = options.zone;
  rules.max_message_bytes = options.max_message_bytes;
  rules.grants_durable_ack = options.grants_durable_ack;
  rules.grants_zstd = options.grants_zstd;
  rules.max_batch_rows = options.query.max_batch_rows;
  return rules;
}

Status CheckOptions(const EndpointOptions& options) {
  if (options.max_connections == 0) return InvalidArgument("an endpoint for no connections");
  if (options.max_message_bytes < 14 || options.max_message_bytes > kMaxMessageBytes) {
    return InvalidArgument("messages of at most ", options.max_message_bytes,
                           " bytes, must be 14 to ", kMaxMessageBytes);
  }
  if (options.query.max_batch_rows < 1 || options.query.max_batch_rows > kMaxBatchRows) {
    return InvalidArgument("batches of at most ", options.query.max_batch_rows,
                           " rows, must be 1 to ", kMaxBatchRows);
  }
  if (options.user.find(':') != std::string::npos) {
    return InvalidArgument("the user's name has a colon");
  }
  if (options.user.empty() && !options.password.empty()) {
    return InvalidArgument("a password without a user");
  }
  return {};
}

}  // namespace

class Endpoint::Server {
 public:
  Server(std::shared_ptr<Store> store, EndpointOptions options)
      : store_(std::move(store)),
        options_(std::move(options)),
        rules_(RulesOf(options_)),
        faults_(options_.faults) {}

  ~Server() { Stop(); }

  Status Start() {
    COLONNADE_RETURN_IF_ERROR(CheckOptions(options_));
    if (options_.tls) {
      COLONNADE_ASSIGN_OR_RETURN(tls_, net::TlsContext::Server(*options_.tls));
    }
    COLONNADE_ASSIGN_OR_RETURN(stop_, net::Interrupt::Create());
    COLONNADE_ASSIGN_OR_RETURN(auto listener, net::Listener::Bind(options_.host, options_.port));
    listener_ = std::make_unique<net::Listener>(std::move(listener));
    port_ = listener_->port();
    address_ = listener_->address();
    acceptor_ = std::thread([this] { Accept(); });
    return {};
  }

  void Stop() {
    const std::lock_guard stopping(stop_mutex_);
    if (!acceptor_.joinable()) return;
    stalls_.Close();
    stop_->Set();
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      changed_.notify_all();
    }
    acceptor_.join();
    listener_.reset();
    {
      const std::lock_guard lock(mutex_);
      for (Served& served : served_) served.End(Ending::kGoingAway);
    }
    // Nobody adds to the list any more.
    for (Served& served : served_) served.thread.join();
    const std::lock_guard lock(mutex_);
    served_.clear();
  }

  void ResetConnections() {
    const std::lock_guard lock(mutex_);
    for (Served& served : served_) served.End(Ending::kReset);
    stalls_.Release();
  }

  uint16_t port() const { return port_; }
  const std::string& address() const { return address_; }
  FaultScript& faults() { return faults_; }
  StallGate& stalls() { return stalls_; }

  EndpointCounters counters() const {
    const std::lock_guard lock(mutex_);
    EndpointCounters counters;
    counters.accepted = accepted_;
    counters.open = std::count_if(served_.begin(), served_.end(),
                                  [](const Served& served) { return !served.done.load(); });
    counters.upgraded = upgraded_.load();
    counters.messages = messages_.load();
    return counters;
  }

 private:
  void Accept() {
    while (WaitForRoom()) {
      auto stream = listener_->Accept(Deadline::Never(), stop_.get());
      if (stream.ok()) {
        Serve(*std::move(stream));
        continue;
      }
      if (stop_->is_set()) return;
      // Out of descriptors or memory: others have to end first.
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, kAcceptRest, [this] { return stopping_; });
    }
  }

  // Joins what has ended; waits until another connection may be served. False: not any more.
  bool WaitForRoom() {
    std::unique_lock lock(mutex_);
    while (true) {
      std::list<Served> ended;
      for (auto it = served_.begin(); it != served_.end();) {
        const auto next = std::next(it);
        if (it->done.load()) ended.splice(ended.end(), served_, it);
        it = next;
      }
      if (!ended.empty()) {
        lock.unlock();
        for (Served& served : ended) served.thread.join();
        ended.clear();
        lock.lock();
      }
      if (stopping_) return false;
      if (served_.size() < options_.max_connections) return true;
      changed_.wait(lock);
    }
  }

  void Serve(std::unique_ptr<net::Stream> stream) {
    auto interrupt = net::Interrupt::Create();
    if (!interrupt.ok()) return;  // no descriptors: the connection ends
    const std::lock_guard lock(mutex_);
    ++accepted_;
    Served& served = served_.emplace_back();
    served.interrupt = *std::move(interrupt);
    try {
      served.thread = std::thread([this, &served, stream = std::move(stream)]() mutable {
        Run(served, std::move(stream));
      });
    } catch (const std::system_error&) {
      served_.pop_back();
    }
  }

  void Run(Served& served, std::unique_ptr<net::Stream> stream) {
    try {
      ServeConnection(std::move(stream),
                      {.store = *store_,
                       .options = options_,
                       .rules = rules_,
                       .tls = tls_,
                       .faults = faults_,
                       .stalls = stalls_,
                       .upgraded = upgraded_,
                       .messages = messages_},
                      *served.interrupt, served.ending);
    } catch (const std::bad_alloc&) {
      // Too much for this machine: this connection is lost, and nothing else.
    }
    const std::lock_guard lock(mutex_);
    served.done.store(true);
    changed_.notify_all();
  }

  const std::shared_ptr<Store> store_;
  const EndpointOptions options_;
  const UpgradeRules rules_;
  std::shared_ptr<const net::TlsContext> tls_;
  FaultScript faults_;
  StallGate stalls_;
  std::atomic<int64_t> upgraded_ = 0;
  std::atomic<int64_t> messages_ = 0;
  std::unique_ptr<net::Interrupt> stop_;
  std::unique_ptr<net::Listener> listener_;
  uint16_t port_ = 0;
  std::string address_;
  std::thread acceptor_;
  std::mutex stop_mutex_;  // of stopping
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  int64_t accepted_ = 0;
  std::list<Served> served_;
};

Endpoint::Endpoint(std::unique_ptr<Server> server) : server_(std::move(server)) {}
Endpoint::~Endpoint() = default;

Result<std::unique_ptr<Endpoint>> Endpoint::Start(std::shared_ptr<Store> store,
                                                  EndpointOptions options) {
  auto server = std::make_unique<Server>(std::move(store), std::move(options));
  COLONNADE_RETURN_IF_ERROR(server->Start());
  return std::unique_ptr<Endpoint>(new Endpoint(std::move(server)));
}

void Endpoint::Stop() { server_->Stop(); }
uint16_t Endpoint::port() const { return server_->port(); }
const std::string& Endpoint::address() const { return server_->address(); }
void Endpoint::SetFaults(std::vector<Fault> faults) { server_->faults().Set(std::move(faults)); }
void Endpoint::ReleaseStalls() { server_->stalls().Release(); }
void Endpoint::ResetConnections() { server_->ResetConnections(); }
EndpointCounters Endpoint::counters() const { return server_->counters(); }

}  // namespace colonnade::questdb::endpoint
