// swift-tools-version:6.3
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

/// What `keyside version` prints.
let commit = Context.gitInformation.map { $0.currentCommit + ($0.hasUncommittedChanges ? "-dirty" : "") } ?? "unknown"

/// Modules from top to bottom: each imports only modules below it. `ARCHITECTURE.md` says why.
let modules: [Target] = [
    .executableTarget(
        name: "keyside",
        dependencies: [
            "AdminProtocol", "Agent", "Authorization", "ByteCoding", "CWipingFree", "Cryptography", "HTTPMessages",
            "KESProtocol",
            "KeyService", "KeysideClient", "Linux", "LoadGenerator", "LockedMemory", "Settings",
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
            .product(name: "Logging", package: "swift-log"),
            .product(name: "UnixSignals", package: "swift-service-lifecycle"),
        ],
        // Binding a function at its first call writes the registers to the stack, secrets that were moved through them
        // included.
        linkerSettings: [.unsafeFlags(["-Xlinker", "-z", "-Xlinker", "now"])]
    ),
    .target(
        name: "Agent",
        dependencies: [
            "AdminAPI", "Authorization", "CBuildInfo", "CertificateRotation", "ClientCredentials", "Cluster",
            "Cryptography", "CurlTransport", "HTTPServer", "KESBackend", "KESFront", "KESProtocol", "KeyCache",
            "KeyService", "Linux", "LockedMemory", "Primitives", "Settings", "StaticKey", "Systemd", "TLS", "Telemetry",
            .product(name: "Logging", package: "swift-log"),
            .product(name: "UnixSignals", package: "swift-service-lifecycle"),
        ]
    ),
    .target(
        name: "Settings",
        dependencies: ["Authorization", "ByteCoding", "CYAML", "Cryptography", "KeyService", "Linux", "LockedMemory"]
    ),
    .target(
        name: "AdminAPI",
        dependencies: [
            "AdminProtocol", "Authorization", "ByteCoding", "HTTPMessages", "HTTPServer", "KeyCache", "KeyService",
            "Linux", "LockedMemory", "Primitives", "TLS", "Telemetry",
        ]
    ),
    .target(
        name: "KESFront",
        dependencies: [
            "Authorization", "ByteCoding", "HTTPMessages", "HTTPServer", "KESProtocol", "KeyService", "Linux",
            "LockedMemory", "Primitives", "TLS", "Telemetry",
        ]
    ),
    .target(
        name: "HTTPServer",
        dependencies: [
            "Authorization", "Cryptography", "HTTP2", "HTTPMessages", "KeyService", "Linux", "LockedMemory",
            "Primitives", "TLS", "Telemetry", .product(name: "Logging", package: "swift-log"),
        ]
    ),
    .target(
        name: "KESBackend",
        dependencies: [
            "ByteCoding", "Cluster", "CurlTransport", "KESProtocol", "KeyService", "LockedMemory", "Telemetry",
        ]
    ),
    .target(
        name: "Cluster",
        dependencies: ["CurlTransport", "KeyService", "Linux", "LockedMemory", "Primitives", "Telemetry"]
    ),
    .target(
        name: "ClientCredentials",
        dependencies: ["CertificateRotation", "Cryptography", "Linux", "LockedMemory"]
    ),
    .target(name: "KeyCache", dependencies: ["KeyService", "Linux", "LockedMemory", "Primitives", "Telemetry"]),
    .target(
        name: "KeysideClient",
        dependencies: ["AdminProtocol", "ByteCoding", "CurlTransport", "KESProtocol", "KeyService", "LockedMemory"]
    ),
    .target(
        name: "LoadGenerator",
        dependencies: [
            "KESProtocol", "KeyService", "Linux", "LockedMemory", "Primitives",
            .product(name: "Histogram", package: "hdrhistogram-swift"),
        ]
    ),
    .target(name: "AdminProtocol", dependencies: ["ByteCoding"]),
    .target(name: "StaticKey", dependencies: ["ByteCoding", "Cryptography", "KeyService", "LockedMemory"]),
    .target(name: "KESProtocol", dependencies: ["ByteCoding", "KeyService", "LockedMemory", "Primitives"]),
    .target(name: "CertificateRotation", dependencies: ["Cryptography", "Linux"]),
    .target(name: "Authorization", dependencies: ["Cryptography", "KeyService", "Telemetry"]),
    .target(name: "HTTP2", dependencies: ["CNghttp2", "HTTPMessages", "LockedMemory", "Primitives"]),
    .target(name: "HTTPMessages", dependencies: ["Primitives"]),
    .target(name: "KeyService", dependencies: ["LockedMemory"]),
    .target(name: "CurlTransport", dependencies: ["CCurl", "COpenSSL", "Cryptography", "Linux", "LockedMemory"]),
    .target(name: "TLS", dependencies: ["COpenSSL", "Cryptography", "Linux", "LockedMemory"]),
    .target(name: "Cryptography", dependencies: ["ByteCoding", "COpenSSL", "Linux", "LockedMemory"]),
    .target(name: "ByteCoding", dependencies: ["LockedMemory", "Primitives"]),
    .target(name: "LockedMemory", dependencies: ["CLinux", "Linux"]),
    .target(name: "Systemd", dependencies: ["CSystemd", "Linux"]),
    .target(name: "Linux", dependencies: ["CLinux", "CProcessStart", "Primitives"]),
    .target(name: "Telemetry"),
    .target(name: "Primitives"),
]

