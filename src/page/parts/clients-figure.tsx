import { linkTo } from "../address.ts";
import { nameOf } from "../format.ts";
import { TotalsFigure, type TotalsFigureProps } from "./totals-figure.tsx";

/** Clients, each with a link to its view. */
export function ClientsFigure(props: TotalsFigureProps) {
  return (
    <TotalsFigure
      {...props}
      what="Client"
      file="clients"
      show={(row) =>
        row.id === null ? (
          nameOf(row)
        ) : (
          <a href={linkTo("client", { id: row.id, client: undefined })} title={nameOf(row)}>
            {nameOf(row)}
          </a>
        )
      }
      more={[{ key: "id", title: "Client id", value: ({ id }) => id, isText: true, isHidden: true }]}
    />
  );
}
