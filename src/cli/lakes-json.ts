/** A lake and its report. The organization is undefined for a single lake. */
interface Reported {
  readonly organization: string | undefined;
  readonly uri: string;
  readonly report: object;
}

/** The report of a single lake, or those of several organizations' lakes, with their locations. */
export function lakesJson(all: readonly Reported[]): unknown {
  const [first] = all;
  if (first && first.organization === undefined) return { lake: first.uri, ...first.report };
  return { lakes: all.map(({ organization, uri, report }) => ({ organization, lake: uri, ...report })) };
}
