import { filters } from "../address.ts";
import { type Scope, useCounts } from "../data.ts";
import { ClientsFigure } from "../parts/clients-figure.tsx";
import { EndpointsFigure } from "../parts/endpoints-figure.tsx";
import { NotSplit, Split } from "../parts/split.tsx";
import { WhenLoaded } from "../parts/states.tsx";

export function EndpointsView({ scope }: { readonly scope: Scope }) {
  const { dimensions } = scope.series;
  const hasEndpoints = dimensions.includes("uri");
  const isChosen = filters.value.endpoint.length > 0;
  const counts = useCounts(scope, "endpoint", { isOff: !hasEndpoints });
  const clients = useCounts(scope, "client", { isOff: !isChosen || !dimensions.includes("client") });
  return (
    <>
      <h1 tabIndex={-1}>Endpoints</h1>
      {hasEndpoints ? (
        <Split counts={counts} scope={scope} what="Endpoint">
          {(value) => (
            <>
              {isChosen && (
                <WhenLoaded of={clients} height={240}>
                  {(found) => <ClientsFigure counts={found} scope={scope} title="Who calls it" />}
                </WhenLoaded>
              )}
              <EndpointsFigure counts={value} scope={scope} title="Endpoints" />
            </>
          )}
        </Split>
      ) : (
        <NotSplit by="endpoint" scope={scope} />
      )}
    </>
  );
}
