#include "net/tls_stream.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

namespace colonnade::net {
namespace {

// The longest record; longer pieces are cut into such.
constexpr size_t kRecordBytes = 16 << 10;
// Pieces shorter than this share a record with those that follow.
constexpr size_t kGatherBelow = 4 << 10;

// Whether the first bytes that arrived can be a TLS record: a handshake or an alert.
bool LooksLikeTls(Bytes bytes) {
  return (bytes[0] == std::byte{0x16} || bytes[0] == std::byte{0x15}) &&
         (bytes.size() < 2 || bytes[1] == std::byte{0x03});
}

// What the peer speaks instead, for a message.
std::string_view Instead(Bytes bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (const std::string_view start : {"HTTP/", "GET ", "POST ", "HEAD ", "PUT ", "OPTIONS "}) {
    if (text.substr(0, start.size()) == start) return ": it speaks HTTP without TLS";
  }
  return "";
}

}  // namespace

std::string TakeTlsError() {
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  if (error == 0) return "no reason given";
  const char* const reason = ERR_reason_error_string(error);
  return reason != nullptr ? reason : "error " + std::to_string(error);
}

TlsStream::TlsStream(std::unique_ptr<Stream> inner, std::unique_ptr<SSL, FreeSsl> ssl,
                     std::string server_name)
    : inner_(std::move(inner)), ssl_(std::move(ssl)), server_name_(std::move(server_name)) {
  BIO* const bio = BIO_new(BioMethod());
  if (bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
}

TlsStream::~TlsStream() { ERR_clear_error(); }

const BIO_METHOD* TlsStream::BioMethod() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
    if (made == nullptr) throw std::bad_alloc();
    BIO_meth_set_read(made, BioRead);
    BIO_meth_set_write(made, BioWrite);
    BIO_meth_set_ctrl(made, BioControl);
    return made;
  }();
  return method;
}

// To OpenSSL a broken stream is one that would block: it gives up a connection of which one
// direction failed, while what has arrived is still worth reading. Nor may exceptions pass through
// it.

int TlsStream::BioRead(BIO* bio, char* target, int size) noexcept try {
  auto& self = *static_cast<TlsStream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (size <= 0) return 0;
  BIO_set_retry_read(bio);
  if (self.inner_ended_ || !self.read_failure_.ok()) return -1;
  auto transfer = self.inner_->TryRead(
      MutableBytes(reinterpret_cast<std::byte*>(target), static_cast<size_t>(size)));
  if (!transfer.ok()) {
    self.read_failure_ = std::move(transfer).status();
    return -1;
  }
  self.inner_ended_ = transfer->end;
  if (transfer->bytes == 0) return -1;
  BIO_clear_retry_flags(bio);
  const size_t shown = std::min(transfer->bytes, self.first_bytes_.size() - self.first_count_);
  std::memcpy(self.first_bytes_.data() + self.first_count_, target, shown);
  self.first_count_ += shown;
  return static_cast<int>(transfer->bytes);
} catch (const std::bad_alloc&) {
  return -1;
}

int TlsStream::BioWrite(BIO* bio, const char* source, int size) noexcept try {
  auto& self = *static_cast<TlsStream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (size <= 0) return 0;
  BIO_set_retry_write(bio);
  if (!self.write_failure_.ok()) return -1;
  const Bytes piece(reinterpret_cast<const std::byte*>(source), static_cast<size_t>(size));
  auto transfer = self.inner_->TryWrite(std::span<const Bytes>(&piece, 1));
  if (!transfer.ok()) {
    self.write_failure_ = std::move(transfer).status();
    return -1;
  }
  if (transfer->bytes == 0) return -1;
  BIO_clear_retry_flags(bio);
  return static_cast<int>(transfer->bytes);
} catch (const std::bad_alloc&) {
  return -1;
}

long TlsStream::BioControl(BIO* bio, int command, long, void*) noexcept {
  switch (command) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_EOF: return static_cast<TlsStream*>(BIO_get_data(bio))->inner_ended_ ? 1 : 0;
    default: return 0;
  }
}

