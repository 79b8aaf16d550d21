//! What the kernel lets an executor do, decided before Node begins: Landlock for files and TCP,
//! seccomp for system calls. A bug in V8, in Node or in the bridge then leads nowhere.
//!
//! Processes of Node actions are trusted and run without it (ADR 0009). `docs/security.md` lists
//! what remains allowed and why.

#[cfg(target_os = "linux")]
use std::os::fd::OwnedFd;
#[cfg(not(target_os = "linux"))]
use std::path::Path;

/// What a process is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sandboxed {
    /// Queries and mutations: nothing but its socket.
    Still,
    /// Actions: the network as well.
    WithNetwork,
}

/// Why the kernel cannot confine executors.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NoSandbox(String);

/// A sandbox that is ready to be entered by a child.
#[derive(Debug)]
pub(crate) struct Sandbox {
    #[cfg(target_os = "linux")]
    files: Option<OwnedFd>,
    #[cfg(target_os = "linux")]
    calls: [seccompiler::BpfProgram; 2],
}

#[cfg(not(target_os = "linux"))]
impl Sandbox {
    pub(crate) fn prepare(_: Sandboxed, _: &Path) -> Result<Sandbox, NoSandbox> {
        Err(NoSandbox(
            "this system has no Landlock and no seccomp".to_owned(),
        ))
    }

