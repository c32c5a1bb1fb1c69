/**
 * The library behind the command: everything that `gc-usage` does with the usage API, a lake and its questions. The stack in AWS
 * is `gc-usage/aws`, the simulated organization `gc-usage/sandbox`. See docs/library.md.
 *
 * Nothing here prints or exits. Only `settingsFromEnvironment` reads the process's environment, and the AWS SDK its own variables.
 */

// Questions and SQL.
export type {
  Column,
  Explain,
  QueryOptions,
  QueryResult,
  QueryStats,
  SqlRow,
  SqlValue,
} from "./engine/engine.ts";
export { DATABASE, tableColumns } from "./engine/tables.ts";
// The usage API, step by step.
export { checkEnded } from "./genesys/answer/check-ended.ts";
export { type ApiRow, checkHasCounts, parseApiRow } from "./genesys/answer/row.ts";
export {
  AnswerSplitter,
  type KnownRowListener,
  type RowListener,
  type SplitSummary,
  type SplitterOptions,
} from "./genesys/answer/splitter.ts";
export type { ClientOptions, GenesysClient, Probe } from "./genesys/client.ts";
export { describeSkew, type ServiceClock, SKEW_MS } from "./genesys/clock.ts";
export { readOrganization } from "./genesys/organization.ts";
export { regionName } from "./genesys/regions.ts";
export type { RetryPolicy } from "./genesys/retry.ts";
export {
  checkId,
  type ResultsPage,
  STRAY_CURSOR,
  type Submitted,
  splitInto,
  submitQuery,
} from "./genesys/services.ts";
export type { Settings } from "./genesys/settings.ts";
export type { Advice, AdviceKind, EndpointTraffic, LimitedDay } from "./insight/advice.ts";
// What `check`, `fairUse` and `reconcile` find.
export type { License, LicenseCount } from "./insight/allowance.ts";
export type { RecordsState } from "./insight/conclusion.ts";
// What `check` looks for.
export type { CaseFigures, Unit } from "./insight/describe-case.ts";
export type { FairUse, FairUseForecast, Overage, Price } from "./insight/fair-use.ts";
export type { CaseDimension } from "./insight/find-cases.ts";
export type { BusyDay, ClientHeadroom, Verdict, WhatIf } from "./insight/headroom.ts";
export type { LimitHit, LimitKind } from "./insight/limit-hits.ts";
export type { KnownLimit, TokenLimit } from "./insight/limits.ts";
export type { CaseStatus } from "./insight/notices.ts";
export type { Counts, Difference, DifferenceReason, ValueTotal } from "./insight/reconcile.ts";
export { DEFAULT_RULES, type Rule, type RuleKind } from "./insight/rules.ts";
export type { ThreatenedLimit } from "./insight/threatened-limit.ts";
export type { Foreign, Slice } from "./lake/lake.ts";
export { checkLocation } from "./lake/location.ts";
export type { Provenance, Reading } from "./lake/provenance.ts";
export type { StoredObject } from "./lake/store.ts";
export { storeKind } from "./lake/stores.ts";
// The lake.
export { Answer } from "./library/answer.ts";
export type { AskOptions, PreparedAnswer } from "./library/answers.ts";
export type { BoundedRows, Bounds, JsonValue } from "./library/bounded.ts";
export type { Cause } from "./library/causes.ts";
export type { JudgedRequest } from "./library/change-requests.ts";
export {
  type CheckFinding,
  type CheckReport,
  findingSummary,
  isNews,
  type SaveFailure,
} from "./library/check-report.ts";
export type { CheckOptions } from "./library/checking.ts";
export { connectionSettings, connectTo } from "./library/context.ts";
export type { ContractFacts } from "./library/contract.ts";
export type { Costs, MonthCost } from "./library/costs.ts";
export type { DiagnoseOptions } from "./library/diagnosing.ts";
export type { Diagnosis } from "./library/diagnosis.ts";
export { duckDbVersion, writeParquet } from "./library/duckdb.ts";
export type { ClientShare, Comparison, FairUseBase, FairUseReport } from "./library/fair-use-report.ts";
export type { FairUseOptions } from "./library/fair-use-terms.ts";
export { adviceOn, causeAmount, type NextStep, nextSteps } from "./library/finding-words.ts";
export type { CopyToOptions, RemovalRequest, StatusRequest } from "./library/inspecting.ts";
export type { LakeListing } from "./library/lake-listing.ts";
export type { LimitsOptions } from "./library/limits.ts";
export type { LimitsReport } from "./library/limits-report.ts";
export { loadRules } from "./library/load-rules.ts";
export { loadSettingsList } from "./library/load-settings-list.ts";
export { loadWebhook } from "./library/load-webhook.ts";
export { type CheckMessage, type Destination, destinationId } from "./library/notify.ts";
export type { Unavailable } from "./library/organization-api.ts";
export { ownFolder, QUESTIONS_VARIABLE } from "./library/own-folder.ts";
export type { Preview, PreviewedRule } from "./library/preview.ts";
export type { QuestionName, QuestionRows } from "./library/question-rows.ts";
export type { Explained, ReconciledSide, ReconcileReport } from "./library/reconcile-report.ts";
export type { ReconcileOptions } from "./library/reconciling.ts";
export type { RowObject } from "./library/row-objects.ts";
export {
  type Connection,
  ENGINE_NAMES,
  type EngineName,
  type EngineOptions,
  type LakeOptions,
  type RunOptions,
  settingsFromEnvironment,
  type Variables,
} from "./library/settings.ts";
export type { ListedSetting, Setting } from "./library/settings-list.ts";
export type { Statement } from "./library/statements.ts";
export type { LoadOptions, Source, UploadOptions } from "./library/storing.ts";
export type {
  OnSeries,
  PlannedSeries,
  PlannedSync,
  Synced,
  SyncedSeries,
  SyncRequest,
} from "./library/syncing.ts";
export type { Member } from "./library/usage-lake.ts";
export { openLake, UsageLake } from "./library/usage-lake.ts";
export { version } from "./library/version.ts";
export { WEBHOOK_FORMATS, type WebhookFormat, type WebhookOptions } from "./library/webhook-formats.ts";
export type { Basis } from "./questions/basis.ts";
export { checkSeries, type Demands, describeGaps, describeMissing } from "./questions/demands.ts";
export { FILTERS, type FilterName } from "./questions/filter-columns.ts";
export { describeFilters, type Filters } from "./questions/filters.ts";
export { getOwn, type OwnFolder, ownNames } from "./questions/own-questions.ts";
export { DIMENSION_WORDS, flagOf, type ParamValues, type QuestionParam } from "./questions/params.ts";
export {
  get as question,
  list as questions,
  listOwn as questionsIn,
  type Question,
} from "./questions/questions.ts";
export type { Effects, Log } from "./support/effects.ts";
// What its operations return and report.
export { type ErrorKind, EXIT_CODES, GcUsageError, isGcUsageError } from "./support/errors.ts";
export type { OnProgress, Progress, SyncProgress } from "./support/progress.ts";
export type { CopySummary, Kept as KeptObject } from "./sync/copy.ts";
export type { Loaded } from "./sync/load.ts";
export type { SyncCost } from "./sync/pace.ts";
export { type PlannedPeriod, type SyncPlan, type SyncTarget, TARGET_DEFAULTS } from "./sync/plan.ts";
export type { ExpectedCalls } from "./sync/plan-cost.ts";
export type { Removable, Removal, Removed, Selection } from "./sync/remove.ts";
export { type ResultsRequest, readResults } from "./sync/results.ts";
export type { LakeStatus, Period, PeriodState, Series } from "./sync/status.ts";
export type { SyncSummary } from "./sync/sync.ts";
export { SYNC_DEFAULTS } from "./sync/sync-options.ts";
export type { Uploaded } from "./sync/upload.ts";
export type { Finding, Verified } from "./sync/verify.ts";

// The words of the domain.
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
