import { chown } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { workFolder } from "../helpers/folders.ts";
import { run } from "../reliability/runs.ts";

/** A user unknown to the system, as in containers. Only root can act as another user. */
const NOBODY = 54_321;
const isRoot = process.platform === "linux" && process.getuid?.() === 0;
const under = ["setpriv", "--reuid", `${NOBODY}`, "--regid", `${NOBODY}`, "--clear-groups"];

const GENESYS = {
  GENESYSCLOUD_REGION: "us-east-1",
  GENESYSCLOUD_OAUTHCLIENT_ID: "5e8b1c4d-0000-4000-8000-000000000001",
  GENESYSCLOUD_OAUTHCLIENT_SECRET: "sandbox_secret_without_a_home",
};
const AWS = {
  AWS_ACCESS_KEY_ID: "AKIAWITHOUTAHOME0000",
  AWS_SECRET_ACCESS_KEY: "sandbox_secret_without_a_home",
  AWS_REGION: "us-east-1",
  AWS_ENDPOINT_URL: "http://127.0.0.1:1",
  AWS_MAX_ATTEMPTS: "1",
};

describe.runIf(isRoot)("a user without a home folder, or with an empty HOME", () => {
  it.each([{}, { HOME: "" }])("needs none if the variables contain all settings: %j", async (home) => {
    const submit = ["submit", "--interval", "2026-10-01/2026-10-02", "--dry-run"];
    const dry = await run(submit, { env: { ...GENESYS, ...home }, under, cwd: "/" });
    expect(dry).toMatchObject({ code: 0, err: "" });
    const refused = await run(submit.slice(0, -1), {
      env: { ...GENESYS, ...home, HTTPS_PROXY: "http://127.0.0.1:1" },
      under,
      cwd: "/",
    });
    expect(refused).toMatchObject({
      code: 5,
      err: expect.stringContaining("through the proxy http://127.0.0.1:1"),
    });
    const cache = await workFolder();
    await chown(cache, NOBODY, NOBODY);
    const env = { ...AWS, ...home, GC_USAGE_CACHE: join(cache, "c") };
    const lake = await run(["status", "--lake", "s3://bucket"], { env, under, cwd: "/" });
    expect(lake).toMatchObject({ code: 5, err: expect.stringContaining("ECONNREFUSED") });
  });

  it("gets an error that says what to set if one is needed", async () => {
    const profile = await run(["doctor", "--profile", "emea"], { env: AWS, under, cwd: "/" });
    expect(profile).toMatchObject({ code: 2, out: expect.stringContaining("no home folder is set") });
    expect(profile.out).toContain(
      "access key ****0000 (from AWS_ACCESS_KEY_ID), region us-east-1 (from AWS_REGION)",
    );
    const lake = await run(["status", "--lake", "s3://bucket"], { env: AWS, under, cwd: "/" });
    expect(lake).toMatchObject({ code: 2, err: expect.stringContaining("Set GC_USAGE_CACHE") });
  });
});
