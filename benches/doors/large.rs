//! One large file up and down, and eight at once: time, processor and memory, each beside what others take for the same
//! bytes: nginx that receives them and forces nothing, the `rage` tool (or `age`) that encrypts and decrypts them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use super::MIB;
use super::figures::{RUNS, alone, beside, head, missing, random_bytes};
use super::gateway::Gateway;
use super::http::Connection;
use super::nginx::Nginx;
use super::process::{MemoryWatch, children_cpu_seconds, cpu_seconds, is_installed, peak_mib};
use super::web::{Draft, prepare, send};

/// How many files go up, and down, at once where memory is measured.
const AT_ONCE: usize = 8;

/// Measures a file of so many bytes, and prints the tables.
pub fn measure(place: &Path, bytes: usize) {
    let file = random_bytes(bytes);
    let nginx = Nginx::start(place);
    let tool = Tool::find(place, &file);
    let (mut up, mut down) = (Taken::default(), Taken::default());
    let (mut receive, mut encrypt, mut decrypt) = (Taken::default(), Taken::default(), Taken::default());
    for _ in 0..RUNS {
        // A process each time: its peak is that of one upload and one download.
        let gateway = Gateway::start(place);
        let draft = prepare(&gateway, 1).pop().unwrap();
        up.take(&gateway, || send(&mut Connection::open(&gateway.http), &draft, &file));
        let (path, cookie) = download_path(&gateway, &draft);
        down.take(&gateway, || {
            assert_eq!(Connection::open(&gateway.http).fetch(&path, &cookie), bytes as u64);
        });
        drop(gateway);
        if let Ok(nginx) = &nginx {
            let cpu = cpu_seconds(nginx.pid());
            receive.time(|| {
                let answer = Connection::open(&nginx.http).send("PUT", "/large", "", &[&file]);
                assert!(matches!(answer.status, 201 | 204), "nginx answers {}", answer.status);
            });
            receive.cpu.push(cpu_seconds(nginx.pid()) - cpu);
        }
        if let Some(tool) = &tool {
            encrypt.tool(|| tool.encrypts());
            decrypt.tool(|| tool.decrypts());
        }
    }
    tell(bytes, &up, &down, &nginx, &receive, tool.as_ref().map(|tool| (tool.name, &encrypt, &decrypt)));
    eight_at_once(place, &file);
}

fn tell(
    bytes: usize,
    up: &Taken,
    down: &Taken,
    nginx: &Result<Nginx, &'static str>,
    receive: &Taken,
    tool: Option<(&str, &Taken, &Taken)>,
) {
    head(&format!(
        "One file of {} MiB, seconds; up until it is sealed and durable; less is better",
        bytes / MIB
    ));
    match (nginx, tool) {
        (Ok(_), Some((name, encrypt, decrypt))) => {
            let pairs = |a: &[f64], b: &[f64], join: fn(f64, f64) -> f64| -> Vec<f64> {
                a.iter().zip(b).map(|(a, b)| join(*a, *b)).collect()
            };
            beside("up", &up.seconds, "nginx receives, not forced", &receive.seconds);
            beside("up", &up.seconds, &format!("{name} encrypts"), &encrypt.seconds);
            beside("up", &up.seconds, "the slower", &pairs(&receive.seconds, &encrypt.seconds, f64::max));
            beside("up, CPU", &up.cpu, "both, summed", &pairs(&receive.cpu, &encrypt.cpu, |a, b| a + b));
            beside("down", &down.seconds, &format!("{name} decrypts"), &decrypt.seconds);
            beside("down, CPU", &down.cpu, &format!("{name} decrypts"), &decrypt.cpu);
        }
        (nginx, _) => {
            let why = nginx.as_ref().err().copied().unwrap_or("neither rage nor age is installed");
            missing("up", &up.seconds, why);
            missing("down", &down.seconds, why);
        }
    }
    alone("most memory, one up and one down, MiB", &down.memory);
}

