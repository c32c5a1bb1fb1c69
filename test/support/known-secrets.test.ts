import { expect, it } from "vitest";
import { registerSecrets } from "../../src/support/known-secrets.ts";
import { secrets } from "../../src/support/redact.ts";

const PATH = "/tmp/tmp.6S0rgnLykd/aB3xYz9Q1wErT5/lakes";
const VARIABLES = ["GC_USAGE_CACHE", "GC_USAGE_LAKE", "AWS_CONFIG_FILE", "AWS_CA_BUNDLE"];

it.each(VARIABLES)("a path in %s is shown, whatever the names of its folders", (name) => {
  registerSecrets({ [name]: PATH });
  expect(secrets.redact(`Cannot read ${PATH}/x.`)).toBe(`Cannot read ${PATH}/x.`);
});

it.each(VARIABLES)("a token or key that was put into %s is not shown", (name) => {
  const token = `${name.slice(-4)}x7Kq9ZpT2mWv4RnB6sYd8Lf3`;
  const key = `Zk3/${name.slice(-4).replace("_", "x")}+abC9dEfG1hIjK5lMnO7pQrS2tUvW4`.padEnd(40, "q7X");
  registerSecrets({ [name]: token });
  registerSecrets({ [name]: key });
  expect(secrets.redact(`Cannot read ${token}.`)).toBe("Cannot read [redacted].");
  expect(secrets.redact(`Cannot read ${key}.`)).toBe("Cannot read [redacted].");
});
