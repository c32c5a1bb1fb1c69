import { mkdir, readdir, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { Mirror } from "../../../src/lake/mirror/mirror.ts";
import type { StoredObject } from "../../../src/lake/store.ts";
import { Workspace } from "../../../src/lake/workspace.ts";
import type { Progress } from "../../../src/support/progress.ts";
import { tree, workFolder } from "../../helpers/folders.ts";

/** The objects of a simulated S3: texts by path. The text is its own version. */
class World {
  readonly texts = new Map<string, string>();
  downloads = 0;
  failing: string | undefined;
  failure: Error = new Error("no more");
  /** What an object waits for when it is requested. */
  readonly slow = new Map<string, () => Promise<void>>();

  list(): StoredObject[] {
    return [...this.texts].map(([path, version]) => ({ path, bytes: version.length, version }));
  }

  readonly download = async (
    { path }: Pick<StoredObject, "path">,
    file: string,
  ): Promise<string | undefined> => {
    this.downloads++;
    if (path === this.failing) throw this.failure;
    await this.slow.get(path)?.();
    const text = this.texts.get(path);
    if (text !== undefined) await writeFile(file, text);
    return text;
  };
}

describe("a mirror", () => {
  it("keeps complete downloads for the next time if the rest fails", async () => {
    const world = new World();
    const root = await workFolder();
    for (const name of ["a", "b", "c"]) world.texts.set(`usage/${name}`, name);
    world.failing = "usage/b";
    await expect(new Mirror(root, world.download).hold(world.list())).rejects.toThrow("no more");
    world.failing = undefined;
    world.downloads = 0;
    expect(await new Mirror(root, world.download).hold(world.list())).toMatchObject({ fetched: 1, bytes: 1 });
    expect(world.downloads).toBe(1);
    expect(await readdir(join(root, ".parts"))).toEqual([]);
  });

  it("fetches objects replaced since the listing, and drops removed ones", async () => {
    const world = new World();
    const root = await workFolder();
    world.texts.set("usage/a", "1").set("usage/b", "1");
    const listed = world.list();
    const mirror = new Mirror(root, world.download);
    await mirror.hold(listed);
    world.texts.set("usage/a", "2").delete("usage/b");
    await mirror.hold(listed.map((object) => ({ ...object, version: "listed between" })));
    expect(await readdir(join(root, "usage"))).toEqual(["a"]);
    expect(await readFile(join(root, "usage/a"), "utf8")).toBe("2");
    expect(await mirror.hold(world.list())).toMatchObject({ fetched: 0, bytes: 0 });
  });

  it("removes files without an object, but keeps what another process has just mirrored", async () => {
    const world = new World();
    const root = await workFolder();
    world.texts.set("usage/a", "1").set("usage/gone", "1").set("usage/new", "1");
    const mirror = new Mirror(root, world.download);
    await mirror.hold(world.list());
    const before = world.list().filter(({ path }) => path === "usage/a");
    await mirror.prune(before, (path) => Promise.resolve(path === "usage/new"));
    expect(await readdir(join(root, "usage"))).toEqual(["a", "new"]);
  });

  it("removes a dead process's partial downloads at once, also if nothing is missing, but not a live one's", async () => {
    const world = new World();
    const root = await workFolder();
    world.texts.set("usage/a", "1");
    await new Mirror(root, world.download).hold(world.list());
    const live = await Workspace.open(join(root, ".parts"), "download");
    const dead = await Workspace.open(join(root, ".parts"), "download");
    for (const { folder } of [live, dead]) await writeFile(join(folder, "part"), "half");
    await dead.leave();
    expect(await new Mirror(root, world.download).hold(world.list())).toMatchObject({ fetched: 0 });
    expect(await readdir(join(root, ".parts"))).toEqual([basename(live.folder)]);
    await live.close();
  });

  it("removes a partial download of 0.1.0 after a quarter of an hour without a byte", async () => {
    const world = new World();
    const root = await workFolder();
    await mkdir(join(root, ".parts"));
    const dead = "part.1.1.0123456789abc.elsewhere";
    const live = "part.1.1.0123456789abd.elsewhere";
    for (const name of [dead, live]) await writeFile(join(root, ".parts", name), "half");
    const old = new Date(Date.now() - 3_600_000);
    await utimes(join(root, ".parts", dead), old, old);
    world.texts.set("usage/a", "1");
    await new Mirror(root, world.download).hold(world.list());
    expect(await readdir(join(root, ".parts"))).toEqual([live]);
  });

  it("says so if another process considered it dead and removed its partial downloads", async () => {
    const world = new World();
    const root = await workFolder();
    world.texts.set("usage/a", "1");
    world.slow.set("usage/a", () => rm(join(root, ".parts"), { recursive: true }));
    const held = new Mirror(root, world.download).hold(world.list());
    await expect(held).rejects.toThrow("This run was suspended for too long");
    world.slow.clear();
    expect(await new Mirror(root, world.download).hold(world.list())).toMatchObject({ fetched: 1 });
  });

  it("starts over if its index is damaged", async () => {
    const world = new World();
    const root = await workFolder();
    world.texts.set("usage/a", "1");
    await new Mirror(root, world.download).hold(world.list());
    await writeFile(join(root, ".mirror.json"), '{"usage/a":');
    expect(await new Mirror(root, world.download).hold(world.list())).toMatchObject({ fetched: 1, bytes: 1 });
  });

  it("stops at a signal, starts no further download, and keeps complete ones", async () => {
    const world = new World();
    const root = await workFolder();
    for (let i = 0; i < 60; i++) world.texts.set(`usage/${i}`, "x");
    const stop = new AbortController();
    const shown: Progress[] = [];
    const onProgress = (progress: Progress): void => {
      shown.push(progress);
      if (shown.length === 20) stop.abort(new Error("enough"));
    };
    const held = new Mirror(root, world.download).hold(world.list(), { signal: stop.signal, onProgress });
    await expect(held).rejects.toThrow("enough");
    expect(shown[0]).toEqual({ kind: "mirror", done: 1, total: 60 });
    expect(world.downloads).toBeLessThan(40);
    const kept = (await readdir(join(root, "usage"))).length;
    expect(kept).toBeGreaterThanOrEqual(20);
    expect(await new Mirror(root, world.download).hold(world.list())).toMatchObject({ fetched: 60 - kept });
  });

  it("records complete downloads during the others, in case the process is killed", async () => {
    const world = new World();
    const root = await workFolder();
    for (const name of ["a", "b", "c"]) world.texts.set(`usage/${name}`, name);
    // The index is written once a second. By the clock, the second download takes longer, but no real time.
    vi.useFakeTimers({ toFake: ["performance"] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    let tellFirst = (): void => {};
    const firstDone = new Promise<void>((resolve) => (tellFirst = resolve));
    let release = (): void => {};
    world.slow.set("usage/b", async () => {
      await firstDone;
      vi.advanceTimersByTime(1050);
    });
    world.slow.set("usage/c", () => new Promise((resolve) => (release = resolve)));
    const held = new Mirror(root, world.download).hold(world.list(), { onProgress: () => tellFirst() });
    await vi.waitFor(() => readFile(join(root, ".mirror.json")), { timeout: 5000 });
    const listed = world.list().slice(0, 2);
    expect(await new Mirror(root, world.download).hold(listed)).toMatchObject({ fetched: 0, bytes: 0 });
    release();
    await held;
  });

  it.each([
    ["a folder where a file belongs", "usage/x/date=1/a", "folder"],
    ["a file where a folder belongs", "usage/x/date=1", "file"],
    ["a file where all belongs", "usage", "file"],
    ["a file where its own folder belongs", ".parts", "file"],
    ["a folder where its index belongs", ".mirror.json", "folder"],
  ])("repairs %s", async (_what, path, kind) => {
    const world = new World();
    const root = await workFolder();
    world.texts.set("usage/x/date=1/a", "1");
    await new Mirror(root, world.download).hold(world.list());
    await rm(join(root, path), { recursive: true });
    if (kind === "folder") await mkdir(join(root, path, "b"), { recursive: true });
    else await writeFile(join(root, path), "");
    world.texts.set("usage/x/date=1/c", "1");
    const mirror = new Mirror(root, world.download);
    await mirror.hold(world.list());
    expect(await readFile(join(root, "usage/x/date=1/a"), "utf8")).toBe("1");
    expect(await new Mirror(root, world.download).hold(world.list())).toMatchObject({ fetched: 0, bytes: 0 });
  });

  it("repairs obstacles to many concurrent downloads", async () => {
    for (let round = 0; round < 40; round++) {
      const world = new World();
      const root = await workFolder();
      await mkdir(join(root, "usage"));
      await writeFile(join(root, "usage/x"), "");
      for (let i = 0; i < 16; i++) world.texts.set(`usage/x/${i}`, "1");
      expect(await new Mirror(root, world.download).hold(world.list())).toMatchObject({ fetched: 16 });
    }
  });

  it("removes a file in the place of a folder of tables", async () => {
    const root = await workFolder();
    await writeFile(join(root, "usage"), "");
    await new Mirror(root, new World().download).prune([], () => Promise.resolve(false));
    expect(await readdir(join(root, "usage"))).toEqual([]);
  });

  it("writes, reads and removes nothing through a link, and replaces links with files", async () => {
    const outside = await workFolder();
    const root = await workFolder();
    const world = new World();
    const paths = ["usage/a/1", "usage/b/1", "gc_usage_api_source/c"];
    for (const path of paths) world.texts.set(path, "right");
    for (const name of ["a", "d"]) await mkdir(join(outside, name));
    for (const file of ["a/1", "d/gone", "b"]) await writeFile(join(outside, file), "outside");
    await mkdir(join(root, "usage/b"), { recursive: true });
    await symlink(join(outside, "a"), join(root, "usage/a"));
    await symlink(join(outside, "b"), join(root, "usage/b/1"));
    await symlink(join(outside, "nowhere"), join(root, "gc_usage_api_source"));
    await symlink(join(outside, "d"), join(root, "usage/d"));
    const before = await tree(outside);
    const mirror = new Mirror(root, world.download);
    await mirror.hold(world.list());
    await mirror.prune(world.list(), () => Promise.resolve(false));
    // It existed when it was listed, and is removed now.
    await mirror.hold([{ path: "usage/d/gone", bytes: 1, version: "1" }]);
    expect(await tree(outside)).toEqual(before);
    expect(await readdir(join(root, "usage"))).toEqual(["a", "b"]);
    for (const path of paths) expect(await readFile(join(root, path), "utf8")).toBe("right");
  });

  it("skips only raw rows whose names the file system does not accept", async () => {
    const world = new World();
    const long = `gc_usage_api_source/granularity=day/${"n".repeat(300)}.json`;
    world.texts.set("usage/a", "1").set(long, "1").set("usage/b", "1");
    expect(await new Mirror(await workFolder(), world.download).hold(world.list())).toEqual({
      fetched: 2,
      bytes: 2,
      skipped: [long],
    });
  });

  it("reports a local error at once, with the folder, and not as a network problem", async () => {
    const world = new World();
    const root = await workFolder();
    for (let i = 0; i < 60; i++) world.texts.set(`usage/${i}`, "x");
    world.failing = "usage/0";
    world.failure = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    await expect(new Mirror(root, world.download).hold(world.list())).rejects.toMatchObject({
      kind: "lake",
      message: `Cannot mirror the lake in ${root}: ENOSPC: no space left on device, write.`,
    });
    expect(world.downloads).toBeLessThan(40);
  });
});
