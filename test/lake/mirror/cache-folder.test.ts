import { describe, expect, it } from "vitest";
import { cacheFolder } from "../../../src/lake/mirror/cache-folder.ts";

describe("the cache of a lake elsewhere", () => {
  const uri = "s3://my-bucket";

  it("is in GC_USAGE_CACHE, or else XDG_CACHE_HOME, or else ~/.cache", () => {
    const own = { GC_USAGE_CACHE: "/own", XDG_CACHE_HOME: "/xdg", HOME: "/home/me" };
    expect(cacheFolder(uri, "", own)).toMatch(/^\/own\/lakes\/[0-9a-f]{32}$/);
    expect(cacheFolder(uri, "", { XDG_CACHE_HOME: "/xdg", HOME: "/home/me" })).toMatch(
      /^\/xdg\/gc-usage\/lakes\//,
    );
    expect(cacheFolder(uri, "", { HOME: "/home/me" })).toMatch(/^\/home\/me\/\.cache\/gc-usage\/lakes\//);
  });

  it("differs for another bucket, prefix or endpoint", () => {
    const env = { HOME: "/home/me" };
    const folders = [
      cacheFolder(uri, "", env),
      cacheFolder(`${uri}/a`, "", env),
      cacheFolder(uri, "http://127.0.0.1:1", env),
      cacheFolder(uri, "http://127.0.0.1:2", env),
    ];
    expect(new Set(folders).size).toBe(4);
  });
});
