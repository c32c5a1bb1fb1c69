import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { renderToString } from "preact-render-to-string";
import { inert } from "../support/printable.ts";
import { ReportPart } from "./part.tsx";
import type { Report } from "./report.ts";
import { titleOf } from "./words.ts";

/**
 * Reports as one HTML file without scripts, which loads nothing: for a browser, the preview of a mail client, and paper. Light and
 * dark. With several organizations, it has a part for each.
 */
export function reportHtml(reports: readonly Report[]): string {
  const style = styleSheet();
  const hash = createHash("sha256").update(style).digest("base64");
  const [first] = reports;
  const title = reports.length === 1 && first ? titleOf(first) : "API usage";
  const html = renderToString(
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta
          http-equiv="Content-Security-Policy"
          content={`default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`}
        />
        <meta name="referrer" content="no-referrer" />
        <meta name="color-scheme" content="light dark" />
        <title>{title}</title>
        {/* biome-ignore lint/security/noDangerouslySetInnerHtml: our own style sheet. */}
        <style dangerouslySetInnerHTML={{ __html: style }} />
      </head>
      <body>
        {reports.length > 1 && <Contents reports={reports} />}
        {reports.map((report, at) => (
          <ReportPart key={at} report={report} id={partId(at)} />
        ))}
      </body>
    </html>,
  );
  return `<!doctype html>\n${inert(html)}\n`;
}

let loaded: string | undefined;

/** The page's style and the report's own, which the build makes one file. */
function styleSheet(): string {
  loaded ??= readFileSync(new URL("./style.css", import.meta.url), "utf8").trim();
  return loaded;
}

function partId(at: number): string {
  return `organization-${at + 1}`;
}

function Contents({ reports }: { readonly reports: readonly Report[] }) {
  return (
    <nav class="contents" aria-label="Organizations">
      {reports.map(({ organization }, at) => (
        <a key={at} href={`#${partId(at)}`}>
          {organization}
        </a>
      ))}
    </nav>
  );
}
