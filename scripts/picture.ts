import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import xterm from "@xterm/headless";

/**
 * Records `gc-usage demo` in a real terminal and draws it as docs/demo.svg, for the README: `npm run picture`.
 * Needs `script` (util-linux), which gives the command a terminal.
 */
const COLUMNS = 100;
const ROWS = 48;
/** Playback is faster than the recording, which mostly shows a sync waiting for its queries. */
const SPEED = 3;
/** At most one frame in this time of the recording. More would only make the file larger. */
const FRAME_MS = 600;
const LAST_FRAME_MS = 12_000;
const LINE = 18;
const CHAR = 8.43;
const PADDING = 16;
const BAR = 36;

const BIN = fileURLToPath(new URL("../dist/cli/bin.js", import.meta.url));
const TARGET = fileURLToPath(new URL("../docs/demo.svg", import.meta.url));

type Style = "plain" | "bold" | "dim" | "red" | "yellow" | "green";
interface Run {
  readonly text: string;
  readonly style: Style;
}
interface Frame {
  readonly atMs: number;
  readonly lines: readonly (readonly Run[])[];
}

async function record(): Promise<Frame[]> {
  const terminal = new xterm.Terminal({
    cols: COLUMNS,
    rows: ROWS,
    allowProposedApi: true,
    convertEol: true,
  });
  const write = (text: string): Promise<void> => new Promise((resolve) => terminal.write(text, resolve));
  await write("\u001b[1m$ gc-usage demo\u001b[22m\r\n");
  const folder = mkdtempSync(join(tmpdir(), "gc-usage-picture-"));
  const command = `stty cols ${COLUMNS} rows ${ROWS}; FORCE_COLOR=1 node ${BIN} demo`;
  const child = spawn("script", ["-qec", command, "/dev/null"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const began = performance.now();
  const frames: Frame[] = [{ atMs: 0, lines: screen(terminal) }];
  for await (const chunk of child.stdout) {
    await write(String(chunk));
    const frame = { atMs: (performance.now() - began) / SPEED, lines: screen(terminal) };
    const last = frames.at(-1);
    const interval = ({ atMs }: Frame): number => Math.floor((atMs * SPEED) / FRAME_MS);
    // The last state of each interval stands for it.
    if (last && frames.length > 1 && interval(last) === interval(frame)) frames.pop();
    frames.push(frame);
  }
  rmSync(folder, { recursive: true, force: true });
  return frames;
}

function screen(terminal: InstanceType<typeof xterm.Terminal>): Run[][] {
  const buffer = terminal.buffer.active;
  return Array.from({ length: ROWS }, (_, y) => {
    const line = buffer.getLine(y);
    const runs: { text: string; style: Style }[] = [];
    for (let x = 0; x < COLUMNS; x++) {
      const cell = line?.getCell(x);
      const text = cell?.getChars() || " ";
      const color = cell?.isFgPalette() ? cell.getFgColor() : -1;
      const colored = ({ 1: "red", 2: "green", 3: "yellow" } as const)[color];
      const style: Style = colored ?? (cell?.isBold() ? "bold" : cell?.isDim() ? "dim" : "plain");
      const run = runs.at(-1);
      if (run?.style === style) run.text += text;
      else runs.push({ text, style });
    }
    return runs;
  });
}

function draw(frames: readonly Frame[]): string {
  const used = Math.max(
    ...frames.map(({ lines }) => lines.findLastIndex((runs) => runs.some(({ text }) => text.trim() !== ""))),
  );
  const width = Math.ceil(COLUMNS * CHAR + 2 * PADDING);
  const height = BAR + (used + 2) * LINE + PADDING;
  const total = (frames.at(-1)?.atMs ?? 0) + LAST_FRAME_MS;
  const percent = (ms: number): string => ((100 * ms) / total).toFixed(3);
  const shows = frames.map(({ atMs }, i) => {
    const until = frames[i + 1]?.atMs ?? total;
    const from = i === 0 ? "" : `0%,${percent(atMs - 1)}%{visibility:hidden}`;
    const to = until === total ? "" : `${percent(until)}%,100%{visibility:hidden}`;
    return `@keyframes f${i}{${from}${percent(atMs)}%,${percent(until - 1)}%{visibility:visible}${to}}#f${i}{animation:f${i} ${Math.round(total)}ms step-end infinite}`;
  });
  const groups = frames.map(
    ({ lines }, i) =>
      `<g id="f${i}"${i === frames.length - 1 ? "" : ' visibility="hidden"'}>${lines
        .slice(0, used + 1)
        .map(textOf)
        .join("")}</g>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" role="img" aria-label="gc-usage demo in a terminal">
<style>
text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#d6deeb;white-space:pre}
.bold{font-weight:700;fill:#fff}.dim{fill:#8b98a9}.red{fill:#ff7b72}.yellow{fill:#e3b341}.green{fill:#7ee787}
${shows.join("\n")}
@media (prefers-reduced-motion:reduce){g{animation:none!important}}
</style>
<rect width="${width}" height="${height}" rx="8" fill="#0d1520"/>
<circle cx="20" cy="18" r="6" fill="#ff5f57"/><circle cx="40" cy="18" r="6" fill="#febc2e"/><circle cx="60" cy="18" r="6" fill="#28c840"/>
${groups.join("\n")}
</svg>
`;
}

function textOf(runs: readonly Run[], row: number): string {
  const y = BAR + (row + 1) * LINE;
  let x = 0;
  const spans = runs.map(({ text, style }) => {
    const at = (PADDING + x * CHAR).toFixed(1);
    x += text.length;
    const shown = text.trimEnd();
    if (shown === "") return "";
    // The width is given, so that columns line up whatever the reader's font.
    return `<tspan x="${at}" textLength="${(shown.length * CHAR).toFixed(1)}" lengthAdjust="spacingAndGlyphs"${style === "plain" ? "" : ` class="${style}"`}>${escaped(shown)}</tspan>`;
  });
  const line = spans.join("");
  return line === "" ? "" : `<text y="${y}" xml:space="preserve">${line}</text>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

writeFileSync(TARGET, draw(await record()));
