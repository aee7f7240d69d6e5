// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import KESProtocol
import KeyService
import Testing

/// The answers that hold no secret.
@Suite struct KESInformationTests {
    private func keyName(_ text: String) throws -> KeyName { try #require(KeyName(text)) }

    @Test("a key's description, with and without what may be left out")
    func describeKey() throws {
        let full = KESAnswer.DescribeKey(
            KeyDescription(
                name: try self.keyName("my-key"),
                algorithm: .aes256,
                createdAt: "2026-01-02T03:04:05.678901234Z",
                createdBy: "339e2ff9"
            )
        )
        #expect(
            text(full.body)
                == #"{"name":"my-key","algorithm":"AES256","created_at":"2026-01-02T03:04:05.678901234Z","#
                + "\"created_by\":\"339e2ff9\"}\n"
        )
        #expect(try KESAnswer.DescribeKey(decoding: full.body.span) == full)

        let bare = KESAnswer.DescribeKey(
            KeyDescription(
                name: try self.keyName("a"),
                algorithm: nil,
                createdAt: "0001-01-01T00:00:00Z",
                createdBy: nil
            )
        )
        #expect(text(bare.body) == "{\"name\":\"a\",\"created_at\":\"0001-01-01T00:00:00Z\"}\n")
        #expect(try KESAnswer.DescribeKey(decoding: bare.body.span) == bare)
    }

    @Test(
        "the algorithm of a description",
        arguments: [
            (#""ChaCha20""#, .chaCha20), (#""AES256""#, .aes256), (#""""#, nil), (#""new""#, nil), ("null", nil),
        ]
            as [(String, KeyAlgorithm?)]
    )
    func algorithms(json: String, algorithm: KeyAlgorithm?) throws {
        let body = Array(#"{"name":"a","created_at":"","algorithm":\#(json)}"#.utf8)
        #expect(try KESAnswer.DescribeKey(decoding: body.span).key.algorithm == algorithm)
    }

    @Test("a listing has its names even where there are none")
    func listKeys() throws {
        #expect(text(KESAnswer.ListKeys(KeyListing(names: [])).body) == "{\"names\":[]}\n")
        let page = KESAnswer.ListKeys(
            KeyListing(names: [try self.keyName("a"), try self.keyName("b")], continueAt: "c")
        )
        #expect(text(page.body) == "{\"names\":[\"a\",\"b\"],\"continue_at\":\"c\"}\n")
        #expect(try KESAnswer.ListKeys(decoding: page.body.span) == page)
        for body in [
            "{}", #"{"names":null}"#, #"{"names":[],"continue_at":""}"#, #"{"names":[""],"continue_at":null}"#,
        ] {
            #expect(try KESAnswer.ListKeys(decoding: Array(body.utf8).span).listing == KeyListing(names: []))
        }
        #expect(throws: KESAnswer.Unusable.unreadable(.malformed(offset: 11, expected: .string))) {
            try KESAnswer.ListKeys(decoding: Array(#"{"names": [1]}"#.utf8).span)
        }
    }

    @Test("a version of unknown commit is escaped as Go does")
    func version() throws {
        let answer = KESAnswer.Version(version: "2025-03-12T09-35-18Z", commit: "<unknown>")
        #expect(
            text(answer.body) == "{\"version\":\"2025-03-12T09-35-18Z\",\"commit\":\"\\u003cunknown\\u003e\"}\n"
        )
        #expect(try KESAnswer.Version(decoding: answer.body.span) == answer)
        #expect(throws: KESAnswer.Unusable.incomplete(missing: "version")) {
            try KESAnswer.Version(decoding: Array("{}".utf8).span)
        }
    }

    @Test("a status has KES's members in KES's units, and the agent's own at the end")
    func status() throws {
        var status = KESAnswer.Status()
        status.version = "0.1.0"
        status.operatingSystem = "linux"
        status.architecture = "amd64"
        status.uptime = .milliseconds(539_900)
        status.processorCount = 4
        status.usableProcessorCount = 2
        status.heapByteCount = 2_926_832
        status.stackByteCount = 557_056
        status.keyStore = .reachable(latency: .microseconds(17))
        let members =
            #"{"version":"0.1.0","os":"linux","arch":"amd64","uptime":539,"num_cpu":4,"num_cpu_used":2,"#
            + #""mem_heap_used":2926832,"mem_stack_used":557056,"#
        #expect(text(status.body) == members + "\"keystore_latency\":1}\n")

        status.keyStore = .reachable(latency: .microseconds(12_900))
        status.keyside = JSONFragment(Array(#"{"backend":"static key"}"#.utf8))
        #expect(
            text(status.body) == members + "\"keystore_latency\":12,\"keyside\":{\"backend\":\"static key\"}}\n"
        )

        status.keyStore = .unreachable
        status.keyside = nil
        #expect(text(status.body) == members + "\"keystore_unavailable\":true,\"keystore_unreachable\":true}\n")
    }

    @Test("a status is read back")
    func statusRoundTrip() throws {
        var status = KESAnswer.Status()
        status.version = "0.1.0"
        status.uptime = .seconds(7)
        status.heapByteCount = 1
        status.keyside = JSONFragment(Array(#"{"a":[1]}"#.utf8))
        for keyStore in [KESAnswer.Status.KeyStore.reachable(latency: .milliseconds(3)), .unreachable] {
            status.keyStore = keyStore
            #expect(try KESAnswer.Status(decoding: status.body.span) == status)
        }
    }

    @Test(
        "the key store in a status, as KES servers of all kinds tell of it",
        arguments: [
            ("{}", .reachable(latency: .zero)),
            (#"{"keystore_latency":5}"#, .reachable(latency: .milliseconds(5))),
            (#"{"keystore_unreachable":true}"#, .unreachable),
            (#"{"keystore_unavailable":true}"#, .unreachable),
            (#"{"keystore_unavailable":false,"keystore_unreachable":false}"#, .reachable(latency: .zero)),
        ] as [(String, KESAnswer.Status.KeyStore)]
    )
    func keyStores(body: String, keyStore: KESAnswer.Status.KeyStore) throws {
        #expect(try KESAnswer.Status(decoding: Array(body.utf8).span).keyStore == keyStore)
    }

    @Test("the list of endpoints is the table")
    func api() throws {
        let answer = KESAnswer.API()
        #expect(answer.rows.count == Operation.allCases.count)
        #expect(
            text(answer.body)
                .hasPrefix(
                    #"[{"method":"PUT","path":"/v1/key/decrypt/","max_body":1000000,"timeout":15},"#
                )
        )
        #expect(text(answer.body).contains(#"{"method":"GET","path":"/version","max_body":0,"timeout":10}"#))
        #expect(text(answer.body).hasSuffix("}]\n"))
        #expect(try KESAnswer.API(decoding: answer.body.span) == answer)
        #expect(throws: KESAnswer.Unusable.self) { try KESAnswer.API(decoding: Array("{}".utf8).span) }
    }
}
