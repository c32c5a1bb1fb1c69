/** Rows that no service should send, and what happens when their raw rows are stored. */
export interface OddRow {
  readonly what: string;
  /** The row's text. */
  readonly row: string;
  /** Stored, with these requests in the raw table; undefined: rejected. */
  readonly requests: number | undefined;
}

const legacy = (more: string, date = "2026-11-03T00:00:00Z"): string =>
  `{"clientId":"a","clientName":"n","status200":1,"date":"${date}"${more === "" ? "" : `,${more}`}}`;
const jobs = (more: string): string =>
  `{"date":"2026-11-03","httpMethod":"GET","requestCount":1,"status200":1,${more}}`;

export const ODD_ROWS: readonly OddRow[] = [
  {
    what: "half a character in a name",
    row: legacy('"requests":1').replace('"n"', '"Bot \\ud83d"'),
    requests: 1,
  },
  { what: "the other half", row: legacy('"requests":1').replace('"n"', '"\\uDC00 Bot"'), requests: 1 },
  {
    what: "half a character in a field that is not known",
    row: legacy('"requests":1,"x":["\\ud83d"]'),
    requests: 1,
  },
  { what: "half a character in a field's name", row: legacy('"requests":1,"x\\ud83d":1'), requests: 1 },
  {
    what: "a whole character as two escapes",
    row: legacy('"requests":1').replace('"n"', '"\\ud83d\\ude00"'),
    requests: 1,
  },
  {
    what: "a field twice with different values",
    row: legacy('"requests":1,"requests":2'),
    requests: undefined,
  },
  { what: "a field twice with one value", row: legacy('"requests":1,"requests":1'), requests: 1 },
  { what: "an unknown field twice", row: legacy('"requests":1,"x":1,"x":2'), requests: undefined },
  { what: "a member twice", row: jobs('"oauthClient":{"id":"a","id":"b"}'), requests: undefined },
  { what: "a member twice with one value", row: jobs('"oauthClient":{"id":"a","id":"a"}'), requests: 1 },
  {
    what: "a member of an unknown field twice",
    row: legacy('"requests":1,"x":{"y":{"z":1,"z":2}}'),
    requests: undefined,
  },
  {
    what: "fields that differ only in case",
    row: legacy('"requests":1,"Requests":2'),
    requests: undefined,
  },
  {
    what: "unknown fields that differ only in case",
    row: legacy('"requests":1,"x":1,"X":2'),
    requests: undefined,
  },
  { what: "a known field in another case", row: jobs('"REQUESTS":"abc"'), requests: undefined },
  {
    what: "members that differ only in case",
    row: jobs('"oauthClient":{"id":"a","ID":"b"}'),
    requests: undefined,
  },
  { what: "a NUL character", row: legacy('"requests":1').replace('"n"', '"a\\u0000b"'), requests: 1 },
  { what: "an empty name", row: legacy('"requests":1,"":1'), requests: 1 },
  { what: "the name __proto__", row: legacy('"requests":1,"__proto__":{"a":1}'), requests: 1 },
  { what: "a count beyond 64 bits", row: legacy('"requests":99999999999999999999'), requests: undefined },
  { what: "a count of 1e400", row: legacy('"requests":1e400'), requests: undefined },
  { what: "a count with a fraction", row: legacy('"requests":1.5'), requests: undefined },
  { what: "a count of -0", row: legacy('"requests":-0'), requests: 0 },
  { what: "a count of 1.0", row: legacy('"requests":1.0'), requests: 1 },
  { what: "a count of 1e3", row: legacy('"requests":1e3'), requests: 1000 },
  {
    what: "an unknown number beyond all bounds",
    row: legacy('"requests":1,"x":[1e400,-1E999]'),
    requests: 1,
  },
  {
    what: "an unknown number of many digits",
    row: legacy(`"requests":1,"x":${"9".repeat(500)}`),
    requests: 1,
  },
  { what: "a count in words", row: legacy('"requests":"abc"'), requests: undefined },
  { what: "a count as text", row: legacy('"requests":"12"'), requests: undefined },
  { what: "a count of true", row: legacy('"requests":true'), requests: undefined },
  { what: "a count of {}", row: legacy('"requests":{}'), requests: undefined },
  { what: "a count of the other service in words", row: jobs('"requests":"abc"'), requests: undefined },
  { what: "a count of the other service that is a list", row: jobs('"requests":[]'), requests: undefined },
  { what: "a client that is text", row: jobs('"oauthClient":"x"'), requests: undefined },
  { what: "a user that is a list", row: jobs('"user":[]'), requests: undefined },
  { what: "a user that is a number", row: jobs('"user":7'), requests: undefined },
  {
    what: "a client with more members",
    row: jobs('"oauthClient":{"id":"a","division":{"id":"d"}}'),
    requests: 1,
  },
  {
    what: "a client's address that is an object",
    row: jobs('"oauthClient":{"id":"a","selfUri":{"x":1}}'),
    requests: 1,
  },
  {
    what: "a client's name of the other service that is an object",
    row: jobs('"clientName":{"a":1}'),
    requests: 1,
  },
  {
    what: "an unknown field that nests deep",
    row: legacy(`"requests":1,"x":${"[".repeat(400)}${"]".repeat(400)}`),
    requests: 1,
  },
  {
    what: "an unknown field that nests deeper than is read",
    row: legacy(`"requests":1,"x":${"[".repeat(600)}${"]".repeat(600)}`),
    requests: undefined,
  },
  { what: "blanks, tabs and line ends between", row: legacy('"requests" :\t1,\r\n"x": [ 1 ]'), requests: 1 },
  {
    what: "an escaped quote and colon in a name",
    row: legacy('"requests":1').replace('"n"', '"a\\":b"'),
    requests: 1,
  },
];
