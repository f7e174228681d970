//! What alarms and metrics of CloudWatch take.

use super::{Duty, Statement, Whereabouts};
use crate::resource::alarm_prefix;

/// What a duty takes where a policy has metrics in a namespace. Everybody who works on backups says how old they are.
pub fn cloudwatch_statements(duty: Duty, policy: &str, namespace: &str, at: &Whereabouts<'_>) -> Vec<Statement> {
    let ours = format!("{}*", alarm_prefix(policy));
    let look = || {
        // A list is of all alarms, or of none.
        let tags = Statement::new("AlarmTags", ["cloudwatch:ListTagsForResource"], [at.alarm(&ours)]);
        vec![Statement::new("Alarms", ["cloudwatch:DescribeAlarms"], [at.alarm("*")]), tags]
    };
    match duty {
        Duty::Plan => look(),
        Duty::Apply => {
            let writes = ["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource"];
            let mut all = look();
            all.push(Statement::new("ProvisionAlarms", writes, [at.alarm(&ours)]));
            all
        }
        Duty::Write | Duty::Read | Duty::Prune => {
            let put = Statement::new("Metrics", ["cloudwatch:PutMetricData"], ["*".to_owned()]);
            vec![put.when("StringEquals", "cloudwatch:namespace", [namespace.to_owned()])]
        }
    }
}
