// TlsStream: a TLS connection over another stream. Made by ConnectTls and AcceptTls.

#pragma once

#include <openssl/ssl.h>

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "net/stream.h"

namespace colonnade::net {

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

/// The reason of OpenSSL's oldest error of this thread, which is the cause; empties its queue.
std::string TakeTlsError();

class TlsStream final : public Stream {
 public:
  /// `ssl` is set up for its role but has no BIO yet; `server_name` is what a client asked for.
  TlsStream(std::unique_ptr<Stream> inner, std::unique_ptr<SSL, FreeSsl> ssl,
            std::string server_name);
  ~TlsStream() override;

  /// The first thing to do. \error as ConnectTls
  Status Handshake(Deadline deadline, Interrupt* interrupt);

  Result<Transfer> TryRead(MutableBytes target) override;
  Result<Transfer> TryWrite(std::span<const Bytes> pieces) override;
  Result<Readiness> Wait(Interest interest, Deadline deadline, Interrupt* interrupt) override;
  void ShutdownWrite() noexcept override;
  void ResetOnClose() noexcept override { inner_->ResetOnClose(); }
  const std::string& peer() const override { return inner_->peer(); }

 private:
  // OpenSSL's doors to the inner stream.
  static const BIO_METHOD* BioMethod();
  static int BioRead(BIO* bio, char* target, int size) noexcept;
  static int BioWrite(BIO* bio, const char* source, int size) noexcept;
  static long BioControl(BIO* bio, int command, long number, void* pointer) noexcept;

  Bytes NextOffer(std::span<const Bytes> pieces, size_t skip);
  Status InnerFailure(int error) const;
  Status TlsFailure() const;
  Status HandshakeFailure(int error);
  Status CertificateFailure() const;
  bool is_server() const { return SSL_is_server(ssl_.get()) == 1; }

  std::unique_ptr<Stream> inner_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
  std::string server_name_;

  // The inner stream's failures, of which OpenSSL is not told.
  Status read_failure_;
  Status write_failure_;
  bool inner_ended_ = false;
  Status failure_;                          // of TLS itself
  std::array<std::byte, 8> first_bytes_{};  // received: they show who does not speak TLS
  size_t first_count_ = 0;

  bool ended_ = false;  // the peer said so
  // OpenSSL has looked at all that arrived: more must come before a read can succeed.
  bool starved_ = false;
  bool read_wants_write_ = false;
  bool write_wants_read_ = false;
  size_t pending_write_ = 0;  // bytes encrypted already and not taken yet
  std::vector<std::byte> gathered_;
};

}  // namespace colonnade::net
