// `colonnade qwp-endpoint`: a QuestDB for tests, that speaks the wire protocol and fails on demand.

#include <signal.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>
#include <utility>

#include "commands.h"
#include "questdb/endpoint/disk_store.h"
#include "questdb/endpoint/endpoint.h"
#include "questdb/endpoint/faults.h"
#include "questdb/endpoint/memory_store.h"

namespace colonnade::cli {
namespace {

using questdb::endpoint::Endpoint;
using questdb::endpoint::EndpointOptions;
using questdb::endpoint::MemoryStore;
using questdb::endpoint::OpenDiskStore;

Result<questdb::wire::ServerRole> RoleOf(const std::string& name) {
  using questdb::wire::ServerRole;
  for (const auto& [known, role] : {std::pair{"standalone", ServerRole::kStandalone},
                                    {"primary", ServerRole::kPrimary},
                                    {"replica", ServerRole::kReplica},
                                    {"primary-catchup", ServerRole::kPrimaryCatchup}}) {
    if (name == known) return role;
  }
  return InvalidArgument("there is no role '", name, "'");
}

// Until SIGINT or SIGTERM, which all threads leave to this one.
Status WaitForSignal(const sigset_t& signals) {
  int received = 0;
  const int error = sigwait(&signals, &received);
  if (error != 0) return Io("cannot wait: ", std::generic_category().message(error));
  return {};
}

}  // namespace

Status QwpEndpointCommand::Serve() const {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  if (const int error = pthread_sigmask(SIG_BLOCK, &signals, nullptr); error != 0) {
    return Io("cannot block signals: ", std::generic_category().message(error));
  }

  EndpointOptions options;
  options.host = host;
  options.port = port;
  if (!tls.empty()) {
    options.tls = net::TlsServerOptions{.certificate_path = tls[0], .key_path = tls[1]};
  }
  options.user = user;
  options.password = questdb::Secret(password);
  options.token = questdb::Secret(token);
  COLONNADE_ASSIGN_OR_RETURN(options.role, RoleOf(role));
  options.zone = zone;
  options.max_connections = max_connections;
  options.max_message_bytes = max_message_bytes;
  options.grants_durable_ack = durable_ack;
  options.ingest.accept_long_arrays = long_arrays;
  for (const std::string& fault : faults) {
    COLONNADE_ASSIGN_OR_RETURN(options.faults.emplace_back(), questdb::endpoint::ParseFault(fault));
  }

  std::shared_ptr<questdb::endpoint::Store> tables;
  if (store.empty()) {
    tables = std::make_shared<MemoryStore>();
  } else {
    COLONNADE_ASSIGN_OR_RETURN(tables, OpenDiskStore(store));
  }
  COLONNADE_ASSIGN_OR_RETURN(const auto endpoint, Endpoint::Start(tables, std::move(options)));
  if (std::printf("%u\n", static_cast<unsigned>(endpoint->port())) < 0 ||
      std::fflush(stdout) != 0) {
    return Io("cannot write the port");
  }
  COLONNADE_RETURN_IF_ERROR(WaitForSignal(signals));
  endpoint->Stop();
  return {};
}

ExitCode QwpEndpointCommand::Run() {
  const Status served = Serve();
  return served.ok() ? ExitCode::kOk : Fail(served);
}

}  // namespace colonnade::cli
