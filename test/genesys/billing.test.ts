import { expect, it, test } from "vitest";
import {
  readBillableUsage,
  readCharges,
  readContracts,
  readLicensedUsers,
} from "../../src/genesys/billing.ts";
import { contracts } from "../../src/sandbox/sandbox.ts";
import type { Day } from "../../src/usage/day.ts";
import { answering, sandboxClient, serving, valueOf } from "./clients.ts";
import { sendJson } from "./server.ts";

const day = (text: string): Day => text as Day;
const SPAN = { seed: 2, scale: 2, from: day("2026-09-20"), to: day("2026-11-22") };
const OPTIONS = { seed: SPAN.seed, scale: SPAN.scale };
const MONTH = { from: day("2026-10-15"), to: day("2026-11-14") };

/** Does not wait, and counts how often it was to. */
function waits() {
  const ms: number[] = [];
  return { ms, effects: { sleep: (pause: number) => Promise.resolve(void ms.push(pause)) } };
}

test("reads contracts, months and charges, equal to the truth", async () => {
  const { client } = await sandboxClient(OPTIONS);
  const [expected] = contracts(SPAN);
  const found = valueOf(await readContracts(client, { status: "Active" }));
  expect(found).toHaveLength(1);
  const [contract] = found;
  if (expected === undefined || contract === undefined) throw new Error("expected a contract");
  const { id, firstDay, lastDay, status } = contract;
  expect({ id, firstDay, lastDay, status }).toEqual({
    id: expected.id,
    firstDay: "2026-01-15",
    lastDay: "2027-01-14",
    status: "Active",
  });
  expect(contract.periods.slice(-expected.periods.length)).toEqual(
    expected.periods.map((period) => ({
      id: period.id,
      firstDay: period.firstDay,
      lastDay: period.lastDay,
      status: period.status,
    })),
  );
  expect(contract.plans[0]).toMatchObject({
    product: "Genesys Cloud CX 3 Concurrent",
    items: [{ price: 75 }],
  });
  for (const period of expected.periods) {
    const charges = valueOf(await readCharges(client, contract.id, period.id));
    expect(charges.at(-1)).toEqual({
      name: "API Requests",
      sku: "apiRequests",
      productName: "Genesys Cloud API Requests",
      unitOfMeasure: "request",
      prepaidQuantity: 0,
      fairuseQuantity: period.allowance,
      actualQuantity: period.requests,
      overageQuantity: period.overage,
      overageRate: 0.0002,
      overageCharge: period.overageCharge,
      overageCurrency: "USD",
    });
    expect(charges.slice(0, -1).map(({ prepaidQuantity }) => prepaidQuantity)).toEqual(
      period.licenses.map(({ committed }) => committed),
    );
  }
  expect(expected.periods.map(({ overage }) => overage > 0)).toContain(true);
});

test("reads the contracts of days, and of all years", async () => {
  const { client } = await sandboxClient(OPTIONS);
  expect(valueOf(await readContracts(client))).toHaveLength(9);
  const some = valueOf(await readContracts(client, { from: day("2024-12-01"), to: day("2025-01-15") }));
  expect(some.map(({ firstDay, status }) => [firstDay, status])).toEqual([
    ["2025-01-15", "Expired"],
    ["2024-01-15", "Expired"],
  ]);
});

test("repeats the billable usage until it is complete", async () => {
  const { client } = await sandboxClient(OPTIONS);
  const { ms, effects } = waits();
  const usages = valueOf(await readBillableUsage(client, { ...MONTH, effects }));
  expect(ms).toEqual([1000]);
  const [contract] = contracts(SPAN);
  const month = contract?.periods.find(({ firstDay }) => firstDay === MONTH.from);
  expect(usages.map(({ name, totalUsage }) => ({ name, actual: totalUsage }))).toEqual(
    month?.licenses.map(({ name, actual }) => ({ name, actual })),
  );
  expect(usages[1]?.resources.length).toBe(usages[1]?.totalUsage);
});

test("reads the licenses of all users, page by page", async () => {
  const { client } = await sandboxClient(OPTIONS);
  const users = valueOf(await readLicensedUsers(client));
  expect(users).toHaveLength(120);
  expect(new Set(users.map(({ id }) => id)).size).toBe(120);
  expect(users.flatMap(({ licenses }) => licenses).filter((license) => license === "cloudCX2")).toHaveLength(
    24,
  );
});

test("billing that the token may not read is not available, nor is an unknown month", async () => {
  const { client, as } = await sandboxClient();
  for (const other of [as(0), as(1)]) {
    const refused = { available: false, status: 403, permissions: ["billing:subscription:view"] };
    expect(await readContracts(other)).toMatchObject(refused);
    expect(await readCharges(other, "a", "b")).toMatchObject(refused);
    expect(await readBillableUsage(other, MONTH)).toMatchObject(refused);
    expect(await readLicensedUsers(other)).toMatchObject(refused);
  }
  const unknown = await readCharges(client, "a", "b");
  expect(unknown).toMatchObject({ available: false, status: 404 });
  await expect(readCharges(client, "..", "b")).rejects.toMatchObject({ kind: "input" });
});

