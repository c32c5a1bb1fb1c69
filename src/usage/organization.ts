/** A Genesys Cloud organization. Its id decides; the name is for people and may change. */
export interface Organization {
  readonly id: string;
  readonly name?: string | undefined;
}

/**
 * Where and as whom rows were fetched: what is left to tell organizations apart where the service does not give the
 * organization's id. An OAuth client belongs to one organization.
 */
export interface Caller {
  /** The region's domain: `mypurecloud.de`. Undefined behind a gateway where no region is set. */
  readonly region?: string | undefined;
  /** Undefined where an access token was given. */
  readonly clientId?: string | undefined;
}

/** Whose rows something holds, as far as is known. */
export interface Origin {
  readonly organization?: Organization | undefined;
  readonly source?: Caller | undefined;
}
