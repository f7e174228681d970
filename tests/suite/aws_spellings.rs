//! One meaning in every spelling that S3 answers with is no difference; a real difference in the same place is one.
//! One row a rule of how settings of buckets are compared; identities are in `aws_identity_spellings`.

use crate::aws_rule_spellings::{lifecycle_actions, lifecycle_documents, lifecycle_scopes};
use crate::support::{Answer, Asked, Canned, Login};
use backstay::provider::aws::{AwsSession, read};
use backstay::resource::{
    AccessLog, Algorithm, Bucket, BucketPlace, BucketPolicy, Encryption, Found, LockMode, LockPeriod, ObjectLock,
    Ownership, PublicAccess, Replication, ReplicationRule, Resource, Tags, Versioning, change, hindrance, rule_id,
    statement_id,
};
use backstay::storage::{AwsConnection, AwsSettings};
use serde_json::json;
use std::sync::{Arc, Mutex};

pub const POLICY: &str = "shop";

/// What is wanted, answers that say it, and answers that say something else.
pub struct Row {
    name: &'static str,
    wanted: Resource,
    same: Vec<Answer>,
    other: Vec<Answer>,
}

pub fn row(name: &'static str, wanted: Resource, same: Vec<Answer>, other: Vec<Answer>) -> Row {
    Row { name, wanted, same, other }
}

pub fn ok(body: impl Into<String>) -> Answer {
    (200, &[], body.into())
}

pub fn absent(code: &str) -> Answer {
    (404, &[], format!("<Error><Code>{code}</Code><Message>there is none</Message></Error>"))
}

fn here(region: &'static [(&'static str, &'static str)]) -> Answer {
    (200, region, String::new())
}

fn bucket() -> Vec<Row> {
    let wanted = |region: &str| {
        Resource::Bucket(Bucket { name: "shop-backups".to_owned(), region: region.to_owned(), object_lock: false })
    };
    // What differs is an error, never a change; `found` looks at both.
    let elsewhere: &[(&str, &str)] = &[("x-amz-bucket-region", "ap-southeast-2")];
    vec![
        row(
            "the region is that of the header",
            wanted("us-east-1"),
            vec![here(&[("x-amz-bucket-region", "us-east-1")])],
            vec![here(elsewhere)],
        ),
        row(
            "a bucket that says no region is where it is looked for",
            wanted("us-east-1"),
            vec![here(&[])],
            vec![here(elsewhere)],
        ),
    ]
}

fn versioning() -> Vec<Row> {
    let says = |status: &str| ok(format!("<VersioningConfiguration>{status}</VersioningConfiguration>"));
    let (on, off) = ("<Status>Enabled</Status>", "<Status>Suspended</Status>");
    let mfa = "<Status>Enabled</Status><MfaDelete>Disabled</MfaDelete>";
    vec![
        row(
            "no deletion by second factor is none said",
            Resource::Versioning(Versioning::Enabled),
            vec![says(on), says(mfa)],
            vec![says(off), says("")],
        ),
        row(
            "never on and suspended both keep no new versions",
            Resource::Versioning(Versioning::Unversioned),
            vec![says(""), says(off)],
            vec![says(on)],
        ),
    ]
}

fn encryption() -> Vec<Row> {
    let wanted = |algorithm, key: Option<&str>, bucket_key| {
        Resource::Encryption(Encryption { algorithm, key: key.map(str::to_owned), bucket_key, blocked: Vec::new() })
    };
    let says = |rule: &str| {
        ok(format!("<ServerSideEncryptionConfiguration><Rule>{rule}</Rule></ServerSideEncryptionConfiguration>"))
    };
    let by = |algorithm: &str, key: &str| {
        let key = if key.is_empty() { String::new() } else { format!("<KMSMasterKeyID>{key}</KMSMasterKeyID>") };
        format!(
            "<ApplyServerSideEncryptionByDefault><SSEAlgorithm>{algorithm}</SSEAlgorithm>{key}</ApplyServerSideEncryptionByDefault>"
        )
    };
    let (s3, kms) = (by("AES256", ""), by("aws:kms", ""));
    let blocked = "<BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes>";
    let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
    let arn = format!("arn:aws:kms:us-east-1:123456789012:key/{id}");
    let other_arn = arn.replace("1234abcd", "00000000");
    vec![
        row(
            "no setting is the keys of S3, with or without a bucket key or blocked kinds",
            wanted(Algorithm::Aes256, None, false),
            vec![
                absent("ServerSideEncryptionConfigurationNotFoundError"),
                says(&s3),
                says(&format!("{s3}<BucketKeyEnabled>true</BucketKeyEnabled>")),
                says(&format!("{s3}<BucketKeyEnabled>false</BucketKeyEnabled>{blocked}")),
            ],
            vec![says(&kms)],
        ),
        row(
            "no bucket key is none said, and KMS without a key is the account's own",
            wanted(Algorithm::Kms, None, false),
            vec![says(&kms), says(&format!("{kms}<BucketKeyEnabled>false</BucketKeyEnabled>{blocked}"))],
            vec![
                says(&format!("{kms}<BucketKeyEnabled>true</BucketKeyEnabled>")),
                says(&by("aws:kms", &arn)),
                says(&s3),
            ],
        ),
        row(
            "a key is the same by id and by ARN",
            wanted(Algorithm::Kms, Some(id), true),
            vec![says(&format!("{}<BucketKeyEnabled>true</BucketKeyEnabled>", by("aws:kms", &arn)))],
            vec![
                says(&format!("{}<BucketKeyEnabled>true</BucketKeyEnabled>", by("aws:kms", &other_arn))),
                says(&by("aws:kms", &arn)),
            ],
        ),
    ]
}

