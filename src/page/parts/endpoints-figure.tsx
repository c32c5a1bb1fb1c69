import { address, filters, linkTo } from "../address.ts";
import { nameOf } from "../format.ts";
import { PathText } from "./path-text.tsx";
import { TotalsFigure, type TotalsFigureProps } from "./totals-figure.tsx";

/** Endpoints, each of which can become a filter. */
export function EndpointsFigure(props: TotalsFigureProps) {
  const { endpoint } = filters.value;
  return (
    <TotalsFigure
      {...props}
      what="Endpoint"
      file="endpoints"
      show={(row) => {
        const { id } = row;
        if (id === null || endpoint.includes(id))
          return (
            <code>
              <PathText path={nameOf(row)} />
            </code>
          );
        return (
          <a
            href={linkTo(address.value.view, { endpoint: [...endpoint, id] })}
            title="Show only this endpoint"
          >
            <code>
              <PathText path={id} />
            </code>
          </a>
        );
      }}
    />
  );
}
