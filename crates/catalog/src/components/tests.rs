//! The tree of components over pushes: who comes, goes and comes back, and what each finds.

use std::sync::Arc;

use lentil_database::{Database, DatabaseOptions, Namespace, SystemEnv, Transaction};
use lentil_storage::MemoryPersistence;
use lentil_values::{Object, Value};
use serde_json::json;

use super::{ComponentPath, ComponentState, Components, MountedComponent};
use crate::{SystemTable, bootstrap};

fn open() -> Database {
    let storage = Arc::new(MemoryPersistence::new());
    let database = Database::open(storage, DatabaseOptions::default(), Arc::new(SystemEnv));
    let database = database.unwrap();
    write(&database, |tx| bootstrap(tx).unwrap());
    database
}

fn write<T>(database: &Database, body: impl FnOnce(&mut Transaction) -> T) -> T {
    let mut tx = database.begin();
    let value = body(&mut tx);
    database.commit_blocking(tx).unwrap();
    value
}

fn mounted(paths: &[&str]) -> Vec<MountedComponent> {
    let mount = |path: &&str| MountedComponent {
        path: ComponentPath((*path).to_owned()),
        definition_path: format!("defs/{path}"),
        http_prefix: None,
        env: json!({}),
    };
    paths.iter().map(mount).collect()
}

/// Paths of what was created, mounted again and unmounted.
fn push(database: &Database, paths: &[&str]) -> [Vec<String>; 3] {
    let changes = write(database, |tx| {
        Components::apply(tx, &mounted(paths)).unwrap()
    });
    [changes.created, changes.remounted, changes.unmounted]
        .map(|paths| paths.into_iter().map(|path| path.0).collect())
}

fn load(database: &Database) -> Components {
    Components::load(&mut database.begin()).unwrap()
}

fn names(components: &Components) -> Vec<&str> {
    components.all().map(|one| one.path.0.as_str()).collect()
}

#[test]
fn the_root_needs_no_row() {
    let database = open();
    let components = load(&database);
    assert_eq!(names(&components), [""]);
    assert_eq!(components.root().namespace, Namespace::ROOT);
    assert_eq!(components.root().id, None);
    assert_eq!(
        components.by_namespace(Namespace::ROOT),
        Some(components.root())
    );
}

#[test]
fn a_push_mounts_and_unmounts_and_finds_again_what_was_there() {
    let database = open();
    let none: Vec<String> = Vec::new();
    let created = push(&database, &["b/c", "a", "b"]);
    assert_eq!(
        created,
        [
            vec!["a".into(), "b".into(), "b/c".into()],
            none.clone(),
            none.clone()
        ]
    );
    let before = load(&database);
    assert_eq!(names(&before), ["", "a", "b", "b/c"]);
    let child = before.by_path("b/c").unwrap();
    assert_eq!(
        (child.name.as_str(), child.parent),
        ("c", before.by_path("b").unwrap().id)
    );
    assert_eq!(before.by_path("b").unwrap().parent, None);
    write(&database, |tx| {
        let fields = Object::from([("n".to_owned(), Value::Float64(1.0))]);
        tx.insert(child.namespace, "notes", fields).unwrap();
    });

    assert_eq!(
        push(&database, &["a"]),
        [none.clone(), none.clone(), vec!["b".into(), "b/c".into()]]
    );
    let between = load(&database);
    let gone = between.by_path("b/c").unwrap();
    assert_eq!(gone.state, ComponentState::Unmounted);
    assert_eq!(between.by_id(child.id.unwrap()), Some(gone));
    let active: Vec<_> = between.active().map(|one| one.path.0.clone()).collect();
    assert_eq!(active, ["", "a"]);
    assert_eq!(
        push(&database, &["a"]),
        [none.clone(), none.clone(), none.clone()]
    );

    assert_eq!(
        push(&database, &["a", "b", "b/c"]),
        [none.clone(), vec!["b".into(), "b/c".into()], none]
    );
    assert_eq!(load(&database), before, "the same rows and namespaces");
    assert_eq!(database.begin().count(child.namespace, "notes").unwrap(), 1);
}

