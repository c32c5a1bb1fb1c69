/** The documented default of the limit of one token: requests a minute. */
export const TOKEN_REQUESTS_PER_MINUTE = 300;
export const MINUTES_PER_DAY = 1440;

/** What one token at a limit per minute can make in a UTC day. */
export function perDay(perMinute: number): number {
  return perMinute * MINUTES_PER_DAY;
}
