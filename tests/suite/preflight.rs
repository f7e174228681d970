//! Permissions in the real program: the documents of `plan --iam-policy`, and what IAM is asked before anything changes.

use super::support::{Backstay, Login, Moto, Run};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

const POLICY: &str = r#"
version: 1
name: shop
storage:
  offsite: { type: s3, bucket: BUCKET, region: us-east-1, prefix: prod }
tiers:
  daily:
    schedule: "0 2 * * *"
    copies: [{ to: offsite, keep: 7d }]
databases:
  app: { connection: "postgresql://nobody@127.0.0.1:1/app", tiers: [daily] }
access:
  backup:
    type: iam-user
    name: USER
    grants: [write]
    storage: [offsite]
"#;

/// The policy with names of its own, in a folder of its own.
fn project(bucket: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = POLICY.replace("BUCKET", bucket).replace("USER", &format!("{bucket}-user"));
    std::fs::write(folder.path().join("backstay.yaml"), text).unwrap();
    folder
}

fn call(moto: &Moto, folder: &tempfile::TempDir, arguments: &[&str]) -> Backstay {
    moto.seen_by(Backstay::new(arguments).current_dir(folder.path()), &Login::root())
}

fn actions(document: &Value) -> BTreeSet<String> {
    let statements = document["Statement"].as_array().unwrap();
    let of =
        |s: &Value| s["Action"].as_array().unwrap().iter().map(|a| a.as_str().unwrap().to_owned()).collect::<Vec<_>>();
    statements.iter().flat_map(of).collect()
}

#[test]
fn iam_takes_the_printed_policies_and_they_name_nothing_but_what_is_needed() {
    let moto = Moto::shared();
    let bucket = Moto::unique("least");
    let folder = project(&bucket);
    // Nothing exists yet, the bucket neither: whoever is to make it has to be allowed to first.
    let run = call(moto, &folder, &["plan", "--iam-policy"]).run().expect(0);
    let all = run.json();
    let words: Vec<&String> = all.as_object().unwrap().keys().collect();
    assert_eq!(words, ["planner", "applier", "writer", "reader", "pruner"]);
    for (word, document) in all.as_object().unwrap() {
        let name = format!("{bucket}-{word}");
        moto.aws(&["iam", "create-policy", "--policy-name", &name, "--policy-document", &document.to_string()]);
        for statement in document["Statement"].as_array().unwrap() {
            for arn in statement["Resource"].as_array().unwrap().iter().map(|arn| arn.as_str().unwrap()) {
                // A list of policies is of no policy.
                let is_list = arn == "*" && statement["Action"] == serde_json::json!(["iam:ListPolicies"]);
                let of_policy = "arn:aws:iam::123456789012:policy/backstay/shop/*";
                let is_ours = arn.contains(&bucket) || arn == of_policy || is_list;
                let is_ours = is_ours || arn == "arn:aws:iam::123456789012:user/*";
                assert!(is_ours || arn == "arn:aws:iam::123456789012:role/*", "{word}: {arn}");
            }
        }
    }
    let changes = |action: &String| {
        ["Put", "Delete", "Create", "Update", "Tag", "Attach"].iter().any(|verb| action.contains(&format!(":{verb}")))
    };
    assert!(!actions(&all["planner"]).iter().any(changes));
    assert!(!actions(&all["reader"]).iter().any(changes));
    assert!(actions(&all["writer"]).contains("s3:PutObject"));

    let both = call(moto, &folder, &["plan", "--iam-policy", "writer,pruner"]).run().expect(0).json();
    let union: BTreeSet<String> = actions(&all["writer"]).union(&actions(&all["pruner"])).cloned().collect();
    assert_eq!(actions(&both), union);
}

#[test]
fn a_policy_without_aws_needs_no_permission() {
    let folder = tempfile::tempdir().unwrap();
    let text = "version: 1\nname: shop\nstorage:\n  local: { type: filesystem, path: /backups }\ntiers:\n  daily:\n    \
                schedule: '0 2 * * *'\n    copies: [{ to: local, keep: 7d }]\ndatabases:\n  app: { connection: \
                'postgresql://nobody@127.0.0.1:1/app', tiers: [daily] }\n";
    std::fs::write(folder.path().join("backstay.yaml"), text).unwrap();
    let run = Backstay::new(["plan", "--iam-policy"]).current_dir(folder.path()).run().expect(0);
    assert_eq!(run.stdout, "");
    assert!(run.stderr.contains("takes no permission"), "{run:#?}");
}

/// A plan while `iam` answers for IAM.
fn plan(moto: &Moto, folder: &tempfile::TempDir, iam: &str) -> Run {
    let environment = |call: Backstay| call.env("AWS_ENDPOINT_URL_IAM", iam);
    environment(call(moto, folder, &["plan"])).run()
}

#[test]
fn what_we_lack_is_said_before_anything_is_changed() {
    let moto = Moto::shared();
    let bucket = Moto::unique("lack");
    moto.aws(&["s3api", "create-bucket", "--bucket", &bucket]);
    let folder = project(&bucket);
    let url = iam_that_refuses("s3:PutObject");
    let run = plan(moto, &folder, &url);
    assert!(run.stdout.contains("we lack 1 of them"), "{run:#?}");
    assert!(run.stdout.contains(&format!("s3:PutObject on arn:aws:s3:::{bucket}/prod/*")), "{run:#?}");
    let run = plan(moto, &folder, &iam_that_refuses("s3:DeleteBucket"));
    assert!(run.stdout.contains("we have them, as far as IAM knows"), "{run:#?}");
    // The emulation itself does not know the call: no answer is no reason to stop.
    let run = plan(moto, &folder, &moto.url());
    assert!(run.stdout.contains("whether we have them could not be asked"), "{run:#?}");
    moto.aws(&["s3api", "head-bucket", "--bucket", &bucket]);
}

/// URL of an IAM that answers `SimulatePrincipalPolicy` as AWS documents it, refuses one action and allows the others.
/// Emulations of AWS do not know this call. It ends with the process.
fn iam_that_refuses(refused: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            answer(stream, refused);
        }
    });
    url
}

fn answer(mut stream: TcpStream, refused: &str) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) <= 2 {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body = String::from_utf8(body).unwrap().replace("%3A", ":");
    let asked = |start: &str| -> Vec<String> {
        let fields = body.split('&').filter_map(|field| field.split_once('='));
        fields.filter(|(name, _)| name.starts_with(start)).map(|(_, value)| value.to_owned()).collect()
    };
    let (status, text) = if body.contains("Action=SimulatePrincipalPolicy") {
        let mut members = String::new();
        for action in asked("ActionNames.member.") {
            let decision = if action == refused { "implicitDeny" } else { "allowed" };
            members += &format!(
                "<member><EvalActionName>{action}</EvalActionName><EvalResourceName>*</EvalResourceName>\
                 <EvalDecision>{decision}</EvalDecision><MatchedStatements/><MissingContextValues/></member>"
            );
        }
        let result = format!("<IsTruncated>false</IsTruncated><EvaluationResults>{members}</EvaluationResults>");
        let result = format!("<SimulatePrincipalPolicyResult>{result}</SimulatePrincipalPolicyResult>");
        let id = "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>";
        let open = r#"<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">"#;
        ("200 OK", format!("{open}{result}{id}</SimulatePrincipalPolicyResponse>"))
    } else {
        let error = "<Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>not here</Message></Error>";
        ("404 Not Found", format!("<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"))
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: text/xml\r\nContent-Length: {}", text.len());
    let _ = write!(stream, "{head}\r\nConnection: close\r\n\r\n{text}");
}
