#include "net/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <utility>

#include "net/tls_roots.h"
#include "net/tls_stream.h"

namespace colonnade::net {

struct TlsContext::State {
  struct FreeContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  std::unique_ptr<SSL_CTX, FreeContext> context;
};

namespace {

// Received at once if it is there: several records for one call of the stream below.
constexpr size_t kReadAheadBytes = 64 << 10;

Status SetUp(SSL_CTX* context) {
  if (context == nullptr) return Internal("cannot set up TLS: ", TakeTlsError());
  if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) {
    return Internal("cannot set up TLS 1.2: ", TakeTlsError());
  }
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, kReadAheadBytes);
  return {};
}

bool IsAddress(const std::string& host) {
  std::array<unsigned char, 16> address;
  return inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
}

// Names the host to the server, and to the check of its certificate.
Status SetServerName(SSL* ssl, std::string name) {
  if (name.empty() || name.find('\0') != std::string::npos) {
    return InvalidArgument("the host for TLS is empty or contains a zero byte");
  }
  X509_VERIFY_PARAM* const rules = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (IsAddress(name)) {
    // Addresses are not named to the server (RFC 6066, section 3).
    if (X509_VERIFY_PARAM_set1_ip_asc(rules, name.c_str()) == 1) return {};
  } else {
    if (name.back() == '.') name.pop_back();  // certificates know no root dot
    if (SSL_set_tlsext_host_name(ssl, name.c_str()) == 1 &&
        X509_VERIFY_PARAM_set1_host(rules, name.data(), name.size()) == 1) {
      return {};
    }
  }
  ERR_clear_error();
  return InvalidArgument("not a host that TLS can name: ", name);
}

}  // namespace

TlsContext::TlsContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsContext::~TlsContext() = default;

Result<std::shared_ptr<const TlsContext>> TlsContext::Client(const TlsClientOptions& options) {
  ERR_clear_error();
  auto state = std::make_unique<State>();
  state->context.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* const context = state->context.get();
  COLONNADE_RETURN_IF_ERROR(SetUp(context));
  if (options.verify) {
    if (!options.system_roots && options.roots_path.empty()) {
      return InvalidArgument("TLS is to verify servers and trusts no certificates");
    }
    X509_STORE* const store = SSL_CTX_get_cert_store(context);
    if (options.system_roots) COLONNADE_RETURN_IF_ERROR(AddSystemRoots(store));
    if (!options.roots_path.empty()) {
      COLONNADE_RETURN_IF_ERROR(AddRootsFile(options.roots_path, options.roots_password, store));
    }
  }
  SSL_CTX_set_verify(context, options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(state)));
}

Result<std::shared_ptr<const TlsContext>> TlsContext::Server(const TlsServerOptions& options) {
  ERR_clear_error();
  auto state = std::make_unique<State>();
  state->context.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* const context = state->context.get();
  COLONNADE_RETURN_IF_ERROR(SetUp(context));
  if (SSL_CTX_use_certificate_chain_file(context, options.certificate_path.c_str()) != 1) {
    return InvalidData("no PEM certificate can be read from ", options.certificate_path, ": ",
                       TakeTlsError());
  }
  // Left to itself OpenSSL would ask the terminal for a password.
  SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return -1; });
  if (SSL_CTX_use_PrivateKey_file(context, options.key_path.c_str(), SSL_FILETYPE_PEM) != 1) {
    return InvalidData("no PEM key of the certificate ", options.certificate_path,
                       " can be read from ", options.key_path, ": ", TakeTlsError());
  }
  SSL_CTX_set_num_tickets(context, 0);  // nobody resumes, and tickets are sent unasked
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(state)));
}

Result<std::unique_ptr<Stream>> ConnectTls(std::unique_ptr<Stream> stream,
                                           std::shared_ptr<const TlsContext> context,
                                           const std::string& server_name, Deadline deadline,
                                           Interrupt* interrupt) {
  ERR_clear_error();
  std::unique_ptr<SSL, FreeSsl> ssl(SSL_new(context->state().context.get()));
  if (ssl == nullptr) return Internal("cannot set up TLS: ", TakeTlsError());
  SSL_set_connect_state(ssl.get());
  COLONNADE_RETURN_IF_ERROR(SetServerName(ssl.get(), server_name));
  auto made = std::make_unique<TlsStream>(std::move(stream), std::move(ssl), server_name);
  COLONNADE_RETURN_IF_ERROR(made->Handshake(deadline, interrupt));
  return std::unique_ptr<Stream>(std::move(made));
}

Result<std::unique_ptr<Stream>> AcceptTls(std::unique_ptr<Stream> stream,
                                          std::shared_ptr<const TlsContext> context,
                                          Deadline deadline, Interrupt* interrupt) {
  ERR_clear_error();
  std::unique_ptr<SSL, FreeSsl> ssl(SSL_new(context->state().context.get()));
  if (ssl == nullptr) return Internal("cannot set up TLS: ", TakeTlsError());
  SSL_set_accept_state(ssl.get());
  auto made = std::make_unique<TlsStream>(std::move(stream), std::move(ssl), std::string());
  COLONNADE_RETURN_IF_ERROR(made->Handshake(deadline, interrupt));
  return std::unique_ptr<Stream>(std::move(made));
}

}  // namespace colonnade::net
