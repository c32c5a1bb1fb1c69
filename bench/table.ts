import type { Comparison, Reach } from "./context.ts";
import type { Measured } from "./measure.ts";

/** The comparisons as a Markdown table. */
export function tableOf(all: readonly Comparison[]): string {
  const head = ["work", "against", "ours", "theirs", "CPU", "peak", "result", "reach", "met"];
  const align = ["---", "---", "--:", "--:", "--:", "--:", "--:", "--:", "---"];
  const lines = all.map((found) => [
    found.work,
    found.against,
    seconds(found.ours.seconds),
    seconds(found.theirs?.seconds),
    both(found, ({ cpuSeconds }) => seconds(cpuSeconds)),
    both(found, ({ peakBytes }) => (peakBytes === undefined ? "" : `${Math.round(peakBytes / 1e6)} MB`)),
    valueText(found.value, found),
    `${found.reach.is === "at least" ? "≥" : "≤"} ${valueText(found.reach.value, found)}`,
    isMet(found) ? "yes" : "no",
  ]);
  return [head, align, ...lines].map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

export function isMet({ value, reach }: Comparison): boolean {
  return reach.is === "at least" ? value >= reach.value : value <= reach.value;
}

function both({ ours, theirs }: Comparison, text: (run: Measured) => string): string {
  const other = theirs ? text(theirs) : "";
  return other === "" ? text(ours) : `${text(ours)}, ${other}`;
}

function seconds(value: number | undefined): string {
  return value === undefined ? "" : `${value.toFixed(value < 10 ? 2 : 1)} s`;
}

const UNITS: Readonly<Record<Reach["kind"], string>> = {
  times: " ×",
  of: " ×",
  "on top": " s on top",
  figure: "",
};

function valueText(value: number, { unit, reach }: Comparison): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)}${unit === undefined ? UNITS[reach.kind] : ` ${unit}`}`;
}
