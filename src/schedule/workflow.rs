//! Workflows of GitHub Actions: one that does the scheduled work, and one that other workflows call before they deploy.

use super::installed::{Content, WantedFile, head};
use super::job::{Job, Program, Task};
use super::utc::utc_lines;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// How workflows run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workflow {
    /// File of the workflow.
    pub file: String,
    /// Label of the machines.
    pub runs_on: String,
    /// Environment whose secrets are used.
    pub environment: Option<String>,
    /// The action that brings this program.
    pub uses: String,
    /// Role of AWS that is taken on by OIDC.
    pub role: Option<String>,
    /// Region of AWS.
    pub region: Option<String>,
    /// Major version of PostgreSQL whose programs are installed.
    pub postgresql: Option<u32>,
    /// Variables that the policy refers to; each is a secret of the same name.
    pub secrets: BTreeSet<String>,
}

/// The workflow of the scheduled work, and beside it the one that takes a backup before a deployment.
pub fn workflow(workflow: &Workflow, program: &Program, zone: &TimeZone, jobs: &[Job]) -> Vec<WantedFile> {
    let jobs: Vec<&Job> = jobs.iter().filter(|job| job.is_scheduled()).collect();
    let text = Content::Text(before_deploy(workflow, program));
    let mut files = vec![WantedFile { path: before_deploy_file(workflow), content: text }];
    if !jobs.is_empty() {
        let text = scheduled(workflow, program, zone, &jobs);
        files.insert(0, WantedFile { path: workflow.file.clone(), content: Content::Text(text) });
    }
    files
}

fn before_deploy_file(workflow: &Workflow) -> String {
    let stem = [".yml", ".yaml"].iter().find_map(|ending| workflow.file.strip_suffix(ending));
    format!("{}-before-deploy.yml", stem.unwrap_or(&workflow.file))
}

/// What jobs of the same kind are called, and which they are.
fn kind(task: &Task) -> &'static str {
    match task {
        Task::Tier(_) => "backups",
        Task::Verify => "verify",
        Task::Drill => "drill",
    }
}