fn public_access() -> Vec<Row> {
    let flags = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"];
    let says = |on: &[&str]| {
        let flags: String = on.iter().map(|flag| format!("<{flag}>true</{flag}>")).collect();
        ok(format!("<PublicAccessBlockConfiguration>{flags}</PublicAccessBlockConfiguration>"))
    };
    let none = PublicAccess {
        block_public_acls: false,
        ignore_public_acls: false,
        block_public_policy: false,
        restrict_public_buckets: false,
    };
    let missing_one = (0..4).map(|gap| says(&[&flags[..gap], &flags[gap + 1..]].concat()));
    vec![
        row(
            "all four are on",
            Resource::PublicAccess(PublicAccess::BLOCKED),
            vec![says(&flags)],
            missing_one.chain([absent("NoSuchPublicAccessBlockConfiguration")]).collect(),
        ),
        row(
            "no setting, and an empty one, block nothing",
            Resource::PublicAccess(none),
            vec![absent("NoSuchPublicAccessBlockConfiguration"), says(&[])],
            vec![says(&flags)],
        ),
    ]
}

fn ownership() -> Vec<Row> {
    let wanted = |rule: &str| Resource::Ownership(Ownership { rule: rule.to_owned() });
    let says = |rule: &str| {
        ok(format!("<OwnershipControls><Rule><ObjectOwnership>{rule}</ObjectOwnership></Rule></OwnershipControls>"))
    };
    let none = || absent("OwnershipControlsNotFoundError");
    vec![
        row(
            "the owner of the bucket owns all",
            wanted("BucketOwnerEnforced"),
            vec![says("BucketOwnerEnforced")],
            vec![says("BucketOwnerPreferred"), none()],
        ),
        row(
            "no rule is that who writes owns",
            wanted("ObjectWriter"),
            vec![none(), says("ObjectWriter")],
            vec![says("BucketOwnerEnforced")],
        ),
    ]
}

fn object_lock() -> Vec<Row> {
    let wanted =
        |mode: Option<LockMode>, period| Resource::ObjectLock(ObjectLock { enabled: mode.is_some(), mode, period });
    let says = |rule: &str| {
        ok(format!(
            "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>{rule}</ObjectLockConfiguration>"
        ))
    };
    let retention = |text: &str| format!("<Rule><DefaultRetention>{text}</DefaultRetention></Rule>");
    let year = retention("<Mode>GOVERNANCE</Mode><Years>1</Years>");
    let days = retention("<Mode>GOVERNANCE</Mode><Days>365</Days>");
    let hold = retention("<Mode>GOVERNANCE</Mode><Days>365</Days><EventHold>ON</EventHold>");
    let governance = Some(LockMode::Governance);
    vec![
        row(
            "no lock is an answer of its own, or 404",
            wanted(None, None),
            vec![absent("ObjectLockConfigurationNotFoundError"), ok("<ObjectLockConfiguration/>")],
            vec![says(&days)],
        ),
        row(
            "a lock without a rule has no default",
            Resource::ObjectLock(ObjectLock { enabled: true, mode: None, period: None }),
            vec![says(""), says(&retention("<Mode>GOVERNANCE</Mode>"))],
            vec![says(&days), absent("ObjectLockConfigurationNotFoundError")],
        ),
        row(
            "days are days, whatever is held besides",
            wanted(governance, Some(LockPeriod::Days(365))),
            vec![says(&days), says(&hold)],
            vec![says(&year), says(&days.replace("GOVERNANCE", "COMPLIANCE")), says(&days.replace("365", "364"))],
        ),
        row("a year is a year", wanted(governance, Some(LockPeriod::Years(1))), vec![says(&year)], vec![says(&days)]),
    ]
}

