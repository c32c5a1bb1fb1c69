import { seriesName } from "../../views/scope.ts";
import { linkTo } from "../address.ts";
import { type Scope, useCounts } from "../data.ts";
import { groupingWords } from "../format.ts";
import { Split } from "../parts/split.tsx";
import { EmptyNote } from "../parts/states.tsx";
import { TotalsFigure } from "../parts/totals-figure.tsx";
import { withCode } from "../parts/with-code.tsx";

export function UsersView({ scope }: { readonly scope: Scope }) {
  const { lake, series } = scope;
  const hasUsers = series.dimensions.includes("user");
  const counts = useCounts(scope, "user", { isOff: !hasUsers });
  const other = lake.series.find(({ dimensions }) => dimensions.includes("user"));
  return (
    <>
      <h1 tabIndex={-1}>Users</h1>
      {hasUsers ? (
        <Split counts={counts} scope={scope} what="User">
          {(value) => <TotalsFigure counts={value} scope={scope} title="Users" what="User" file="users" />}
        </Split>
      ) : (
        <EmptyNote>
          <p>
            {other ? (
              <>
                These rows are not split by user, but the lake has others:{" "}
                <a href={linkTo("users", { series: seriesName(other) })}>
                  show {other.service} by {groupingWords(other.grouping)}
                </a>
                .
              </>
            ) : (
              withCode(
                `The lake has no rows by user. Fetch them with \`gc-usage sync --group-by client,user${lake.flags}\`. Requests with client credentials have no user.`,
              )
            )}
          </p>
        </EmptyNote>
      )}
    </>
  );
}