// What keeps OpenSSL from going on when it wants to read or write: OK if it may just wait.
Status TlsStream::InnerFailure(int error) const {
  if (error == SSL_ERROR_WANT_WRITE) return write_failure_;
  if (!read_failure_.ok() || !inner_ended_) return read_failure_;
  return ConnectionLost(peer(), "the connection was cut off, without an end of TLS");
}

Status TlsStream::Handshake(Deadline deadline, Interrupt* interrupt) {
  while (true) {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    if (result == 1) return {};
    const int error = SSL_get_error(ssl_.get(), result);
    const bool waits = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
    if (!waits || !InnerFailure(error).ok()) return HandshakeFailure(error);
    const auto ready = inner_->Wait(
        error == SSL_ERROR_WANT_READ ? Interest::kRead : Interest::kWrite, deadline, interrupt);
    if (ready.ok()) continue;
    if (ready.status().code() != StatusCode::kTimeout) return ready.status();
    return Status(StatusCode::kTimeout, peer() + ": timed out in the TLS handshake",
                  Recovery::kReconnect);
  }
}

Result<Transfer> TlsStream::TryRead(MutableBytes target) {
  COLONNADE_RETURN_IF_ERROR(failure_);
  Transfer transfer;
  while (transfer.bytes < target.size() && !ended_) {
    size_t count = 0;
    ERR_clear_error();
    const int result = SSL_read_ex(ssl_.get(), target.data() + transfer.bytes,
                                   target.size() - transfer.bytes, &count);
    if (result == 1) {
      transfer.bytes += count;
      starved_ = false;
      read_wants_write_ = false;
      continue;
    }
    const int error = SSL_get_error(ssl_.get(), result);
    read_wants_write_ = error == SSL_ERROR_WANT_WRITE;
    Status failure;
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
      starved_ = true;
      failure = InnerFailure(error);
    } else if (error == SSL_ERROR_ZERO_RETURN) {
      ended_ = true;
    } else {
      failure = failure_ = TlsFailure();
    }
    // What came before it comes first.
    if (!failure.ok() && transfer.bytes == 0) return failure;
    break;
  }
  transfer.end = ended_ && transfer.bytes == 0 && !target.empty();
  return transfer;
}

// The bytes for the next record, `skip` bytes into the pieces.
Bytes TlsStream::NextOffer(std::span<const Bytes> pieces, size_t skip) {
  while (!pieces.empty() && skip >= pieces[0].size()) {
    skip -= pieces[0].size();
    pieces = pieces.subspan(1);
  }
  if (pieces.empty()) return {};
  const Bytes first = pieces[0].subspan(skip);
  // What is encrypted already must come again as long as it was, or OpenSSL refuses it.
  const size_t wanted = pending_write_ != 0 ? pending_write_ : kRecordBytes;
  if (first.size() >= wanted) return first.first(wanted);
  if (pending_write_ == 0 && (pieces.size() == 1 || first.size() >= kGatherBelow)) return first;
  gathered_.assign(first.begin(), first.end());
  for (const Bytes piece : pieces.subspan(1)) {
    const size_t part = std::min(piece.size(), wanted - gathered_.size());
    gathered_.insert(gathered_.end(), piece.begin(), piece.begin() + static_cast<ptrdiff_t>(part));
  }
  return gathered_;
}

Result<Transfer> TlsStream::TryWrite(std::span<const Bytes> pieces) {
  COLONNADE_RETURN_IF_ERROR(failure_);
  Transfer transfer;
  while (true) {
    const Bytes offer = NextOffer(pieces, transfer.bytes);
    if (offer.empty()) return transfer;
    size_t count = 0;
    ERR_clear_error();
    const int result = SSL_write_ex(ssl_.get(), offer.data(), offer.size(), &count);
    if (result == 1) {
      transfer.bytes += count;
      pending_write_ = 0;
      write_wants_read_ = false;
      continue;
    }
    const int error = SSL_get_error(ssl_.get(), result);
    write_wants_read_ = error == SSL_ERROR_WANT_READ;
    Status failure;
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
      pending_write_ = offer.size();
      failure = InnerFailure(error);
    } else {
      failure = failure_ = TlsFailure();
    }
    if (!failure.ok() && transfer.bytes == 0) return failure;
    return transfer;
  }
}

