import { GcUsageError, type LakeListing, type Member, type UsageLake } from "../index.ts";
import { realEffects } from "../support/effects.ts";
import { quoted } from "../support/printable.ts";

interface Recent {
  readonly member: Member;
  readonly listing: LakeListing;
}

const RECENT_MS = 3000;
/** The page looks for changes every 20 seconds while it is visible. Its other questions do not wait for the files to be listed again. */
const USABLE_MS = 30_000;
const LOOK_AFTER_MS = 1_000;

/** The lakes at the served location. They stay open from one request to the next. */
export class Lakes {
  readonly #lake: UsageLake;
  readonly #known = new Map<string, Member>();
  readonly #recent = new Map<string, { readonly at: number; readonly found: Promise<Recent> }>();
  #looking: Promise<readonly Member[]> | undefined;

  constructor(lake: UsageLake) {
    this.#lake = lake;
  }

  get engine() {
    return this.#lake.engine;
  }

  /** @throws {GcUsageError} lake …, if the location cannot be read. */
  async members(): Promise<readonly Member[]> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return await this.#looking;
  }

  async #look(): Promise<readonly Member[]> {
    const found = await this.#lake.members();
    return found.map((member) => {
      const known = this.#known.get(member.uri) ?? member;
      this.#known.set(member.uri, known);
      return known;
    });
  }

  /**
   * One of several organizations' lakes, by the name of its folder.
   *
   * @param organization default: the first.
   */
  async member(organization: string | undefined): Promise<Member> {
    const members = await this.members();
    const found =
      organization === undefined
        ? members[0]
        : members.find((member) => member.organization === organization);
    if (found) return found;
    const names = members.flatMap((member) => member.organization ?? []);
    throw new GcUsageError(
      "input",
      `There is no organization ${quoted(organization ?? "")} at this location.`,
      {
        hint:
          names.length === 0
            ? "It is a single lake: omit the organization."
            : `Use one of: ${names.join(", ")}.`,
      },
    );
  }

  /** The lake that SQL reads: all organizations' together, unless one is given. */
  async forSql(organization: string | undefined): Promise<UsageLake> {
    return organization === undefined ? this.#lake : (await this.member(organization)).lake;
  }

  async listing({ lake }: Member): Promise<LakeListing> {
    return await lake.listing();
  }

  /**
   * A member and its listing, as they were a moment ago if that is known: the page itself looks for changes, with `member` and
   * `listing`. What is not new is looked up again in the meantime.
   */
  async recently(organization: string | undefined): Promise<Recent> {
    const key = organization ?? "";
    const known = this.#recent.get(key);
    const age = known === undefined ? Infinity : realEffects.now() - known.at;
    if (known && age < RECENT_MS) return await known.found;
    if (known && age < USABLE_MS) {
      this.#remember(key, known.found);
      // Not now: listing hundreds of files would slow the answer that somebody waits for.
      setTimeout(() => void this.#lookAgain(organization, key).catch(() => undefined), LOOK_AFTER_MS).unref();
      return await known.found;
    }
    return await this.#lookAgain(organization, key);
  }

  /** Lists the lake again, and remembers what is found. */
  async #lookAgain(organization: string | undefined, key: string): Promise<Recent> {
    const found = this.member(organization).then(async (member) => ({
      member,
      listing: await this.listing(member),
    }));
    this.#remember(key, found);
    return await found;
  }

  /** Makes what was just looked up the recent one. */
  remember(organization: string | undefined, found: Recent): void {
    this.#remember(organization ?? "", Promise.resolve(found));
  }

  #remember(key: string, found: Promise<Recent>): void {
    const recent = { at: realEffects.now(), found };
    this.#recent.set(key, recent);
    found.catch(() => {
      if (this.#recent.get(key) === recent) this.#recent.delete(key);
    });
  }

  async close(): Promise<void> {
    await Promise.all(
      [this.#lake, ...[...this.#known.values()].map(({ lake }) => lake)].map((lake) => lake.close()),
    );
  }
}
