//! The peer of the pages: nginx that receives files by PUT and keeps them, forcing nothing to the disk.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::process::{Running, free_port, is_installed, let_others_in};

const START_MAX: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// nginx that runs.
pub struct Nginx {
    process: Running,
    /// `ADDR:PORT`.
    pub http: String,
}

impl Nginx {
    /// Starts it, or says why it cannot be.
    pub fn start(place: &Path) -> Result<Self, &'static str> {
        if !is_installed("nginx") {
            return Err("nginx is not installed");
        }
        let (root, port) = (place.join("nginx"), free_port());
        let_others_in(&root.join("files"));
        fs::write(root.join("nginx.conf"), configuration(&root, port)).unwrap();
        let child = Command::new("nginx")
            .args(["-p".as_ref(), root.as_os_str(), "-c".as_ref(), root.join("nginx.conf").as_os_str()])
            .args(["-e", "stderr"])
            .stderr(Stdio::null())
            .spawn();
        let process = Running(child.map_err(|_| "nginx does not start")?);
        let started = Self { process, http: format!("127.0.0.1:{port}") };
        let start = Instant::now();
        while std::net::TcpStream::connect(&started.http).is_err() {
            if start.elapsed() > START_MAX {
                return Err("nginx does not answer");
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(started)
    }

    /// Its first process.
    pub fn pid(&self) -> u32 {
        self.process.0.id()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master takes its workers along when it is asked to go, not when it is killed.
        if let Some(pid) = rustix::process::Pid::from_raw(self.process.0.id().cast_signed()) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            let _ = self.process.0.wait();
        }
    }
}

fn configuration(root: &Path, port: u16) -> String {
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    let root = root.display();
    format!(
        "{user} daemon off; worker_processes 2; pid {root}/nginx.pid; error_log stderr crit;
         events {{ worker_connections 512; }}
         http {{
           access_log off; client_max_body_size 0; client_body_temp_path {root}/incoming;
           proxy_temp_path {root}/t1; fastcgi_temp_path {root}/t2; scgi_temp_path {root}/t3; uwsgi_temp_path {root}/t4;
           keepalive_requests 100000;
           server {{ listen 127.0.0.1:{port}; root {root}/files; location / {{ dav_methods PUT; }} }}
         }}"
    )
}
