//! A PostgreSQL server of its own for tests and benchmarks: in a temporary folder, on a free port, gone when it is dropped. Debian's is
//! installed where that is possible without asking anybody.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::{apt, progress};

/// Who owns the server's files, where we are root: PostgreSQL does not run as root.
const OWNER: &str = "postgres";

/// A running server. Dropping it stops it and removes its files.
pub(crate) struct Postgres {
    programs: PathBuf,
    folder: TempDir,
    port: u16,
}

impl Postgres {
    /// Starts a server, which takes a second or two.
    pub(crate) fn start() -> Result<Self> {
        let programs = ensure()?;
        let folder = TempDir::with_prefix("kasuwa-postgres-").context("cannot make a temporary folder")?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("there is no free port")?;
        let port = listener.local_addr().context("a port has no number")?.port();
        drop(listener);
        let server = Self { programs, folder, port };
        if apt::is_root() {
            let mut give = Command::new("chown");
            progress::run("giving PostgreSQL its folder", give.arg(OWNER).arg(server.folder.path()))?;
        }
        let data = server.data();
        let mut make = server.command("initdb");
        make.args(["--auth=trust", "--username=kasuwa", "--encoding=UTF8", "--no-sync", "-D"]).arg(&data);
        progress::run("making a PostgreSQL database", &mut make)?;
        // Nothing in it outlives the run, so nothing has to outlive a power cut.
        let settings = format!(
            "-p {port} -k {} -c fsync=off -c max_connections=400 -c max_pred_locks_per_transaction=256",
            server.folder.path().display()
        );
        let mut start = server.command("pg_ctl");
        start
            .args(["-w", "-o", &settings, "-l"])
            .arg(server.folder.path().join("log"))
            .arg("-D")
            .arg(&data)
            .arg("start");
        progress::run("starting PostgreSQL", &mut start)
            .with_context(|| fs::read_to_string(server.folder.path().join("log")).unwrap_or_default())?;
        Ok(server)
    }

    /// Where it is, without a database's name: `postgres://kasuwa@127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("postgres://kasuwa@{}:{}", Ipv4Addr::LOCALHOST, self.port)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// One of PostgreSQL's programs, as its owner.
    fn command(&self, program: &str) -> Command {
        let path = self.programs.join(program);
        if !apt::is_root() {
            return Command::new(path);
        }
        let mut command = Command::new("runuser");
        command.args(["-u", OWNER, "--"]).arg(path).current_dir(self.folder.path());
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut stop = self.command("pg_ctl");
        drop(stop.args(["-m", "immediate", "-D"]).arg(self.data()).arg("stop").output());
    }
}

/// The folder of PostgreSQL's programs: `POSTGRES_BIN` if set, what is installed, or a fresh one from apt.
fn ensure() -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os("POSTGRES_BIN").map(PathBuf::from) {
        if folder.join("initdb").is_file() {
            return Ok(folder);
        }
        bail!("POSTGRES_BIN is {}, where there is no initdb", folder.display());
    }
    if let Some(folder) = find() {
        return Ok(folder);
    }
    apt::install("PostgreSQL", &["postgresql"])?;
    find().context("there is no PostgreSQL for the tests: install one, or set POSTGRES_BIN to the folder of its initdb")
}

/// Where Debian has it (the newest version), or wherever `initdb` is in `PATH`.
fn find() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    let holds = |folder: &PathBuf| folder.join("initdb").is_file();
    folders.into_iter().rev().find(holds).or_else(|| apt::on_path("initdb")?.parent().map(Path::to_path_buf))
}
