/** What a rule says about one day of a subject: a client, an endpoint, the organization or the lake. */
export interface Sign {
  /** The day meets the rule's condition for an incident to begin or go on. */
  readonly triggers: boolean;
  /** The day meets the rule's condition for an incident to end. A day may meet neither. */
  readonly recovers: boolean;
  /** The figure that the rule looks at, in the rule's unit. */
  readonly value: number;
  /** What the figure normally is; null if unknown or if the rule has no such idea. */
  readonly normal: number | null;
  /** For a rule with steps: how many of them the figure has reached. Others get worse by doubling. */
  readonly step?: number;
}

/** By the position of the day. Undefined for a day of which nothing can be said: it neither triggers nor recovers. */
export type Signs = readonly (Sign | undefined)[];

/** When incidents begin and end, in days in a row. Days of which nothing can be said do not interrupt a row. */
export interface Timing {
  readonly triggerDays: number;
  readonly recoveryDays: number;
}

/** Days are positions. */
export interface Incident {
  /** The first day that triggered. */
  readonly first: number;
  /** The day on which it was certain, after `triggerDays`. */
  readonly opened: number;
  /** The last day that triggered so far. */
  readonly last: number;
  /** The day with the largest figure, and its sign. */
  readonly worst: number;
  readonly worstSign: Sign;
  /** The day on which its end was certain; undefined while it goes on. */
  readonly ended: number | undefined;
  /** How many times it has become a step worse, and when. */
  readonly steps: readonly number[];
}

/** The incidents that the signs show, in order. Each day is judged only by the days before it and itself. */
export function incidentsIn(signs: Signs, timing: Timing): Incident[] {
  const found: Incident[] = [];
  let open: Open | undefined;
  let triggered: number[] = [];
  for (const [day, sign] of signs.entries()) {
    if (open === undefined) {
      if (sign === undefined) continue;
      triggered = sign.triggers ? [...triggered, day] : [];
      if (triggered.length < timing.triggerDays) continue;
      open = new Open(triggered, signs);
      triggered = [];
    } else {
      open.add(day, sign);
      if (!open.isOver(timing)) continue;
      found.push(open.incident(day));
      open = undefined;
    }
  }
  return open === undefined ? found : [...found, open.incident(undefined)];
}

const NONE: Sign = { triggers: false, recovers: false, value: 0, normal: null };

class Open {
  readonly #first: number;
  readonly #opened: number;
  #last: number;
  #worst: number;
  #worstSign: Sign;
  #recovered = 0;
  readonly #firstSize: number;
  #step: number;
  readonly #steps: number[] = [];

  constructor(days: readonly number[], signs: Signs) {
    this.#first = days[0] ?? 0;
    this.#opened = this.#last = days.at(-1) ?? 0;
    this.#worst = this.#first;
    this.#worstSign = NONE;
    this.#step = 0;
    for (const day of days) this.#compare(day, signs[day] ?? NONE);
    this.#firstSize = sizeOf(this.#worstSign);
  }

  add(day: number, sign: Sign | undefined): void {
    if (sign === undefined) return;
    this.#recovered = sign.recovers ? this.#recovered + 1 : 0;
    if (!sign.triggers) return;
    this.#last = day;
    const before = this.#step;
    this.#compare(day, sign);
    if (sign.step === undefined) this.#step = doublings(sizeOf(this.#worstSign), this.#firstSize);
    if (this.#step > before) this.#steps.push(day);
  }

  #compare(day: number, sign: Sign): void {
    this.#step = Math.max(this.#step, sign.step ?? 0);
    if (sizeOf(sign) <= sizeOf(this.#worstSign)) return;
    this.#worst = day;
    this.#worstSign = sign;
  }

  isOver({ recoveryDays }: Timing): boolean {
    return this.#recovered >= recoveryDays;
  }

  incident(ended: number | undefined): Incident {
    return {
      first: this.#first,
      opened: this.#opened,
      last: this.#last,
      worst: this.#worst,
      worstSign: this.#worstSign,
      ended,
      steps: this.#steps,
    };
  }
}

/** How far the figure is from the normal one: a drop to a tenth is as large as a rise to the tenfold. */
function sizeOf(sign: Sign): number {
  const { value, normal } = sign;
  return normal !== null && normal > 0 && value < normal
    ? (normal * normal) / Math.max(value, normal / 1000)
    : value;
}

function doublings(value: number, first: number): number {
  return first > 0 ? Math.floor(Math.log2(value / first) + 1e-9) : 0;
}
