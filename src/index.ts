/**
 * The library behind the command, for programs: the client, the lake, both engines, the questions, the sandbox. The command
 * line itself and the stack in AWS are not part of it. See docs/library.md.
 */

export { type AthenaEngine, type AthenaOptions, openAthena } from "./engine/athena/athena.ts";
export { openDuckDb } from "./engine/duckdb/duckdb.ts";
export { type Column, type QueryResult, type SqlEngine, type SqlValue } from "./engine/engine.ts";
export { type ApiRow, parseApiRow } from "./genesys/answer/row.ts";
export {
  type AnswerMembers,
  AnswerSplitter,
  type RowListener,
  type RowsMember,
  type SplitSummary,
} from "./genesys/answer/splitter.ts";
export { type CallOptions, type ClientOptions, type ClientStats, GenesysClient } from "./genesys/client.ts";
export { PageWatch } from "./genesys/pages.ts";
export {
  type PageRequest,
  type ResultsPage,
  readResultsPage,
  type Submitted,
  submitQuery,
} from "./genesys/services.ts";
export { resolveSettings, type Settings, type SettingsInput } from "./genesys/settings.ts";
export { type Committed, Lake, type Slice } from "./lake/lake.ts";
export { type LakeOfOrganization, openLake, openLakes, openOrCreateLake } from "./lake/open.ts";
export type { Provenance, Reading } from "./lake/provenance.ts";
export type { ObjectStore, StoredObject } from "./lake/store.ts";
export { answerLake } from "./questions/answer-lake.ts";
export { type AnswerLake, type Asked, type Basis, basisOf } from "./questions/basis.ts";
export { type Choice, choose, type Source, sourcesFor, type Wanted } from "./questions/choose.ts";
export { checkBasis, checkSeries, type Demands } from "./questions/demands.ts";
export { type AnswerContext, questionEnvelope, seriesOf, tablesEnvelope } from "./questions/envelopes.ts";
export { bind, get as question, list as questions, type Question } from "./questions/questions.ts";
export {
  type Fact,
  type FactOptions,
  facts,
  type Sandbox,
  type SandboxOptions,
  startSandbox,
} from "./sandbox/sandbox.ts";
export { type Effects, type Log, realEffects, silentLog } from "./support/effects.ts";
export { type ErrorKind, EXIT_CODES, GcUsageError, isGcUsageError } from "./support/errors.ts";
export { type CopyOptions, type CopySummary, copyLake } from "./sync/copy.ts";
export { type Loaded, type LoadRequest, load } from "./sync/load.ts";
export {
  type PlannedPeriod,
  planSync,
  type SyncPlan,
  type SyncTarget,
  TARGET_DEFAULTS,
} from "./sync/plan.ts";
export {
  planRemoval,
  type Removable,
  type Removal,
  type Removed,
  removeSlices,
  type Selection,
} from "./sync/remove.ts";
export { type ResultsRequest, readResults } from "./sync/results.ts";
export {
  type LakeStatus,
  lakeStatus,
  type Period,
  type PeriodState,
  type Series,
  type StatusOptions,
} from "./sync/status.ts";
export { type SyncSummary, sync } from "./sync/sync.ts";
export { type SeriesOutcome, type SyncAllOptions, syncAll } from "./sync/sync-all.ts";
export { SYNC_DEFAULTS, type SyncOptions, type SyncProgress } from "./sync/sync-options.ts";
export { type Uploaded, upload } from "./sync/upload.ts";
export { type Finding, type Verified, type VerifyOptions, verifyLake } from "./sync/verify.ts";
export type { Coverage } from "./usage/coverage.ts";
export { type Day, parseDay } from "./usage/day.ts";
export type {
  AnswerCoverage,
  DayRange,
  Envelope,
  FetchedAt,
  LackingDays,
  RowFilter,
  SeriesFacts,
} from "./usage/envelope.ts";
export { type Dimension, type Grouping, groupingOf, parseGrouping } from "./usage/grouping.ts";
export { type Interval, parseInterval } from "./usage/interval.ts";
export { METRICS, type Metric } from "./usage/metric.ts";
export type { Caller, Organization, Origin } from "./usage/organization.ts";
export { GRANULARITIES, type Granularity, type Span } from "./usage/period.ts";
export { parseQuery, type Query, queryBody } from "./usage/query.ts";
export type { SeriesKey } from "./usage/series.ts";
export { SERVICE_SPECS, SERVICES, type Service } from "./usage/service.ts";
export type { QueryState, ServiceSpec } from "./usage/services/spec.ts";
export { parseSlicePath, type SliceKey, slicePath } from "./usage/slice.ts";
export { type WindowFlags, windowOf } from "./usage/window.ts";
