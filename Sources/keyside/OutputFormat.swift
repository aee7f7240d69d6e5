// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// The format of results on standard output.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    /// Aligned text for people.
    case text
    /// One JSON object with stable member names.
    case json
}
