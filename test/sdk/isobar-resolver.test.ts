import assert from "node:assert/strict";
import { it } from "node:test";
import { experimental } from "@grpc/grpc-js";
import { authorityOf } from "../../src/sdk/isobar-resolver.ts";

const ours = (text: string): string => {
  const [, authority, path = ""] = /^isobar:(?:\/\/([^/]*)\/)?(.+)$/.exec(text) ?? [];
  const uri: experimental.GrpcUri = {
    scheme: "isobar",
    path,
    ...(authority === undefined ? {} : { authority }),
  };
  assert.equal(experimental.uriToString(uri), text);
  return authorityOf(uri);
};

it("a target names a service with its port, in lower case", () => {
  assert.equal(ours("isobar:///Greeter.Default:50051"), "greeter.default:50051");
  assert.equal(ours("isobar:greeter.default:50051"), "greeter.default:50051");
});

it("a target that names none is refused with what is wanted", () => {
  assert.throws(
    () => ours("isobar:///greeter.default"),
    /^Error: isobar:greeter.default: found no port, wanted isobar:\/\/\/service/,
  );
  assert.throws(
    () => ours("isobar://greeter.default:1/x:1"),
    /found "greeter.default:1" between the slashes/,
  );
});
