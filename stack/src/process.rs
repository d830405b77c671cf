//! One child process with everything below it: its log, whether it answers, and its end.
//!
//! Each child leads a process group of its own, which is stopped as a whole; wrangler, for one, has children itself. A guard, a shell
//! that waits on a pipe from us, stops the group when we die without having done so. Never leaves a group running behind a dropped
//! [`Process`].

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::http;

/// How long a process may take to end by itself after being asked.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// How often a process is asked whether it answers or has ended.
const POLL: Duration = Duration::from_millis(50);
/// How much of a log's end is read to show its last lines, in bytes.
const TAIL_BYTES: u64 = 16 * 1024;

/// Ends at once when told `done`; when the pipe closes without a word, its other end has died: stops the group `$1`.
const GUARD: &str = r#"read -r word && exit 0
kill -s TERM -- "-$1" 2>/dev/null || exit 0
sleep 3
kill -s KILL -- "-$1" 2>/dev/null"#;

/// A running child and its process group. Dropping it stops the group.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: Child,
    group: Pid,
    guard: Child,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts `command` in a new process group, its output appended to `log`.
    pub fn start(name: &'static str, command: &mut Command, log: &Path) -> Result<Self> {
        if let Some(folder) = log.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("cannot write {}", log.display()))?;
        let same_file = file.try_clone().context("cannot share the log file")?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(same_file)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {name} ({})", command.get_program().to_string_lossy()))?;
        let group = Pid::from_child(&child);
        let guard = Command::new("sh")
            .args(["-c", GUARD, "guard", &group.as_raw_nonzero().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        match guard {
            Ok(guard) => Ok(Self { name, child, group, guard, log: log.to_owned(), ended: None }),
            Err(error) => {
                // Without a guard it could outlive us.
                drop(child.kill());
                drop(child.wait());
                Err(error).context("cannot start sh, which watches over the shop's processes")
            }
        }
    }

    /// Id of the process, and of its group.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Name for people.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// File that takes its output.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// How it ended, if it has.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended
    }

    /// Waits until `GET path` at `address` answers 200. Fails, with the end of its log, when it exits or `patience` is over, and
    /// when `cancelled` says so.
    pub fn wait_healthy(
        &mut self,
        address: SocketAddr,
        path: &str,
        patience: Duration,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<()> {
        let started = Instant::now();
        let mut last = String::from("it never answered");
        while started.elapsed() < patience {
            if cancelled() {
                bail!("stopped while waiting for {}", self.name);
            }
            if let Some(status) = self.exited() {
                bail!("{} stopped while starting ({status}){}", self.name, self.tail(40));
            }
            match http::get_status(address, path, Duration::from_secs(5)) {
                Ok(200) => return Ok(()),
                Ok(code) => last = format!("its last answer to {path} was {code}"),
                // Refused until it listens: nothing to tell.
                Err(_) => {}
            }
            thread::sleep(POLL);
        }
        bail!("{} did not get ready within {} seconds: {last}{}", self.name, patience.as_secs(), self.tail(40))
    }

    /// Stops the group: asks first, and kills what is left after five seconds.
    pub fn stop(&mut self) {
        self.signal(Signal::TERM);
        self.await_end(STOP_PATIENCE);
        self.finish();
    }

    /// Kills the group at once, as a crash would.
    pub fn kill(&mut self) {
        self.finish();
    }

    /// Asks the group to stop without waiting, so that several can stop at the same time before [`Self::stop`] awaits each.
    pub fn ask_to_stop(&mut self) {
        self.signal(Signal::TERM);
    }

    /// The last `lines` of its log, indented, with the file's name; nothing if the log is empty.
    pub fn tail(&self, lines: usize) -> String {
        match tail(&self.log, lines) {
            text if text.is_empty() => format!("; its log {} is empty", self.log.display()),
            text => format!("\nthe end of {}:\n{text}", self.log.display()),
        }
    }

    fn signal(&mut self, signal: Signal) {
        // A group without members is what we want: no error.
        let _ = kill_process_group(self.group, signal);
    }

    fn await_end(&mut self, patience: Duration) {
        let started = Instant::now();
        while self.exited().is_none() && started.elapsed() < patience {
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn finish(&mut self) {
        self.signal(Signal::KILL);
        if self.exited().is_none() {
            self.ended = self.child.wait().ok();
        }
        // The guard has nothing left to do. It may be gone already if somebody killed it.
        if let Some(mut pipe) = self.guard.stdin.take() {
            drop(pipe.write_all(b"done\n"));
        }
        drop(self.guard.wait());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.guard.stdin.is_some() {
            self.stop();
        }
    }
}

/// The last `lines` of a file, each indented by four spaces. Empty if there is none.
fn tail(path: &Path, lines: usize) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let start = file.metadata()?.len().saturating_sub(TAIL_BYTES);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    all[all.len().saturating_sub(lines)..]
        .iter()
        .map(|line| format!("    {line}\n"))
        .collect::<String>()
        .trim_end()
        .into()
}

#[cfg(test)]
mod tests {
    use rustix::process::test_kill_process;

    use super::*;
    use crate::ports::{Ports, socket};

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn alive(id: i32) -> bool {
        // A zombie that nobody has collected yet counts as dead.
        let zombie = fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| stat.contains(") Z "));
        Pid::from_raw(id).is_some_and(|pid| test_kill_process(pid).is_ok()) && !zombie
    }

    fn eventually(what: &str, condition: impl Fn() -> bool) {
        for _ in 0..100 {
            if condition() {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
        panic!("{what} within ten seconds");
    }

    fn grandchild(log: &Path) -> i32 {
        eventually("the grandchild starts", || fs::read_to_string(log).is_ok_and(|text| text.ends_with('\n')));
        fs::read_to_string(log).unwrap().trim().parse().unwrap()
    }

    #[test]
    fn stopping_a_process_stops_what_it_started_too() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut process = Process::start("parent", &mut shell("sleep 60 & echo $!; wait"), &log).unwrap();
        let id = grandchild(&log);
        assert!(alive(id));
        process.stop();
        eventually("the grandchild ends", || !alive(id));
        assert!(process.exited().is_some());
    }

    #[test]
    fn what_ignores_a_request_to_stop_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let script = "trap '' TERM; sh -c \"trap '' TERM; sleep 60\" & echo $!; wait; wait";
        let mut process = Process::start("stubborn", &mut shell(script), &log).unwrap();
        let id = grandchild(&log);
        process.kill();
        eventually("the grandchild ends", || !alive(id));
    }

    #[test]
    fn the_guard_stops_the_group_when_we_die() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut process = Process::start("orphan", &mut shell("sleep 60 & echo $!; wait"), &log).unwrap();
        let id = grandchild(&log);
        // What the kernel does when we are killed.
        drop(process.guard.stdin.take());
        eventually("the grandchild ends", || !alive(id));
        process.finish();
    }

    #[test]
    fn a_process_that_fails_to_start_shows_the_end_of_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut process = Process::start("broken", &mut shell("echo first; echo last words; exit 3"), &log).unwrap();
        let address = socket(Ports::free().unwrap().shop);
        let error =
            process.wait_healthy(address, "/healthz", Duration::from_secs(5), &|| false).unwrap_err().to_string();
        assert!(error.contains("broken stopped while starting") && error.contains("last words"), "{error}");
    }

    #[test]
    fn a_program_that_does_not_exist_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error =
            Process::start("ghost", &mut Command::new("/nowhere/ghost"), &folder.path().join("log")).unwrap_err();
        assert!(error.to_string().contains("/nowhere/ghost"), "{error}");
    }
}
