//! The functions that dashboards ask (dashboard A3), by path.

use super::{MutationBody, QueryBody, SystemFunction, admin_keys};
use super::{
    coming, components, data, deployment, events, files, imports, indexes, later, modules, tables,
};

/// The function of that path, if there is one.
pub(super) fn lookup(module: &str, function: &str) -> Option<SystemFunction> {
    let module = module.strip_prefix("_system/frontend/")?;
    let module = module.strip_suffix(".js")?;
    let query = query(module, function).or_else(|| state(module, function));
    query
        .map(SystemFunction::Query)
        .or_else(|| mutation(module, function).map(SystemFunction::Mutation))
}

/// Tables, functions, files and schedules.
fn query(module: &str, function: &str) -> Option<QueryBody> {
    Some(match (module, function) {
        ("getTableMapping", "default") => tables::mapping,
        ("tableSize", "default") => tables::size,
        ("tableSize", "sizeOfAllTables") => tables::size_of_all,
        ("tableSize", "ofEach") => tables::size_of_each,
        ("tableSize", "ofEachEverywhere") => tables::size_of_each_everywhere,
        ("paginatedTableDocuments", "default") => data::page,
        ("listTableScan", "default") => data::scan,
        ("listById", "default") => data::by_ids,
        ("getById", "default") => data::by_id,
        ("getSchemas", "default") => deployment::schemas,
        ("getSchemas", "schemaValidationProgress") => deployment::schema_progress,
        ("indexes", "default") => indexes::of_table,
        ("components", "list") => components::list,
        ("modules", "list") => modules::list,
        ("modules", "listForAllComponents") => modules::list_all,
        ("modules", "argsValidator") => modules::args_validator,
        ("modules", "returnsValidator") => modules::returns_validator,
        ("modules", "source") => modules::source,
        ("modules", "review") => modules::review,
        ("fileStorageV2", "numFiles") => files::count,
        ("fileStorageV2", "fileMetadata") => files::page,
        ("fileStorageV2", "getFile") => files::one,
        ("fileStorageV2", "orphans") => files::orphans,
        ("listCronJobs", "default") => later::cron_jobs,
        ("listCronJobRuns", "default") => later::cron_runs,
        ("paginatedScheduledJobs", "default") => later::scheduled,
        ("scheduler", "getArgs") => later::scheduled_args,
        ("scheduler", "coming") => coming::coming,
        ("scheduler", "failed") => coming::failed,
        _ => return None,
    })
}

/// The deployment and what was done to it.
fn state(module: &str, function: &str) -> Option<QueryBody> {
    Some(match (module, function) {
        ("listEnvironmentVariables", "default") => deployment::environment_variables,
        ("listEnvironmentVariables", "names") => deployment::environment_names,
        ("adminKeys", "uses") => admin_keys::uses,
        ("listAuthProviders", "default") => deployment::auth_providers,
        ("listConfiguredSinks", "default") => deployment::sinks,
        ("deploymentState", "deploymentState" | "default") => deployment::state,
        ("backendState", "backendState" | "default") => deployment::backend_state,
        ("getVersion", "default") => deployment::version,
        ("convexCloudUrl", "default") => deployment::cloud_url,
        ("convexSiteUrl", "default") => deployment::site_url,
        ("node", "version") => deployment::node_version,
        ("snapshotImport", "list") => imports::newest,
        ("latestExport", "default" | "latestExport") => imports::latest_export,
        ("latestExport", "latestCloudExport") => imports::latest_export,
        ("latestExport", "canExportFileStorage") => deployment::yes,
        ("paginatedDeploymentEvents", "default") => events::page,
        ("listDeploymentEventsFromTime", "default") => events::from_time,
        ("deploymentEvents", "lastPushEvent") => events::last_push,
        _ => return None,
    })
}

fn mutation(module: &str, function: &str) -> Option<MutationBody> {
    Some(match (module, function) {
        ("createTable", "default") => data::create_table,
        ("addDocument", "default") => data::add,
        ("patchDocumentsFields", "default") => data::patch,
        ("replaceDocument", "default") => data::replace,
        ("deleteDocuments", "default") => data::delete,
        ("restoreDocuments", "default") => data::restore,
        ("clearTablePage", "default") => data::clear_page,
        ("fileStorageV2", "generateUploadUrl") => files::upload_url,
        ("fileStorageV2", "deleteFile") => files::delete_one,
        ("fileStorageV2", "deleteFiles") => files::delete_many,
        ("fileStorageV2", "setFileName") => files::set_name,
        ("adminKeys", "accept") => admin_keys::accept,
        ("crons", "runNow") => later::run_cron_now,
        ("scheduler", "retry") => coming::retry,
        _ => return None,
    })
}
