//! A server that takes connections and never answers: a backup goes on without it, a run that is told to stop ends, and a
//! line that is merely slow is waited for.

use crate::support::{
    Backstay, Database, Fate, Login, PART, Project, Proxy, S3Server, Server, end, go_on, large, s3_store, signal,
    stopped_in_the_middle, until,
};
use backstay::storage::{Condition, ObjectStore, Placement};
use bytes::Bytes;
use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Longer than any test.
const FOR_EVER: Duration = Duration::from_secs(3600);
/// What a backup may wait for a store that says nothing, in all.
const LONGEST: Duration = Duration::from_secs(150);
/// What a run that was told to stop may take.
const AT_ONCE: Duration = Duration::from_secs(20);

const POLICY: &str = "\
version: 1
name: test
storage:
  near: { type: filesystem, path: {folder}/near }
  far:
    type: s3
    bucket: shop
    region: us-east-1
    endpoint: http://127.0.0.1:{port}
    credentials: { access_key_id: \"${file:{folder}/id}\", secret_access_key: \"${file:{folder}/secret}\" }
tiers:
  now:
    schedule: manual
    compression: none
    copies: [{ to: near, keep: 7d }, { to: far, keep: 30d }]
databases:
  app:
    connection: ${env:DATABASE_URL}
    tiers: [now]
";

/// A project with a folder and a bucket behind a line that can be made to hang.
struct Place {
    project: Project,
    proxy: Proxy,
    _server: S3Server,
}

impl Place {
    fn new(source: &Database) -> Place {
        let server = S3Server::start();
        server.bucket("shop");
        let proxy = Proxy::before(server.port);
        let project = Project::without_repositories(source, "");
        project.write_policy(&POLICY.replace("{port}", &proxy.port.to_string()));
        let login = Login::root();
        fs::write(project.path("id"), login.id).unwrap();
        fs::write(project.path("secret"), login.secret).unwrap();
        project.backstay(&["apply", "--yes"]).run().expect(0);
        Place { project, proxy, _server: server }
    }

    fn run(&self, arguments: &[&str]) -> Backstay {
        self.project.backstay(arguments)
    }

    /// From now on no request is answered that has these words in its first line.
    fn hangs_at(&self, words: &'static [&'static str]) {
        let is_meant = move |line: &str| words.iter().all(|word| line.contains(word));
        self.proxy.choose(move |_, line| if is_meant(line) { Fate::Wait(FOR_EVER) } else { Fate::Pass });
    }

    /// A request that has these words in its first line came.
    fn is_asked(&self, words: &[&str]) -> bool {
        self.proxy.requests().iter().any(|line| words.iter().all(|word| line.contains(word)))
    }
}

/// A port that takes connections and reads nothing.
fn deaf() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().collect::<Vec<_>>());
    port
}

#[test]
fn a_backup_goes_on_without_a_store_that_hangs() {
    let source = large(Server::any(), "hanging");
    // Both take their time doing nothing.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let place = Place::new(&source);
            let (child, hold) = stopped_in_the_middle(&place.project, &["backup", "app"]);
            place.hangs_at(&[]);
            let begun = Instant::now();
            go_on(&place.project, hold);
            is_without_far(&place.project, end(child), begun.elapsed());
            // What hung is repaired once it answers.
            place.proxy.choose(|_, _| Fate::Pass);
            place.run(&["sync", "--yes"]).run().expect(0);
            place.run(&["verify", "--deep"]).run().expect(0);
        });
        scope.spawn(|| {
            let place = Place::new(&source);
            place.project.edit_policy(&place.proxy.port.to_string(), &deaf().to_string());
            let begun = Instant::now();
            let run = place.run(&["backup", "app"]).run();
            is_without_far(&place.project, run, begun.elapsed());
        });
    });
}

fn is_without_far(project: &Project, run: crate::support::Run, took: Duration) {
    let run = run.expect(7);
    assert!(run.stderr.contains("has not answered for"), "{run:#?}");
    assert!(run.stdout.contains("stored in near"), "{run:#?}");
    assert_eq!(project.manifest("near").tier, "now");
    assert!(took < LONGEST, "{took:?}");
}