#[test]
fn a_namespace_has_system_tables_of_its_own_and_is_never_given_twice() {
    let database = open();
    push(&database, &["a", "b"]);
    let components = load(&database);
    let spaces: Vec<_> = components.all().map(|one| one.namespace.0).collect();
    assert_eq!(spaces, [0, 1, 2]);
    let mut tx = database.begin();
    for table in [
        "_storage",
        "_scheduled_functions",
        "_schemas",
        "_modules",
        "_cron_jobs",
    ] {
        let root = tx.table(Namespace::ROOT, table).unwrap();
        let own = tx.table(Namespace(2), table).unwrap();
        assert_eq!(own.number, root.number);
        assert_ne!(own.tablet, root.tablet);
    }
    assert!(
        tx.table(Namespace(2), SystemTable::Environment.name())
            .is_none()
    );
    drop(tx);

    // The last one goes for good; what comes after it gets another namespace.
    let doomed = components.by_path("b").unwrap().id.unwrap();
    assert!(
        !write(&database, |tx| Components::delete(tx, doomed).unwrap()),
        "it is mounted"
    );
    push(&database, &["a"]);
    assert!(write(&database, |tx| Components::delete(tx, doomed).unwrap()));
    assert_eq!(names(&load(&database)), ["", "a"]);
    assert!(database.begin().tables(Namespace(2)).is_empty());
    assert_eq!(push(&database, &["a", "b"])[0], ["b"]);
    assert_eq!(
        load(&database).by_path("b").unwrap().namespace,
        Namespace(3)
    );
}

#[test]
fn deleting_takes_the_children_along_unless_one_is_mounted() {
    let database = open();
    push(&database, &["a", "a/b", "a/b/c", "d"]);
    push(&database, &["d"]);
    let a = load(&database).by_path("a").unwrap().id.unwrap();
    assert!(write(&database, |tx| Components::delete(tx, a).unwrap()));
    assert_eq!(names(&load(&database)), ["", "d"]);
    assert!(
        !write(&database, |tx| Components::delete(tx, a).unwrap()),
        "it is gone already"
    );
}

#[test]
fn a_push_that_is_not_finished_leaves_only_a_place() {
    let database = open();
    write(&database, |tx| {
        Components::allocate(tx, &mounted(&["a"])).unwrap()
    });
    let components = load(&database);
    let place = components.by_path("a").unwrap().clone();
    assert_eq!(place.state, ComponentState::Allocated);
    assert_eq!(components.shown().count(), 1);
    assert_eq!(push(&database, &[])[2], [""; 0], "nothing was mounted");
    assert_eq!(push(&database, &["a"])[0], ["a"]);
    let mounted = load(&database).by_path("a").unwrap().clone();
    assert_eq!((mounted.id, mounted.namespace), (place.id, place.namespace));
}

#[test]
fn what_a_push_changes_about_a_component_is_kept_beside_its_schema() {
    let database = open();
    push(&database, &["a"]);
    let mut a = load(&database).by_path("a").unwrap().clone();
    a.schema = Some(SystemTable::Schemas.id(lentil_values::InternalId([7; 16])));
    write(&database, |tx| a.save(tx).unwrap());
    let mut again = mounted(&["a"]);
    again[0].http_prefix = Some("/a/".to_owned());
    again[0].env = json!({ "KEY": { "type": "value", "value": "\"x\"" } });
    let changes = write(&database, |tx| Components::apply(tx, &again).unwrap());
    assert_eq!(changes, super::ComponentChanges::default());
    a.http_prefix = Some("/a/".to_owned());
    a.env = again[0].env.clone();
    assert_eq!(load(&database).by_path("a"), Some(&a));
}

#[test]
fn a_child_without_its_parent_is_refused() {
    let database = open();
    let error = Components::apply(&mut database.begin(), &mounted(&["a/b"])).unwrap_err();
    assert!(
        error.to_string().contains("\"a/b\" has no parent"),
        "{error}"
    );
}

#[test]
fn an_old_data_folder_gets_the_table_and_components_get_later_tables() {
    let database = open();
    push(&database, &["a"]);
    write(&database, |tx| {
        tx.delete_table(Namespace(1), "_cron_job_logs").unwrap();
        tx.delete_table(Namespace::ROOT, "_cron_job_logs").unwrap();
    });
    write(&database, |tx| bootstrap(tx).unwrap());
    let mut tx = database.begin();
    for namespace in [Namespace::ROOT, Namespace(1)] {
        assert!(tx.table(namespace, "_cron_job_logs").is_some());
    }
}
