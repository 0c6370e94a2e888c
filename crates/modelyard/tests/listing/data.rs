//! Data commands on a project that has data and nothing else.

use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use crate::{assert_fits, document, refused, told};

const PROJECT: &str = r#"
[project]
name = "prices"
task = "regression"
target = "price"

[data.houses]
sql = "select h.id, h.town, h.area, h.sold, r.rooms, h.price from houses h inner join rooms r on r.id = h.id where h.price > 0"
split = { method = "random", key = ["id"], test = 0.2, validation = 0.2 }
roles = { id = "id", private = ["town"] }

[data.houses.sources]
houses = "houses.csv"
rooms = "rooms.csv"

[data.towns]
sources.towns = "towns.csv"
"#;

fn project() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
    write("modelyard.toml", PROJECT.to_owned());
    let mut houses = "id,town,area,sold,price\n".to_owned();
    let mut rooms = "id,rooms\n".to_owned();
    for id in 0..100 {
        let area = if id % 10 == 0 { String::new() } else { format!("{}", 40 + id) };
        let price = if id == 99 { 0 } else { 1000 * (100 + id) };
        houses.push_str(&format!("{id},town{},{area},2013-01-{:02},{price}\n", id % 3, 1 + id % 28));
        rooms.push_str(&format!("{id},{}\n", 1 + id % 5));
    }
    write("houses.csv", houses);
    write("rooms.csv", rooms);
    write("towns.csv", "town,price\nWien,1\nGraz,2\nLinz,3\nBonn,4\nKiel,5\n".to_owned());
    folder
}

fn ingested(folder: &Path) -> serde_json::Value {
    document(folder, &["data", "ingest"])
}

#[test]
fn a_project_that_ingested_nothing_says_what_to_do() {
    let folder = project();
    assert_eq!(
        told(folder.path(), &["data", "list"]),
        "No data was ingested yet.\nnext: modelyard data ingest\n"
    );
    assert_eq!(document(folder.path(), &["data", "list"]), json!([]));
    let (code, text) = refused(folder.path(), &["data", "show"]);
    assert_eq!(code, 13);
    assert_eq!(text, "error: no data of `prices` was ingested yet\n  hint: modelyard data ingest\n");
    assert!(!folder.path().join(".modelyard").exists(), "looking makes no home");
}

#[test]
fn ingesting_makes_numbered_versions_and_unchanged_sources_none() {
    let folder = project();
    let first = ingested(folder.path());
    assert_eq!(first[0]["name"], "houses");
    assert_eq!(
        (&first[0]["number"], &first[0]["rows"], &first[0]["cached"]),
        (&json!(1), &json!(99), &json!(false))
    );
    assert_eq!((&first[1]["name"], &first[1]["rows"]), (&json!("towns"), &json!(5)));
    let again = ingested(folder.path());
    assert_eq!((&again[0]["number"], &again[0]["digest"]), (&json!(1), &first[0]["digest"]));
    assert_eq!(again[0]["cached"], true);
    let towns = folder.path().join("towns.csv");
    std::fs::write(&towns, "town,price\nWien,1\nGraz,2\n").unwrap();
    assert_eq!(document(folder.path(), &["data", "ingest", "towns"])[0]["number"], 2);
    let (code, text) = refused(folder.path(), &["data", "ingest", "town"]);
    assert_eq!(code, 2);
    assert_eq!(text, "error: the project has no data set `town`\n  hint: it has houses, towns\n");

    let listed = document(folder.path(), &["data", "list"]);
    let names: Vec<_> =
        listed.as_array().unwrap().iter().map(|version| (&version["name"], &version["number"])).collect();
    assert_eq!(json!(names), json!([["houses", 1], ["towns", 2], ["towns", 1]]));
    let parts = &listed[0]["split"];
    let rows: u64 = ["train", "validation", "test"].iter().map(|part| parts[part].as_u64().unwrap()).sum();
    assert_eq!(rows, 99);
    let text = told(folder.path(), &["data", "list", "towns"]);
    assert_fits(&text);
    assert!(text.contains("towns@2") && text.contains("towns@1") && !text.contains("houses"), "{text}");
}

