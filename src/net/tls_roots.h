// Whom TLS trusts: the certificates of the system and of files.

#pragma once

#include <openssl/x509.h>

#include <optional>
#include <string>

#include "base/status.h"

namespace colonnade::net {

/// Adds what the system trusts: the places OpenSSL was built for or is told by SSL_CERT_FILE and
/// SSL_CERT_DIR, and if nothing is there, those of the distributions.
///
/// \error NotFound if there is nothing anywhere.
Status AddSystemRoots(X509_STORE* store);

/// Adds the certificates of a PEM file, or of a PKCS #12 file for which a password is needed.
///
/// \error NotFound, Io; InvalidData for a file without certificates or a wrong password;
///     Unsupported for a Java key store. Messages have the path and never the password.
Status AddRootsFile(const std::string& path, const std::optional<std::string>& password,
                    X509_STORE* store);

}  // namespace colonnade::net