test("fields that are missing, null or unknown do not matter", async () => {
  const odd = await answering({
    entities: [
      { id: "1", billingPeriods: [{ id: "p" }, { status: "Open" }, null], plans: null, color: "red" },
      {
        id: "2",
        dateStart: "soon",
        plans: [{ product: { name: "P" }, items: null }, { organizations: ["o"] }],
      },
      { name: "no id" },
      null,
    ],
  });
  expect(valueOf(await readContracts(odd))).toEqual([
    { id: "1", periods: [{ id: "p" }], plans: [] },
    { id: "2", periods: [], plans: [{ product: "P", items: [] }, { items: [] }] },
  ]);
  const charges = await answering({
    charges: [{ actualQuantity: "505992", product: null }, { name: "x" }, 3],
  });
  expect(valueOf(await readCharges(charges, "a", "b"))).toEqual([{ actualQuantity: 505_992 }, { name: "x" }]);
  for (const empty of [{}, { charges: null }]) {
    expect(valueOf(await readCharges(await answering(empty), "a", "b"))).toEqual([]);
  }
  const usages = await answering({
    status: "Complete",
    usages: [{ totalUsage: "12.5" }, { name: "x", resources: [{}] }],
  });
  expect(valueOf(await readBillableUsage(usages, MONTH))).toEqual([
    { totalUsage: 12.5, resources: [] },
    { name: "x", resources: [{}] },
  ]);
  const users = await answering({ entities: [{ id: "u" }, { id: "v", licenses: ["a", null, 3] }, {}] });
  expect(valueOf(await readLicensedUsers(users))).toEqual([
    { id: "u", licenses: [] },
    { id: "v", licenses: ["a"] },
  ]);
});

it.each<[string, string[][], string[][]]>([
  [
    "times at the last millisecond",
    [["2026-09-15T00:00:00Z", "2026-10-14T23:59:59.999Z"]],
    [["2026-09-15", "2026-10-14"]],
  ],
  [
    "times at the next midnight",
    [["2026-09-15T00:00:00.000Z", "2026-10-15T00:00:00.000Z"]],
    [["2026-09-15", "2026-10-14"]],
  ],
  [
    "times at midnight, if the next span begins on the day after",
    [
      ["2026-09-15T00:00:00Z", "2026-10-14T00:00:00Z"],
      ["2026-10-15T00:00:00Z", "2026-11-14T00:00:00Z"],
    ],
    [
      ["2026-09-15", "2026-10-14"],
      ["2026-10-15", "2026-11-14"],
    ],
  ],
  ["a single day", [["2026-09-15", "2026-10-14"]], [["2026-09-15", "2026-10-14"]]],
  [
    "days, if the next span begins on the last one",
    [
      ["2026-09-15", "2026-10-15"],
      ["2026-10-15", "2026-11-15"],
      ["2026-11-15", "2026-12-15"],
    ],
    [
      ["2026-09-15", "2026-10-14"],
      ["2026-10-15", "2026-11-14"],
      ["2026-11-15", "2026-12-14"],
    ],
  ],
  [
    "days, if the next span begins on the day after",
    [
      ["2026-09-15", "2026-10-14"],
      ["2026-10-15", "2026-11-14"],
    ],
    [
      ["2026-09-15", "2026-10-14"],
      ["2026-10-15", "2026-11-14"],
    ],
  ],
])("finds the last day of a month in %s", async (_, spans, expected) => {
  const billingPeriods = spans.map(([dateStart, dateEnd], i) => ({ id: String(i), dateStart, dateEnd }));
  const client = await answering({ entities: [{ id: "c", billingPeriods }] });
  const [contract] = valueOf(await readContracts(client));
  expect(contract?.periods.map(({ firstDay, lastDay }) => [firstDay, lastDay])).toEqual(expected);
});

test("contracts in pages are followed; a cursor that repeats is an error", async () => {
  const { client } = await sandboxClient();
  const all = valueOf(await readContracts(client));
  const paged = await serving((response, request, n) => {
    const nextUri = n < 3 ? `/api/v2/billing/contracts?after=${n}` : undefined;
    sendJson(response, 200, {
      entities: n === 2 ? [] : [{ id: new URL(request.url, "http://x").search }],
      nextUri,
    });
  });
  expect(valueOf(await readContracts(paged)).map(({ id }) => id)).toEqual([
    "?pageSize=200",
    "?pageSize=200&after=2",
  ]);
  expect(all).toHaveLength(9);
  const stuck = await serving((response, _, n) =>
    sendJson(response, 200, { entities: [{ id: String(n) }], nextUri: "/api/v2/billing/contracts?after=a" }),
  );
  await expect(readContracts(stuck)).rejects.toThrow("Could not read the contracts: page 2 points back");
  const same = await answering({ entities: [{ id: "u" }], pageNumber: 1, pageCount: 3 });
  await expect(readLicensedUsers(same)).rejects.toThrow("page 2");
});

test("a report that never ends is a timeout, and one that failed an error", async () => {
  const { ms, effects } = waits();
  const endless = await answering({ status: "InProgress" });
  await expect(readBillableUsage(endless, { ...MONTH, effects })).rejects.toMatchObject({ kind: "timeout" });
  expect(ms.reduce((sum, pause) => sum + pause, 0)).toBeGreaterThan(280_000);
  const failed = await answering({ status: "Failed" });
  await expect(readBillableUsage(failed, { ...MONTH, effects })).rejects.toThrow(
    `Could not read the billable usage: the report's status is "Failed".`,
  );
  await expect(readBillableUsage(await answering([]), { ...MONTH, effects })).rejects.toMatchObject({
    kind: "service",
  });
});
