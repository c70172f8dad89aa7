// Certificates for tests, made on the spot.

#pragma once

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <memory>
#include <string>

namespace colonnade {

/// A key and a certificate for it.
class TestCertificate {
 public:
  struct Options {
    std::string name = "test";
    std::string alternatives;  // "DNS:localhost,IP:127.0.0.1"; none if empty
    bool authority = false;    // may vouch for others
    int valid_from_days = -1;  // from now
    int valid_to_days = 10;
  };

  /// Signed by `issuer`, or by itself if that is null.
  explicit TestCertificate(const Options& options, const TestCertificate* issuer = nullptr)
      : key_(EVP_EC_gen("P-256"), EVP_PKEY_free), certificate_(X509_new(), X509_free) {
    if (key_ == nullptr || certificate_ == nullptr) std::abort();
    X509* const x509 = certificate_.get();
    static long serial = 1;
    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), serial++);
    X509_gmtime_adj(X509_getm_notBefore(x509), options.valid_from_days * 86'400L);
    X509_gmtime_adj(X509_getm_notAfter(x509), options.valid_to_days * 86'400L);
    X509_set_pubkey(x509, key_.get());
    X509_NAME* const name = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(options.name.c_str()), -1, -1,
                               0);
    X509* const signer = issuer != nullptr ? issuer->certificate_.get() : x509;
    X509_set_issuer_name(x509, X509_get_subject_name(signer));
    Extend(NID_basic_constraints, options.authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (!options.alternatives.empty()) Extend(NID_subject_alt_name, options.alternatives);
    EVP_PKEY* const signing = issuer != nullptr ? issuer->key_.get() : key_.get();
    if (X509_sign(x509, signing, EVP_sha256()) == 0) std::abort();
  }

  std::string certificate_pem() const {
    return Pem([this](BIO* bio) { return PEM_write_bio_X509(bio, certificate_.get()); });
  }
  std::string key_pem() const {
    return Pem([this](BIO* bio) {
      return PEM_write_bio_PrivateKey(bio, key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
  }
  /// The certificate alone, as a trust store.
  std::string pkcs12(const std::string& password) const {
    STACK_OF(X509)* const others = sk_X509_new_null();
    sk_X509_push(others, certificate_.get());
    PKCS12* const bag =
        PKCS12_create(password.c_str(), "test", nullptr, nullptr, others, 0, 0, 0, 0, 0);
    sk_X509_free(others);
    if (bag == nullptr) std::abort();
    const std::string bytes = Pem([bag](BIO* bio) { return i2d_PKCS12_bio(bio, bag); });
    PKCS12_free(bag);
    return bytes;
  }

 private:
  void Extend(int kind, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate_.get(), certificate_.get(), nullptr, nullptr, 0);
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
    if (extension == nullptr) std::abort();
    X509_add_ext(certificate_.get(), extension, -1);
    X509_EXTENSION_free(extension);
  }

  template <typename Write>
  static std::string Pem(const Write& write) {
    BIO* const bio = BIO_new(BIO_s_mem());
    if (bio == nullptr || write(bio) != 1) std::abort();
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string text(data, static_cast<size_t>(size));
    BIO_free(bio);
    return text;
  }

  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
  std::unique_ptr<X509, decltype(&X509_free)> certificate_;
};

}  // namespace colonnade
