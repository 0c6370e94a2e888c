//! The registry's rules: how a version is found, what a model and an alias may be called.

use modelyard_core::audit::Actor;
use modelyard_core::model::{ModelRef, ModelVersion, RegisteredModel, Which, is_name};
use modelyard_core::ports::Home;
use modelyard_core::{Fault, Kind, Result};

use crate::nearest::nearest;

/// The version that `model` names: a number, an alias, else the champion, else the newest.
///
/// # Errors
/// [`Kind::NotFound`] with the names, versions and aliases there are, and the nearest of them.
pub async fn find(home: &Home, model: &ModelRef) -> Result<ModelVersion> {
    if let Some(version) = home.models.resolve(model).await? {
        return Ok(version);
    }
    match home.models.model(&model.name).await? {
        Some(known) => Err(no_version(model, &known)),
        None => Err(no_model(home, &model.name).await?),
    }
}

/// The registered model called `name`.
///
/// # Errors
/// As [`find`].
pub async fn model(home: &Home, name: &str) -> Result<RegisteredModel> {
    match home.models.model(name).await? {
        Some(model) => Ok(model),
        None => Err(no_model(home, name).await?),
    }
}

/// Points `alias` at the version that `model` names; answers it, and the number that had the alias
/// before.
///
/// # Errors
/// [`Kind::Usage`] where `model` names no certain version or `alias` may be no alias; else as
/// [`find`].
pub async fn set_alias(
    home: &Home,
    model: &ModelRef,
    alias: &str,
    actor: &Actor,
) -> Result<(ModelVersion, Option<u32>)> {
    check_alias(alias)?;
    if model.which == Which::Default {
        return Err(Fault::new(Kind::Usage, format!("`{model}` does not say which version gets the alias"))
            .hint(format!("write {model}@NUMBER or {model}@ALIAS")));
    }
    let version = find(home, model).await?;
    let before = self::model(home, &version.name).await?.aliases.get(alias).copied();
    home.models.set_alias(&version.name, version.number, alias, actor).await?;
    Ok((version, before))
}

/// Whether `name` may name a registered model.
///
/// # Errors
/// [`Kind::Usage`] with the rule.
pub fn check_name(name: &str) -> Result<()> {
    if is_name(name) { Ok(()) } else { Err(bad_name("model", name)) }
}

/// Whether `alias` may name a version: it must not read as a number, and `latest` and `v3` are
/// what MLflow's clients keep for themselves.
///
/// # Errors
/// [`Kind::Usage`] with the rule.
pub fn check_alias(alias: &str) -> Result<()> {
    if !is_name(alias) {
        return Err(bad_name("alias", alias));
    }
    let number = alias.strip_prefix(['v', 'V']).unwrap_or(alias);
    let reads_as_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    if reads_as_number || alias.eq_ignore_ascii_case("latest") {
        return Err(Fault::new(
            Kind::Usage,
            format!("`{alias}` can't be an alias: it reads as a version's number"),
        )
        .hint("take a word, like `champion` or `challenger`"));
    }
    Ok(())
}

fn bad_name(what: &str, name: &str) -> Fault {
    Fault::new(
        Kind::Usage,
        format!("`{name}` can't name {} {what}", if what == "alias" { "an" } else { "a" }),
    )
    .hint("use letters, digits, `_`, `-` and `.`, beginning with a letter or digit, at most 100 characters")
}

async fn no_model(home: &Home, name: &str) -> Result<Fault> {
    let known: Vec<String> = home.models.models().await?.into_iter().map(|model| model.name).collect();
    let fault = Fault::new(Kind::NotFound, format!("there is no model `{name}` in the home"));
    if known.is_empty() {
        return Ok(fault.hint("`modelyard run` registers the first one"));
    }
    let fault = fault.detail("models", listed(&known));
    Ok(match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => fault.hint(format!("did you mean `{near}`?")),
        None => fault.hint("`modelyard models list` shows them"),
    })
}

