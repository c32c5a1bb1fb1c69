import pc from "picocolors";

/**
 * Whether a stream is written to in colour: `NO_COLOR` and `FORCE_COLOR` say so, else whether it is a terminal.
 * Each stream for itself, and not since `CI` is set, as picocolors would have it: a pipe there is a pipe.
 *
 * Sources: https://no-color.org, https://force-color.org
 */
export function wantsColour(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = env;
  if (NO_COLOR) return false;
  if (FORCE_COLOR) return FORCE_COLOR !== "0" && FORCE_COLOR !== "false";
  return stream.isTTY === true && TERM !== "dumb";
}

/** For data: what goes to stdout. */
export const onOut = pc.createColors(wantsColour(process.stdout, process.env));

/** For all else: what goes to stderr. */
export const onErr = pc.createColors(wantsColour(process.stderr, process.env));
