//! Buckets and their settings: what AWS returns becomes canonical, what is written is what the command line of AWS
//! shows, and what is not ours goes back as it came.

use crate::support::{Asked, Canned, Login, Moto};
use backstay::provider::aws::{AwsError, AwsSession, read, write};
use backstay::resource::{
    AccessLog, Algorithm, Bucket, BucketPlace, BucketPolicy, Encryption, Expiration, Filter, Found, Lifecycle,
    LifecycleRule, LockMode, LockPeriod, Noncurrent, ObjectLock, Ownership, PublicAccess, Replication, ReplicationRule,
    Resource, StorageClass, Tags, Transition, Versioning,
};
use backstay::storage::{AwsConnection, AwsSettings};
use serde_json::{Value, json};

/// A session with a server that speaks like S3, and a bucket of a name there.
fn session(url: &str) -> AwsSession {
    let root = Login::root();
    AwsSession::ours(AwsConnection::new(AwsSettings {
        region: Some("us-east-1".to_owned()),
        endpoint: Some(url.to_owned()),
        path_style: true,
        login: backstay::storage::Login::Key { id: root.id, secret: backstay::base::Secret::new(root.secret) },
    }))
}

fn place(bucket: &str) -> BucketPlace {
    BucketPlace { bucket: bucket.to_owned(), region: "us-east-1".to_owned(), ..BucketPlace::default() }
}

/// An empty value of each kind: what `read` is told to read.
fn kinds(bucket: &str) -> Vec<Resource> {
    vec![
        Resource::Bucket(Bucket { name: bucket.to_owned(), region: String::new(), object_lock: false }),
        Resource::PublicAccess(PublicAccess::BLOCKED),
        Resource::Ownership(Ownership { rule: String::new() }),
        Resource::Versioning(Versioning::Unversioned),
        Resource::Encryption(sse_s3()),
        Resource::ObjectLock(ObjectLock { enabled: false, mode: None, period: None }),
        Resource::Tags(Tags::default()),
        Resource::BucketPolicy(BucketPolicy { version: String::new(), id: None, statements: Vec::new() }),
        Resource::Lifecycle(Lifecycle::default()),
        Resource::Replication(Replication::default()),
        Resource::AccessLog(AccessLog { bucket: None, prefix: String::new() }),
    ]
}

fn like(word: &str) -> Resource {
    kinds("any").into_iter().find(|kind| kind.word() == word).unwrap()
}

fn sse_s3() -> Encryption {
    Encryption { algorithm: Algorithm::Aes256, key: None, bucket_key: false, blocked: Vec::new() }
}

fn rule(id: &str) -> LifecycleRule {
    LifecycleRule {
        id: id.to_owned(),
        enabled: true,
        filter: Filter::default(),
        transitions: Vec::new(),
        expiration: None,
        noncurrent_transitions: Vec::new(),
        noncurrent_expiration: None,
        abort_incomplete_days: None,
    }
}

/// A bucket in the shared emulation that the command line of AWS made.
struct Made {
    moto: &'static Moto,
    bucket: String,
    session: AwsSession,
}

impl Made {
    fn new() -> Made {
        let moto = Moto::shared();
        let bucket = Moto::unique("settings");
        moto.aws(&["s3api", "create-bucket", "--bucket", &bucket]);
        Made { moto, session: session(&moto.url()), bucket }
    }

    fn aws(&self, verb: &str, more: &[&str]) -> Value {
        self.moto.aws(&[&["s3api", verb, "--bucket", &self.bucket], more].concat())
    }

    async fn found(&self, word: &str) -> Found {
        read(&self.session, Some(&place(&self.bucket)), &like(word)).await
    }

    async fn write(&self, wanted: Resource) {
        write(&self.session, Some(&place(&self.bucket)), &wanted).await.unwrap();
        assert_eq!(self.found(wanted.word()).await, Found::There(wanted));
    }
}

