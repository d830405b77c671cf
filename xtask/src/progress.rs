//! Commands that take their time: what they are doing and for how long, once that is longer than two seconds. Their output is shown
//! only when they fail. All of it goes to the standard error output.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, IsTerminal, Read, Write, stderr};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::interrupt;

/// What finishes sooner is not worth a line.
const QUIET: Duration = Duration::from_secs(2);
/// Without a terminal: how often to say that it still goes on.
const REMINDER: Duration = Duration::from_secs(20);
/// How many lines of a failed command are shown.
const TAIL: usize = 60;

/// Runs `command`, telling about it as `what` ("compiling the Worker"). Fails with the end of its output if it fails.
pub(crate) fn run(what: &str, command: &mut Command) -> Result<()> {
    let (status, tail) = run_quietly(what, command)?;
    if status.success() {
        return Ok(());
    }
    interrupt::check()?;
    bail!("{what} failed ({status})\n{tail}")
}

/// Like [`run`], for commands whose failure is no error yet: gives the status and the end of the output.
pub(crate) fn run_quietly(what: &str, command: &mut Command) -> Result<(ExitStatus, String)> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C on the terminal is ours to pass on.
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {program}"))?;
    let (sender, lines) = channel();
    let readers = [
        child.stdout.take().map(|pipe| read(pipe, sender.clone())),
        child.stderr.take().map(|pipe| read(pipe, sender.clone())),
    ];
    drop(sender);

    let mut line = Line::new(what);
    let mut tail = VecDeque::new();
    let mut asked_to_stop = false;
    let status = loop {
        drain(&lines, &mut tail);
        if let Some(status) = child.try_wait().with_context(|| format!("cannot wait for {program}"))? {
            break status;
        }
        if interrupt::happened() && !asked_to_stop {
            asked_to_stop = true;
            stop_group(child.id());
        }
        line.tick(tail.back().map_or("", String::as_str));
        thread::sleep(Duration::from_millis(50));
    };
    for reader in readers.into_iter().flatten() {
        // A reader only reads; it has nothing to report.
        drop(reader.join());
    }
    drain(&lines, &mut tail);
    line.finish(status.success());
    Ok((status, tail.into_iter().collect::<Vec<_>>().join("\n")))
}

/// Runs `work`, telling about it as `what` once it takes longer than two seconds.
pub(crate) fn during<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let (done, waiting) = channel::<()>();
    let label = what.to_owned();
    let teller = thread::spawn(move || {
        let mut line = Line::new(&label);
        while waiting.recv_timeout(Duration::from_millis(50)) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            line.tick("");
        }
        line
    });
    let result = work();
    drop(done);
    if let Ok(mut line) = teller.join() {
        line.finish(result.is_ok());
    }
    result
}

fn read(pipe: impl Read + Send + 'static, lines: Sender<String>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if !line.is_empty() && lines.send(line).is_err() {
                return;
            }
        }
    })
}

fn drain(lines: &Receiver<String>, tail: &mut VecDeque<String>) {
    loop {
        match lines.try_recv() {
            Ok(line) => {
                if tail.len() == TAIL {
                    tail.pop_front();
                }
                tail.push_back(line);
            }
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => return,
        }
    }
}

fn stop_group(id: u32) {
    // The shell's kill, since it takes the whole group; if even that fails there is nothing left to try.
    drop(Command::new("sh").args(["-c", r#"kill -s TERM -- "-$1""#, "stop", &id.to_string()]).status());
}

/// The line that tells what is going on: one that renews itself on a terminal, or a few lines elsewhere.
struct Line {
    what: String,
    started: Instant,
    last: Option<Instant>,
    terminal: bool,
}

impl Line {
    fn new(what: &str) -> Self {
        Self { what: what.to_owned(), started: Instant::now(), last: None, terminal: stderr().is_terminal() }
    }

    fn tick(&mut self, detail: &str) {
        const FRAMES: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
        let elapsed = self.started.elapsed();
        let pause = if self.terminal { Duration::from_millis(100) } else { REMINDER };
        if elapsed < QUIET || self.last.is_some_and(|last| last.elapsed() < pause) {
            return;
        }
        let first = self.last.replace(Instant::now()).is_none();
        let detail: String = detail.trim().chars().filter(|c| !c.is_control()).take(50).collect();
        if self.terminal {
            let frame = FRAMES[(elapsed.as_millis() / 100) as usize % FRAMES.len()];
            self.write(&format!("\r\x1b[2K{frame} {} {} s  \x1b[2m{detail}\x1b[0m", self.what, elapsed.as_secs()));
        } else if first {
            self.write(&format!("{} …\n", self.what));
        } else {
            self.write(&format!("{} … {} s  {detail}\n", self.what, elapsed.as_secs()));
        }
    }

    fn finish(&mut self, success: bool) {
        let clear = if self.terminal { "\r\x1b[2K" } else { "" };
        let elapsed = self.started.elapsed();
        if self.last.is_some() && success {
            self.write(&format!("{clear}{}: done in {:.0} s\n", self.what, elapsed.as_secs_f32()));
        } else if self.last.is_some() {
            self.write(clear);
        }
    }

    fn write(&self, text: &str) {
        let mut stream = stderr().lock();
        // Nobody is there to hear that nobody is there.
        drop(stream.write_all(text.as_bytes()).and_then(|()| stream.flush()));
    }
}
