//! A second version takes over by canary, under traffic from the first to the last moment.

use serde_json::{Value, json};

use crate::record;
use crate::shop::Shop;
use crate::traffic::{Came, Traffic};

#[test]
fn a_canary_under_traffic_goes_to_its_end_and_history_names_every_answer() {
    let shop = Shop::open(2);
    let traffic = Traffic::begin(shop.production, 6);
    traffic.goes_on(700);
    let ended = shop.project.document(&["release", "buyers@2", "--to", "production", "--wait"]);
    assert_eq!(ended["release"]["status"], "done", "{ended:#}");
    traffic.goes_on(200);
    let asked = traffic.end();
    shop.project.succeeds(&["environments", "stop", "production", "--wait"]);

    let failed: Vec<_> = asked.iter().filter(|one| !matches!(one.came, Came::Answer(_))).collect();
    assert!(failed.is_empty(), "{failed:?}\n{}", shop.said());
    let steps: Vec<&Value> =
        ended["release"]["decisions"].as_array().unwrap().iter().map(|decision| &decision["what"]).collect();
    let wanted = ["loading", "step 1 of 3: 25 %", "step 2 of 3: 50 %", "all traffic"];
    assert_eq!(steps, wanted.map(|what| json!(what)).iter().collect::<Vec<_>>());
    record::explains(&shop, &asked, &[]);
    record::explains_at(&shop, &asked);
    let aliases = &shop.project.document(&["models", "list"])[0]["aliases"];
    assert_eq!(aliases["champion"], 2);
    shop.is_whole();
}