    pub(crate) fn enter(&self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::os::fd::{AsRawFd, OwnedFd};
    use std::path::Path;

    use landlock::{
        ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr,
        RulesetCreatedAttr, Scope, path_beneath_rules,
    };
    use seccompiler::{
        BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
        SeccompFilter, SeccompRule, TargetArch,
    };

    use super::{NoSandbox, Sandbox, Sandboxed};

    /// Descriptors below this one are for standard streams and the executor's socket.
    const FIRST_FREE: i32 = 16;

    /// The newest interface of Landlock that is asked for; an older kernel gives what it has.
    const WANTED: ABI = ABI::V6;
    /// Without this one there is no sandbox worth the name.
    const NEEDED: ABI = ABI::V1;

    /// Libraries, and what OpenSSL reads at its start.
    const READABLE: &[&str] = &[
        "/lib",
        "/lib64",
        "/usr/lib",
        "/usr/lib64",
        "/usr/local/lib",
        "/nix/store",
        "/etc/ld.so.cache",
        "/etc/ssl/openssl.cnf",
        "/usr/lib/ssl/openssl.cnf",
    ];
    /// What finding a host by its name reads.
    const READABLE_WITH_NETWORK: &[&str] = &[
        "/etc/resolv.conf",
        "/etc/hosts",
        "/etc/host.conf",
        "/etc/nsswitch.conf",
        "/etc/gai.conf",
        "/etc/services",
        "/etc/ssl",
        "/etc/pki",
        "/run/systemd/resolve",
        "/usr/share/ca-certificates",
    ];

    /// Calls that no executor has any business with.
    const REFUSED: &[libc::c_long] = &[
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_kcmp,
        libc::SYS_pidfd_open,
        libc::SYS_pidfd_getfd,
        libc::SYS_pidfd_send_signal,
        libc::SYS_kill,
        libc::SYS_tkill,
        libc::SYS_rt_sigqueueinfo,
        libc::SYS_rt_tgsigqueueinfo,
        libc::SYS_setsid,
        libc::SYS_setpgid,
        libc::SYS_setuid,
        libc::SYS_setgid,
        libc::SYS_setgroups,
        libc::SYS_setresuid,
        libc::SYS_setresgid,
        libc::SYS_capset,
        libc::SYS_setns,
        libc::SYS_unshare,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
        libc::SYS_move_mount,
        libc::SYS_open_tree,
        libc::SYS_fsopen,
        libc::SYS_fsmount,
        libc::SYS_mount_setattr,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_keyctl,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_delete_module,
        libc::SYS_kexec_load,
        libc::SYS_reboot,
        libc::SYS_swapon,
        libc::SYS_swapoff,
        libc::SYS_settimeofday,
        libc::SYS_clock_settime,
        libc::SYS_adjtimex,
        libc::SYS_sethostname,
        libc::SYS_setdomainname,
        libc::SYS_acct,
        libc::SYS_quotactl,
        libc::SYS_syslog,
        libc::SYS_personality,
        libc::SYS_name_to_handle_at,
        libc::SYS_open_by_handle_at,
        libc::SYS_fanotify_init,
        libc::SYS_mknodat,
        libc::SYS_shmget,
        libc::SYS_msgget,
        libc::SYS_semget,
        libc::SYS_mq_open,
        libc::SYS_memfd_secret,
    ];
    #[cfg(target_arch = "x86_64")]
    const REFUSED_HERE: &[libc::c_long] = &[
        libc::SYS_fork,
        libc::SYS_vfork,
        libc::SYS_mknod,
        libc::SYS_iopl,
        libc::SYS_ioperm,
        libc::SYS_modify_ldt,
        libc::SYS_uselib,
        libc::SYS_kexec_file_load,
    ];
    #[cfg(not(target_arch = "x86_64"))]
    const REFUSED_HERE: &[libc::c_long] = &[];

    /// Those that need a reason to exist only where there is a network.
    const REFUSED_WITHOUT_NETWORK: &[libc::c_long] = &[
        libc::SYS_socket,
        libc::SYS_connect,
        libc::SYS_bind,
        libc::SYS_listen,
        libc::SYS_accept,
        libc::SYS_accept4,
    ];

    /// Calls of which Node has a second way: it is told that they do not exist.
    const UNKNOWN: &[libc::c_long] = &[
        libc::SYS_clone3,
        libc::SYS_io_uring_setup,
        libc::SYS_io_uring_enter,
        libc::SYS_io_uring_register,
    ];

    impl Sandbox {
        /// Makes everything that entering needs, so that entering is system calls only.
        pub(crate) fn prepare(what: Sandboxed, node: &Path) -> Result<Sandbox, NoSandbox> {
            Ok(Sandbox {
                files: Some(
                    files(what, node).map_err(|error| NoSandbox(format!("Landlock: {error}")))?,
                ),
                calls: calls(what).map_err(|error| NoSandbox(format!("seccomp: {error}")))?,
            })
        }

        /// Confines the calling process for good; for a child between `fork` and `exec`.
        pub(crate) fn enter(&self) -> std::io::Result<()> {
            // SAFETY: system calls on numbers and on a descriptor that lives as long as `self`.
            unsafe {
                if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
                if let Some(files) = &self.files
                    && libc::syscall(libc::SYS_landlock_restrict_self, files.as_raw_fd(), 0) < 0
                {
                    return Err(std::io::Error::last_os_error());
                }
            }
            for program in &self.calls {
                seccompiler::apply_filter(program).map_err(|_| std::io::Error::last_os_error())?;
            }
            Ok(())
        }
    }

    fn files(what: Sandboxed, node: &Path) -> Result<OwnedFd, Box<dyn std::error::Error>> {
        let readable = READABLE.iter().chain(match what {
            Sandboxed::Still => &[],
            Sandboxed::WithNetwork => READABLE_WITH_NETWORK,
        });
        // What is not there needs no rule.
        let readable = readable.filter(|path| Path::new(path).exists());
        let mut rules = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(NEEDED))?
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(WANTED))?
            .scope(Scope::from_all(WANTED))?;
        if what == Sandboxed::Still {
            rules = rules.handle_access(AccessNet::from_all(WANTED))?;
        }
        let created = rules
            .create()?
            .add_rules(path_beneath_rules(readable, AccessFs::from_read(WANTED)))?
            .add_rules(path_beneath_rules(&[node], AccessFs::from_read(WANTED)))?;
        let descriptor: Option<OwnedFd> = created.into();
        let descriptor = descriptor.expect("a hard requirement was met");
        // Away from the numbers that a child gives to what it inherits.
        Ok(rustix::io::fcntl_dupfd_cloexec(descriptor, FIRST_FREE)?)
    }

    /// One program has one answer, so there are two: a call passes if both let it.
    fn calls(what: Sandboxed) -> Result<[BpfProgram; 2], BackendError> {
        let mut refused: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
        let all = REFUSED.iter().chain(REFUSED_HERE).chain(match what {
            Sandboxed::Still => REFUSED_WITHOUT_NETWORK,
            Sandboxed::WithNetwork => &[],
        });
        refused.extend(all.map(|call| (*call, Vec::new())));
        // A new process shares nothing of this one's threads.
        let thread = u64::try_from(libc::CLONE_THREAD).unwrap_or(0);
        let not_a_thread = SeccompCondition::new(
            0,
            SeccompCmpArgLen::Dword,
            SeccompCmpOp::MaskedEq(thread),
            0,
        )?;
        refused.insert(libc::SYS_clone, vec![SeccompRule::new(vec![not_a_thread])?]);
        let unknown = UNKNOWN.iter().map(|call| (*call, Vec::new())).collect();
        Ok([
            answering(refused, libc::EPERM)?,
            answering(unknown, libc::ENOSYS)?,
        ])
    }

    fn answering(
        calls: BTreeMap<i64, Vec<SeccompRule>>,
        error: i32,
    ) -> Result<BpfProgram, BackendError> {
        let arch: TargetArch = std::env::consts::ARCH.try_into()?;
        let answer = SeccompAction::Errno(error.unsigned_abs());
        SeccompFilter::new(calls, SeccompAction::Allow, answer, arch)?.try_into()
    }
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used)] // A test that cannot be set up has failed.
mod tests {
    use std::os::fd::AsRawFd;
    use std::path::PathBuf;
    use std::process::{Command, Stdio};
    use std::sync::Arc;

    use super::{Sandbox, Sandboxed};
    use crate::node::Node;

