use modelyard_core::ports::Home;

use crate::support::action_result;

promises![an_unknown_key_has_no_result, a_result_comes_back_as_it_was, a_later_result_replaces];

async fn an_unknown_key_has_no_result(home: Home) {
    assert_eq!(home.results.get(action_result(1).key).await.unwrap(), None);
}

async fn a_result_comes_back_as_it_was(home: Home) {
    let (one, two) = (action_result(1), action_result(2));
    home.results.put(&one).await.unwrap();
    home.results.put(&two).await.unwrap();
    assert_eq!(home.results.get(one.key).await.unwrap(), Some(one));
    assert_eq!(home.results.get(two.key).await.unwrap(), Some(two));
}

async fn a_later_result_replaces(home: Home) {
    let mut result = action_result(1);
    home.results.put(&result).await.unwrap();
    result.remarks.push("again".to_owned());
    home.results.put(&result).await.unwrap();
    assert_eq!(home.results.get(result.key).await.unwrap(), Some(result));
}
