//! Rows that kill or fail a Python worker.

use std::sync::Arc;

use modelyard_serve::ErrorCode;

use crate::same::same;
use crate::support::Fixture;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_kills_or_fails_does_not_take_its_neighbours_with_it() {
    let fixture = Arc::new(Fixture::new("words").await);
    let model = Arc::new(fixture.open().await);
    let callers: Vec<_> = (0..24)
        .map(|place| {
            let (model, fixture) = (model.clone(), fixture.clone());
            tokio::spawn(async move {
                let mut row = fixture.rows[place].clone();
                let bad = match place {
                    5 => Some("die"),
                    9 => Some("fail"),
                    13 => Some("nan"),
                    _ => None,
                };
                if let Some(word) = bad {
                    row.insert("word".to_owned(), word.into());
                }
                let answer = model.predict(fixture.table(&[row])).await;
                match (bad, answer) {
                    (None, answer) => same(&model, &answer.unwrap(), &fixture.answers[place..=place]),
                    (Some(word), answer) => {
                        let error = answer.unwrap_err();
                        let wanted = match word {
                            "die" => (ErrorCode::Inference, "the model's process ended (signal 9)"),
                            "fail" => (ErrorCode::Inference, "the model failed: ValueError: no such word"),
                            _ => (ErrorCode::BadValue, "the model answered nan"),
                        };
                        assert_eq!((error.code, error.message.as_str()), wanted);
                        if word == "die" {
                            assert_eq!(error.hint.as_deref(), Some("it last wrote: about to die"));
                        }
                    }
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
}
