// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// What an agent says of itself over the KES API.
@Suite struct StatusTests {
    @Test func statusHasKESsMembersAndTheAgentsOwn() throws {
        try withAgent { agent in
            let answer = try agent.ask(.get("/v1/status"))
            #expect(answer.status == 200 && answer["Content-Type"] == "application/json")
            #expect(answer.text.hasSuffix("}\n") && !answer.text.dropLast().contains("\n"))
            let status = answer.json
            #expect(status["version"].string?.isEmpty == false)
            #expect(status["os"].string == "linux")
            #expect(["amd64", "arm64"].contains(status["arch"].string))
            for member in ["uptime", "num_cpu", "num_cpu_used", "mem_heap_used", "mem_stack_used", "keystore_latency"] {
                #expect((status[member].integer ?? -1) >= 0, "\(member)")
            }
            #expect((status["keystore_latency"].integer ?? 0) >= 1, "0 is read as unknown")
            // Neither or both: one of the two alone is an error to KES's client.
            #expect(status["keystore_unreachable"] == .missing && status["keystore_unavailable"] == .missing)

        }
    }

    /// The names are a contract with everybody who reads the status with a program.
    @Test func theAgentTellsOfItself() throws {
        try withAgent { agent in
            let own = try agent.ask(.get("/v1/status")).json["keyside"]
            #expect(own.names == ["backend", "cache", "commit", "listeners", "memory", "pid", "requests", "state"])
            #expect(own["state"].string == "ready")
            #expect(own["pid"].integer == Int(agent.process.processID))
            #expect(try own["commit"] == agent.ask(.get("/version")).json["commit"])
            #expect(
                own["cache"].names == [
                    "absent", "any_ms", "capacity", "coalesced", "contradictions", "enabled", "entries", "evictions",
                    "hit_ratio", "hits", "misses", "offline_ms", "renewals", "stale", "unused_ms",
                ])
            #expect(own["cache"]["enabled"].bool == false, "a static key needs none")
            let backend = own["backend"]
            #expect(backend.names == ["endpoints", "key", "kind", "reachable"])
            #expect(backend["key"].string == "my-key" && backend["kind"].string == "static key")
            #expect(backend["reachable"].bool == true)
            #expect(
                backend["endpoints"].elements.map(\.names) == [["address", "contradictions", "in_flight", "online"]])
            #expect(
                own["listeners"].elements == [
                    .object([
                        "name": .string("unix"), "address": .string(agent.socketPath), "connections": .number(1),
                        "refused": .number(0),
                    ])
                ])
            #expect(own["memory"].names == ["kind", "locked_bytes", "slots_in_use"])
            #expect(["memfd_secret", "mlock2"].contains(own["memory"]["kind"].string))
            #expect((own["memory"]["locked_bytes"].integer ?? 0) > 0)
            #expect(own["memory"]["slots_in_use"].integer == 1, "the static key")
        }
    }

    @Test func whatIsCountedShowsInTheStatus() throws {
        try withAgent { agent in
            let connection = try agent.connect()
            for _ in 0..<4 { #expect(try connection.ask(.generate()).isDataKey) }
            #expect(try connection.ask(.generate("other")).status == 404)
            #expect(try connection.ask(.encrypt(plaintext: [1])).status == 501)
            let requests = try connection.ask(.get("/v1/status")).json["keyside"]["requests"]
            #expect(requests == .object(["succeeded": .number(4), "refused": .number(1), "failed": .number(1)]))
        }
    }

    @Test func theVersionIsTwoTexts() throws {
        let answer = try SharedAgent.running.ask(.get("/version"))
        #expect(answer.json.names == ["commit", "version"])
        #expect(answer.json["version"].string?.isEmpty == false && answer.json["commit"].string?.isEmpty == false)
        #expect(answer.body.count <= 1024, "more is not read")
    }

    @Test func theAPIListsWhatIsServed() throws {
        let connection = try SharedAgent.running.connect()
        let entries = try connection.ask(.get("/v1/api")).json.elements
        let bodies = ["import", "generate", "encrypt", "decrypt", "hmac"].map { "/v1/key/\($0)/" }
        for entry in entries {
            #expect(entry.names == ["max_body", "method", "path", "timeout"])
            let path = try #require(entry["path"].string)
            let method = try #require(entry["method"].string)
            #expect(entry["max_body"].integer == (bodies.contains(path) ? 1_000_000 : 0))
            #expect(entry["timeout"].integer == (["/version", "/v1/api"].contains(path) ? 10 : 15))
            let answer = try connection.ask(HTTPRequest(method, path.hasSuffix("/") ? "\(path)my-key" : path))
            #expect(answer.status != 405 && answer.text != "404 page not found\n", "\(method) \(path)")
        }
        let paths = entries.compactMap { $0["path"].string }
        let keyRoutes = ["create", "import", "describe", "delete", "list", "generate", "encrypt", "decrypt", "hmac"]
        #expect(Set(paths).count == paths.count)
        #expect(
            Set(paths)
                == Set(["/version", "/v1/ready", "/v1/status", "/v1/metrics", "/v1/api"])
                .union(
                    keyRoutes.map { "/v1/key/\($0)/" }))
    }
}