/// Module maps for Debian's libraries, and the C that Swift cannot express.
let cModules: [Target] = [
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
]

let cTestSupport = Target.target(name: "CTestSupport", dependencies: ["COpenSSL"], path: "Tests/CTestSupport")

/// SwiftNIO serves the fake key server alone: a second implementation of HTTP and TLS to test ours against.
let tests: [Target] = [
    .testTarget(
        name: "AuthorizationTests",
        dependencies: ["Authorization", "Cryptography", "KeyService", "Primitives", "Telemetry", "TestSupport"]),
    .testTarget(name: "ByteCodingTests", dependencies: ["ByteCoding", "LockedMemory", "Primitives", "TestSupport"]),
    .testTarget(name: "HTTP2Tests", dependencies: ["HTTP2", "TestSupport"]),
    .testTarget(name: "HTTPMessagesTests", dependencies: ["HTTPMessages", "Primitives"]),
    .testTarget(
        name: "KESProtocolTests",
        dependencies: ["ByteCoding", "KESProtocol", "KeyService", "LockedMemory", "Primitives", "TestSupport"]
    ),
    .testTarget(
        name: "AgentTests",
        dependencies: [
            "Agent", "Authorization", "ByteCoding", "Cryptography", "Linux", "LockedMemory", "Settings", "TestSupport",
            .product(name: "Logging", package: "swift-log"),
        ]
    ),
    .testTarget(name: "LinuxTests", dependencies: ["Linux", "TestSupport"]),
    .testTarget(name: "LoadGeneratorTests", dependencies: ["Linux", "LoadGenerator", "Primitives"]),
    .testTarget(
        name: "LockedMemoryTests",
        dependencies: ["CLinux", "CTestSupport", "LockedMemory", "Primitives", "TestSupport"]),
    .testTarget(
        name: "CryptographyTests",
        dependencies: ["ByteCoding", "COpenSSL", "Cryptography", "LockedMemory", "TestSupport"]
    ),
    .testTarget(
        name: "CurlTransportTests",
        dependencies: ["CCurl", "COpenSSL", "Cryptography", "CurlTransport", "LockedMemory", "TestSupport"]
    ),
    .testTarget(
        name: "ClusterTests",
        dependencies: [
            "Cluster", "ClusterTestSupport", "CurlTransport", "KeyService", "LockedMemory", "Primitives", "TestSupport",
        ]
    ),
    .testTarget(
        name: "KESBackendTests",
        dependencies: [
            "ByteCoding", "Cluster", "ClusterTestSupport", "Cryptography", "CurlTransport", "FakeKES", "KESBackend",
            "KESProtocol",
            "KeyService",
            "LockedMemory", "Primitives", "Telemetry", "TestSupport",
        ]
    ),
    .target(
        name: "ClusterTestSupport",
        dependencies: ["Cluster", "CurlTransport", "LockedMemory", "Primitives", "TestSupport"],
        path: "Tests/ClusterTestSupport"
    ),
    .testTarget(
        name: "ClientCredentialsTests",
        dependencies: [
            "CertificateRotation", "ClientCredentials", "Cryptography", "Linux", "LockedMemory", "TestSupport",
        ]
    ),
    .testTarget(
        name: "StaticKeyTests",
        dependencies: ["ByteCoding", "Cryptography", "KeyService", "LockedMemory", "StaticKey", "TestSupport"]
    ),
    .testTarget(
        name: "HTTPServerTests",
        dependencies: [
            "Cryptography", "HTTP2", "HTTPMessages", "HTTPServer", "KeyService", "Linux", "LockedMemory", "Primitives",
            "ServerTestSupport", "TLS", "TestSupport", .product(name: "Logging", package: "swift-log"),
        ]
    ),
    .testTarget(
        name: "KESFrontTests",
        dependencies: [
            "AdminProtocol", "Authorization", "ByteCoding", "Cryptography", "HTTPMessages", "HTTPServer", "KESFront",
            "KESProtocol", "KeyService", "Linux", "LockedMemory", "ServerTestSupport", "TLS", "Telemetry",
            "TestSupport",
        ]
    ),
    .testTarget(
        name: "AdminAPITests",
        dependencies: [
            "AdminAPI", "AdminProtocol", "Authorization", "HTTPServer", "KESProtocol", "KeyService", "LockedMemory",
            "ServerTestSupport", "Telemetry", "TestSupport",
        ]
    ),
    .target(
        name: "ServerTestSupport",
        dependencies: [
            "AdminAPI", "Authorization", "HTTPMessages", "HTTPServer", "KESFront", "KeyService", "Linux",
            "LockedMemory", "TestSupport", .product(name: "Logging", package: "swift-log"),
        ],
        path: "Tests/ServerTestSupport"
    ),
    .testTarget(
        name: "KeyCacheTests",
        dependencies: ["COpenSSL", "KeyCache", "KeyService", "LockedMemory", "Primitives", "TestSupport"]
    ),
    .testTarget(name: "CertificateRotationTests", dependencies: ["CertificateRotation", "Cryptography"]),
    .testTarget(name: "PrimitivesTests", dependencies: ["Primitives", "TestSupport"]),
    .target(
        name: "TestSupport",
        dependencies: ["CNghttp2", "CTestSupport", "Cryptography", "LockedMemory", "Primitives"],
        path: "Tests/TestSupport"
    ),
    .testTarget(
        name: "IntegrationTests",
        dependencies: [
            "FakeKES", "KESProtocol", "KeyService", "Primitives", "TestSupport",
            .product(name: "NIOPosix", package: "swift-nio"),
        ],
        path: "Tests",
        sources: ["Attacks", "IntegrationTests"]
    ),
    .target(
        name: "FakeKES",
        dependencies: [
            "ByteCoding", "Cryptography", "HTTPMessages", "KESProtocol", "KeyService", "Linux", "LockedMemory",
            "TestSupport", .product(name: "NIOCore", package: "swift-nio"),
            .product(name: "NIOHPACK", package: "swift-nio-http2"),
            .product(name: "NIOHTTP2", package: "swift-nio-http2"), .product(name: "NIOPosix", package: "swift-nio"),
            .product(name: "NIOSSL", package: "swift-nio-ssl"), .product(name: "NIOTLS", package: "swift-nio"),
        ],
        path: "Tests/FakeKES"
    ),
    .executableTarget(
        name: "keyside-fake-kes",
        dependencies: [
            "FakeKES", "KESProtocol", "KeyService", "TestSupport",
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
            .product(name: "NIOPosix", package: "swift-nio"),
        ],
        path: "Tests/FakeKESCommand"
    ),
    .testTarget(
        name: "FakeKESTests",
        dependencies: [
            "FakeKES", "KESProtocol", "KeyService", "TestSupport", .product(name: "NIOPosix", package: "swift-nio"),
        ]
    ),
    .testTarget(
        name: "SettingsTests",
        dependencies: [
            "Authorization", "ByteCoding", "Cryptography", "KeyService", "Linux", "LockedMemory", "Settings",
            "TestSupport",
        ]
    ),
]

/// Tests that read memory by address. Every other Swift target has to mark unsafe code as such.
let testsOfMemory: Set<String> = [
    "ClientCredentialsTests",
    "ClusterTestSupport",
    "ClusterTests",
    "CryptographyTests",
    "CurlTransportTests",
    "HTTPServerTests",
    "KESBackendTests",
    "KeyCacheTests",
    "LinuxTests",
    "LockedMemoryTests",
    "PrimitivesTests",
    "ServerTestSupport",
    "StaticKeyTests",
]

for target in modules + tests where target.type != .system {
    target.swiftSettings =
        [
            .enableUpcomingFeature("ExistentialAny"),
            .enableUpcomingFeature("MemberImportVisibility"),
            .enableUpcomingFeature("InternalImportsByDefault"),
            .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        ]
        + (testsOfMemory.contains(target.name) ? [] : [.strictMemorySafety()])
        // The gate sets the variable. Without it, a newer compiler's new warning does not stop a build.
        + (Context.environment["WARNINGS_AS_ERRORS"] == nil ? [] : [.treatAllWarnings(as: .error)])
}

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
    targets: modules + cModules + [cTestSupport] + tests,
    swiftLanguageModes: [.v6],
    cLanguageStandard: .gnu17
)
