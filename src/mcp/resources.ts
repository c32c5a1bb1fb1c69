import { readFile } from "node:fs/promises";
import { type McpServer, ResourceTemplate } from "@modelcontextprotocol/server";
import { type OwnFolder, question, questions, questionsIn, tableColumns } from "../index.ts";

/** Guides of the package's folder docs. */
const GUIDES = {
  answers: "The questions and their columns",
  lake: "The lake: tables, columns, what a row is",
  check: "Rules and findings",
  limits: "Limits, headroom and diagnosis",
  "fair-use": "Fair use",
} as const;

const MARKDOWN = "text/markdown";

/** Texts that an assistant can read: the tables, each question's statement, and guides. */
export function addResources(server: McpServer, own: OwnFolder | undefined): void {
  server.registerResource(
    "tables",
    "gc-usage://tables",
    { title: "Tables and columns of SQL", mimeType: "text/plain" },
    (uri) => ({ contents: [{ uri: uri.href, mimeType: "text/plain", text: tablesText() }] }),
  );
  for (const [name, title] of Object.entries(GUIDES)) {
    server.registerResource(
      `guide-${name}`,
      `gc-usage://guides/${name}`,
      { title, mimeType: MARKDOWN },
      async (uri) => ({ contents: [{ uri: uri.href, mimeType: MARKDOWN, text: await guide(name) }] }),
    );
  }
  const template = new ResourceTemplate("gc-usage://questions/{name}", {
    list: () => ({
      resources: [...questions(), ...(own === undefined ? [] : questionsIn(own))].map(({ name, title }) => ({
        uri: `gc-usage://questions/${name}`,
        name: `question-${name}`,
        title,
        mimeType: "application/sql",
      })),
    }),
  });
  server.registerResource(
    "question",
    template,
    { title: "The statement of a question", mimeType: "application/sql" },
    (uri, { name }) => ({
      contents: [{ uri: uri.href, mimeType: "application/sql", text: question(String(name), own).sql }],
    }),
  );
}

function tablesText(): string {
  return Object.entries(tableColumns(false))
    .map(([table, columns]) => `${table}: ${columns.join(", ")}\n`)
    .join("");
}

async function guide(name: string): Promise<string> {
  return await readFile(new URL(`../../docs/${name}.md`, import.meta.url), "utf8");
}
