const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/** `Sun, 06 Nov 1994 08:49:37 GMT`, the current form. */
const IMF = /^[a-z]{3}, (?<day>\d{2}) (?<month>[a-z]{3}) (?<year>\d{4}) (?<time>\d{2}:\d{2}:\d{2}) gmt$/;
/** `Sunday, 06-Nov-94 08:49:37 GMT` */
const RFC850 = /^[a-z]{6,9}, (?<day>\d{2})-(?<month>[a-z]{3})-(?<year>\d{2}) (?<time>\d{2}:\d{2}:\d{2}) gmt$/;
/** `Sun Nov  6 08:49:37 1994` */
const ASCTIME = /^[a-z]{3} (?<month>[a-z]{3}) (?<day>[ \d]\d) (?<time>\d{2}:\d{2}:\d{2}) (?<year>\d{4})$/;

/**
 * Parses an HTTP date in any of the three forms of RFC 9110, 5.6.7. All are UTC, but `Date.parse` would read the last form
 * as local time.
 *
 * @param now milliseconds since 1970. A two-digit year becomes the latest one that is at most 50 years after it.
 * @returns milliseconds since 1970; undefined for anything else.
 */
export function parseHttpDate(text: string, now: number): number | undefined {
  const lower = text.trim().toLowerCase();
  const parts = [IMF, RFC850, ASCTIME].map((form) => form.exec(lower)?.groups).find((groups) => groups);
  if (!parts) return undefined;
  const { day = "", month = "", year = "", time = "" } = parts;
  const [hour = 0, minute = 0, second = 0] = time.split(":").map(Number);
  const fullYear = year.length === 2 ? centuryOf(Number(year), now) : Number(year);
  const [monthIndex, date] = [MONTHS.indexOf(month), Number(day)];
  const ms = Date.UTC(fullYear, monthIndex, date, hour, minute, second);
  const isReal =
    monthIndex >= 0 && new Date(Date.UTC(fullYear, monthIndex, date)).getUTCDate() === date && date > 0;
  // A leap second has 60 seconds; here it becomes the first second of the next minute.
  return isReal && hour <= 23 && minute <= 59 && second <= 60 && ms >= 0 ? ms : undefined;
}

function centuryOf(year: number, now: number): number {
  const current = new Date(now).getUTCFullYear();
  const full = current - (current % 100) + year;
  return full > current + 50 ? full - 100 : full;
}