fn tags() -> Vec<Row> {
    let tag = |key: &str, value: &str| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>");
    let says = |tags: &[String]| ok(format!("<Tagging><TagSet>{}</TagSet></Tagging>", tags.concat()));
    let (team, env) = (tag("team", "platform"), tag("env", "prod"));
    let system = tag("aws:cloudformation:stack-name", "x");
    let wanted = [("team", "platform"), ("env", "prod")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    let none = || vec![absent("NoSuchTagSet"), says(&[]), says(std::slice::from_ref(&system))];
    vec![
        row(
            "order does not count, and tags of AWS and of others are theirs",
            Resource::Tags(Tags { tags: wanted.into() }),
            vec![
                says(&[team.clone(), env.clone()]),
                says(&[env.clone(), system.clone(), team.clone()]),
                says(&[tag("owner", "bob"), env.clone(), team.clone()]),
            ],
            vec![
                says(std::slice::from_ref(&team)),
                says(&[env.clone(), tag("team", "Platform")]),
                absent("NoSuchTagSet"),
            ],
        ),
        row("no tags are an empty set", Resource::Tags(Tags::default()), none(), Vec::new()),
    ]
}

fn log() -> Vec<Row> {
    let wanted = |bucket: Option<&str>, prefix: &str| {
        Resource::AccessLog(AccessLog { bucket: bucket.map(str::to_owned), prefix: prefix.to_owned() })
    };
    let says = |inside: &str| ok(format!("<BucketLoggingStatus>{inside}</BucketLoggingStatus>"));
    let to = |bucket: &str, more: &str| {
        says(&format!(
            "<LoggingEnabled><TargetBucket>{bucket}</TargetBucket><TargetPrefix>s3/</TargetPrefix>{more}</LoggingEnabled>"
        ))
    };
    let format = "<TargetObjectKeyFormat><SimplePrefix/></TargetObjectKeyFormat>";
    vec![
        row(
            "the format of the log's keys is not ours",
            wanted(Some("logs"), "s3/"),
            vec![to("logs", ""), to("logs", format)],
            vec![to("other", ""), says("")],
        ),
        row("no log is an empty answer", wanted(None, ""), vec![says("")], vec![to("logs", "")]),
    ]
}

fn bucket_policies() -> Vec<Row> {
    let sid = statement_id(POLICY, "TlsOnly");
    let statement = json!({
        "Sid": sid, "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"], "Condition": { "Bool": { "aws:SecureTransport": "false" } },
    });
    let document =
        |statements: serde_json::Value| ok(json!({ "Version": "2012-10-17", "Statement": statements }).to_string());
    let with = |edits: &[(&str, serde_json::Value)]| {
        let mut statement = statement.clone();
        edits.iter().for_each(|(key, value)| statement[*key] = value.clone());
        statement
    };
    let theirs = json!({ "Sid": "Theirs", "Effect": "Allow", "Principal": { "AWS": "123456789012" }, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*" });
    let wanted =
        |statements| Resource::BucketPolicy(BucketPolicy { version: "2012-10-17".to_owned(), id: None, statements });
    vec![
        row(
            "scalars are lists of one, without order, and booleans are text",
            wanted(vec![statement.clone()]),
            vec![
                document(json!([statement])),
                document(statement.clone()),
                document(json!([with(&[
                    ("Action", json!(["S3:*"])),
                    ("Resource", json!(["arn:aws:s3:::b/*", "arn:aws:s3:::b"])),
                    ("Effect", json!("deny"))
                ])])),
                document(json!([with(&[("Condition", json!({ "Bool": { "aws:securetransport": [false] } }))])])),
                document(json!([theirs, statement])),
                document(json!([statement, theirs])),
            ],
            vec![
                document(json!([with(&[("Resource", json!("arn:aws:s3:::b"))])])),
                document(json!([with(&[("Condition", json!({ "Bool": { "aws:SecureTransport": "true" } }))])])),
                document(json!([with(&[("Sid", json!(sid.to_lowercase()))])])),
                document(json!([theirs])),
                absent("NoSuchBucketPolicy"),
            ],
        ),
        row(
            "no policy, and one of others, are none of ours",
            wanted(Vec::new()),
            vec![absent("NoSuchBucketPolicy"), document(json!([theirs]))],
            vec![document(json!([statement]))],
        ),
    ]
}

fn replication() -> Vec<Row> {
    let id = rule_id(POLICY, "replica", "offsite/data");
    let role = "arn:aws:iam::123456789012:role/r";
    let rule = ReplicationRule {
        id: id.clone(),
        enabled: true,
        priority: 1,
        prefix: "data/".to_owned(),
        destination: "arn:aws:s3:::twin".to_owned(),
        class: None,
        delete_markers: false,
        rest: None,
    };
    let said = |scope: &str, to: &str, more: &str| {
        ok(format!(
            "<ReplicationConfiguration><Role>{role}</Role><Rule><ID>{id}</ID><Priority>1</Priority>{scope}<Status>Enabled</Status>{more}\
             <Destination><Bucket>arn:aws:s3:::twin</Bucket>{to}</Destination></Rule></ReplicationConfiguration>"
        ))
    };
    let scope = "<Filter><Prefix>data/</Prefix></Filter>";
    let markers =
        |status: &str| format!("<DeleteMarkerReplication><Status>{status}</Status></DeleteMarkerReplication>");
    let none = || absent("ReplicationConfigurationNotFoundError");
    vec![
        row(
            "markers that are not copied are none said, and the class of the source is none said",
            Resource::Replication(Replication { role: role.to_owned(), rules: vec![rule] }),
            vec![
                said(scope, "", &markers("Disabled")),
                said(scope, "", ""),
                said("<Filter><And><Prefix>data/</Prefix></And></Filter>", "", &markers("Disabled")),
                said("<Prefix>data/</Prefix>", "", &markers("Disabled")),
            ],
            vec![
                said(scope, "<StorageClass>GLACIER</StorageClass>", &markers("Disabled")),
                said(scope, "", &markers("Enabled")),
                said("<Filter><Prefix></Prefix></Filter>", "", &markers("Disabled")),
                none(),
            ],
        ),
        row(
            "no replication is a 404",
            Resource::Replication(Replication::default()),
            vec![none()],
            vec![said(scope, "", "")],
        ),
    ]
}

/// A server that gives the answer that was put into it last.
fn server() -> (AwsSession, Arc<Mutex<Answer>>) {
    let reply: Arc<Mutex<Answer>> = Arc::new(Mutex::new(ok("")));
    let said = reply.clone();
    let server = Canned::start(move |_: &Asked| said.lock().unwrap().clone());
    let root = Login::root();
    let connection = AwsConnection::new(AwsSettings {
        region: Some("us-east-1".to_owned()),
        endpoint: Some(server.url()),
        path_style: true,
        login: backstay::storage::Login::Key { id: root.id, secret: backstay::base::Secret::new(root.secret) },
    });
    (AwsSession::ours(connection), reply)
}

/// What is to be changed, or why nothing can be; `None` when all is as wanted.
fn difference(wanted: &Resource, found: &Found) -> Option<String> {
    if let Found::Unreadable(problem) = found {
        return Some(format!("unreadable: {problem}"));
    }
    let fields = change(POLICY, wanted, found).map(|change| format!("{:?}", change.fields));
    hindrance(POLICY, wanted, found).or(fields)
}

#[tokio::test]
async fn every_spelling_of_s3_is_no_difference_and_every_difference_is_one() {
    let (session, reply) = server();
    let place =
        BucketPlace { bucket: "shop-backups".to_owned(), region: "us-east-1".to_owned(), ..BucketPlace::default() };
    let tables = [bucket(), versioning(), encryption(), public_access(), ownership(), object_lock(), tags(), log()];
    let documents = [lifecycle_scopes(), lifecycle_actions(), lifecycle_documents(), bucket_policies(), replication()];
    let mut wrong = Vec::new();
    for row in tables.into_iter().chain(documents).flatten() {
        let all = row.same.iter().map(|said| (said, true)).chain(row.other.iter().map(|said| (said, false)));
        for (said, is_same) in all {
            reply.lock().unwrap().clone_from(said);
            let found = read(&session, Some(&place), &row.wanted).await;
            let difference = difference(&row.wanted, &found);
            if difference.is_none() != is_same {
                let expected = if is_same { "the same" } else { "another" };
                wrong.push(format!("{}: {said:?} should be {expected}: {difference:?}", row.name));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
