//! Backups of the data folder: what there is, one now, and downloads by ticket (Lentil's own).

use std::io;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use lentil_catalog::Author;
use lentil_functions::BackupAction;
use serde::Deserialize;
use serde_json::json;
use tokio_util::io::ReaderStream;

use crate::backups::{BackupKeeper, BackupState};
use crate::errors::ApiError;
use crate::request::{Admin, WritingAdmin};
use crate::state::Deployment;

pub(crate) fn router() -> Router<Deployment> {
    Router::new()
        .route("/backups", get(list).post(take))
        .route("/backups/{name}/ticket", post(ticket))
        .route("/backups/{name}/contents", get(contents))
        .route("/backups/download", get(download))
}

fn keeper(deployment: &Deployment) -> Result<Arc<dyn BackupKeeper>, ApiError> {
    let none = || {
        ApiError::new(
            404,
            "NoBackups",
            "this server has no data folder to back up",
        )
    };
    deployment.backups.keeper().cloned().ok_or_else(none)
}

/// Asks the keeper, which may block.
async fn ask<T: Send + 'static>(
    keeper: Arc<dyn BackupKeeper>,
    what: impl FnOnce(&dyn BackupKeeper) -> io::Result<T> + Send + 'static,
) -> Result<T, ApiError> {
    let asked = tokio::task::spawn_blocking(move || what(&*keeper)).await;
    let answer = asked.map_err(|error| ApiError::internal(&error))?;
    answer.map_err(|error| ApiError::internal(&error))
}

async fn note(
    deployment: &Deployment,
    author: Author,
    action: BackupAction,
    name: Option<String>,
) -> Result<(), ApiError> {
    let noted = deployment.functions.note_backup(author, action, name).await;
    noted.map_err(|failure| ApiError::from_failure(&failure))
}

async fn list(
    State(deployment): State<Deployment>,
    Admin(_): Admin,
) -> Result<Json<serde_json::Value>, ApiError> {
    let state = ask(keeper(&deployment)?, |keeper| keeper.state()).await?;
    let mut json = state_json(&state);
    json["running"] = json!(deployment.backups.is_running());
    json["error"] = json!(deployment.backups.error());
    Ok(Json(json))
}

fn state_json(state: &BackupState) -> serde_json::Value {
    let files = state
        .files
        .iter()
        .map(|file| json!({ "name": file.name, "bytes": file.bytes, "at": ms(file.made) }));
    json!({
        "folder": state.folder.display().to_string(),
        "everySeconds": state.every.map(|every| every.as_secs()),
        "keep": state.keep,
        "last": state.last.as_ref().map(|(file, at)| json!({ "file": file, "at": ms(*at) })),
        "backups": files.collect::<Vec<_>>(),
    })
}

/// Whole milliseconds since the epoch.
fn ms(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Begins to make one; `GET /api/backups` tells how it goes.
async fn take(
    State(deployment): State<Deployment>,
    WritingAdmin(author): WritingAdmin,
) -> Result<(StatusCode, Json<serde_json::Value>), ApiError> {
    if deployment.backups.begin(keeper(&deployment)?) {
        note(&deployment, author, BackupAction::Request, None).await?;
        return Ok((StatusCode::ACCEPTED, Json(json!({}))));
    }
    let text = "a backup is being made already; wait until it is there";
    Err(ApiError::new(409, "BackupRunning", text))
}

/// Refuses a name that none has.
async fn find(deployment: &Deployment, name: &str) -> Result<(), ApiError> {
    let state = ask(keeper(deployment)?, |keeper| keeper.state()).await?;
    if state.files.iter().any(|file| file.name == name) {
        return Ok(());
    }
    let text = format!("there is no backup {name:?} in {}", state.folder.display());
    Err(ApiError::new(404, "BackupNotFound", text))
}

/// What restoring it would give: the dry run of a restore.
async fn contents(
    State(deployment): State<Deployment>,
    Admin(_): Admin,
    Path(name): Path<String>,
) -> Result<Json<serde_json::Value>, ApiError> {
    find(&deployment, &name).await?;
    let (backups, keeper) = (deployment.backups.clone(), keeper(&deployment)?);
    let looked = tokio::task::spawn_blocking(move || backups.look(&*keeper, &name)).await;
    let found = match looked.map_err(|error| ApiError::internal(&error))? {
        Some(Ok(found)) => found,
        Some(Err(text)) => return Err(ApiError::new(422, "BackupDamaged", text)),
        None => {
            let text = "another backup is being looked into; try again when that is done";
            return Err(ApiError::new(409, "BackupBusy", text));
        }
    };
    let tables = found.tables.iter();
    let tables = tables.map(|(name, rows)| json!({ "name": name, "rows": rows }));
    Ok(Json(json!({
        "lentil": found.lentil,
        "tables": tables.collect::<Vec<_>>(),
        "files": found.files,
    })))
}

/// A link for one download within a minute. A backup holds the deployment's secret: only who may
/// write gets it.
async fn ticket(
    State(deployment): State<Deployment>,
    WritingAdmin(author): WritingAdmin,
    Path(name): Path<String>,
) -> Result<Json<serde_json::Value>, ApiError> {
    find(&deployment, &name).await?;
    match deployment.backups.ticket(&name) {
        Some(ticket) => {
            note(&deployment, author, BackupAction::Download, Some(name)).await?;
            Ok(Json(json!({ "ticket": ticket })))
        }
        None => Err(ApiError::new(
            429,
            "TooManyTickets",
            "too many downloads were asked for within a minute; try again in one",
        )),
    }
}

#[derive(Deserialize)]
struct DownloadQuery {
    ticket: String,
}

/// The file, in chunks as the client takes them.
async fn download(
    State(deployment): State<Deployment>,
    Query(query): Query<DownloadQuery>,
) -> Result<Response, ApiError> {
    let Some(name) = deployment.backups.redeem(&query.ticket) else {
        return Err(ApiError::new(
            403,
            "TicketExpired",
            "this link was good for one download within a minute; ask for another in the dashboard",
        ));
    };
    let wanted = name.clone();
    let (file, length) = ask(keeper(&deployment)?, move |keeper| {
        let file = keeper.open(&wanted)?;
        let length = file.metadata()?.len();
        Ok((file, length))
    })
    .await?;
    let headers = [
        (CONTENT_TYPE, "application/octet-stream".to_owned()),
        (CONTENT_LENGTH, length.to_string()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
        (CACHE_CONTROL, "private, no-store".to_owned()),
    ];
    let body = Body::from_stream(ReaderStream::new(tokio::fs::File::from_std(file)));
    Ok((headers, body).into_response())
}
