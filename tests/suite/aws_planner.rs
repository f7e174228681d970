//! What who may list but not read is told of locks and thaws.

use crate::support::{Asked, Canned, s3_store};
use backstay::resource::StorageClass;
use backstay::storage::{Availability, ObjectStore, Protection, StorageError};

fn error(code: &str) -> String {
    format!("<Error><Code>{code}</Code><Message>no</Message></Error>")
}

/// A bucket whose only object may be listed as this, and not be read; `lock` and `hold` are the answers to who asks for
/// them alone.
fn unread(listed: &'static str, lock: (u16, String), hold: (u16, String)) -> Canned {
    Canned::start(move |asked: &Asked| {
        let (status, text) = match asked.target.as_str() {
            target if target.contains("list-type=2") => {
                let object = format!("<Contents><Key>in/data/x</Key><Size>1</Size>{listed}</Contents>");
                (200, format!("<ListBucketResult><IsTruncated>false</IsTruncated>{object}</ListBucketResult>"))
            }
            target if target.contains("retention") => lock.clone(),
            target if target.contains("legal-hold") => hold.clone(),
            _ => (403, if asked.method == "HEAD" { String::new() } else { error("AccessDenied") }),
        };
        (status, &[], text)
    })
}

fn none() -> (u16, String) {
    (404, error("NoSuchObjectLockConfiguration"))
}

#[tokio::test]
async fn a_listing_tells_whether_an_object_is_thawed() {
    let class = StorageClass::Glacier;
    let until = "2026-12-04T00:00:00Z".parse().unwrap();
    let table = [
        ("<StorageClass>STANDARD</StorageClass>", Availability::Ready),
        ("<StorageClass>GLACIER</StorageClass>", Availability::Archived(class)),
        (
            "<StorageClass>GLACIER</StorageClass><RestoreStatus><IsRestoreInProgress>true</IsRestoreInProgress>\
             </RestoreStatus>",
            Availability::Thawing(class),
        ),
        (
            "<StorageClass>GLACIER</StorageClass><RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress>\
             <RestoreExpiryDate>2026-12-04T00:00:00.000Z</RestoreExpiryDate></RestoreStatus>",
            Availability::Thawed { class, until: Some(until) },
        ),
    ];
    for (listed, expected) in table {
        let server = unread(listed, none(), none());
        let store = s3_store(server.port, "b", "in/");
        assert_eq!(store.availability("data/x").await.unwrap(), expected);
        let asked = server.asked();
        let says = |asked: &Asked| asked.header("x-amz-optional-object-attributes") == Some("RestoreStatus");
        assert!(asked.iter().any(says), "{asked:#?}");
        let other = store.availability("data/y").await;
        assert!(matches!(other, Err(StorageError::Forbidden { .. })), "{other:?}");
    }
}

#[tokio::test]
async fn locks_are_asked_for_alone_and_what_may_not_be_asked_is_not_taken_for_free() {
    let lock = "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2099-01-01T00:00:00Z</RetainUntilDate></Retention>";
    let on = "<LegalHold><Status>ON</Status></LegalHold>";
    let until = Protection::Until("2099-01-01T00:00:00Z".parse().unwrap());
    let table = [
        (none(), none(), Protection::Free),
        ((400, error("InvalidRequest")), (400, error("InvalidRequest")), Protection::Free),
        ((501, error("NotImplemented")), (501, error("NotImplemented")), Protection::Free),
        ((200, lock.to_owned()), none(), until),
        (none(), (200, on.to_owned()), Protection::Held),
        ((200, lock.to_owned()), (200, on.to_owned()), Protection::Held),
    ];
    for (lock, hold, expected) in table {
        let server = unread("", lock, hold);
        assert_eq!(s3_store(server.port, "b", "in/").protection("data/x").await.unwrap(), expected);
    }
    let denied = || (403, error("AccessDenied"));
    for (lock, hold, missing) in
        [(denied(), none(), "s3:GetObjectRetention"), ((200, lock.to_owned()), denied(), "s3:GetObjectLegalHold")]
    {
        let server = unread("", lock, hold);
        let asked = s3_store(server.port, "b", "in/").protection("data/x").await;
        let Err(StorageError::Forbidden { permission, .. }) = asked else { panic!("{asked:?}") };
        assert_eq!(permission, missing);
    }
}
