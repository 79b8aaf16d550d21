// The system functions of a deployment that the dashboard calls (A3 of the specification), typed.

import { makeFunctionReference, type DefaultFunctionArgs, type FunctionReference, type PaginationOptions } from "convex/server";
import type { Value } from "convex/values";
import type { KeyUse } from "./keyUses";

export type Row = { _id: string; _creationTime: number } & Record<string, Value>;

export interface Page<T> {
  page: T[];
  isDone: boolean;
  continueCursor: string;
}

export interface FilterError {
  error: string;
  filter?: number;
}

export interface IndexInfo {
  name: string;
  staged?: boolean;
  fields:
    | string[]
    | { searchField: string; filterFields: string[] }
    | { vectorField: string; filterFields: string[]; dimensions: number };
  backfill: { state: string; stats?: { numDocsIndexed: number; totalDocs: number | null } };
}

export interface ModuleFunction {
  name: string;
  lineno?: number;
  udfType: "Query" | "Mutation" | "Action" | "HttpAction";
  visibility: { kind: "public" | "internal" } | null;
}

export interface ModuleInfo {
  functions: ModuleFunction[];
  cronSpecs?: [string, unknown][] | null;
}

export interface ScheduledJob {
  _id: string;
  _creationTime: number;
  name?: string;
  udfPath?: string;
  argsId?: string;
  args?: Value;
  nextTs?: number | bigint | null;
  scheduledTime?: number;
  state: { type: string };
}

/** One that has failed and is not forgotten yet. */
export interface FailedJob {
  _id: string;
  _creationTime: number;
  udfPath: string;
  argsId: string;
  scheduledTime: number;
  completedTime: number | null;
  error: string;
}

/** How many runs are due, by spans between moments. */
export interface Coming {
  /** Before the first of the moments. */
  overdue: number;
  scheduled: number[];
  crons: number[];
}

export interface CronJobInfo {
  _id: string;
  name: string;
  cronSpec: { cronSchedule: Record<string, Value>; udfPath: string; udfArgs: Value };
  lastRun: CronRunInfo | null;
  nextRun: { nextTs: number | bigint; state: { type: string } };
}

export interface CronRunInfo {
  _id: string;
  _creationTime: number;
  name: string;
  ts?: number | bigint;
  executionTime?: number;
  status?: { type: string; result?: Value; error?: string };
  logLines?: Value;
}

export interface FileInfo {
  _id: string;
  _creationTime: number;
  storageId?: string;
  size: number;
  contentType?: string | null;
  sha256: string;
  url: string;
  name?: string | null;
}

export interface DeploymentEvent {
  _id: string;
  _creationTime: number;
  action: string;
  member_id?: number | bigint | null;
  author?: string;
  metadata?: Record<string, Value> | null;
}

export interface ComponentInfo {
  id: string;
  name: string | null;
  path: string;
  state: "active" | "unmounted";
  httpPrefix: string | null;
}

type Done = { success: true } | { success: false; error: string };
type Paged = { paginationOpts: PaginationOptions };

const query = <A extends DefaultFunctionArgs, R>(name: string) =>
  makeFunctionReference<"query", A, R>(`_system/frontend/${name}`);
const mutation = <A extends DefaultFunctionArgs, R>(name: string) =>
  makeFunctionReference<"mutation", A, R>(`_system/frontend/${name}`);

export type QueryRef<A extends DefaultFunctionArgs, R> = FunctionReference<"query", "public", A, R>;
type None = Record<string, never>;

