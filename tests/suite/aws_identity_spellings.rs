//! Users, roles, grants, keys and providers as AWS spells them are no difference to the policy that made them; a real
//! difference in the same place is one step of the plan, and no other.

use crate::support::{Answer, Asked, Backstay, Canned, Login};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

const POLICY: &str = r#"
version: 1
name: shop
storage:
  offsite:
    type: s3
    bucket: shop-backups
    region: us-east-1
    path_style: true
    manage: { encryption: { type: sse-kms, key: alias/backups } }
tiers:
  daily: { schedule: "0 2 * * *", copies: [{ to: offsite, keep: 30d }] }
databases:
  shop: { connection: "${env:DATABASE_URL}", tiers: [daily] }
access:
  writer:
    type: iam-user
    name: shop-writer
    grants: [write]
    storage: [offsite]
    access_key: { deliver_to: FOLDER/credentials }
  ci:
    type: iam-role
    name: shop-ci
    grants: [write, read, prune]
    storage: [offsite]
    trust: { github: { repository: acme/shop, environment: production }, principals: ["arn:aws:iam::123456789012:root"] }
"#;

const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// What the account holds, by the question of its API: the XML inside of its result, or the JSON of KMS.
type Account = BTreeMap<&'static str, String>;

fn answer(account: &Account, asked: &Asked) -> Answer {
    let form: BTreeMap<&str, &str> = asked.body.split('&').filter_map(|pair| pair.split_once('=')).collect();
    if let Some(action) = form.get("Action") {
        let (action, body) = match account.get(*action) {
            Some(body) => (*action, body),
            None => {
                let gone = "<ErrorResponse><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>none</Message></Error></ErrorResponse>";
                return (404, &[], gone.to_owned());
            }
        };
        return (200, &[], format!("<{action}Response><{action}Result>{body}</{action}Result></{action}Response>"));
    }
    if asked.header("x-amz-target").is_some_and(|target| target.ends_with("DescribeKey")) {
        return match account.get("DescribeKey") {
            Some(key) => (200, &[("Content-Type", "application/x-amz-json-1.1")], key.clone()),
            None => (400, &[], r#"{"__type":"NotFoundException","message":"none"}"#.to_owned()),
        };
    }
    let none = |code: &str| (404, [].as_slice(), format!("<Error><Code>{code}</Code><Message>none</Message></Error>"));
    let target = asked.target.as_str();
    match () {
        () if target.contains("list-type=2") => {
            (200, &[], "<ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>".to_owned())
        }
        () if target.contains("uploads") => (200, &[], "<ListMultipartUploadsResult/>".to_owned()),
        () if target.contains("versioning") => (200, &[], "<VersioningConfiguration/>".to_owned()),
        () if target.contains("encryption") => (200, &[], account["encryption"].clone()),
        () if target.contains("object-lock") => none("ObjectLockConfigurationNotFoundError"),
        () if target.contains("lifecycle") => none("NoSuchLifecycleConfiguration"),
        () if target.contains("policy") => none("NoSuchBucketPolicy"),
        () if target.contains("tagging") => none("NoSuchTagSet"),
        () if target.contains("replication") => none("ReplicationConfigurationNotFoundError"),
        () if target.contains("backstay.json") => none("NoSuchKey"),
        () if asked.method == "HEAD" => (200, &[("x-amz-bucket-region", "us-east-1")], String::new()),
        () => none("NoSuchKey"),
    }
}

struct World {
    folder: tempfile::TempDir,
    server: Canned,
    account: Arc<Mutex<Account>>,
}

impl World {
    fn new() -> World {
        let folder = tempfile::Builder::new().prefix("backstay-spellings-").tempdir().unwrap();
        let text = POLICY.replace("FOLDER", folder.path().to_str().unwrap());
        std::fs::write(folder.path().join("backstay.yaml"), text).unwrap();
        let delivered = "[shop-writer]\naws_access_key_id = AKIA1\naws_secret_access_key = made-up\n";
        std::fs::write(folder.path().join("credentials"), delivered).unwrap();
        let account = Arc::new(Mutex::new(Account::new()));
        let held = account.clone();
        let server = Canned::start(move |asked| answer(&held.lock().unwrap(), asked));
        World { folder, server, account }
    }

    /// The plan of this account.
    fn plan(&self, account: &Account) -> Value {
        self.account.lock().unwrap().clone_from(account);
        let root = Login::root();
        let call = Backstay::new(["plan", "--json", "--only", "infra"]).current_dir(self.folder.path());
        let environment = [
            ("AWS_ENDPOINT_URL", self.server.url()),
            ("AWS_ACCESS_KEY_ID", root.id),
            ("AWS_SECRET_ACCESS_KEY", root.secret),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ];
        let run = environment.into_iter().fold(call, |call, (name, value)| call.env(name, value)).run();
        // A problem that no step solves exits 1.
        assert!(matches!(run.code, Some(0 | 1)), "{run:#?}");
        run.json()["plans"][0].clone()
    }

    /// Addresses of the steps about identities and keys, and of the problems.
    fn steps(&self, account: &Account) -> Vec<String> {
        let plan = self.plan(account);
        let problems = plan["notes"].as_array().unwrap().iter().filter(|note| note["is_problem"] == true);
        let steps =
            plan["actions"].as_array().unwrap().iter().map(|action| action["address"].as_str().unwrap().to_owned());
        let is_told = |address: &String| address.starts_with("access/") || address.ends_with("/encryption");
        steps.filter(is_told).chain(problems.map(|note| format!("! {}", note["about"].as_str().unwrap()))).collect()
    }
}

/// The resource that a step of a plan writes.
fn written(plan: &Value, address: &str) -> Value {
    let actions = plan["actions"].as_array().unwrap();
    let action =
        actions.iter().find(|action| action["address"] == address).unwrap_or_else(|| panic!("no {address}: {plan:#}"));
    action["deed"]["resource"].clone()
}

/// A policy document as IAM returns it: percent-encoded, statements the other way round, lists of one as scalars, other
/// case where case does not count.
fn respelled(document: &Value) -> String {
    let scalar = |value: &Value| match value.as_array().map(Vec::as_slice) {
        Some([one]) => one.clone(),
        Some(many) => many.iter().rev().cloned().collect(),
        None => value.clone(),
    };
    let statements = document["Statement"].as_array().unwrap().iter().rev();
    let statements: Vec<Value> = statements
        .map(|statement| {
            let entries = statement.as_object().unwrap().iter().rev();
            let respelled = entries.map(|(key, value)| match key.as_str() {
                "Action" => (
                    key.clone(),
                    scalar(&json!(value.as_array().map_or_else(
                        || vec![value.clone()],
                        |actions| {
                            actions
                                .iter()
                                .map(|action| json!(action.as_str().unwrap().replace("s3:Get", "S3:get")))
                                .collect()
                        },
                    ))),
                ),
                "Resource" => (key.clone(), scalar(value)),
                _ => (key.clone(), value.clone()),
            });
            Value::Object(respelled.collect())
        })
        .collect();
    let text = json!({ "Statement": statements, "Version": document["Version"] }).to_string();
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

/// The account after the first plan was applied, as AWS tells of it.
fn applied(plan: &Value) -> Account {
    let tags = |resource: &Value| -> String {
        let tags = resource["tags"].as_object().unwrap().iter().rev();
        tags.map(|(key, value)| format!("<member><Key>{key}</Key><Value>{}</Value></member>", value.as_str().unwrap()))
            .collect()
    };
    let (user, role) = (written(plan, "access/writer/user"), written(plan, "access/ci/role"));
    let system = "<member><Key>aws:cloudformation:stack</Key><Value>x</Value></member>";
    let oidc = written(plan, "access/ci/oidc-provider");
    let mut account = identity();
    account.extend([
        (
            "GetUser",
            format!(
                "<User><UserName>shop-writer</UserName><UserId>AIDA1</UserId><Path>{}</Path><Arn>arn:aws:iam::123456789012:user/x</Arn>\
                 <CreateDate>2026-01-01T00:00:00Z</CreateDate><Tags>{system}{}</Tags></User>",
                user["path"].as_str().unwrap(),
                tags(&user)
            ),
        ),
        (
            "GetRole",
            format!(
                "<Role><RoleName>shop-ci</RoleName><RoleId>AROA1</RoleId><Path>{}</Path><Arn>arn:aws:iam::123456789012:role/x</Arn>\
                 <CreateDate>2026-01-01T00:00:00Z</CreateDate><Description></Description>\
                 <AssumeRolePolicyDocument>{}</AssumeRolePolicyDocument>\
                 <RoleLastUsed><LastUsedDate>2026-11-01T00:00:00Z</LastUsedDate><Region>us-east-1</Region></RoleLastUsed>\
                 <Tags>{}</Tags></Role>",
                role["path"].as_str().unwrap(),
                respelled(&role["trust"]),
                tags(&role)
            ),
        ),
        ("GetUserPolicy", policy("UserName", &written(plan, "access/writer/grants"))),
        ("GetRolePolicy", policy("RoleName", &written(plan, "access/ci/grants"))),
        (
            "GetOpenIDConnectProvider",
            format!(
                "<Url>{}</Url><ClientIDList><member>{}</member></ClientIDList>\
                 <ThumbprintList><member>0123456789012345678901234567890123456789</member></ThumbprintList>",
                oidc["url"].as_str().unwrap(),
                oidc["audiences"][0].as_str().unwrap()
            ),
        ),
        ("ListAccessKeys", key("Active")),
        ("GetAccessKeyLastUsed", "<UserName>shop-writer</UserName><AccessKeyLastUsed><Region>N/A</Region><ServiceName>N/A</ServiceName></AccessKeyLastUsed>".to_owned()),
    ]);
    account
}

/// Who asks, the key, and the encryption of the bucket: there from the beginning.
fn identity() -> Account {
    [
        (
            "GetCallerIdentity",
            "<Arn>arn:aws:iam::123456789012:user/ops</Arn><UserId>AIDA0</UserId><Account>123456789012</Account>"
                .to_owned(),
        ),
        ("DescribeKey", described("Enabled")),
        ("encryption", encrypted(KEY)),
    ]
    .into()
}

fn described(state: &str) -> String {
    json!({ "KeyMetadata": { "KeyId": "1234abcd-12ab-34cd-56ef-1234567890ab", "Arn": KEY, "KeyState": state } })
        .to_string()
}

fn encrypted(key: &str) -> String {
    format!(
        "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm>\
         <KMSMasterKeyID>{key}</KMSMasterKeyID></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"
    )
}

fn policy(kind: &str, grants: &Value) -> String {
    let name = grants["name"].as_str().unwrap();
    format!(
        "<{kind}>x</{kind}><PolicyName>{name}</PolicyName><PolicyDocument>{}</PolicyDocument>",
        respelled(&grants["document"])
    )
}

fn key(status: &str) -> String {
    format!(
        "<IsTruncated>false</IsTruncated><AccessKeyMetadata><member><UserName>shop-writer</UserName><AccessKeyId>AKIA1</AccessKeyId>\
         <Status>{status}</Status><CreateDate>2026-01-01T00:00:00Z</CreateDate></member></AccessKeyMetadata>"
    )
}

#[test]
fn what_was_made_is_as_wanted_however_aws_spells_it() {
    let world = World::new();
    let first = world.plan(&identity());
    let made = applied(&first);
    assert_eq!(world.steps(&made), [""; 0], "{:#}", world.plan(&made));
    // One thing is otherwise, and that alone is planned.
    let root = "arn%3Aaws%3Aiam%3A%3A123456789012%3Aroot";
    let edits: [(&'static str, &str, &str, &str); 11] = [
        ("GetUser", "<Value>shop</Value>", "<Value>other</Value>", ""),
        ("GetUser", "<Key>managed-by</Key>", "<Key>managed</Key>", "access/writer/user"),
        ("GetUser", "<Path>/backstay/shop/</Path>", "<Path>/old/</Path>", ""),
        ("GetRole", root, "210987654321", "access/ci/role"),
        ("GetRole", root, "123456789012", ""),
        ("GetRole", "<Description></Description>", "<MaxSessionDuration>7200</MaxSessionDuration>", ""),
        ("GetUserPolicy", "PutObject", "PutObjectAcl", "access/writer/grants"),
        ("GetRolePolicy", "shop%2Dbackups%2Fdata", "shop%2Dbackups%2FData", "access/ci/grants"),
        ("GetOpenIDConnectProvider", "sts.amazonaws.com", "other", "access/ci/oidc-provider"),
        ("GetOpenIDConnectProvider", "0123456789", "9876543210", ""),
        ("encryption", "1234abcd", "00000000", "storage/offsite/encryption"),
    ];
    for (question, from, to, expected) in edits {
        let mut other = made.clone();
        assert!(other[question].contains(from), "{question} has no {from}: {}", other[question]);
        other.insert(question, other[question].replace(from, to));
        let expected: Vec<&str> = Some(expected).filter(|address| !address.is_empty()).into_iter().collect();
        assert_eq!(world.steps(&other), expected, "{question}: {from} is {to}");
    }
    let with = |question: &'static str, body: String| {
        let mut other = made.clone();
        other.insert(question, body);
        world.steps(&other)
    };
    assert_eq!(with("ListAccessKeys", key("Inactive")), ["access/writer/access-key"]);
    assert_eq!(with("DescribeKey", described("PendingDeletion")), ["! storage/offsite/kms-key"]);
    assert_eq!(with("encryption", encrypted("alias/backups")), [""; 0], "an alias means its key");
}