Result<Readiness> TlsStream::Wait(Interest interest, Deadline deadline, Interrupt* interrupt) {
  const bool read = Includes(interest, Interest::kRead);
  const bool write = Includes(interest, Interest::kWrite);
  const Readiness now{
      .readable = read && (ended_ || inner_ended_ || !read_failure_.ok() || !failure_.ok() ||
                           (!starved_ && SSL_has_pending(ssl_.get()) == 1)),
      .writable = write && (!write_failure_.ok() || !failure_.ok())};
  if (now.readable || now.writable) {
    if (interrupt != nullptr && interrupt->is_set()) return Cancelled(peer(), ": interrupted");
    return now;
  }
  const bool inner_read = (read && !read_wants_write_) || (write && write_wants_read_);
  const bool inner_write = (write && !write_wants_read_) || (read && read_wants_write_);
  const Interest inner = !inner_write  ? Interest::kRead
                         : !inner_read ? Interest::kWrite
                                       : Interest::kReadWrite;
  COLONNADE_ASSIGN_OR_RETURN(const Readiness ready, inner_->Wait(inner, deadline, interrupt));
  return Readiness{.readable = read && (read_wants_write_ ? ready.writable : ready.readable),
                   .writable = write && (write_wants_read_ ? ready.readable : ready.writable)};
}

void TlsStream::ShutdownWrite() noexcept {
  if (failure_.ok() && SSL_is_init_finished(ssl_.get()) == 1) SSL_shutdown(ssl_.get());
  ERR_clear_error();
  inner_->ShutdownWrite();
}

// What OpenSSL has against the peer's bytes, or the peer against ours. Final.
Status TlsStream::TlsFailure() const {
  return Status(StatusCode::kProtocolError, peer() + ": TLS: " + TakeTlsError(),
                Recovery::kReconnect);
}

Status TlsStream::CertificateFailure() const {
  const long reason = SSL_get_verify_result(ssl_.get());
  std::string text;
  switch (reason) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      text = "it was issued for another host than " + server_name_;
      break;
    case X509_V_ERR_CERT_HAS_EXPIRED: text = "it has expired"; break;
    case X509_V_ERR_CERT_NOT_YET_VALID: text = "it is not valid yet"; break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: text = "it is self-signed"; break;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      text = std::string("nobody who is trusted here vouches for it (") +
             X509_verify_cert_error_string(reason) + ")";
      break;
    default: text = X509_verify_cert_error_string(reason); break;
  }
  return Unavailable(peer(), ": the server's certificate is not accepted: ", text);
}

Status TlsStream::HandshakeFailure(int error) {
  const std::string_view other = is_server() ? "client" : "server";
  // The cause before its consequences: a peer that was told of it may be gone already.
  if (!is_server() && (SSL_get_verify_mode(ssl_.get()) & SSL_VERIFY_PEER) != 0 &&
      SSL_get_verify_result(ssl_.get()) != X509_V_OK) {
    ERR_clear_error();
    return CertificateFailure();
  }
  const Bytes first(first_bytes_.data(), first_count_);
  if (!first.empty() && !LooksLikeTls(first)) {
    ERR_clear_error();
    return ProtocolError(peer(), ": the ", other, " does not speak TLS on this port",
                         Instead(first));
  }
  if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
    return ProtocolError(peer(), ": TLS handshake with the ", other, ": ", TakeTlsError());
  }
  if (!inner_ended_ || error == SSL_ERROR_WANT_WRITE) {
    return InnerFailure(error).WithContext("TLS handshake");
  }
  if (first.empty() && !is_server()) {
    return ConnectionLost(peer(),
                          "the server closed the connection at the TLS handshake; it may not speak "
                          "TLS on this port");
  }
  return ConnectionLost(
      peer(), internal::Concat("the ", other, " closed the connection within the TLS handshake"));
}

}  // namespace colonnade::net
