import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { gcUsage } from "../helpers/cli.ts";
import { workFolder } from "../helpers/folders.ts";
import { daysAgo, startUsageService } from "../helpers/usage-service.ts";

/** A name that is cut inside an emoji, as JSON can represent it. */
const CUT = '"Bot \\ud83d"';
const LONE = `{"clientId":"a","clientName":${CUT},"requests":1,"status200":1,"date":"2026-11-04T00:00:00Z"}\n`;
const TWICE =
  '{"clientId":"a","clientName":"n","requests":1,"requests":2,"status200":1,"date":"2026-11-03T00:00:00Z"}\n';

const query = (cwd: string, sql: string) => gcUsage(["sql", sql, "--output", "csv"], { cwd });

describe.concurrent("a row that would make the raw table unreadable", () => {
  it.each(["load", "upload"])("is rewritten by %s", async (command) => {
    const cwd = await workFolder();
    await writeFile(join(cwd, "rows.ndjson"), LONE);
    expect(await gcUsage([command, "rows.ndjson", "--granularity", "day"], { cwd })).toMatchObject({
      exitCode: 0,
    });
    const read = await query(cwd, "SELECT clientName, requests FROM gc_usage_api_source");
    expect(read).toMatchObject({ exitCode: 0, stdout: "clientName,requests\r\nBot \uFFFD,1\r\n" });
    // The same file again contains the same rows.
    const again = await gcUsage([command, "rows.ndjson", "--granularity", "day", "--json"], { cwd });
    expect(JSON.parse(again.stdout)).toMatchObject({ outcome: "there" });
  });

  it.each(["load", "upload"])("is rejected by %s if its meaning is unknown", async (command) => {
    const cwd = await workFolder();
    await writeFile(join(cwd, "rows.ndjson"), `${LONE}${TWICE}`);
    const ran = await gcUsage([command, "rows.ndjson", "--granularity", "day"], { cwd });
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toContain(
      'Row 2 is not a usage row: the field "requests" is repeated with different values.',
    );
    expect(existsSync(join(cwd, "usage-lake"))).toBe(false);
  });

  /** A service that returns this text as rows. */
  async function syncOf(row: string, ...flags: string[]) {
    const service = await startUsageService(() => ({ body: { queryStatus: "Succeeded", entities: [] } }), {
      text: (json) => json.replace("[]", `[${row}]`),
    });
    const cwd = await workFolder();
    const ran = await gcUsage(["sync", "--last", "1d", "--group-by", "client", ...flags], {
      cwd,
      env: service.env,
    });
    return { cwd, ran };
  }
  const jobsRow = (more: string): string => `{"date":"${daysAgo(1)}","requestCount":1,"status200":1,${more}}`;

  it("is rewritten by sync --keep-source", async () => {
    const { cwd, ran } = await syncOf(jobsRow(`"oauthClient":{"id":"a","name":${CUT}}`), "--keep-source");
    expect(ran).toMatchObject({ exitCode: 0 });
    const read = await query(cwd, "SELECT oauthClient.name AS raw FROM gc_usage_api_source");
    expect(read).toMatchObject({ exitCode: 0, stdout: "raw\r\nBot \uFFFD\r\n" });
  });

  it.each([
    ['"requestCount":2', "--keep-source"],
    ['"requestCount":2', "--json"],
    ['"oauthClient":{"id":"a","id":"b"}', "--json"],
    ['"requests":"abc"', "--keep-source"],
  ])("with %s is a service error in a sync, %s", async (more, flag) => {
    const { cwd, ran } = await syncOf(jobsRow(more), flag);
    expect(ran).toMatchObject({ exitCode: 5, stdout: "" });
    expect(ran.stderr).toContain("cannot be right: row 1 is not a usage row: ");
    expect(existsSync(join(cwd, "usage-lake", "usage"))).toBe(false);
  });
});
