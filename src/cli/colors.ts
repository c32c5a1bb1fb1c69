import pc from "picocolors";

/**
 * Whether to color a stream: as `NO_COLOR` and `FORCE_COLOR` say, otherwise only if it is a terminal. Each stream is
 * decided separately. Unlike picocolors, this ignores `CI`: a pipe in CI is still a pipe.
 *
 * Sources: https://no-color.org, https://force-color.org
 */
export function wantsColor(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = env;
  if (NO_COLOR) return false;
  if (FORCE_COLOR) return FORCE_COLOR !== "0" && FORCE_COLOR !== "false";
  return stream.isTTY === true && TERM !== "dumb";
}

/** For data: what goes to stdout. */
export const onOut = pc.createColors(wantsColor(process.stdout, process.env));

/** For everything else: what goes to stderr. */
export const onErr = pc.createColors(wantsColor(process.stderr, process.env));
