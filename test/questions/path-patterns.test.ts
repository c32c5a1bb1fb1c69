import { describe, expect, it } from "vitest";
import { endpointsMeant, matchedPaths, parsePaths } from "../../src/questions/path-patterns.ts";

const FLOWS = "/api/v2/flows";
const FLOW = "/api/v2/flows/{flowId}";
const VERSION = "/api/v2/flows/{flowId}/versions/{versionId}";
const ME = "/api/v2/flows/me";
const ENDPOINTS = [
  { value: FLOWS, methods: new Set(["GET", "POST"]) },
  { value: FLOW, methods: new Set(["GET", "PUT"]) },
  { value: VERSION, methods: new Set(["GET"]) },
  { value: ME, methods: new Set(["GET"]) },
  { value: "/api/v2/flowsets", methods: new Set(["GET"]) },
];

function meant(text: string): string[] {
  const found = endpointsMeant(parsePaths(text, "FILE"), ENDPOINTS);
  return found.map(({ value, method }) => (method === undefined ? value : `${method} ${value}`));
}

describe("a file of paths", () => {
  it.each<[string, string[]]>([
    ["/api/v2/flows", [FLOWS]],
    ["api/v2/flows/", [FLOWS]],
    ["API/v2/Flows", [FLOWS]],
    ["/flows", [FLOWS]],
    ["https://api.mypurecloud.com/api/v2/flows?pageSize=25", [FLOWS]],
    ["post /api/v2/flows", [`POST ${FLOWS}`]],
    ["DELETE /api/v2/flows", []],
    ["/api/v2/flows/{id}", [FLOW]],
    ["/api/v2/flows/*/versions/*", [VERSION]],
    ["/api/v2/flows/0ca193aa-43e9-4037-b0db-5ccc0d73f644", [FLOW]],
    ["/api/v2/flows/{flowId}/versions", []],
    ["/api/v2/flows/me", [ME]],
    ["/api/v2/flows/*", [FLOW, VERSION, ME]],
    ["/api/v2/flows/**", [FLOW, VERSION, ME]],
    ["/api/v2/flows**", [FLOWS, FLOW, VERSION, ME]],
    ["GET /api/v2/flows/{flowId}/*", [`GET ${VERSION}`]],
    ["**", ENDPOINTS.map(({ value }) => value)],
    ["GET /flows\nPOST /flows", [`GET ${FLOWS}`, `POST ${FLOWS}`]],
    ["GET /flows\r\n/flows  # all methods\r\n\r\n#/flowsets", [FLOWS]],
    ["\uFEFF/flowsets", ["/api/v2/flowsets"]],
  ])("%j means %j", (text, expected) => {
    expect(meant(text)).toEqual(expected);
  });

  it("says for each line how many endpoints it matches", () => {
    expect(matchedPaths(parsePaths("get  /flows/*\n/no/such # later", "FILE"), ENDPOINTS)).toEqual([
      { path: "get /flows/*", endpoints: 3 },
      { path: "/no/such", endpoints: 0 },
    ]);
  });

  it.each([
    ["", "FILE contains no paths."],
    ["# only a comment\n\n", "FILE contains no paths."],
    ["/ok\nFETCH /flows", 'Line 2 of FILE: "FETCH /flows" is not a path.'],
    ["/flows /users", 'Line 1 of FILE: "/flows /users" is not a path.'],
    ["/flows/**/versions", 'Line 1 of FILE: "**" in "/flows/**/versions" is not a part of a path.'],
    ["/fl*ws", '"fl*ws" in "/fl*ws" is not a part of a path.'],
    ["/flows/{id", '"{id" in "/flows/{id" is not a part of a path.'],
  ])("is rejected: %j", (text, message) => {
    expect(() => parsePaths(text, "FILE")).toThrow(message);
  });
});