fn scheduled(workflow: &Workflow, program: &Program, zone: &TimeZone, jobs: &[&Job]) -> String {
    let lines = |kinds: &[&str]| -> BTreeSet<String> {
        let jobs = jobs.iter().filter(|job| kinds.contains(&kind(&job.task)));
        jobs.flat_map(|job| utc_lines(&job.schedule, zone)).collect()
    };
    let kinds: Vec<&str> =
        ["backups", "verify", "drill"].into_iter().filter(|kind| !lines(&[*kind]).is_empty()).collect();
    let mut out = head(&program.policy);
    // Writing into a String cannot fail.
    let _ = write!(
        out,
        "# GitHub starts it in UTC, at every time that the schedules mean in summer or in winter (time zone {}), sometimes\n\
         # late: a job does what is due by the policy and nothing else. Times that GitHub drops are made up for.\n\
         name: backups of {}\n\non:\n  schedule:\n",
        program.zone, program.policy
    );
    for line in lines(&kinds) {
        let _ = writeln!(out, "    - cron: \"{line}\"");
    }
    let _ = write!(
        out,
        "  workflow_dispatch:\n    inputs:\n      task:\n        description: What to do now\n        type: choice\n        \
         options: [{}]\n        default: {}\n\npermissions: {{}}\n\n# Two runs at once would wait for each other's locks.\n\
         concurrency:\n  group: backstay-{}\n  cancel-in-progress: false\n\njobs:\n",
        kinds.join(", "),
        kinds.first().unwrap_or(&"backups"),
        program.policy
    );
    for kind in kinds {
        let list: Vec<String> = lines(&[kind]).into_iter().collect();
        let commands: BTreeSet<String> =
            jobs.iter().filter(|job| self::kind(&job.task) == kind).map(|job| command(job)).collect();
        out.push_str(&one_job(workflow, program, kind, &list, &commands));
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

/// The words of a job's command. Names of a policy have no character that a shell knows.
fn command(job: &Job) -> String {
    format!("backstay {}", job.words().join(" "))
}

fn one_job(
    workflow: &Workflow,
    program: &Program,
    kind: &str,
    lines: &[String],
    commands: &BTreeSet<String>,
) -> String {
    let list = serde_json::Value::from(lines.to_vec()).to_string();
    let mut out =
        format!("  {kind}:\n    if: inputs.task == '{kind}' || contains(fromJSON('{list}'), github.event.schedule)\n");
    out.push_str(&about_job(workflow));
    out.push_str("    steps:\n");
    out.push_str(&setting_up(workflow));
    let calls: String = commands.iter().map(|command| format!("          work {command}\n")).collect();
    let _ = write!(
        out,
        "      - name: {kind}
        env:
{}        # All are tried; the first exit that is not 0 is the job's.
        run: |
          set -uo pipefail
          code=0
          work() {{
            local was=0
            \"$@\" 2>&1 | tee -a \"$RUNNER_TEMP/backstay.txt\" || was=$?
            if [ \"$code\" -eq 0 ]; then code=$was; fi
          }}
{calls}          {{ echo '```text'; cat \"$RUNNER_TEMP/backstay.txt\"; echo '```'; }} >>\"$GITHUB_STEP_SUMMARY\"
          exit \"$code\"

",
        variables(workflow, program),
    );
    out
}

fn about_job(workflow: &Workflow) -> String {
    let mut out = format!("    runs-on: {}\n    timeout-minutes: 350\n", workflow.runs_on);
    if let Some(environment) = &workflow.environment {
        let _ = writeln!(out, "    environment: {environment}");
    }
    out.push_str("    permissions:\n      contents: read\n");
    if workflow.role.is_some() {
        out.push_str("      id-token: write\n");
    }
    out
}

/// The steps before the work: the policy, credentials, PostgreSQL's programs, this program.
fn setting_up(workflow: &Workflow) -> String {
    let mut out = "      - uses: actions/checkout@v5\n        with:\n          persist-credentials: false\n".to_owned();
    if let Some(role) = &workflow.role {
        let region = workflow.region.as_deref().unwrap_or("us-east-1");
        let _ = write!(
            out,
            "      - uses: aws-actions/configure-aws-credentials@v6\n        with:\n          role-to-assume: {role}\n          \
             aws-region: {region}\n"
        );
    }
    if let Some(version) = workflow.postgresql {
        let _ = write!(
            out,
            "      - name: programs of PostgreSQL {version}
        run: |
          sudo apt-get install --yes postgresql-common
          sudo /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y
          sudo apt-get install --yes postgresql-{version}
"
        );
    }
    let _ = write!(out, "      - uses: {}\n        with:\n          command: setup\n", workflow.uses);
    out
}

/// What the work finds in its environment. Secrets come by the environment, never by the text of a script.
fn variables(workflow: &Workflow, program: &Program) -> String {
    let policy = format!("          BACKSTAY_POLICY: {}\n", serde_json::Value::from(program.file_here.as_str()));
    let secrets = workflow.secrets.iter().map(|name| format!("          {name}: ${{{{ secrets.{name} }}}}\n"));
    secrets.fold(policy, |all, line| all + &line)
}

fn before_deploy(workflow: &Workflow, program: &Program) -> String {
    let mut out = head(&program.policy);
    let caller =
        if workflow.role.is_some() { "#       permissions: { contents: read, id-token: write }\n" } else { "" };
    let _ = write!(
        out,
        "# Takes a backup before a deployment or a migration. In the workflow that deploys:
#   jobs:
#     backup:
#       uses: ./{}
#       with: {{ database: DATABASE }}
#       secrets: inherit
{caller}#     deploy:
#       needs: backup
name: backup of {} before a deployment

on:
  workflow_call:
    inputs:
      database:
        description: Name of the database in the policy
        type: string
        required: true
      tier:
        description: Tier of the backup; the one that is taken on demand unless set
        type: string
        default: \"\"
    outputs:
      backup:
        description: Id of the backup, for `backstay restore --from`
        value: ${{{{ jobs.backup.outputs.backup }}}}
",
        before_deploy_file(workflow),
        program.policy
    );
    if !workflow.secrets.is_empty() {
        out.push_str("    secrets:\n");
        for name in &workflow.secrets {
            let _ = write!(out, "      {name}:\n        required: true\n");
        }
    }
    out.push_str("\npermissions: {}\n\njobs:\n  backup:\n");
    out.push_str(&about_job(workflow));
    out.push_str("    outputs:\n      backup: ${{ steps.backup.outputs.backup }}\n    steps:\n");
    out.push_str(&setting_up(workflow));
    let _ = write!(
        out,
        "      - id: backup
        env:
          DATABASE: ${{{{ inputs.database }}}}
          TIER: ${{{{ inputs.tier }}}}
{}        run: |
          set -euo pipefail
          tier=()
          if [ -n \"$TIER\" ]; then tier=(--tier \"$TIER\"); fi
          id=$(backstay backup \"$DATABASE\" \"${{tier[@]}}\" --json | jq -r .manifest.id)
          echo \"backup=$id\" >>\"$GITHUB_OUTPUT\"
          echo \"Backup of \\`$DATABASE\\`: \\`$id\\`. Back to it: \\`backstay restore $DATABASE --from $id --in-place\\`\" >>\"$GITHUB_STEP_SUMMARY\"
",
        variables(workflow, program),
    );
    out
}
