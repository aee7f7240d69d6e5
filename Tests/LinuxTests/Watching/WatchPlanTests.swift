// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport
import Testing

@testable import Linux

struct WatchPlanTests {
    let folder: TemporaryDirectory

    init() throws { self.folder = try TemporaryDirectory() }

    @Test("Each folder on the way is watched for the next step")
    func way() throws {
        try self.folder.makeFolder("a")
        try self.folder.write("", to: "a/file")
        let plan = WatchPlan([self.folder("a/file")])
        #expect(plan.names(in: "/") == ["tmp"])
        #expect(plan.names(in: self.folder.path) == ["a"])
        #expect(plan.names(in: self.folder("a")) == ["file"])
        #expect(plan.directories[self.folder("a")]?.holdsEnd == true)
        #expect(plan.directories[self.folder.path]?.holdsEnd == false)
    }

    @Test("What is missing is watched for where it should be")
    func missing() {
        let plan = WatchPlan([self.folder("a/b/file")])
        #expect(plan.names(in: self.folder.path) == ["a"])
        #expect(plan.directories[self.folder("a")] == nil)
    }

    @Test("In a folder at the end every name counts")
    func end() throws {
        try self.folder.makeFolder("a")
        let plan = WatchPlan([self.folder("a")])
        #expect(plan.directories[self.folder("a")]?.concerns("anything") == true)
        #expect(plan.directories[self.folder.path]?.concerns("anything") == false)
    }

    @Test("Links are followed, and watched themselves")
    func links() throws {
        try self.folder.makeFolder("..1")
        try self.folder.write("", to: "..1/tls.crt")
        symlink("..1", self.folder("..data"))
        symlink("..data/tls.crt", self.folder("tls.crt"))
        symlink("\(self.folder.path)/./..data/../tls.crt", self.folder("absolute"))
        for path in ["tls.crt", "absolute"] {
            let plan = WatchPlan([self.folder(path)])
            #expect(plan.names(in: self.folder.path)?.isSuperset(of: ["..1", "..data", "tls.crt"]) == true)
            #expect(plan.names(in: self.folder("..1")) == ["tls.crt"])
            #expect(plan.directories[self.folder("..1")]?.holdsEnd == true)
        }
    }

    @Test("Links in a circle end")
    func circle() {
        symlink("b", self.folder("a"))
        symlink("a", self.folder("b"))
        #expect(WatchPlan([self.folder("a")]).names(in: self.folder.path) == ["a", "b"])
    }

    @Test("Several ways share their folders")
    func several() throws {
        let plan = WatchPlan([self.folder("a"), self.folder("b")])
        #expect(plan.names(in: self.folder.path) == ["a", "b"])
    }
}

extension WatchPlan {
    fileprivate func names(in folder: String) -> Set<String>? { self.directories[folder]?.names }
}
