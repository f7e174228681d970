//! How S3 spells lifecycle rules: rows of `aws_spellings`.

use crate::aws_spellings::{POLICY, Row, absent, ok, row};
use crate::support::Answer;
use backstay::resource::{
    Expiration, Filter, Lifecycle, LifecycleRule, Noncurrent, Resource, StorageClass, Transition, rule_id,
};

fn empty_rule(id: String, prefix: &str) -> LifecycleRule {
    LifecycleRule {
        id,
        enabled: true,
        filter: Filter { prefix: prefix.to_owned(), ..Filter::default() },
        transitions: Vec::new(),
        expiration: None,
        noncurrent_transitions: Vec::new(),
        noncurrent_expiration: None,
        abort_incomplete_days: None,
    }
}

/// A document with one rule of ours: what it says of objects, then what is to happen to them.
fn one_rule(id: &str, scope: &str, actions: &str) -> Answer {
    rules(&format!("<Rule><ID>{id}</ID>{scope}<Status>Enabled</Status>{actions}</Rule>"))
}

fn rules(rules: &str) -> Answer {
    ok(format!(
        "<LifecycleConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{rules}</LifecycleConfiguration>"
    ))
}

pub fn lifecycle_scopes() -> Vec<Row> {
    let id = rule_id(POLICY, "uploads", "offsite");
    let abort =
        "<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload>";
    let wanted = |filter: Filter| {
        let rule = LifecycleRule { filter, abort_incomplete_days: Some(7), ..empty_rule(id.clone(), "") };
        Resource::Lifecycle(Lifecycle { rules: vec![rule], minimum_object_size: None })
    };
    let says = |scope: &str| one_rule(&id, scope, abort);
    let prefix = |prefix: &str| Filter { prefix: prefix.to_owned(), ..Filter::default() };
    let tag = "<Tag><Key>tier</Key><Value>daily</Value></Tag>";
    let tagged = Filter { tags: [("tier".to_owned(), "daily".to_owned())].into(), ..prefix("") };
    let both = Filter { larger_than: Some(5), ..tagged.clone() };
    vec![
        row(
            "every spelling of all objects is one",
            wanted(prefix("")),
            [
                "",
                "<Filter/>",
                "<Filter><Prefix></Prefix></Filter>",
                "<Prefix></Prefix>",
                "<Filter><And><Prefix></Prefix></And></Filter>",
            ]
            .map(says)
            .into(),
            ["<Filter><Prefix>x/</Prefix></Filter>", "<Prefix>x/</Prefix>"].map(says).into(),
        ),
        row(
            "a prefix is the same in a filter, in `And`, and in rules of the oldest form",
            wanted(prefix("prod/")),
            [
                "<Filter><Prefix>prod/</Prefix></Filter>",
                "<Prefix>prod/</Prefix>",
                "<Filter><And><Prefix>prod/</Prefix></And></Filter>",
            ]
            .map(says)
            .into(),
            ["<Filter><Prefix>prod</Prefix></Filter>", "<Filter/>"].map(says).into(),
        ),
        row(
            "one condition in `And` is that condition",
            wanted(tagged),
            vec![
                says(&format!("<Filter>{tag}</Filter>")),
                says(&format!("<Filter><And>{tag}</And></Filter>")),
                says(&format!("<Filter><And><Prefix></Prefix>{tag}</And></Filter>")),
            ],
            vec![says("<Filter/>"), says(&format!("<Filter>{}</Filter>", tag.replace("daily", "weekly")))],
        ),
        row(
            "conditions in `And` have no order",
            wanted(both),
            vec![
                says(&format!("<Filter><And>{tag}<ObjectSizeGreaterThan>5</ObjectSizeGreaterThan></And></Filter>")),
                says(&format!("<Filter><And><ObjectSizeGreaterThan>5</ObjectSizeGreaterThan>{tag}</And></Filter>")),
            ],
            vec![
                says(&format!("<Filter>{tag}</Filter>")),
                says(&format!("<Filter><And>{tag}<ObjectSizeGreaterThan>6</ObjectSizeGreaterThan></And></Filter>")),
            ],
        ),
    ]
}

