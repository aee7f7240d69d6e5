// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import Glibc
import Linux

/// Where the system keeps the authorities that it trusts: where `SSL_CERT_FILE` and `SSL_CERT_DIR` say, or where OpenSSL
/// was built to look.
///
/// Of the latter, the folder is preferred, if its files have the hashed names by which OpenSSL finds one when it needs
/// it, as Debian's have. Files are parsed as a whole, and 140 authorities take 1.5 MB of locked memory.
struct SystemAuthorities {
    let file: String?
    let folders: [String]

    init() {
        let namedFile = unsafe Self.variable(X509_get_default_cert_file_env())
        self.folders =
            unsafe (Self.variable(X509_get_default_cert_dir_env()) ?? String(cString: X509_get_default_cert_dir()))
            .split(separator: ":").map(String.init)
        let isHashed = namedFile == nil && self.folders.contains(where: Self.isHashed)
        self.file = isHashed ? nil : unsafe namedFile ?? String(cString: X509_get_default_cert_file())
    }

    private static func variable(_ name: UnsafePointer<CChar>?) -> String? {
        guard let name = unsafe name, let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }

    /// Whether a name in a folder is 8 hexadecimal digits, a dot, and a number.
    private static func isHashed(_ folder: String) -> Bool {
        guard let names = try? Files.names(in: folder) else { return false }
        return names.contains { name in
            let parts = name.split(separator: ".", omittingEmptySubsequences: false)
            return parts.count == 2 && parts[0].utf8.count == 8 && parts[0].allSatisfy(\.isHexDigit)
                && Int(parts[1]) != nil
        }
    }
}
