use modelyard_core::ports::{FileStamp, Home};

use crate::support::digest;

promises![a_known_stamp_has_its_digest, any_difference_is_unknown, a_path_keeps_its_newest_stamp];

fn stamp() -> FileStamp {
    FileStamp {
        path: "/data/ü.csv".to_owned(),
        size_bytes: 12,
        modified_ns: -5,
        changed_ns: 1_700_000_000_123_456_789,
        inode: u64::MAX,
    }
}

async fn a_known_stamp_has_its_digest(home: Home) {
    let other = FileStamp { path: "/data/b.csv".to_owned(), ..stamp() };
    home.stamps.put(&[]).await.unwrap();
    home.stamps.put(&[(stamp(), digest("a")), (other.clone(), digest("b"))]).await.unwrap();
    assert_eq!(home.stamps.get(&stamp()).await.unwrap(), Some(digest("a")));
    assert_eq!(home.stamps.get(&other).await.unwrap(), Some(digest("b")));
}

async fn any_difference_is_unknown(home: Home) {
    home.stamps.put(&[(stamp(), digest("a"))]).await.unwrap();
    for other in [
        FileStamp { path: "/data/u.csv".to_owned(), ..stamp() },
        FileStamp { size_bytes: 13, ..stamp() },
        FileStamp { modified_ns: 5, ..stamp() },
        FileStamp { changed_ns: 0, ..stamp() },
        FileStamp { inode: 1, ..stamp() },
    ] {
        assert_eq!(home.stamps.get(&other).await.unwrap(), None, "{other:?}");
    }
}

async fn a_path_keeps_its_newest_stamp(home: Home) {
    let newer = FileStamp { modified_ns: 6, ..stamp() };
    home.stamps.put(&[(stamp(), digest("a"))]).await.unwrap();
    home.stamps.put(&[(newer.clone(), digest("b"))]).await.unwrap();
    assert_eq!(home.stamps.get(&newer).await.unwrap(), Some(digest("b")));
    assert_eq!(home.stamps.get(&stamp()).await.unwrap(), None);
}
