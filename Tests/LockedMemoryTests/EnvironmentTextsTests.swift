// SPDX-License-Identifier: Apache-2.0

import Glibc
import LockedMemory
import Testing

@Suite("Variables as text")
struct EnvironmentTextsTests {
    @Test("the wanted variables are read, and no others")
    func wantedVariables() throws {
        let path = unsafe String(cString: try #require(unsafe getenv("PATH")))
        #expect(EnvironmentBlock.texts { $0 == "PATH" } == ["PATH": path])
        #expect(EnvironmentBlock.texts { _ in false }.isEmpty)
    }

    @Test(
        "a failure to read a file gives the system's reason as Go words it",
        arguments: [
            (SecretFile.Failure.system(ENOENT), "no such file or directory"), (.system(EACCES), "permission denied"),
            (.system(EISDIR), "is a directory"), (.tooLarge(byteCountMax: 9), "longer than 9 bytes"),
        ]
    )
    func reasons(failure: SecretFile.Failure, reason: String) {
        #expect(failure.reason == reason)
    }
}
