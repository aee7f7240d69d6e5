// SPDX-License-Identifier: Apache-2.0

/// A place in the configuration: the subject of a diagnostic, and the source of a value.
package enum Place: Hashable, Sendable {
    /// A flag of the command line: `--socket`.
    case flag(String)
    /// An environment variable, set or missing.
    case variable(String)
    /// A variable in an environment file.
    case entry(String, file: String, line: Int)
    /// A file, or a position in it. Lines and columns count from 1.
    case file(String, line: Int? = nil, column: Int? = nil)
    /// A variable and the file that it names: `MINIO_KMS_KES_KEY_FILE: /etc/keyside/client.key`.
    case credential(String)

    /// The place as a source column, without the variable's name.
    package var source: String {
        switch self {
        case .variable: "environment"
        case .entry(_, let file, let line): "\(file):\(line)"
        case .flag, .file, .credential: self.description
        }
    }
}

extension Place: CustomStringConvertible {
    package var description: String {
        switch self {
        case .flag(let name), .variable(let name), .credential(let name): name
        case .entry(let name, let file, let line): "\(file):\(line): \(name)"
        case .file(let path, let line, let column):
            [path, line.map(String.init), column.map(String.init)].compactMap(\.self).joined(separator: ":")
        }
    }
}
