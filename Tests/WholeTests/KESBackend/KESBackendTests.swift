// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

/// The agent in front of KES servers that are part of the tests. One after the other: each of them keeps several
/// processes busy, and what waits too long is an error to an agent.
@Suite(.serialized, .enabled(if: areKeyServersAskedFor, "set KEYSIDE_TEST_KES_BACKEND=1")) enum KESBackendTests {}

/// Not yet part of every run: some of these fail, over HTTP/2 above all, and what they have found is not mended.
private let areKeyServersAskedFor = unsafe getenv("KEYSIDE_TEST_KES_BACKEND") != nil
