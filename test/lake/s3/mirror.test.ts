import { mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Mirror } from "../../../src/lake/s3/mirror.ts";
import type { StoredObject } from "../../../src/lake/store.ts";
import { tempFolder } from "../helpers.ts";

/** What S3 would have: texts by path. The text is its own version. */
class World {
  readonly texts = new Map<string, string>();
  downloads = 0;
  failing: string | undefined;

  list(): StoredObject[] {
    return [...this.texts].map(([path, version]) => ({ path, bytes: version.length, version }));
  }

  readonly download = async ({ path }: StoredObject, file: string): Promise<string | undefined> => {
    this.downloads++;
    if (path === this.failing) throw new Error("no more");
    const text = this.texts.get(path);
    if (text !== undefined) await writeFile(file, text);
    return text;
  };
}

describe("a mirror", () => {
  it("keeps what has arrived where the rest fails, for the next time", async () => {
    const world = new World();
    const root = await tempFolder();
    for (const name of ["a", "b", "c"]) world.texts.set(`usage/${name}`, name);
    world.failing = "usage/b";
    await expect(new Mirror(root, world.download).hold(world.list())).rejects.toThrow("no more");
    world.failing = undefined;
    world.downloads = 0;
    expect(await new Mirror(root, world.download).hold(world.list())).toEqual({ fetched: 1, bytes: 1 });
    expect(world.downloads).toBe(1);
    expect(await readdir(join(root, ".parts"))).toEqual([]);
  });

  it("takes what was replaced since the listing, and drops what has gone since", async () => {
    const world = new World();
    const root = await tempFolder();
    world.texts.set("usage/a", "1").set("usage/b", "1");
    const listed = world.list();
    const mirror = new Mirror(root, world.download);
    await mirror.hold(listed);
    world.texts.set("usage/a", "2").delete("usage/b");
    await mirror.hold(listed.map((object) => ({ ...object, version: "listed between" })));
    expect(await readdir(join(root, "usage"))).toEqual(["a"]);
    expect(await readFile(join(root, "usage/a"), "utf8")).toBe("2");
    expect(await mirror.hold(world.list())).toEqual({ fetched: 0, bytes: 0 });
  });

  it("removes what stands for nothing, and leaves what another process has just mirrored", async () => {
    const world = new World();
    const root = await tempFolder();
    world.texts.set("usage/a", "1").set("usage/gone", "1").set("usage/new", "1");
    const mirror = new Mirror(root, world.download);
    await mirror.hold(world.list());
    const before = world.list().filter(({ path }) => path === "usage/a");
    await mirror.prune(["usage/"], before, (path) => Promise.resolve(path === "usage/new"));
    expect(await readdir(join(root, "usage"))).toEqual(["a", "new"]);
  });

  it("removes what a dead process was downloading, and not what a live one is", async () => {
    const world = new World();
    const root = await tempFolder();
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

  it("begins anew where its index is damaged", async () => {
    const world = new World();
    const root = await tempFolder();
    world.texts.set("usage/a", "1");
    await new Mirror(root, world.download).hold(world.list());
    await writeFile(join(root, ".mirror.json"), '{"usage/a":');
    expect(await new Mirror(root, world.download).hold(world.list())).toEqual({ fetched: 1, bytes: 1 });
  });
});