pub fn lifecycle_actions() -> Vec<Row> {
    let id = rule_id(POLICY, "data", "offsite/daily");
    let scope = "<Filter><Prefix>data/daily/</Prefix></Filter>";
    let wanted = |rule: LifecycleRule| Resource::Lifecycle(Lifecycle { rules: vec![rule], minimum_object_size: None });
    let says = |actions: &str| one_rule(&id, scope, actions);
    let base = || empty_rule(id.clone(), "data/daily/");
    let move_to = |days: u32, class| Transition { days: Some(days), date: None, class };
    let (ia, glacier) = (
        "<Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition>",
        "<Transition><Days>60</Days><StorageClass>GLACIER</StorageClass></Transition>",
    );
    let expire = "<Expiration><Days>90</Days></Expiration>";
    let moves = LifecycleRule {
        transitions: vec![move_to(30, StorageClass::StandardIa), move_to(60, StorageClass::Glacier)],
        expiration: Some(Expiration::Days(90)),
        ..base()
    };
    let at_once = LifecycleRule { transitions: vec![move_to(0, StorageClass::Glacier)], ..base() };
    let zero = glacier.replace("60", "0");
    let old = "<NoncurrentVersionExpiration><NoncurrentDays>30</NoncurrentDays></NoncurrentVersionExpiration>";
    let marker =
        |on: bool| format!("<Expiration><ExpiredObjectDeleteMarker>{on}</ExpiredObjectDeleteMarker></Expiration>");
    let versions = LifecycleRule {
        noncurrent_expiration: Some(Noncurrent { days: 30, keep_newest: None, class: None }),
        ..base()
    };
    let cleaned = LifecycleRule { expiration: Some(Expiration::DeleteMarkers), ..versions.clone() };
    vec![
        row(
            "transitions have no order",
            wanted(moves),
            vec![
                says(&format!("{ia}{glacier}{expire}")),
                says(&format!("{glacier}{ia}{expire}")),
                says(&format!("{expire}{glacier}{ia}")),
            ],
            vec![
                says(&format!("{ia}{expire}")),
                says(&format!("{ia}{}{expire}", glacier.replace("60", "61"))),
                says(&format!("{ia}{glacier}")),
            ],
        ),
        row(
            "a move on the day of the upload is not no move",
            wanted(at_once),
            vec![says(&zero)],
            vec![says(&glacier.replace("60", "1")), says(expire)],
        ),
        row(
            "a marker that is not removed, and an expiration that says nothing, are none",
            wanted(versions),
            vec![
                says(old),
                says(&format!("{}{old}", marker(false))),
                says(&format!("<Expiration/>{old}")),
                says(&format!("<Expiration><Days>0</Days></Expiration>{old}")),
            ],
            vec![
                says(&format!("{}{old}", marker(true))),
                says(&format!("{expire}{old}")),
                says(&old.replace("30", "31")),
            ],
        ),
        row(
            "versions that stay by number are not those that stay by age",
            wanted(cleaned),
            vec![says(&format!("{}{old}", marker(true))), says(&format!("{old}{}", marker(true)))],
            vec![
                says(&format!(
                    "{}{}",
                    marker(true),
                    old.replace(
                        "</NoncurrentDays>",
                        "</NoncurrentDays><NewerNoncurrentVersions>3</NewerNoncurrentVersions>"
                    )
                )),
                says(&format!("<Expiration><Date>2027-01-01T00:00:00.000Z</Date></Expiration>{old}")),
            ],
        ),
    ]
}

pub fn lifecycle_documents() -> Vec<Row> {
    let (a, b) = (rule_id(POLICY, "data", "offsite/daily"), rule_id(POLICY, "manifest", "offsite/daily"));
    let expiring =
        |id: &str| LifecycleRule { expiration: Some(Expiration::Days(30)), ..empty_rule(id.to_owned(), "x/") };
    let text = |id: &str| {
        format!(
            "<Rule><ID>{id}</ID><Filter><Prefix>x/</Prefix></Filter><Status>Enabled</Status><Expiration><Days>30</Days></Expiration></Rule>"
        )
    };
    let unnamed = "<Rule><Filter><Prefix>y/</Prefix></Filter><Status>Disabled</Status><Expiration><Days>1</Days></Expiration></Rule>";
    let newer = "<Rule><ID>theirs</ID><Filter/><Status>Enabled</Status><Expiration><Days>9</Days></Expiration><NewAction><Word>1</Word></NewAction></Rule>";
    let (first, second) = (text(&a), text(&b));
    let sizes: &[(&str, &str)] = &[("x-amz-transition-default-minimum-object-size", "varies_by_storage_class")];
    let (_, _, body) = rules(&format!("{first}{second}"));
    vec![
        row(
            "rules have no order, those of others are theirs, and the smallest size to move is the bucket's",
            Resource::Lifecycle(Lifecycle { rules: vec![expiring(&a), expiring(&b)], minimum_object_size: None }),
            vec![
                rules(&format!("{first}{second}")),
                rules(&format!("{second}{first}")),
                rules(&format!("{unnamed}{second}{newer}{first}{unnamed}")),
                (200, sizes, body),
            ],
            vec![
                rules(&first),
                rules(&format!("{first}{}", second.replace("Enabled", "Disabled"))),
                rules(&format!("{first}{second}{}", text(&rule_id(POLICY, "data", "offsite/gone")))),
                absent("NoSuchLifecycleConfiguration"),
            ],
        ),
        row(
            "no rules of ours are none wanted",
            Resource::Lifecycle(Lifecycle::default()),
            vec![absent("NoSuchLifecycleConfiguration"), rules(newer)],
            vec![rules(&first)],
        ),
    ]
}
