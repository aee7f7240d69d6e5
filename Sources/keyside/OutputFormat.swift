// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// How results are written to standard output.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    /// Aligned for eyes.
    case text
    /// One object, with names that scripts can rely on.
    case json
}