#[tokio::test]
async fn an_untouched_bucket_has_its_defaults_filled_in() {
    let made = Made::new();
    for kind in kinds(&made.bucket) {
        let expected = match kind.clone() {
            Resource::Bucket(_) => Some(Resource::Bucket(Bucket {
                name: made.bucket.clone(),
                region: "us-east-1".to_owned(),
                object_lock: false,
            })),
            Resource::PublicAccess(_) => Some(Resource::PublicAccess(PublicAccess {
                block_public_acls: false,
                ignore_public_acls: false,
                block_public_policy: false,
                restrict_public_buckets: false,
            })),
            Resource::Ownership(_) => Some(Resource::Ownership(Ownership { rule: "ObjectWriter".to_owned() })),
            Resource::Tags(_) | Resource::BucketPolicy(_) | Resource::Lifecycle(_) | Resource::Replication(_) => None,
            other => Some(other),
        };
        let found = read(&made.session, Some(&place(&made.bucket)), &kind).await;
        assert_eq!(found, expected.map_or(Found::Absent, Found::There), "{kind:?}");
    }
    let missing = read(&made.session, Some(&place("not-there-at-all")), &like("bucket")).await;
    assert_eq!(missing, Found::Absent);
}

#[tokio::test]
async fn every_setting_is_written_as_the_command_line_of_aws_shows_it() {
    let made = Made::new();
    made.write(Resource::PublicAccess(PublicAccess::BLOCKED)).await;
    let shown = made.aws("get-public-access-block", &[]);
    assert_eq!(shown["PublicAccessBlockConfiguration"]["RestrictPublicBuckets"], true);

    made.write(Resource::Ownership(Ownership { rule: "BucketOwnerEnforced".to_owned() })).await;
    let shown = made.aws("get-bucket-ownership-controls", &[]);
    assert_eq!(shown["OwnershipControls"]["Rules"][0]["ObjectOwnership"], "BucketOwnerEnforced");

    made.write(Resource::Versioning(Versioning::Enabled)).await;
    assert_eq!(made.aws("get-bucket-versioning", &[])["Status"], "Enabled");
    made.write(Resource::Versioning(Versioning::Suspended)).await;
    assert_eq!(made.aws("get-bucket-versioning", &[])["Status"], "Suspended");

    let key = made.moto.aws(&["kms", "create-key"])["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
    let kms = Encryption { algorithm: Algorithm::Kms, key: Some(key.clone()), bucket_key: true, ..sse_s3() };
    made.write(Resource::Encryption(kms)).await;
    let shown = made.aws("get-bucket-encryption", &[]);
    let shown = &shown["ServerSideEncryptionConfiguration"]["Rules"][0];
    assert_eq!(shown["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"], key.as_str());
    assert_eq!(shown["BucketKeyEnabled"], true);

    let tags = [("team", "platform"), ("managed-by", "backstay")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    made.write(Resource::Tags(Tags { tags })).await;
    assert_eq!(made.aws("get-bucket-tagging", &[])["TagSet"].as_array().unwrap().len(), 2);

    let log = AccessLog { bucket: Some(made.bucket.clone()), prefix: "log/".to_owned() };
    made.aws("put-bucket-acl", &["--acl", "log-delivery-write"]);
    made.write(Resource::AccessLog(log)).await;
    assert_eq!(made.aws("get-bucket-logging", &[])["LoggingEnabled"]["TargetPrefix"], "log/");
    made.write(Resource::AccessLog(AccessLog { bucket: None, prefix: String::new() })).await;
}

#[tokio::test]
async fn object_lock_is_enabled_and_its_default_set() {
    let moto = Moto::shared();
    let bucket = Moto::unique("locked");
    moto.aws(&["s3api", "create-bucket", "--bucket", &bucket, "--object-lock-enabled-for-bucket"]);
    let made = Made { moto, session: session(&moto.url()), bucket };
    let lock = |mode, period| Resource::ObjectLock(ObjectLock { enabled: true, mode, period });
    assert_eq!(made.found("object-lock").await, Found::There(lock(None, None)));
    made.write(lock(Some(LockMode::Governance), Some(LockPeriod::Days(30)))).await;
    made.write(lock(Some(LockMode::Compliance), Some(LockPeriod::Years(1)))).await;
    let shown = made.aws("get-object-lock-configuration", &[]);
    let retention = &shown["ObjectLockConfiguration"]["Rule"]["DefaultRetention"];
    assert_eq!((&retention["Mode"], &retention["Years"]), (&json!("COMPLIANCE"), &json!(1)));
}

#[tokio::test]
async fn rules_statements_and_tags_of_others_survive() {
    let made = Made::new();
    let theirs = json!({ "Rules": [{
        "ID": "theirs", "Status": "Enabled",
        "Filter": { "And": { "Prefix": "logs/", "Tags": [{ "Key": "k", "Value": "v" }] } },
        "Transitions": [{ "Days": 30, "StorageClass": "GLACIER" }], "Expiration": { "Days": 365 },
    }] });
    made.aws("put-bucket-lifecycle-configuration", &["--lifecycle-configuration", &theirs.to_string()]);
    let Found::There(Resource::Lifecycle(mut lifecycle)) = made.found("lifecycle").await else { panic!("no rules") };
    let foreign = LifecycleRule {
        filter: Filter {
            prefix: "logs/".to_owned(),
            tags: [("k".to_owned(), "v".to_owned())].into(),
            ..Filter::default()
        },
        transitions: vec![Transition { days: Some(30), date: None, class: StorageClass::Glacier }],
        expiration: Some(Expiration::Days(365)),
        ..rule("theirs")
    };
    assert_eq!(lifecycle.rules, [foreign]);
    let ours = LifecycleRule {
        filter: Filter { prefix: "data/daily/".to_owned(), ..Filter::default() },
        transitions: vec![Transition { days: Some(1), date: None, class: StorageClass::DeepArchive }],
        noncurrent_expiration: Some(Noncurrent { days: 30, keep_newest: None, class: None }),
        ..rule("backstay-test-data/daily")
    };
    let sweep = LifecycleRule { abort_incomplete_days: Some(7), ..rule("backstay-test-uploads/") };
    lifecycle.rules.splice(0..0, [ours, sweep]);
    made.write(Resource::Lifecycle(lifecycle)).await;
    let shown = made.aws("get-bucket-lifecycle-configuration", &[]);
    let shown = shown["Rules"].as_array().unwrap();
    let id = |rule: &Value| rule["ID"].as_str().unwrap().to_owned();
    assert_eq!(
        shown.iter().map(id).collect::<Vec<_>>(),
        ["backstay-test-data/daily", "backstay-test-uploads/", "theirs"]
    );
    assert_eq!(shown[2], theirs["Rules"][0]);
    assert_eq!(shown[0]["NoncurrentVersionExpiration"]["NoncurrentDays"], 30);

    // A rule that came since the plan was made stops the step.
    let stale = Resource::Lifecycle(Lifecycle { rules: vec![rule("backstay-test-data/x")], minimum_object_size: None });
    let error = write(&made.session, Some(&place(&made.bucket)), &stale).await.unwrap_err();
    assert_eq!(error, AwsError::Moved { what: "the lifecycle rule `theirs` came into the bucket".to_owned() });
    assert_eq!(made.aws("get-bucket-lifecycle-configuration", &[])["Rules"].as_array().unwrap().len(), 3);

    let theirs = json!({ "Version": "2012-10-17", "Statement": [{ "Sid": "Theirs", "Effect": "Allow",
        "Principal": { "AWS": "arn:aws:iam::123456789012:root" }, "Action": "s3:GetObject",
        "Resource": format!("arn:aws:s3:::{}/*", made.bucket) }] });
    made.aws("put-bucket-policy", &["--policy", &theirs.to_string()]);
    let Found::There(Resource::BucketPolicy(mut policy)) = made.found("policy").await else { panic!("no policy") };
    policy.statements.push(json!({ "Sid": "BackstayTlsOnlyTest", "Effect": "Deny", "Principal": "*",
        "Action": "s3:*", "Resource": [format!("arn:aws:s3:::{}", made.bucket)],
        "Condition": { "Bool": { "aws:SecureTransport": "false" } } }));
    made.write(Resource::BucketPolicy(policy.clone())).await;
    let shown = made.aws("get-bucket-policy", &[])["Policy"].as_str().unwrap().to_owned();
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["Statement"][0], theirs["Statement"][0]);
    assert_eq!(shown["Statement"].as_array().unwrap().len(), 2);
    policy.statements.clear();
    write(&made.session, Some(&place(&made.bucket)), &Resource::BucketPolicy(policy)).await.unwrap();
    assert_eq!(made.found("policy").await, Found::Absent);

    // A tag that came since the plan was made stays.
    made.aws("put-bucket-tagging", &["--tagging", r#"{"TagSet":[{"Key":"cost","Value":"42"}]}"#]);
    let ours = Tags { tags: [("managed-by".to_owned(), "backstay".to_owned())].into() };
    write(&made.session, Some(&place(&made.bucket)), &Resource::Tags(ours)).await.unwrap();
    let Found::There(Resource::Tags(tags)) = made.found("tags").await else { panic!("no tags") };
    assert_eq!(tags.tags.into_keys().collect::<Vec<_>>(), ["cost", "managed-by"]);
}

#[tokio::test]
async fn replication_is_set_and_removed() {
    let made = Made::new();
    let other = Made::new();
    made.write(Resource::Versioning(Versioning::Enabled)).await;
    other.write(Resource::Versioning(Versioning::Enabled)).await;
    let rule = ReplicationRule {
        id: "backstay-test-replica/x".to_owned(),
        enabled: true,
        priority: 1,
        // The emulation loses prefixes on the way back.
        prefix: String::new(),
        destination: format!("arn:aws:s3:::{}", other.bucket),
        class: Some(StorageClass::StandardIa),
        delete_markers: false,
        rest: None,
    };
    let role = "arn:aws:iam::123456789012:role/copies".to_owned();
    made.write(Resource::Replication(Replication { role: role.clone(), rules: vec![rule] })).await;
    let shown = made.aws("get-bucket-replication", &[]);
    assert_eq!(shown["ReplicationConfiguration"]["Rules"][0]["Destination"]["StorageClass"], "STANDARD_IA");
    let none = Resource::Replication(Replication { role, rules: Vec::new() });
    write(&made.session, Some(&place(&made.bucket)), &none).await.unwrap();
    assert_eq!(made.found("replication").await, Found::Absent);
}

#[tokio::test]
async fn buckets_are_made_in_any_region_and_once() {
    let moto = Moto::shared();
    let session = session(&moto.url());
    for region in ["us-east-1", "eu-west-1"] {
        let name = Moto::unique("made");
        let at = BucketPlace { region: region.to_owned(), ..place(&name) };
        let bucket = Resource::Bucket(Bucket { name: name.clone(), region: region.to_owned(), object_lock: false });
        for _ in 0..2 {
            write(&session, Some(&at), &bucket).await.unwrap();
        }
        let shown = moto.aws(&["s3api", "get-bucket-location", "--bucket", &name]);
        let expected = if region == "us-east-1" { Value::Null } else { json!(region) };
        assert_eq!(shown["LocationConstraint"], expected);
    }
}

const ERROR: &str = "<Error><Code>CODE</Code><Message>MESSAGE</Message></Error>";

fn error(code: &str, message: &str) -> String {
    ERROR.replace("CODE", code).replace("MESSAGE", message)
}

/// What HEAD answers has no text; which of the many reasons it is, is asked for again.
#[tokio::test]
async fn a_bucket_that_may_not_be_looked_at_is_never_absent() {
    let table = [
        (403, error("AccessDenied", "Access Denied"), "BS561", "belongs to someone else"),
        (403, error("InvalidAccessKeyId", "unknown"), "BS552", "get-caller-identity"),
        (400, error("ExpiredToken", "The provided token has expired."), "BS552", "aws sso login"),
        (403, error("RequestTimeTooSkewed", "The difference is too large."), "BS553", "clock"),
        (
            400,
            error("AuthorizationHeaderMalformed", "the region 'us-east-1' is wrong; expecting 'eu-west-1'"),
            "BS551",
            "region: eu-west-1",
        ),
    ];
    for (status, text, code, hint) in table {
        let server = Canned::start(move |asked| {
            (status, &[], if asked.method == "HEAD" { String::new() } else { text.clone() })
        });
        let Found::Unreadable(reason) = read(&session(&server.url()), Some(&place("b")), &like("bucket")).await else {
            panic!("{code}: not unreadable");
        };
        assert!(reason.contains(code) && reason.contains(hint), "{reason}");
        assert_eq!(server.asked().iter().filter(|asked| asked.method == "PUT").count(), 0);
    }
    let moved = Canned::start(|_| (301, &[("x-amz-bucket-region", "ap-southeast-2")], String::new()));
    let Found::Unreadable(reason) = read(&session(&moved.url()), Some(&place("b")), &like("bucket")).await else {
        panic!("not unreadable");
    };
    assert!(reason.contains("BS551") && reason.contains("region: ap-southeast-2"), "{reason}");
}

#[tokio::test]
async fn a_denied_setting_names_the_permission() {
    let server = Canned::start(|_| (403, &[], error("AccessDenied", "User is not authorized")));
    for (word, permission) in [
        ("public-access", "s3:GetBucketPublicAccessBlock"),
        ("ownership", "s3:GetBucketOwnershipControls"),
        ("versioning", "s3:GetBucketVersioning"),
        ("encryption", "s3:GetEncryptionConfiguration"),
        ("object-lock", "s3:GetBucketObjectLockConfiguration"),
        ("tags", "s3:GetBucketTagging"),
        ("policy", "s3:GetBucketPolicy"),
        ("lifecycle", "s3:GetLifecycleConfiguration"),
        ("replication", "s3:GetReplicationConfiguration"),
        ("access-log", "s3:GetBucketLogging"),
    ] {
        let Found::Unreadable(reason) = read(&session(&server.url()), Some(&place("b")), &like(word)).await else {
            panic!("{word} is not unreadable");
        };
        assert!(reason.contains("BS560") && reason.contains(&format!("Allow `{permission}`")), "{reason}");
    }
}

/// What S3 says of rules, and what is made of it.
#[tokio::test]
async fn fields_that_nobody_knows_go_back_as_they_came() {
    const THEIRS: &str = "<Rule><ID>theirs</ID><Filter><Prefix>logs/</Prefix><NewKindOfFilter>1</NewKindOfFilter></Filter>\
        <Status>Enabled</Status><Expiration><Days>9</Days></Expiration><NewAction><Word>a &amp; b</Word></NewAction></Rule>";
    const OURS: &str = "<Rule><ID>backstay-test-data/x</ID><Filter><Prefix>data/x/</Prefix></Filter>\
        <Status>Enabled</Status><Expiration><Days>30</Days></Expiration></Rule>";
    let stored = std::sync::Mutex::new(format!(
        "<LifecycleConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{THEIRS}{OURS}</LifecycleConfiguration>"
    ));
    let server = Canned::start(move |asked: &Asked| {
        let mut stored = stored.lock().unwrap();
        if asked.method == "PUT" {
            stored.clone_from(&asked.body);
            return (200, &[], String::new());
        }
        (200, &[("x-amz-transition-default-minimum-object-size", "varies_by_storage_class")], stored.clone())
    });
    let session = session(&server.url());
    let Found::There(Resource::Lifecycle(mut lifecycle)) = read(&session, Some(&place("b")), &like("lifecycle")).await
    else {
        panic!("no rules");
    };
    lifecycle.rules[0].expiration = Some(Expiration::Days(60));
    write(&session, Some(&place("b")), &Resource::Lifecycle(lifecycle)).await.unwrap();
    let put = server.asked().into_iter().find(|asked| asked.method == "PUT").unwrap();
    assert!(put.body.contains(THEIRS), "{}", put.body);
    assert!(put.body.contains("<Days>60</Days>") && !put.body.contains("<Days>30</Days>"), "{}", put.body);
    assert_eq!(put.header("x-amz-transition-default-minimum-object-size"), Some("varies_by_storage_class"));
    // What S3 checks is what was sent.
    let mut sum = flate2::Crc::new();
    sum.update(put.body.as_bytes());
    let expected = aws_smithy_types::base64::encode(sum.sum().to_be_bytes());
    assert_eq!(put.header("x-amz-checksum-crc32"), Some(expected.as_str()));
}

#[tokio::test]
async fn what_is_not_true_yet_is_tried_again() {
    let server = Canned::start({
        let n = std::sync::atomic::AtomicU32::new(0);
        move |asked| match asked.method.as_str() {
            "PUT" if n.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 2 => {
                (404, &[], error("NoSuchBucket", "The specified bucket does not exist"))
            }
            "PUT" => (200, &[], String::new()),
            _ => (200, &[], "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>".to_owned()),
        }
    });
    let wanted = Resource::Versioning(Versioning::Enabled);
    write(&session(&server.url()), Some(&place("b")), &wanted).await.unwrap();
    assert_eq!(server.asked().iter().filter(|asked| asked.method == "PUT").count(), 3);
}