/// Interrupts a run that takes a backup once, while the bucket hangs at these words.
fn interrupted_at(source: &Database, verb: &[&str], words: &'static [&'static str]) {
    let place = Place::new(source);
    // Due once a year, and now.
    place.project.edit_policy("schedule: manual", "schedule: \"0 0 1 1 *\"");
    place.hangs_at(words);
    let mut call = place.run(verb).into_command();
    let child = call.stderr(Stdio::piped()).spawn().unwrap();
    until(|| place.is_asked(words));
    let begun = Instant::now();
    signal(&child, "-INT");
    let run = end(child).expect(130);
    assert!(begun.elapsed() < AT_ONCE, "{words:?}: {:?} {run:#?}", begun.elapsed());
    assert_eq!(place.project.backup_files("near"), [""; 0], "{words:?}");
    // What hung is as it was left; the next plan says so and ends it.
    place.proxy.choose(|_, _| Fate::Pass);
    place.run(&["backup", "app"]).run().expect(0);
}

#[test]
fn one_interrupt_ends_a_run_whose_store_hangs() {
    let source = large(Server::any(), "hanging_stop");
    // The look at the marker, the lock, the beginning of the upload, a part of it, and its end.
    let all: [&'static [&'static str]; 5] = [
        &["GET ", "backstay"],
        &["PUT ", "/lock/"],
        &["POST ", "uploads"],
        &["PUT ", "partNumber="],
        &["POST ", "uploadId="],
    ];
    std::thread::scope(|scope| {
        for words in all {
            scope.spawn(|| interrupted_at(&source, &["backup", "app"], words));
        }
        scope.spawn(|| interrupted_at(&source, &["apply", "--yes"], &["PUT ", "partNumber="]));
    });
}

#[test]
fn one_interrupt_ends_a_plan_whose_store_hangs() {
    let source = Database::create(Server::any(), "hanging_plan");
    let place = Place::new(&source);
    place.hangs_at(&["GET "]);
    let child = place.run(&["plan"]).into_command().spawn().unwrap();
    until(|| place.is_asked(&["GET "]));
    let begun = Instant::now();
    signal(&child, "-INT");
    end(child).expect(130);
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
}

/// A line on which little goes at a time, in bytes a second.
fn slow(server: u16, pace: usize) -> u16 {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    // What lies in buffers has not moved: they are kept small.
    socket.set_recv_buffer_size(16 << 10).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    socket.listen(16).unwrap();
    let listener = TcpListener::from(socket);
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let Ok(mut there) = std::net::TcpStream::connect(("127.0.0.1", server)) else { continue };
            let (mut back, mut answers) = (client.try_clone().unwrap(), there.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut answers, &mut back));
            std::thread::spawn(move || {
                let mut piece = vec![0; pace / 10];
                while let Ok(n @ 1..) = client.read(&mut piece) {
                    if std::io::Write::write_all(&mut there, &piece[..n]).is_err() {
                        return;
                    }
                    std::thread::sleep(Duration::from_millis(100));
                }
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_slow_is_waited_for() {
    let server = S3Server::start();
    server.bucket("shop");
    let store = s3_store(slow(server.port, 64 << 10), "shop", "");
    let content = Bytes::from(vec![7; PART as usize]);
    let begun = Instant::now();
    let (one, parts) = tokio::join!(store.put("one", content.clone(), Condition::Always), async {
        let mut upload = store.upload("parts", &Placement::default()).await?;
        upload.write(content.clone()).await?;
        upload.write(content.slice(..9)).await?;
        upload.complete().await
    });
    assert_eq!((one.unwrap().size, parts.unwrap().size), (PART, PART + 9));
    // Longer than anything may say nothing.
    assert!(begun.elapsed() > Duration::from_secs(60), "{:?}", begun.elapsed());
}