fn no_version(model: &ModelRef, known: &RegisteredModel) -> Fault {
    let name = &known.name;
    let message = match &model.which {
        Which::Number(number) => format!("`{name}` has no version {number}"),
        Which::Alias(alias) => format!("`{name}` has no alias `{alias}`"),
        Which::Latest | Which::Default => format!("`{name}` has no version"),
    };
    let versions = match known.latest_version {
        0 => "none".to_owned(),
        1 => "1".to_owned(),
        latest => format!("1 to {latest}"),
    };
    let mut fault = Fault::new(Kind::NotFound, message).detail("versions", versions);
    if !known.aliases.is_empty() {
        let aliases: Vec<_> =
            known.aliases.iter().map(|(alias, number)| format!("{alias} (@{number})")).collect();
        fault = fault.detail("aliases", listed(&aliases));
    }
    if let Which::Alias(alias) = &model.which
        && let Some(near) = nearest(alias, known.aliases.keys().map(String::as_str))
    {
        return fault.hint(format!("did you mean `{name}@{near}`?"));
    }
    fault.hint(format!("`modelyard models show {name}` lists them"))
}

/// The first ten of `names`, and how many more there are.
fn listed(names: &[String]) -> String {
    let shown = names.iter().take(10).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(10) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use modelyard_core::Digest;
    use modelyard_core::model::NewVersion;

    use super::*;
    use crate::testing;

    async fn home(versions: &[&str]) -> Home {
        let home = modelyard_store::memory();
        for (name, number) in versions.iter().zip(1..) {
            let new = NewVersion {
                name: (*name).to_owned(),
                package: Digest::of(format!("{name}{number}").as_bytes()),
                runtime: "onnx".into(),
                project: None,
                run: None,
                report: None,
                metric: None,
                alias: None,
            };
            home.models.register(&new, &testing::actor()).await.unwrap();
        }
        home
    }

    async fn fault(home: &Home, text: &str) -> String {
        find(home, &text.parse().unwrap()).await.unwrap_err().report()
    }

    #[tokio::test]
    async fn a_version_is_found_by_number_alias_and_name() {
        let home = home(&["late-flights", "late-flights"]).await;
        let first: ModelRef = "late-flights@1".parse().unwrap();
        let number = async |text: &str| find(&home, &text.parse().unwrap()).await.unwrap().number;
        assert_eq!(number("late-flights").await, 2, "the newest, before there is a champion");
        let (version, before) = set_alias(&home, &first, "champion", &testing::actor()).await.unwrap();
        assert_eq!((version.number, before), (1, None));
        assert_eq!(number("late-flights").await, 1);
        assert_eq!(number("late-flights@champion").await, 1);
        let (_, before) = set_alias(&home, &"late-flights@2".parse().unwrap(), "champion", &testing::actor())
            .await
            .unwrap();
        assert_eq!(before, Some(1));
        assert_eq!(number("late-flights@champion").await, 2);
    }

    #[tokio::test]
    async fn what_is_not_there_is_answered_with_what_is() {
        assert_eq!(
            fault(&home(&[]).await, "flights").await,
            "there is no model `flights` in the home\n  hint: `modelyard run` registers the first one"
        );
        let home = home(&["late-flights", "late-flights", "weather"]).await;
        assert_eq!(
            fault(&home, "late-fligths@2").await,
            "there is no model `late-fligths` in the home\n  models: late-flights, weather\n  \
             hint: did you mean `late-flights`?"
        );
        assert_eq!(
            fault(&home, "late-flights@9").await,
            "`late-flights` has no version 9\n  versions: 1 to 2\n  \
             hint: `modelyard models show late-flights` lists them"
        );
        set_alias(&home, &"late-flights@2".parse().unwrap(), "champion", &testing::actor()).await.unwrap();
        assert_eq!(
            fault(&home, "late-flights@champoin").await,
            "`late-flights` has no alias `champoin`\n  versions: 1 to 2\n  aliases: champion (@2)\n  \
             hint: did you mean `late-flights@champion`?"
        );
    }

    #[tokio::test]
    async fn an_alias_is_a_name_and_no_number() {
        let home = home(&["m"]).await;
        let one: ModelRef = "m@1".parse().unwrap();
        for alias in ["", "3", "v3", "latest", "a b", "-x", "ä", "a@b"] {
            let fault = set_alias(&home, &one, alias, &testing::actor()).await.unwrap_err();
            assert_eq!(fault.kind(), Kind::Usage, "{alias}");
        }
        let fault = set_alias(&home, &"m".parse().unwrap(), "best", &testing::actor()).await.unwrap_err();
        assert_eq!(fault.message(), "`m` does not say which version gets the alias");
        assert_eq!(check_name("late flights").unwrap_err().message(), "`late flights` can't name a model");
        assert!(check_name("late-flights").is_ok());
        assert!(check_alias("v3-candidate").is_ok());
    }
}
