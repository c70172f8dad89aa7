#include "net/tls_roots.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <system_error>

namespace colonnade::net {
namespace {

constexpr size_t kMaxFileBytes = 16 << 20;
constexpr int kMaxCertificates = 10'000;

template <auto Function>
struct FreeWith {
  template <typename T>
  void operator()(T* value) const {
    Function(value);
  }
};
using BioPointer = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using CertificatePointer = std::unique_ptr<X509, FreeWith<X509_free>>;
using KeyPointer = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using Pkcs12Pointer = std::unique_ptr<PKCS12, FreeWith<PKCS12_free>>;

struct FreeCertificates {
  void operator()(STACK_OF(X509) * certificates) const {
    sk_X509_pop_free(certificates, X509_free);
  }
};

Result<std::string> ReadWhole(const std::string& path) {
  const std::unique_ptr<std::FILE, FreeWith<std::fclose>> file(std::fopen(path.c_str(), "rbe"));
  if (file == nullptr) {
    const std::string text = std::generic_category().message(errno);
    if (errno == ENOENT || errno == ENOTDIR) {
      return NotFound("certificates ", path, ": ", text);
    }
    return Io("certificates ", path, ": ", text);
  }
  std::string contents;
  std::array<char, 16 << 10> part;
  while (const size_t count = std::fread(part.data(), 1, part.size(), file.get())) {
    contents.append(part.data(), count);
    if (contents.size() > kMaxFileBytes) {
      return LimitExceeded("certificates ", path, ": the file is longer than ", kMaxFileBytes,
                           " bytes");
    }
  }
  if (std::ferror(file.get()) != 0) return Io("certificates ", path, ": cannot be read");
  return contents;
}

int AddPemText(std::string_view text, X509_STORE* store) {
  const BioPointer bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  int added = 0;
  while (bio != nullptr && added < kMaxCertificates) {
    const CertificatePointer certificate(
        PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr));
    if (certificate == nullptr) break;
    if (X509_STORE_add_cert(store, certificate.get()) != 1) break;
    ++added;
  }
  return added;
}

Status AddPkcs12(const std::string& path, std::string_view contents, const std::string& password,
                 X509_STORE* store) {
  const auto* data = reinterpret_cast<const unsigned char*>(contents.data());
  const Pkcs12Pointer bag(d2i_PKCS12(nullptr, &data, static_cast<long>(contents.size())));
  if (bag == nullptr) return InvalidData("certificates ", path, ": neither PEM nor PKCS #12");
  if (PKCS12_verify_mac(bag.get(), password.c_str(), static_cast<int>(password.size())) != 1) {
    return InvalidData("certificates ", path, ": the password is wrong");
  }
  EVP_PKEY* key = nullptr;
  X509* own = nullptr;
  STACK_OF(X509)* others = nullptr;
  const int parsed = PKCS12_parse(bag.get(), password.c_str(), &key, &own, &others);
  const KeyPointer key_owner(key);
  const CertificatePointer own_owner(own);
  const std::unique_ptr<STACK_OF(X509), FreeCertificates> others_owner(others);
  if (parsed != 1) {
    const char* const reason = ERR_reason_error_string(ERR_peek_error());
    return InvalidData("certificates ", path, ": the PKCS #12 contents cannot be read: ",
                       reason != nullptr ? reason : "unknown error");
  }
  int added = 0;
  if (own != nullptr && X509_STORE_add_cert(store, own) == 1) ++added;
  for (int i = 0; others != nullptr && i < sk_X509_num(others); ++i) {
    if (X509_STORE_add_cert(store, sk_X509_value(others, i)) == 1) ++added;
  }
  if (added == 0) return InvalidData("certificates ", path, ": it contains no certificate");
  return {};
}

bool Exists(const char* path) { return path != nullptr && access(path, R_OK) == 0; }

// A directory of certificates counts only if there is something in it to find.
bool HasDefaultPlaces() {
  const char* file = std::getenv(X509_get_default_cert_file_env());
  const char* folder = std::getenv(X509_get_default_cert_dir_env());
  return Exists(file != nullptr ? file : X509_get_default_cert_file()) ||
         Exists(folder != nullptr ? folder : X509_get_default_cert_dir());
}

}  // namespace

Status AddSystemRoots(X509_STORE* store) {
  ERR_clear_error();
  const bool found = HasDefaultPlaces() && X509_STORE_set_default_paths(store) == 1;
  ERR_clear_error();
  if (found) return {};
  for (const char* file : {"/etc/ssl/certs/ca-certificates.crt",  // Debian, Arch, Alpine
                           "/etc/pki/tls/certs/ca-bundle.crt",    // Fedora, RHEL
                           "/etc/ssl/ca-bundle.pem",              // SUSE
                           "/etc/ssl/cert.pem"}) {                // Alpine, BSD
    if (Exists(file)) return AddRootsFile(file, std::nullopt, store);
  }
  return NotFound("no certificates of the system: ", X509_get_default_cert_file(),
                  " does not exist and SSL_CERT_FILE names nothing else");
}

Status AddRootsFile(const std::string& path, const std::optional<std::string>& password,
                    X509_STORE* store) {
  COLONNADE_ASSIGN_OR_RETURN(const std::string contents, ReadWhole(path));
  using namespace std::string_view_literals;
  const std::string_view start = std::string_view(contents).substr(0, 4);
  if (start == "\xFE\xED\xFE\xED"sv || start == "\xCE\xCE\xCE\xCE"sv) {
    return Unsupported("certificates ", path,
                       ": a Java key store (JKS) cannot be read; convert it to PEM or PKCS #12");
  }
  Status status;
  ERR_clear_error();
  if (contents.find("-----BEGIN ") != std::string::npos) {
    if (AddPemText(contents, store) == 0) {
      status = InvalidData("certificates ", path, ": no certificate in PEM form that can be read");
    }
  } else if (start.substr(0, 1) == "\x30"sv) {
    status = password ? AddPkcs12(path, contents, *password, store)
                      : Unsupported("certificates ", path,
                                    ": a PKCS #12 file, or another binary one, needs a password; "
                                    "PEM needs none");
  } else {
    status = InvalidData("certificates ", path, ": neither PEM nor PKCS #12");
  }
  ERR_clear_error();
  return status;
}

}  // namespace colonnade::net