/// The path of the file of a deposit that was sent, and the cookie of an agent who opened it.
fn download_path(gateway: &Gateway, draft: &Draft) -> (String, String) {
    let page = Connection::open(&gateway.http).get_with(&draft.path, &draft.cookie);
    let reference = page.split("id=\"reference\"").nth(1).and_then(|text| text.split(['>', '<']).nth(1));
    let reference = reference.unwrap_or_else(|| panic!("no reference on {page}")).trim();
    let cookie = gateway.agent();
    let path = format!("/transferts/{reference}");
    let opened = Connection::open(&gateway.http).send("POST", &path, &format!("Cookie: {cookie}\r\n"), &[]);
    assert!(matches!(opened.status, 200 | 303), "the transfer is not opened: {}", opened.status);
    (format!("{path}/fichiers/1"), cookie)
}

/// The most memory that a gateway takes for eight files up, then eight down.
fn eight_at_once(place: &Path, file: &[u8]) {
    head(&format!("{AT_ONCE} files of {} MiB at once", file.len() / MIB));
    let gateway = Gateway::start(place);
    let drafts = prepare(&gateway, AT_ONCE);
    let at_rest = peak_mib(gateway.pid());
    let watch = MemoryWatch::start(gateway.pid());
    let start = Instant::now();
    std::thread::scope(|scope| {
        for draft in &drafts {
            scope.spawn(|| send(&mut Connection::open(&gateway.http), draft, file));
        }
    });
    let (up, memory_up) = (start.elapsed().as_secs_f64(), watch.end());
    let paths: Vec<_> = drafts.iter().map(|draft| download_path(&gateway, draft)).collect();
    let watch = MemoryWatch::start(gateway.pid());
    let start = Instant::now();
    std::thread::scope(|scope| {
        for (path, cookie) in &paths {
            scope.spawn(|| Connection::open(&gateway.http).fetch(path, cookie));
        }
    });
    let (down, memory_down) = (start.elapsed().as_secs_f64(), watch.end());
    alone("up, s", &[up]);
    alone("most memory while they go up, MiB", &[memory_up]);
    alone("down, s", &[down]);
    alone("most memory while they go down, MiB", &[memory_down]);
    alone("most memory ever (VmHWM), MiB", &[peak_mib(gateway.pid())]);
    alone("of it before the first byte, signing in left out, MiB", &[at_rest]);
}

/// What one piece of work took, over the runs.
#[derive(Default)]
struct Taken {
    seconds: Vec<f64>,
    cpu: Vec<f64>,
    memory: Vec<f64>,
}

impl Taken {
    fn time(&mut self, work: impl FnOnce()) {
        let start = Instant::now();
        work();
        self.seconds.push(start.elapsed().as_secs_f64());
    }

    fn take(&mut self, gateway: &Gateway, work: impl FnOnce()) {
        let cpu = cpu_seconds(gateway.pid());
        self.time(work);
        self.cpu.push(cpu_seconds(gateway.pid()) - cpu);
        self.memory.push(peak_mib(gateway.pid()));
    }

    fn tool(&mut self, work: impl FnOnce()) {
        let cpu = children_cpu_seconds();
        self.time(work);
        self.cpu.push(children_cpu_seconds() - cpu);
    }
}

/// The stock tool on files of the same disk: what it reads is in the page cache, what it writes is not forced.
struct Tool {
    name: &'static str,
    place: PathBuf,
    recipient: String,
}

impl Tool {
    fn find(place: &Path, file: &[u8]) -> Option<Self> {
        let name = ["rage", "age"].into_iter().find(|name| is_installed(name))?;
        let place = place.join("tool");
        std::fs::create_dir_all(&place).unwrap();
        let identity = pli::vault::Identity::generate();
        std::fs::write(place.join("key"), identity.expose().expose()).unwrap();
        std::fs::write(place.join("plain"), file).unwrap();
        Some(Self { name, place, recipient: identity.recipient().to_string() })
    }

    fn encrypts(&self) {
        let plain = File::open(self.place.join("plain")).unwrap();
        let sealed = File::create(self.place.join("sealed")).unwrap();
        self.run(&["-r", &self.recipient], plain, sealed.into());
    }

    fn decrypts(&self) {
        let key = self.place.join("key");
        let sealed = File::open(self.place.join("sealed")).unwrap();
        self.run(&["-d", "-i", key.to_str().unwrap()], sealed, Stdio::null());
    }

    fn run(&self, arguments: &[&str], input: File, output: Stdio) {
        let status = Command::new(self.name).args(arguments).stdin(input).stdout(output).status();
        assert!(status.unwrap().success(), "{} {arguments:?}", self.name);
    }
}
