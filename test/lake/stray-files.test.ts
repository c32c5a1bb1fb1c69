import { execFileSync } from "node:child_process";
import { copyFile, mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { gcUsage, type Ran } from "../helpers/cli.ts";
import { tree, workFolder } from "../helpers/folders.ts";

const DAY = "usage/granularity=day";
const SLICE = `${DAY}/date=2021-02-04/legacy.client-uri.parquet`;
const SOURCE = "gc_usage_api_source/granularity=day";

interface Stray {
  readonly path: string;
  readonly kind: string;
  readonly why: string;
}

let original: string;

/** A lake of two days, created once; each test has a copy. */
beforeAll(async () => {
  original = join(await workFolder(), "lake");
  const rows = ["2021-02-04", "2021-02-05"].map((date) => ({
    clientId: "c",
    templateUri: "/u",
    status200: 1,
    status300: 0,
    status400: 0,
    status500: 0,
    status429: 0,
    requests: 1,
    date,
  }));
  await writeFile(join(dirname(original), "rows.json"), JSON.stringify(rows));
  const load = ["load", "rows.json", "--granularity", "day", "--id", "first", "--lake", original];
  expect((await gcUsage(load, { cwd: dirname(original) })).exitCode).toBe(0);
});

async function lakeCopy(): Promise<string> {
  return join(await workFolder(dirname(original)), "lake");
}

async function put(lake: string, path: string): Promise<void> {
  await mkdir(dirname(join(lake, path)), { recursive: true });
  await copyFile(join(lake, SLICE), join(lake, path));
}

async function foreignIn(lake: string): Promise<Stray[]> {
  const { stdout, exitCode, stderr } = await gcUsage(["status", "--lake", lake, "--json"]);
  expect(exitCode, stderr).toBe(0);
  return (JSON.parse(stdout) as { foreign: Stray[] }).foreign;
}

async function requestsIn(lake: string): Promise<Ran> {
  return await gcUsage(["sql", "--lake", lake, "--output", "csv", "SELECT sum(requests) FROM usage"]);
}

describe.concurrent("a stray file in a lake", () => {
  const strays: readonly (readonly [path: string, why: string])[] = [
    [`${DAY}/date=2021-02-04/legacy.client-uri-DESKTOP-1A2B.parquet`, "a copy of legacy.client-uri.parquet"],
    [`${DAY}/date=2021-02-04/legacy.client-uri (1).parquet`, "a copy of legacy.client-uri.parquet"],
    [`${DAY}/date=2021-02-04/legacy.client-uri 2.parquet`, "a copy of legacy.client-uri.parquet"],
    [`${DAY}/date=2021-02-04/legacy.client-uri.parquet.conflict`, "a copy of legacy.client-uri.parquet"],
    [`${DAY}/date=2021-02-04/legacy.client-uri.sync-conflict-20210205-101112-ABC.parquet`, "a copy of"],
    [`${DAY}/date=2021-02-04/legacy.client-uri (Anna's conflicted copy 2021-02-05).parquet`, "a copy of"],
    [`${DAY}/date=2021-02-04/Legacy.Client-Uri.parquet`, "differs in case"],
    [`${DAY}/Date=2021-02-04/legacy.client-uri.parquet`, "differs in case"],
    [`${DAY}/date=2021-02-04 (1)/legacy.client-uri.parquet`, "not the path"],
    [`${DAY}/date=2021-02-30/legacy.client-uri.parquet`, "not the path"],
    [`${DAY}/date=2021-02-04/uri-client.parquet`, "not the path"],
    [`${DAY}/date=2021-02-04/legacy.uri-client.parquet`, "not the path"],
    [`${DAY}/date=2021-02-04/deeper/legacy.client-uri.parquet`, "not the path"],
    [`${DAY}/legacy.client-uri.parquet`, "not the path"],
    ["usage/legacy.client-uri.parquet", "not the path"],
    ["usage/notes.txt", "not the path"],
    ["usage/granularity=month/date=2021-02-04/legacy.client-uri.parquet", "not the path"],
    [`${SOURCE}/notes.txt`, "not the path"],
    [`${SOURCE}/first.json.bak`, "not the path"],
    [`${SOURCE}/deep/first.json`, "not the path"],
    ["gc_usage_api_source/granularity=hour/first.json", "not the path"],
    ["gc_usage_api_source/first.json", "not the path"],
    [`${DAY}/date=2021-02-04/legacy.client-uri-region.parquet`, "newer version"],
    [`${DAY}/date=2021-02-04/billing.client-uri.parquet`, "newer version"],
    ["usage/granularity=hour/date=2021-02-04/legacy.client-uri.parquet", "newer version"],
  ];

  it("is reported and counted by no command, whatever its name", async () => {
    const lake = await lakeCopy();
    for (const [path] of strays) await put(lake, path);
    const found = new Map((await foreignIn(lake)).map((stray) => [stray.path, stray]));
    expect([...found.keys()].sort()).toEqual(strays.map(([path]) => path).sort());
    for (const [path, why] of strays) {
      const kind = why === "newer version" ? "newer" : "foreign";
      expect(found.get(path)).toMatchObject({ kind, why: expect.stringContaining(why) as string });
    }
    expect((await requestsIn(lake)).stdout).toContain("\n2\r\n");
    const { stdout } = await gcUsage(["status", "--lake", lake]);
    expect(stdout).toContain("2 slices, 2 rows");
    expect(stdout).toMatch(
      new RegExp(
        `never read: ${strays.length} objects\n(?: {2}\\S.*\n){3} {2}and ${strays.length - 3} more \\(list them with --json\\)\n$`,
      ),
    );
  });

  it("is not copied to another lake, with a warning", async () => {
    const lake = await lakeCopy();
    const strays = [`${DAY}/date=2021-02-04/legacy.client-uri (1).parquet`, `${SOURCE}/notes.txt`];
    for (const path of strays) await put(lake, path);
    const to = `${lake}-copy`;
    const copied = await gcUsage(["copy", lake, to]);
    expect(copied.exitCode).toBe(0);
    expect(copied.stderr).toContain("Not copied, because it is not data: ");
    for (const path of strays) expect(copied.stderr).toContain(path);
    expect(await foreignIn(to)).toEqual([]);
    expect(await tree(to)).toEqual(await tree(original));
  });

  it("next to the lake's folders is reported only by its name", async () => {
    const lake = await lakeCopy();
    await put(lake, "usage (1)/granularity=day/date=2021-02-04/legacy.client-uri.parquet");
    await put(lake, "notes.txt");
    await put(lake, "_kept/x.txt");
    expect((await foreignIn(lake)).map(({ path }) => path)).toEqual(["notes.txt", "usage (1)/"]);
    expect((await requestsIn(lake)).stdout).toContain("\n2\r\n");
  });

  it("prints no line of its own if its name contains a line break or control characters", async () => {
    const lake = await lakeCopy();
    await put(lake, "usage/a\n\u001b[2Jb");
    const { stdout } = await gcUsage(["status", "--lake", lake]);
    expect(stdout).toMatch(/1 object\n {2}usage\/a\ufffd\ufffd\[2Jb \(/);
  });
});

describe.concurrent("something other than a file in place of a slice", () => {
  const place = `${DAY}/date=2021-02-06/legacy.client-uri.parquet`;

  it.each([
    ["a folder", (file: string) => mkdir(file)],
    ["a folder with something in it", (file: string) => mkdir(join(file, "x"), { recursive: true })],
    ["a pipe", (file: string) => Promise.resolve(execFileSync("mkfifo", [file]))],
  ])("%s is reported, not read, and not replaced", async (_what, make) => {
    const lake = await lakeCopy();
    await mkdir(dirname(join(lake, place)));
    await make(join(lake, place));
    expect((await foreignIn(lake)).map(({ path }) => path.replace(/\/$/, ""))).toEqual([place]);
    expect((await requestsIn(lake)).stdout).toContain("\n2\r\n");
    const rows = join(dirname(lake), "more.json");
    await writeFile(
      rows,
      '[{"clientId":"c","templateUri":"/u","status200":1,"status300":0,"status400":0,"status500":0,"status429":0,"requests":1,"date":"2021-02-06"}]',
    );
    const load = await gcUsage(["load", rows, "--granularity", "day", "--lake", lake]);
    expect(load).toMatchObject({ exitCode: 9, stdout: "" });
    expect(load.stderr).toContain(`${place} in the lake is`);
    expect(load.stderr).not.toContain("bug in gc-usage");
  });

  it("a file in place of a folder is reported, and an error for a write below it", async () => {
    const lake = await lakeCopy();
    await writeFile(join(lake, "usage/granularity=week"), "");
    expect(await foreignIn(lake)).toEqual([
      { path: "usage/granularity=week", kind: "foreign", why: "a file instead of a folder" },
    ]);
    await writeFile(join(dirname(lake), "w.json"), '[{"clientId":"c","requests":1,"date":"2021-02-01"}]');
    const load = await gcUsage(
      ["load", "w.json", "--granularity", "week", "--interval", "2021-02-01/2021-02-07", "--lake", lake],
      { cwd: dirname(lake) },
    );
    expect(load.exitCode).toBe(9);
    expect(load.stderr).toContain("usage/granularity=week in the lake is a file instead of a folder.");
  });
});

describe.concurrent("a link", () => {
  const rows = (date: string): string =>
    JSON.stringify([
      {
        clientId: "c",
        templateUri: "/u",
        status200: 3,
        status300: 0,
        status400: 0,
        status500: 0,
        status429: 0,
        requests: 3,
        date,
      },
    ]);

  async function load(lake: string, date: string): Promise<Ran> {
    const file = join(dirname(lake), `rows-${date}.json`);
    await writeFile(file, rows(date));
    return await gcUsage(["load", file, "--granularity", "day", "--lake", lake, "--force"]);
  }

  /** Moves part of a lake elsewhere and replaces it with a link. */
  async function moved(from: string, to: string): Promise<void> {
    await mkdir(dirname(to), { recursive: true });
    await rename(from, to);
    await symlink(to, from);
  }

  it.each([
    ["usage", "data/usage"],
    [DAY, "data/day"],
    [`${DAY}/date=2021-02-04`, "data/4"],
    [`${DAY}/date=2021-02-04`, `${DAY}/x4`],
    ["gc_usage_api_source", "raw"],
    [SOURCE, "raw/day"],
  ])("in place of the folder %s that stays inside the lake is followed by all commands", async (from, to) => {
    const lake = await lakeCopy();
    await moved(join(lake, from), join(lake, to));
    expect((await requestsIn(lake)).stdout).toContain("\n2\r\n");
    const status = await gcUsage(["status", "--lake", lake]);
    expect(status.stdout).toContain("2 slices, 2 rows");
    expect((await load(lake, "2021-02-04")).exitCode).toBe(0);
    expect((await requestsIn(lake)).stdout).toContain("\n4\r\n");
    // The write went through the link, which still exists.
    const written = await tree(join(lake, to));
    expect(Object.keys(written).filter((path) => /\.(parquet|json)$/.test(path)).length).toBeGreaterThan(0);
    const copy = await gcUsage(["copy", lake, `${lake}-copy`]);
    expect(copy.exitCode, copy.stderr).toBe(0);
    expect((await requestsIn(`${lake}-copy`)).stdout).toContain("\n4\r\n");
  });

  it("in place of a slice is read, and replaced by the new slice; its target stays", async () => {
    const lake = await lakeCopy();
    await moved(join(lake, SLICE), join(lake, "data/4.parquet"));
    expect((await requestsIn(lake)).stdout).toContain("\n2\r\n");
    const before = (await tree(lake))["data/4.parquet"];
    expect((await load(lake, "2021-02-04")).exitCode).toBe(0);
    expect((await requestsIn(lake)).stdout).toContain("\n4\r\n");
    expect((await tree(lake))["data/4.parquet"]).toBe(before);
  });

  it("as the lake itself is followed", async () => {
    const lake = await lakeCopy();
    const link = `${lake}-link`;
    await symlink(lake, link);
    expect((await requestsIn(link)).stdout).toContain("\n2\r\n");
    expect((await load(link, "2021-02-04")).exitCode).toBe(0);
    expect((await requestsIn(lake)).stdout).toContain("\n4\r\n");
  });

  it.each([
    ["usage", "link to a folder outside"],
    [DAY, "link to a folder outside"],
    [`${DAY}/date=2021-02-04`, "link to a folder outside"],
    [SLICE, "link to a file outside"],
    [SOURCE, "link to a folder outside"],
    [`${SOURCE}/first.json`, "link to a file outside"],
  ])(
    "at %s that leaves the lake is an error for reading and writing, and reported by status",
    async (path) => {
      const lake = await lakeCopy();
      const outside = `${lake}-outside`;
      await moved(join(lake, path), outside);
      const was = await tree(dirname(lake));
      for (const ran of [
        await requestsIn(lake),
        await gcUsage(["copy", lake, `${lake}-copy`]),
        await gcUsage(["load", "rows.json", "--granularity", "day", "--id", "first", "--lake", lake], {
          cwd: dirname(lake),
        }),
      ]) {
        expect(ran.exitCode, ran.stderr).toBe(9);
        expect(ran.stderr).toContain(
          `${path} in the lake is a link to ${outside}, which is outside the lake.`,
        );
      }
      await rm(`${lake}-copy`, { recursive: true, force: true });
      expect(await tree(dirname(lake))).toEqual(was);
      expect(await foreignIn(lake)).toEqual([
        { path, kind: "link", why: `a link to ${outside}, which is outside the lake` },
      ]);
    },
  );

  it.each([
    ["that leads nowhere", DAY, "nothing", "a link to nothing, which does not exist"],
    ["that leads to itself", DAY, "granularity=day", "a circular link"],
    ["that leads to a folder above", DAY, "..", "a link to a folder that contains it"],
    ["that leads to the lake", DAY, "../..", "a link to a folder that contains it"],
  ])("%s fails with its name", async (_what, path, target, why) => {
    const lake = await lakeCopy();
    await rename(join(lake, path), `${lake}-aside`);
    await symlink(target, join(lake, path));
    expect(await requestsIn(lake)).toMatchObject({
      exitCode: 9,
      stderr: expect.stringContaining(`${path} in the lake is ${why}.`) as string,
    });
    expect(await foreignIn(lake)).toEqual([{ path, kind: "link", why }]);
  });

  it("to another part of the lake's data is not read twice, and not written through", async () => {
    const lake = await lakeCopy();
    await symlink("date=2021-02-04", join(lake, DAY, "date=2021-02-06"));
    await symlink("granularity=day", join(lake, "usage/granularity=week"));
    expect((await requestsIn(lake)).stdout).toContain("\n2\r\n");
    expect((await foreignIn(lake)).map(({ path, kind }) => `${kind} ${path}`)).toEqual([
      `foreign ${DAY}/date=2021-02-06`,
      "foreign usage/granularity=week",
    ]);
    const written = await load(lake, "2021-02-06");
    expect(written.exitCode).toBe(9);
    expect(written.stderr).toContain(
      `${DAY}/date=2021-02-06 in the lake is a link to ${DAY}/date=2021-02-04`,
    );
    expect((await requestsIn(lake)).stdout).toContain("\n2\r\n");
  });

  it("that is not data is reported and not followed, wherever it points", async () => {
    const lake = await lakeCopy();
    await symlink("/etc", join(lake, "usage/etc"));
    await symlink("..", join(lake, DAY, "up"));
    await symlink(join(lake, SLICE), join(lake, DAY, "date=2021-02-04/copy.parquet"));
    expect((await foreignIn(lake)).map(({ path, why }) => `${path} ${why}`)).toEqual([
      "usage/etc a link",
      `${DAY}/date=2021-02-04/copy.parquet a link`,
      `${DAY}/up a link`,
    ]);
    expect((await requestsIn(lake)).stdout).toContain("\n2\r\n");
  });
});
