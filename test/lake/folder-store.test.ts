import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FolderStore } from "../../src/lake/local/folder-store.ts";
import { workFolder } from "../helpers/folders.ts";

async function store(): Promise<{
  store: FolderStore;
  folder: string;
  file: (text: string) => Promise<string>;
}> {
  const folder = join(await workFolder(), "lake");
  const made = new FolderStore(folder);
  await made.create();
  let n = 0;
  const file = async (text: string): Promise<string> => {
    await mkdir(made.staging, { recursive: true });
    const path = join(made.staging, `file-${n++}`);
    await writeFile(path, text);
    return path;
  };
  return { store: made, folder, file };
}

describe("a lake's folder", () => {
  it("replaces an object only in the version that was read", async () => {
    const { store: lake, folder, file } = await store();
    expect(await lake.replace("usage/a", await file("1"), undefined)).toBe(true);
    const first = await lake.head("usage/a");
    expect(first).toMatchObject({ path: "usage/a", bytes: 1 });
    expect(await lake.replace("usage/a", await file("no"), undefined)).toBe(false);
    expect(await lake.replace("usage/a", await file("2"), first?.version)).toBe(true);
    expect(await lake.replace("usage/a", await file("no"), first?.version)).toBe(false);
    expect(await lake.replace("usage/b", await file("no"), first?.version)).toBe(false);
    expect(await readFile(join(folder, "usage/a"), "utf8")).toBe("2");
    expect((await lake.list("usage/")).map(({ path }) => path)).toEqual(["usage/a"]);
  });

  it("removes an object only in the version that was read, and the folders that are then empty", async () => {
    const { store: lake, folder, file } = await store();
    await lake.replace("usage/d/a", await file("1"), undefined);
    await lake.replace("usage/d/b", await file("1"), undefined);
    const old = (await lake.head("usage/d/a"))?.version ?? "";
    await lake.replace("usage/d/a", await file("22"), old);
    expect(await lake.remove("usage/d/a", old)).toBe(false);
    const version = (await lake.head("usage/d/a"))?.version ?? "";
    expect(await lake.remove("usage/d/a", version)).toBe(true);
    expect(await lake.remove("usage/d/a", version)).toBe(true);
    expect(await readdir(join(folder, "usage/d"))).toEqual(["b"]);
    expect(await lake.remove("usage/d/b", (await lake.head("usage/d/b"))?.version ?? "")).toBe(true);
    expect(await readdir(folder)).toEqual([".staging"]);
    await expect(lake.remove("../x", version)).rejects.toThrow("is outside the lake");
  });

  it("loses no object while others remove the last one of its folder", async () => {
    const { store: lake, file } = await store();
    for (let round = 0; round < 30; round++) {
      await lake.replace("usage/d/a", await file("1"), undefined);
      const version = (await lake.head("usage/d/a"))?.version ?? "";
      const done = await Promise.all([
        lake.remove("usage/d/a", version),
        lake.replace(`usage/d/${round}`, await file("2"), undefined),
      ]);
      expect(done).toEqual([true, true]);
      const { version: other = "" } = (await lake.head(`usage/d/${round}`)) ?? {};
      expect(await lake.remove(`usage/d/${round}`, other)).toBe(true);
    }
  });

  it("loses no replacement during concurrent compare-and-swap writes", async () => {
    const { store: lake, folder, file } = await store();
    const other = new FolderStore(folder);
    const add = async (by: FolderStore): Promise<void> => {
      for (;;) {
        const current = await by.head("usage/count");
        const text = current ? await readFile(join(folder, "usage/count"), "utf8") : "";
        if (await by.replace("usage/count", await file(`${text}x`), current?.version)) return;
      }
    };
    await Promise.all(Array.from({ length: 24 }, (_one, i) => add(i % 2 === 0 ? lake : other)));
    // Each writer read what the previous one wrote; otherwise it would have had to retry.
    expect(await readFile(join(folder, "usage/count"), "utf8")).toBe("x".repeat(24));
  });

  it("lists what begins with a prefix, in order, without names that begin with a dot or an underscore", async () => {
    const { store: lake, folder } = await store();
    for (const path of [
      "usage/b/2",
      "usage/b/10",
      "usage/a",
      "usage/.hidden",
      "usage/_temporary/x",
      "usage/.x/y",
      "use",
      "other/a",
    ]) {
      await mkdir(join(folder, path, ".."), { recursive: true });
      await writeFile(join(folder, path), "");
    }
    expect((await lake.list("usage/")).map(({ path }) => path)).toEqual([
      "usage/a",
      "usage/b/10",
      "usage/b/2",
    ]);
    expect((await lake.list("usage/b/1")).map(({ path }) => path)).toEqual(["usage/b/10"]);
    expect((await lake.list("us")).map(({ path }) => path)).toEqual([
      "usage/a",
      "usage/b/10",
      "usage/b/2",
      "use",
    ]);
    expect(await lake.list("nothing/")).toEqual([]);
    expect(await lake.head("usage")).toBeUndefined();
  });

  it("reaches nothing outside itself", async () => {
    const { store: lake, file } = await store();
    for (const path of ["../x", "usage/../../x", "/etc/passwd", "", "."]) {
      await expect(lake.head(path)).rejects.toThrow("is outside the lake");
      await expect(lake.replace(path, await file("x"), undefined)).rejects.toThrow("is outside the lake");
    }
  });

  it("reports its state: nothing, a folder, or a file in its place", async () => {
    const folder = await workFolder();
    expect(await new FolderStore(join(folder, "none")).exists()).toBe(false);
    expect(await new FolderStore(folder).exists()).toBe(true);
    await writeFile(join(folder, "file"), "");
    await expect(new FolderStore(join(folder, "file")).exists()).rejects.toMatchObject({ kind: "lake" });
    await expect(new FolderStore(join(folder, "file/below")).exists()).rejects.toMatchObject({
      kind: "lake",
    });
  });

  it("is removed with every folder that was created for it, if it stayed empty", async () => {
    const folder = await workFolder();
    const deep = new FolderStore(join(folder, "a/b/c"));
    await deep.create();
    await deep.release();
    expect(await readdir(folder)).toEqual([]);
    const used = new FolderStore(join(folder, "a/b/c"));
    await used.create();
    await writeFile(join(folder, "a/b/other"), "");
    await used.release();
    expect((await readdir(folder, { recursive: true })).sort()).toEqual(["a", "a/b", "a/b/other"]);
    const found = new FolderStore(join(folder, "a/b"));
    await found.create();
    await found.release();
    expect(await found.exists()).toBe(true);
  });
});
