import { expect, test } from "vitest";
import {
  type BillingPeriodTruth,
  type ContractTruth,
  contracts,
  type FactOptions,
  facts,
} from "../../src/sandbox/sandbox.ts";
import type { Day } from "../../src/usage/day.ts";
import { type Json, TestClient, withSandbox } from "./client.ts";

const day = (text: string): Day => text as Day;
const CONTRACTS = "/api/v2/billing/contracts";
const SPAN: FactOptions = { seed: 1, scale: 1, from: day("2026-08-20"), to: day("2026-11-22") };

function truth(): { contract: ContractTruth; periods: readonly BillingPeriodTruth[] } {
  const [contract, ...others] = contracts(SPAN);
  if (contract === undefined || others.length > 0) throw new Error("expected one contract");
  return { contract, periods: contract.periods };
}

/** Requests of the clients that both services count, from the facts themselves. */
function billable(from: Day, to: Day): number {
  let requests = 0;
  for (const fact of facts({ ...SPAN, from, to })) if (!fact.builtin) requests += fact.requests;
  return requests;
}

test("closed months have the billable requests of the facts, and the open month lags by two days", () => {
  const { periods } = truth();
  expect(periods.map(({ firstDay, lastDay, status }) => [firstDay, lastDay, status])).toEqual([
    ["2026-08-15", "2026-09-14", "Closed"],
    ["2026-09-15", "2026-10-14", "Closed"],
    ["2026-10-15", "2026-11-14", "Closed"],
    ["2026-11-15", "2026-12-14", "Open"],
  ]);
  for (const { firstDay, lastDay, status, requests } of periods.slice(1)) {
    // The clock is at 2026-11-23.
    expect(requests).toBe(billable(firstDay, status === "Open" ? day("2026-11-21") : lastDay));
  }
  expect(periods.map(({ overage }) => overage > 0)).toEqual([false, true, false, false]);
});

test("the endpoints say what the truth says: contracts, months and their charges", () =>
  withSandbox({}, async (client) => {
    const { contract, periods } = truth();
    const active = (await client.get(`${CONTRACTS}?status=Active`)).json["entities"] as Json[];
    expect(active).toHaveLength(1);
    expect(active[0]).toMatchObject({
      id: contract.id,
      dateStart: "2026-01-15T00:00:00.000Z",
      dateEnd: "2027-01-14T23:59:59.999Z",
    });
    const months = active[0]?.["billingPeriods"] as Json[];
    expect(months.slice(-4).map((month) => month["id"])).toEqual(periods.map(({ id }) => id));
    for (const period of periods) {
      const path = `${CONTRACTS}/${contract.id}/billingperiods/${period.id}`;
      const { json } = await client.get(path);
      expect(json["status"]).toBe(period.status);
      const charges = json["charges"] as Json[];
      expect(charges.at(-1)).toMatchObject({
        fairuseQuantity: period.allowance,
        actualQuantity: period.requests,
        overageQuantity: period.overage,
        overageRate: 0.0002,
        overageCharge: period.overageCharge,
        overageCurrency: "USD",
      });
      expect(
        charges
          .slice(0, -1)
          .map((charge) => [charge["name"], charge["prepaidQuantity"], charge["actualQuantity"]]),
      ).toEqual(period.licenses.map(({ name, committed, actual }) => [name, committed, actual]));
    }
    const overdue = periods.find(({ overage }) => overage > 0);
    expect(overdue?.overageCharge).toBeCloseTo((overdue?.overage ?? 0) * 0.0002, 2);
    expect((await client.get(`${CONTRACTS}/${contract.id}/billingperiods/none`)).status).toBe(404);
  }));