export const system = {
  tables: query<None, Record<string, string>>("getTableMapping:default"),
  schemas: query<None, { active?: string; inProgress?: string }>("getSchemas:default"),
  validation: query<None, { numDocsValidated: number; totalDocs: number | null } | null>(
    "getSchemas:schemaValidationProgress",
  ),
  indexes: query<{ tableName: string; tableNamespace: string | null }, IndexInfo[]>("indexes:default"),
  documents: query<Paged & { table: string; filters: string | null }, Page<Row | FilterError>>(
    "paginatedTableDocuments:default",
  ),
  size: query<{ tableName: string }, number>("tableSize:default"),
  sizes: query<{ componentId?: string }, Record<string, number>>("tableSize:ofEach"),
  /** Those of components as `@component/table`; all files are `_storage`. */
  sizesEverywhere: query<None, Record<string, number>>("tableSize:ofEachEverywhere"),
  byIds: query<{ ids: { id: string; tableName: string }[] }, (Row | null)[]>("listById:default"),
  byId: query<{ id: string }, Row | null>("getById:default"),
  createTable: mutation<{ table: string }, null>("createTable:default"),
  add: mutation<{ table: string; documents: Value[] }, Done>("addDocument:default"),
  patch: mutation<{ table: string; ids?: string[]; fields: Value }, Done>("patchDocumentsFields:default"),
  replace: mutation<{ id: string; document: Value }, Done>("replaceDocument:default"),
  restore: mutation<{ documents: Value[] }, Done>("restoreDocuments:default"),
  remove: mutation<{ toDelete: { id: string; tableName: string }[] }, Done>("deleteDocuments:default"),
  clearPage: mutation<
    { tableName: string; cursor: string | null },
    { deleted: number; hasMore: boolean; continueCursor: string }
  >("clearTablePage:default"),
  modules: query<None, [string | null, [string, ModuleInfo][]][]>("modules:listForAllComponents"),
  returnsValidator: query<{ function: string }, string | null>("modules:returnsValidator"),
  source: query<{ path: string }, { source: string; sourceMap: string | null } | null>("modules:source"),
  review: query<None, { withoutArguments: string[]; environment: string[] }>("modules:review"),
  argsValidator: query<{ function: string }, string | null>("modules:argsValidator"),
  keyUses: query<None, KeyUse[]>("adminKeys:uses"),
  acceptKeyUse: mutation<{ id: string }, null>("adminKeys:accept"),
  /** Their values are asked for one by one, which the history tells. */
  environment: query<None, { name: string }[]>("listEnvironmentVariables:names"),
  files: query<Paged & { filters: Record<string, Value> }, Page<FileInfo>>("fileStorageV2:fileMetadata"),
  fileCount: query<None, number>("fileStorageV2:numFiles"),
  orphans: query<None, { ids: string[]; truncated: boolean }>("fileStorageV2:orphans"),
  setFileName: mutation<{ storageId: string; name: string }, null>("fileStorageV2:setFileName"),
  uploadUrl: mutation<None, string>("fileStorageV2:generateUploadUrl"),
  deleteFiles: mutation<{ storageIds: string[] }, null>("fileStorageV2:deleteFiles"),
  scheduled: query<Paged & { udfPath?: string }, Page<ScheduledJob>>("paginatedScheduledJobs:default"),
  scheduledArgs: query<{ argsId: string }, Value>("scheduler:getArgs"),
  coming: query<{ edges: number[] }, Coming>("scheduler:coming"),
  failedJobs: query<Paged, Page<FailedJob>>("scheduler:failed"),
  retryJob: mutation<{ id: string }, string>("scheduler:retry"),
  crons: query<None, CronJobInfo[]>("listCronJobs:default"),
  runCron: mutation<{ name: string }, null>("crons:runNow"),
  cronRuns: query<None, CronRunInfo[]>("listCronJobRuns:default"),
  history: query<Paged & { filters: Record<string, Value> }, Page<DeploymentEvent>>("paginatedDeploymentEvents:default"),
  lastPush: query<None, DeploymentEvent | null>("deploymentEvents:lastPushEvent"),
  state: query<None, { state: string }>("deploymentState:deploymentState"),
  version: query<None, string | null>("getVersion:default"),
  cloudUrl: query<None, string | null>("convexCloudUrl:default"),
  siteUrl: query<None, string | null>("convexSiteUrl:default"),
  components: query<None, ComponentInfo[]>("components:list"),
  authProviders: query<None, Value[]>("listAuthProviders:default"),
};

/** In `patch`, a field with this value is taken away. */
export const REMOVE_FIELD = "__undefined__";
