import { Fragment } from "preact";

/** A path of an endpoint or the key of a limit. A line may end after each slash or dot. */
export function PathText({ path }: { readonly path: string }) {
  return (
    <>
      {path.split(/(?<=[/.])/).map((part, index) => (
        <Fragment key={index}>
          {index > 0 && <wbr />}
          {part}
        </Fragment>
      ))}
    </>
  );
}
