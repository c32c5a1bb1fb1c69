import { readdir, readFile, stat } from "node:fs/promises";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { Refusal } from "./failure.ts";
import { Body } from "./replies.ts";

/** The page as it was built. The path is the same from src/ and from dist/. */
const PAGE_FOLDER = fileURLToPath(new URL("../../dist/page/", import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
};

/** The files directly in the page's folder, read once and again after they change. No path leads elsewhere. */
export class PageFiles {
  readonly #folder: string;
  readonly #read = new Map<string, { readonly changed: number; readonly body: Body }>();

  constructor(folder: string = PAGE_FOLDER) {
    this.#folder = folder;
  }

  /** @throws {Refusal} if the page was not built. */
  async index(): Promise<Body> {
    const body = await this.find("index.html");
    if (body) return body;
    throw new Refusal(
      503,
      "missing",
      "The page is not built.",
      "In a clone of the repository: npm run build",
    );
  }

  /** A file by its name; undefined if there is none. */
  async find(name: string): Promise<Body | undefined> {
    const type = TYPES[extname(name)];
    const names = await readdir(this.#folder).catch((): string[] => []);
    if (type === undefined || !names.includes(name)) return undefined;
    const path = `${this.#folder}/${name}`;
    const { mtimeMs: changed } = await stat(path);
    const known = this.#read.get(name);
    if (known?.changed === changed) return known.body;
    const body = new Body(await readFile(path), type);
    this.#read.set(name, { changed, body });
    return body;
  }
}