    /// What code could try that has broken out of V8, of its realm and of Node's permission model:
    /// plain Node, in the sandbox. Each answers whether it worked.
    const ATTEMPTS: &str = r#"
        const fs = require("fs"), net = require("net"), dgram = require("dgram"), child = require("child_process");
        const out = {};
        const attempt = (name, run) => { try { run(); out[name] = true; } catch { out[name] = false; } };
        const event = (name, emitter, good, bad) => new Promise((done) => {
          emitter.once(good, () => { out[name] = true; done(); });
          emitter.once(bad, () => { out[name] = false; done(); });
        });
        for (const path of ["/etc/passwd", "/etc/shadow", "/proc/1/environ", "/proc/self/environ", "/proc/self/mem",
          "/proc/self/maps", "/dev/kmsg", "/dev/mem", "/sys/kernel/notes"]) {
          attempt(`read ${path}`, () => fs.closeSync(fs.openSync(path)));
        }
        for (const path of ["/", "/root", "/home", "/tmp", "/proc", "/etc"]) attempt(`list ${path}`, () => fs.readdirSync(path));
        for (const path of ["/tmp/x", "/x", "/dev/shm/x", "/var/tmp/x", "/usr/lib/x"]) attempt(`write ${path}`, () => fs.writeFileSync(path, ""));
        attempt("make a folder", () => fs.mkdirSync("/tmp/folder"));
        attempt("make a link", () => fs.symlinkSync("/etc", "/tmp/link"));
        attempt("rename", () => fs.renameSync("/usr/lib/os-release", "/usr/lib/x"));
        for (const [command, args] of [["/bin/sh", ["-c", "true"]], ["/usr/bin/env", []], [process.execPath, ["-v"]]]) {
          attempt(`run ${command.slice(-4)}`, () => { const { error, status } = child.spawnSync(command, args); if (error || status) throw error ?? status; });
        }
        attempt("signal the server", () => process.kill(process.ppid, 0));
        attempt("signal itself", () => process.kill(process.pid, 0));
        attempt("signal the group", () => process.kill(-process.pid, 0));
        attempt("become another user", () => process.setuid(65534));
        (async () => {
          const listening = net.createServer();
          const heard = event("listen", listening, "listening", "error");
          listening.listen(0, "127.0.0.1");
          await heard;
          if (out.listen) listening.close();
          await event("connect", net.connect(PORT, "127.0.0.1"), "connect", "error");
          await event("connect to a socket of files", net.connect("/run/x.sock"), "connect", "error");
          // Node makes the socket when it is bound.
          const packets = dgram.createSocket("udp4");
          const bound = event("bind packets", packets, "listening", "error");
          packets.bind(0);
          await bound;
          // What Node itself needs still works.
          attempt("threads", () => new (require("worker_threads").Worker)("1", { eval: true }));
          attempt("webcrypto", () => require("crypto").pbkdf2Sync("a", "b", 10, 16, "sha256"));
          out.async = (await require("util").promisify(require("crypto").scrypt)("a", "b", 16)).length === 16;
          process.stdout.write(JSON.stringify(out), () => process.exit(0));
        })();
    "#;

    fn attempts(what: Option<Sandboxed>) -> serde_json::Map<String, serde_json::Value> {
        let node = Node::find(std::env::var_os("LENTIL_NODE").map(PathBuf::from)).unwrap();
        let sandbox = what.map(|what| Arc::new(Sandbox::prepare(what, &node.path).unwrap()));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (_ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let mut command = Command::new(&node.path);
        command
            .arg("-e")
            .arg(ATTEMPTS.replace("PORT", &port.to_string()))
            .env_clear()
            .stdin(Stdio::null())
            .process_group(0);
        crate::process::confine(&mut command, vec![theirs.as_raw_fd()], 4 << 30, sandbox);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no answer: {said}"))
    }

    fn worked(answers: &serde_json::Map<String, serde_json::Value>) -> Vec<&str> {
        let worked = answers.iter().filter(|(_, worked)| **worked == true);
        worked.map(|(name, _)| name.as_str()).collect()
    }

    use std::os::unix::process::CommandExt;

    #[test]
    fn a_still_executor_can_do_nothing() {
        let answers = attempts(Some(Sandboxed::Still));
        assert_eq!(worked(&answers), ["async", "threads", "webcrypto"]);
        assert!(answers.len() > 30, "only {} attempts", answers.len());
    }

    #[test]
    fn an_executor_of_actions_has_the_network_and_no_more() {
        let answers = attempts(Some(Sandboxed::WithNetwork));
        let network = ["bind packets", "connect", "listen"];
        let expected: std::collections::BTreeSet<_> = ["async", "threads", "webcrypto"]
            .into_iter()
            .chain(network)
            .collect();
        let found: std::collections::BTreeSet<_> = worked(&answers).into_iter().collect();
        assert_eq!(found, expected);
    }

    /// The attempts are real: outside of the sandbox they work.
    #[test]
    fn without_it_most_attempts_work() {
        let answers = attempts(None);
        assert!(worked(&answers).len() > 20, "{answers:?}");
    }
}
