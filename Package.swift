// swift-tools-version:6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

/// What tests are built with that look at memory themselves. Warnings are errors where `WARNINGS_AS_ERRORS` is set, as
/// the gate does, so that a newer compiler's new warning does not stop somebody who only wants to build.
let relaxed: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ] + (Context.environment["WARNINGS_AS_ERRORS"] == nil ? [] : [.treatAllWarnings(as: .error)])

/// What every other Swift target is built with: what is unsafe must say so.
let settings = relaxed + [.strictMemorySafety()]

/// What `keyside version` says was built.
let commit = Context.gitInformation.map { $0.currentCommit + ($0.hasUncommittedChanges ? "-dirty" : "") } ?? "unknown"

/// Modules from top to bottom: each may import only what stands below it. `ARCHITECTURE.md` says why.
let package = Package(
    name: "keyside",
    products: [
        .executable(name: "keyside", targets: ["keyside"]),
        // For tests and benchmarks; in no package.
        .executable(name: "keyside-fake-kes", targets: ["keyside-fake-kes"]),
    ],
    dependencies: [
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .executableTarget(
            name: "keyside",
            dependencies: [
                "Access", "Agent", "ByteCoding", "CWipingFree", "Cryptography", "HTTPWire", "KESProtocol", "KeyService",
                "KeysideClient", "Linux", "Load", "LockedMemory", "Settings",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings,
            // Binding a function at its first call writes the registers to the stack, secrets that were moved through them
            // included.
            linkerSettings: [.unsafeFlags(["-Xlinker", "-z", "-Xlinker", "now"])]
        ),
        .target(
            name: "Agent",
            dependencies: [
                "Access", "CBuildInfo", "Cryptography", "Curl", "KESProtocol", "KeyCache", "KeyService", "Linux",
                "LockedMemory", "Renewal", "Server", "Settings", "StaticKey", "Systemd", "TLS", "Telemetry", "Upstream",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "Settings",
            dependencies: ["Access", "ByteCoding", "CYAML", "Cryptography", "KeyService", "Linux", "LockedMemory"],
            swiftSettings: settings
        ),
        .target(
            name: "Server",
            dependencies: [
                "Access", "ByteCoding", "Cryptography", "HTTP2", "HTTPWire", "KESProtocol", "KeyCache", "KeyService",
                "Linux", "LockedMemory", "Slots", "Spans", "TLS", "Telemetry", "Waiting",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "Upstream",
            dependencies: [
                "Cryptography", "Curl", "KESProtocol", "KeyService", "Linux", "LockedMemory", "Renewal", "Telemetry",
                "Waiting",
            ],
            swiftSettings: settings
        ),
        .target(
            name: "KeyCache",
            dependencies: ["KeyService", "Linux", "LockedMemory", "Spans", "Telemetry", "Waiting"],
            swiftSettings: settings
        ),
        .target(
            name: "KeysideClient",
            dependencies: ["ByteCoding", "Curl", "KESProtocol", "KeyService", "LockedMemory"],
            swiftSettings: settings
        ),
        .target(
            name: "Load",
            dependencies: [
                "KESProtocol", "KeyService", "Linux", "LockedMemory", "Slots",
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "StaticKey",
            dependencies: ["ByteCoding", "Cryptography", "KeyService", "LockedMemory"],
            swiftSettings: settings
        ),
        .target(
            name: "KESProtocol",
            dependencies: ["ByteCoding", "KeyService", "LockedMemory", "Spans"],
            swiftSettings: settings
        ),
        .target(name: "Renewal", dependencies: ["Cryptography", "Linux"], swiftSettings: settings),
        .target(name: "Access", dependencies: ["Cryptography"], swiftSettings: settings),
        .target(name: "HTTPWire", dependencies: ["Spans"], swiftSettings: settings),
        .target(
            name: "HTTP2",
            dependencies: ["CNghttp2", "HTTPWire", "LockedMemory", "Slots"],
            swiftSettings: settings
        ),
        .target(name: "KeyService", dependencies: ["LockedMemory"], swiftSettings: settings),
        .target(name: "ByteCoding", dependencies: ["LockedMemory", "Spans"], swiftSettings: settings),
        .target(
            name: "Cryptography",
            dependencies: ["ByteCoding", "COpenSSL", "Linux", "LockedMemory"],
            swiftSettings: settings
        ),
        .target(
            name: "TLS",
            dependencies: ["COpenSSL", "Cryptography", "Linux", "LockedMemory"],
            swiftSettings: settings
        ),
        .target(
            name: "Curl",
            dependencies: ["CCurl", "COpenSSL", "Cryptography", "Linux", "LockedMemory"],
            swiftSettings: settings
        ),
        .target(name: "Linux", dependencies: ["CLinux", "CProcessStart", "Waiting"], swiftSettings: settings),
        .target(name: "Systemd", dependencies: ["CSystemd", "Linux"], swiftSettings: settings),
        .target(name: "LockedMemory", dependencies: ["CLinux", "Linux"], swiftSettings: settings),
        .target(name: "Slots", swiftSettings: settings),
        .target(name: "Spans", swiftSettings: settings),
        .target(name: "Telemetry", swiftSettings: settings),
        .target(name: "Waiting", swiftSettings: settings),

        .target(name: "CBuildInfo", cSettings: [.define("KEYSIDE_COMMIT", to: "\"\(commit)\"")]),
        .target(name: "CLinux"),
        .target(name: "CProcessStart"),
        .target(name: "CWipingFree"),
        .target(name: "CCurl", dependencies: ["CLibCurl"]),
        .systemLibrary(name: "CLibCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),

        .testTarget(
            name: "AccessTests",
            dependencies: ["Access", "Cryptography", "TestSupport"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ByteCodingTests",
            dependencies: ["ByteCoding", "LockedMemory", "TestSupport"],
            swiftSettings: settings
        ),
        .testTarget(name: "HTTPWireTests", dependencies: ["HTTPWire"], swiftSettings: settings),
        .testTarget(
            name: "KESProtocolTests",
            dependencies: ["ByteCoding", "KESProtocol", "KeyService", "LockedMemory", "TestSupport"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "AgentTests",
            dependencies: [
                "Access", "Agent", "ByteCoding", "Cryptography", "Linux", "LockedMemory", "Settings", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "LinuxTests",
            dependencies: ["Linux", "TestSupport"],
            swiftSettings: relaxed
        ),
        .testTarget(name: "LoadTests", dependencies: ["Linux", "Load"], swiftSettings: settings),
        .testTarget(
            name: "LockedMemoryTests",
            dependencies: ["CLinux", "CTestSupport", "LockedMemory", "TestSupport"],
            swiftSettings: relaxed
        ),
        .testTarget(
            name: "CryptographyTests",
            dependencies: ["ByteCoding", "COpenSSL", "Cryptography", "LockedMemory", "TestSupport"],
            swiftSettings: relaxed
        ),
        .testTarget(
            name: "CurlTests",
            dependencies: ["CCurl", "COpenSSL", "Cryptography", "Curl", "LockedMemory", "TestSupport"],
            swiftSettings: relaxed
        ),
        .testTarget(
            name: "UpstreamTests",
            dependencies: [
                "ByteCoding", "Cryptography", "Curl", "FakeKES", "KESProtocol", "KeyService", "Linux", "LockedMemory",
                "Renewal", "Telemetry", "TestSupport", "Upstream", "Waiting",
            ],
            swiftSettings: relaxed
        ),
        .testTarget(
            name: "StaticKeyTests",
            dependencies: ["ByteCoding", "Cryptography", "KeyService", "LockedMemory", "StaticKey", "TestSupport"],
            swiftSettings: relaxed
        ),
        .testTarget(
            name: "ServerTests",
            dependencies: [
                "Access", "ByteCoding", "Cryptography", "HTTP2", "HTTPWire", "KESProtocol", "KeyService",
                "Linux", "LockedMemory", "Server", "Slots", "TLS", "Telemetry", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: relaxed
        ),
        .testTarget(
            name: "KeyCacheTests",
            dependencies: [
                "COpenSSL", "KeyCache", "KeyService", "LockedMemory", "Spans", "TestSupport", "Waiting",
            ],
            swiftSettings: relaxed
        ),
        .testTarget(name: "RenewalTests", dependencies: ["Cryptography", "Renewal"], swiftSettings: settings),
        .testTarget(name: "WaitingTests", dependencies: ["TestSupport", "Waiting"], swiftSettings: relaxed),
        .testTarget(name: "SlotsTests", dependencies: ["Slots"], swiftSettings: settings),
        .target(name: "CTestSupport", dependencies: ["COpenSSL"], path: "Tests/CTestSupport"),
        .target(
            name: "TestSupport",
            dependencies: ["CNghttp2", "CTestSupport", "Cryptography", "LockedMemory"],
            path: "Tests/TestSupport",
            swiftSettings: settings
        ),
        .testTarget(
            name: "WholeTests",
            dependencies: [
                "FakeKES", "KESProtocol", "KeyService", "TestSupport", .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "Tests",
            sources: ["Attacks", "WholeTests"],
            swiftSettings: settings
        ),
        .target(
            name: "FakeKES",
            dependencies: [
                "ByteCoding", "Cryptography", "HTTPWire", "KESProtocol", "KeyService", "Linux", "LockedMemory",
                "TestSupport",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHPACK", package: "swift-nio-http2"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
            ],
            path: "Tests/FakeKES",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "keyside-fake-kes",
            dependencies: [
                "FakeKES", "KESProtocol", "KeyService", "TestSupport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "Tests/FakeKESCommand",
            swiftSettings: settings
        ),
        .testTarget(
            name: "FakeKESTests",
            dependencies: [
                "FakeKES", "KESProtocol", "KeyService", "TestSupport", .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SettingsTests",
            dependencies: [
                "Access", "ByteCoding", "Cryptography", "KeyService", "Linux", "LockedMemory", "Settings",
                "TestSupport",
            ],
            swiftSettings: settings
        ),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .gnu17
)