test("the allowance follows from the license counts by the fair use table", () => {
  const perUnit: Record<string, number> = {
    "Genesys Cloud CX 3 Concurrent": 182_000,
    "Genesys Cloud CX 2": 110_000,
    "Genesys Cloud CX 1": 75_000,
    "Genesys Cloud EX": 75_000,
    "Genesys Cloud Communicate": 10_000,
    "Genesys Cloud CX 1 Hourly": 75_000 / 111,
  };
  for (const { allowance, licenses } of truth().periods) {
    const units = licenses.map(
      ({ name, committed, actual }) => (perUnit[name] ?? 0) * Math.max(committed, actual),
    );
    expect(allowance).toBe(Math.floor(units.reduce((sum, requests) => sum + requests, 0)));
  }
});

test("contracts come in pages, newest first, and can be selected by days and status", () =>
  withSandbox({}, async (client) => {
    const starts: string[] = [];
    for (let next: unknown = `${CONTRACTS}?pageSize=4`; typeof next === "string"; ) {
      const { json } = await client.get(next);
      starts.push(
        ...(json["entities"] as Json[]).map((contract) => String(contract["dateStart"]).slice(0, 10)),
      );
      next = json["nextUri"];
    }
    expect(starts).toEqual(
      [2026, 2025, 2024, 2023, 2022, 2021, 2020, 2019, 2018].map((year) => `${year}-01-15`),
    );
    const count = async (query: string): Promise<number> =>
      ((await client.get(`${CONTRACTS}?${query}`)).json["entities"] as Json[]).length;
    expect(await count("status=Expired")).toBe(8);
    expect(await count("dateStart=2025-01-14&dateEnd=2025-01-15")).toBe(2);
    expect(await count("dateStart=2017-01-01T00:00:00Z&dateEnd=2017-12-31T23:59:59.999Z")).toBe(0);
    for (const query of ["dateStart=soon", "dateEnd=2026-02-30", "pageSize=201", "after=x"]) {
      expect((await client.get(`${CONTRACTS}?${query}`)).status).toBe(400);
    }
  }));

test("a month stays open until its last day is counted", () => {
  const open = (to: string): string[] =>
    contracts({ ...SPAN, from: day("2026-11-14"), to: day(to) }).flatMap(({ periods }) =>
      periods.flatMap(({ status, firstDay }) => (status === "Open" ? firstDay : [])),
    );
  expect(open("2026-11-14")).toEqual(["2026-10-15"]);
  expect(open("2026-11-15")).toEqual(["2026-11-15"]);
});

test("billable usage is in progress first; assigned licenses come in pages of users", () =>
  withSandbox({}, async (client) => {
    const report = "/api/v2/billing/reports/billableusage?startDate=2026-10-15&endDate=2026-11-14";
    expect((await client.get(report)).json).toEqual({ status: "InProgress" });
    const { json } = await client.get(report);
    expect(json["status"]).toBe("Complete");
    const { periods } = truth();
    const usages = json["usages"] as Json[];
    expect(usages.map(({ name, totalUsage }) => [name, totalUsage])).toEqual(
      periods[2]?.licenses.map(({ name, actual }) => [name, String(actual)]),
    );
    expect((await client.get("/api/v2/billing/reports/billableusage")).status).toBe(400);
    const users: Json[] = [];
    for (let page = 1, pages = 1; page <= pages; page++) {
      const answer = await client.get(`/api/v2/license/users?pageSize=25&pageNumber=${page}`);
      pages = Number(answer.json["pageCount"]);
      users.push(...(answer.json["entities"] as Json[]));
    }
    expect(users).toHaveLength(60);
    const assigned = users.filter((user) => (user["licenses"] as string[]).includes("cloudCX2"));
    expect(String(assigned.length)).toBe(usages[1]?.["totalUsage"]);
  }));

test("billing needs a permission that the other clients do not have", () =>
  withSandbox({}, async (_, sandbox) => {
    for (const credentials of sandbox.others) {
      const client = await TestClient.signIn(sandbox, credentials);
      for (const path of [CONTRACTS, `${CONTRACTS}/a/billingperiods/b`, "/api/v2/license/users"]) {
        const { status, json } = await client.get(path);
        expect([status, json["code"]]).toEqual([403, "missing.permissions"]);
        expect(json["message"]).toContain("billing:subscription:view");
      }
    }
  }));