#[test]
fn a_version_is_shown_by_name_or_number() {
    let folder = project();
    ingested(folder.path());
    let (code, text) = refused(folder.path(), &["data", "show"]);
    assert_eq!(
        (code, text.as_str()),
        (2, "error: `prices` has several data sets\n  hint: name one of houses, towns\n")
    );
    let (code, text) = refused(folder.path(), &["data", "show", "houses@7"]);
    assert_eq!((code, text.as_str()), (13, "error: there is no houses@7\n  hint: the newest is houses@1\n"));
    let (code, text) = refused(folder.path(), &["data", "show", "horses"]);
    assert_eq!(code, 13);
    assert_eq!(
        text,
        "error: `prices` has no data set `horses` that was ingested\n  hint: there is houses, towns\n"
    );

    let shown = document(folder.path(), &["data", "show", "houses@1"]);
    assert_eq!((&shown["name"], &shown["number"], &shown["rows"]), (&json!("houses"), &json!(1), &json!(99)));
    assert_eq!(shown["sources"][0]["files"][0]["path"], "houses.csv");
    let text = told(folder.path(), &["data", "show", "houses"]);
    assert_fits(&text);
    for part in [
        "houses@1   99 rows, 6 columns, made ",
        "\n  rows       filter on ",
        " lost 1 row\n",
        "source  rows  files    size  path\nhouses   100      1  ",
        "\ncolumn  type                    role\nid      int                     id\ntown    string                  private\n",
        "area    int     may be missing\n",
        "\nnext: modelyard data profile houses@1\n",
    ] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}

#[test]
fn a_profile_has_a_line_a_column_and_no_private_value() {
    let folder = project();
    ingested(folder.path());
    let profile = document(folder.path(), &["data", "profile", "houses"]);
    assert_eq!((&profile["rows"], &profile["columns"][2]["nulls"]), (&json!(99), &json!(10)));
    let text = told(folder.path(), &["data", "profile", "houses"]);
    assert_fits(&text);
    assert!(text.starts_with("houses@1   99 rows\n\nnumber "), "{text}");
    assert!(text.contains("\nother "), "{text}");
    assert!(!text.contains("town1"), "{text}");
    let sold = text.lines().find(|line| line.starts_with("sold")).unwrap();
    assert!(sold.contains("2013-01-01") && sold.contains("2013-01-28"), "{sold}");
    let area = text.lines().find(|line| line.starts_with("area")).unwrap();
    assert!(area.contains("10 %"), "{area}");
}

#[test]
fn a_preview_keeps_nothing() {
    let folder = project();
    let text = told(folder.path(), &["data", "preview", "houses", "--rows", "20"]);
    assert_fits(&text);
    assert!(
        text.starts_with("houses   20 rows, 6 columns; a sample, nothing was kept\n  at most 20 rows of each source file\n\nid  "),
        "{text}"
    );
    assert!(text.contains("and 10 rows more; all of them with --json"), "{text}");
    let rows = document(folder.path(), &["data", "preview", "houses", "--rows", "20"])["rows"].clone();
    assert_eq!(rows.as_array().unwrap().len(), 20);
    assert_eq!(rows[1]["price"], 101_000);
    assert!(!folder.path().join(".modelyard").exists());
    std::fs::write(folder.path().join("modelyard.toml"), PROJECT.replace("h.area", "h.size")).unwrap();
    let (code, text) = refused(folder.path(), &["data", "preview", "houses"]);
    assert_eq!(code, 3, "{text}");
    assert!(
        text.starts_with("error: the SQL names column `size` of `h`, which has no such column\n"),
        "{text}"
    );
}
