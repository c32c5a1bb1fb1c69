import type { Chance } from "./size.ts";

const DEEP = 20_000;

/** Unexpected JSON values, as text: some are invalid JSON, and some cannot be written by JSON.stringify. */
const VALUES: readonly string[] = [
  "null",
  "true",
  "0",
  "-1",
  "-0",
  "1.5",
  "1e400",
  "1e3",
  "9007199254740993",
  "9223372036854775807",
  "9223372036854775808",
  "-9223372036854775809",
  "123456789012345678901234567890",
  "NaN",
  "nil",
  "''",
  '""',
  '" "',
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '"\\u0000"',
  '"\\u001b[2J"',
  '"\u202e"',
  '"../../etc/passwd"',
  '"a/b\\\\c"',
  '"\'; DROP TABLE usage; --"',
  "[]",
  "{}",
  "[[]]",
  "[null]",
  '{"id":1}',
  '{"id":null,"name":{}}',
  '{"__proto__":{"requests":1}}',
  '"2026-02-30"',
  '"2026-11-01T24:00:00Z"',
  '"0000-00-00"',
  `"${"x".repeat(100_000)}"`,
  `${"[".repeat(DEEP)}${"]".repeat(DEEP)}`,
  `${'{"a":'.repeat(DEEP)}1${"}".repeat(DEEP)}`,
];

/** Bytes that truncate, join or end something. */
const BYTES: readonly Buffer[] = [
  ...'{}[]",:\\ 0-.eE<\n\r\t/'.split("").map((char) => Buffer.from(char)),
  Buffer.from([0]),
  Buffer.from([0xef, 0xbb, 0xbf]),
  Buffer.from([0xef]),
  Buffer.from([0xff, 0xfe]),
  Buffer.from([0xc3, 0x28]),
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.from([0xf5]),
  Buffer.from("\u2028"),
  Buffer.from("\u{1f600}"),
];

const WHOLE: readonly ((text: Buffer) => Buffer)[] = [
  () => Buffer.alloc(0),
  () => Buffer.from("<!DOCTYPE html><html><body>Sign in</body></html>"),
  (text) => Buffer.concat([text, text]),
  (text) => Buffer.concat([text, Buffer.from("\r\n\r\n"), text]),
  (text) => Buffer.concat([Buffer.from("\uFEFF"), text]),
  (text) => Buffer.from(text.toString("utf8"), "utf16le"),
  (text) => Buffer.from(text.toString("utf8").replaceAll("\n", "\r\n")),
  (text) => Buffer.from(text.toString("utf8").replaceAll(",", ",\r\n ")),
  (text) => Buffer.concat([text, Buffer.alloc(50_000, " ")]),
  (text) => Buffer.concat([Buffer.from("["), text, Buffer.from("]")]),
  (text) => Buffer.concat([Buffer.from('{"results":'), text, Buffer.from("}")]),
];

/** Text as damaged by a careless program, network or person: one to three damages of any kind. */
export function damaged(text: Buffer, chance: Chance): Buffer {
  let out = text;
  for (let damages = 1 + chance.below(3); damages > 0; damages--) out = damagedOnce(out, chance);
  return out;
}

function damagedOnce(text: Buffer, chance: Chance): Buffer {
  const at = chance.below(text.length + 1);
  const rest = text.subarray(Math.min(text.length, at + 1 + (chance.below(4) === 0 ? chance.below(40) : 0)));
  const before = text.subarray(0, at);
  switch (chance.below(8)) {
    case 0:
      return before;
    case 1:
      return Buffer.concat([before, rest]);
    case 2:
      return Buffer.concat([before, chance.pick(BYTES), text.subarray(at)]);
    case 3:
      return Buffer.concat([before, Buffer.from([chance.below(256)]), rest]);
    case 4:
      return chance.pick(WHOLE)(text);
    default:
      return withValue(text, chance);
  }
}

/** Changes the value or the name of one member `"name": value`, or repeats it. */
function withValue(text: Buffer, chance: Chance): Buffer {
  const json = text.toString("latin1");
  const members = [
    ...json.matchAll(/"(\w+)"\s*:\s*("(?:[^"\\]|\\.)*"|-?[\d.]+|null|true|false|\[[^[\]{}]*\])/g),
  ];
  if (members.length === 0) return text;
  const member = chance.pick(members);
  const [whole, name = "", value = ""] = member;
  const other = Buffer.from(chance.pick(VALUES)).toString("latin1");
  const replacement = chance.pick([
    `"${name}":${other}`,
    `"${name}":${other}`,
    `"${name}":${other}`,
    `"${name}":${value},"${name}":${other}`,
    `"${chance.pick(["__proto__", "constructor", "", "requests", "date", "queryStatus", "nextUri", "results"])}":${value}`,
    `"extra${chance.below(9)}":${other},"${name}":${value}`,
  ]);
  const changed = json.slice(0, member.index) + replacement + json.slice(member.index + whole.length);
  return Buffer.from(changed, "latin1");
}
