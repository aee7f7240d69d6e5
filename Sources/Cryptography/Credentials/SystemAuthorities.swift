// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import Glibc
import Linux

/// Locations of the system's trusted CA certificates. `SSL_CERT_FILE` and `SSL_CERT_DIR` have the meaning that they
/// have in Go, and so in the object store: the former replaces the default bundle; the latter, a colon-separated list
/// of directories, replaces the default directories, of which every file counts. An empty value counts as unset.
///
/// Directories with hashed file names, such as Debian's, are not read as a whole: OpenSSL looks up the one certificate
/// that it needs. Other files are parsed, and 140 certificates need 1.5 MB of locked memory. So the default bundle is
/// used only if no directory is hashed.
package struct SystemAuthorities: Sendable {
    /// Bundles and single certificates to parse.
    let files: [String]
    /// Directories with hashed file names.
    let hashedDirectories: [String]
    /// The locations, for people: `/etc/ssl/certs (default)`.
    package let description: String

    package init() {
        let namedFile = unsafe Self.variable(X509_get_default_cert_file_env())
        let namedDirectories = unsafe Self.variable(X509_get_default_cert_dir_env())
        let directories = unsafe (namedDirectories ?? String(cString: X509_get_default_cert_dir()))
            .split(separator: ":").map(String.init)
        self.hashedDirectories = directories.filter(Self.isHashed)
        var files = namedDirectories == nil ? [] : directories.filter { !Self.isHashed($0) }.flatMap(Self.files)
        if let namedFile {
            files.append(namedFile)
        } else if self.hashedDirectories.isEmpty {
            unsafe files.append(String(cString: X509_get_default_cert_file()))
        }
        // Opening a FIFO would block.
        self.files = files.filter { (try? FileKind(at: $0)) == .file }
        let sources =
            directories.map { "\($0) (\(namedDirectories == nil ? "default" : "SSL_CERT_DIR"))" }
            + (namedFile.map { ["\($0) (SSL_CERT_FILE)"] } ?? [])
        self.description = sources.joined(separator: ", ")
    }

    private static func files(in directory: String) -> [String] {
        ((try? Files.names(in: directory)) ?? []).map { "\(directory)/\($0)" }
    }

    private static func variable(_ name: UnsafePointer<CChar>?) -> String? {
        guard let name = unsafe name, let value = unsafe getenv(name) else { return nil }
        let text = unsafe String(cString: value)
        return text.isEmpty ? nil : text
    }

    /// Whether a file name in the directory is 8 hexadecimal digits, a dot, and a number.
    private static func isHashed(_ directory: String) -> Bool {
        guard let names = try? Files.names(in: directory) else { return false }
        return names.contains { name in
            let parts = name.split(separator: ".", omittingEmptySubsequences: false)
            return parts.count == 2 && parts[0].utf8.count == 8 && parts[0].allSatisfy(\.isHexDigit)
                && Int(parts[1]) != nil
        }
    }
}
