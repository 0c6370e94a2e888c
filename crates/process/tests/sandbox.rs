//! Hostile commands: each attack is first shown to succeed without the sandbox.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod common;

use std::path::Path;

use common::{Bench, finish};
use modelyard_process::sandbox::support;

/// Runs `attack`, Python that ends with code 0 when it got through, without the sandbox and in
/// it; `arguments` are its `sys.argv[1:]`.
async fn refused(attack: &str, arguments: &[&str]) {
    let bench = Bench::new();
    prepare(&bench);
    for enforce in [false, true] {
        let mut spec = bench.python(attack, arguments);
        spec.sandbox.enforce = enforce;
        spec.sandbox.read.push(bench.path().join("inputs"));
        let exit = finish(spec).await;
        assert_eq!(exit.success(), !enforce, "enforce = {enforce}: {:?}\n{}", exit.enforcement, bench.log());
        assert_eq!(exit.enforcement.enforced, enforce);
    }
}

/// `outside/secret` beside the working folder, and an input.
fn prepare(bench: &Bench) {
    for (folder, file) in [("outside", "secret"), ("inputs", "input")] {
        std::fs::create_dir(bench.path().join(folder)).unwrap();
        std::fs::write(bench.path().join(folder).join(file), "test rows").unwrap();
    }
}

#[test]
fn this_machine_enforces_all_of_it() {
    let support = support();
    assert!(support.enforced() && support.seccomp, "{support:?}");
}

#[tokio::test]
async fn a_command_reads_its_inputs_and_writes_its_folder() {
    let bench = Bench::new();
    prepare(&bench);
    let text = "open('out', 'w').write(open('../inputs/input').read())\n\
                import os, signal, subprocess\n\
                p = subprocess.Popen(['sleep', '60']); p.send_signal(signal.SIGTERM); assert p.wait() == -15\n\
                open('/dev/null', 'w').write('x'); os.urandom(3); open('/dev/urandom', 'rb').read(3)\n\
                open('/dev/shm/x', 'w').write('x')\n\
                os.mkdir('a'); os.rename('out', 'a/out'); os.link('a/out', 'out'); os.symlink('a', 'b')";
    let mut spec = bench.python(text, &[]);
    spec.sandbox.read.push(bench.path().join("inputs"));
    spec.sandbox.read.push("/not/there".into());
    let exit = finish(spec).await;
    assert!(exit.success(), "{}", bench.log());
    assert!(exit.enforcement.enforced);
    assert_eq!(exit.enforcement.reasons, support().reasons);
    assert_eq!(std::fs::read_to_string(bench.work().join("out")).unwrap(), "test rows");
    assert!(!Path::new("/dev/shm/x").exists() || !support().private_shared_memory);
}

#[tokio::test]
async fn an_absolute_path_outside() {
    refused("import os; open(os.path.realpath('..') + '/outside/secret').read()", &[]).await;
}

#[tokio::test]
async fn walking_up() {
    refused("open('../outside/secret').read()", &[]).await;
}

#[tokio::test]
async fn listing_another_folder() {
    refused("import os; os.listdir('../outside')", &[]).await;
}

#[tokio::test]
async fn a_symbolic_link_to_an_outside_file() {
    refused("import os; os.path.lexists('l') or os.symlink('../outside/secret', 'l'); open('l').read()", &[])
        .await;
}

#[tokio::test]
async fn a_hard_link_to_an_outside_file() {
    refused("import os; os.link('../outside/secret', f'l{os.getpid()}')", &[]).await;
}

#[tokio::test]
async fn moving_an_outside_file_in() {
    refused(
        "import os; open('../outside/more', 'w').close() if os.access('../outside', os.W_OK) else 0\n\
         os.rename('../outside/more', 'more')",
        &[],
    )
    .await;
}

#[tokio::test]
async fn changing_an_input() {
    refused("open('../inputs/input', 'r+').write('x')", &[]).await;
    refused("import os; os.truncate('../inputs/input', 1)", &[]).await;
    refused("import os; os.remove('../inputs/input')", &[]).await;
}

#[tokio::test]
async fn a_child_process() {
    refused("import subprocess; subprocess.run(['cat', '../outside/secret'], check=True)", &[]).await;
    refused("import os; os.fork() and os._exit(os.WEXITSTATUS(os.wait()[1])); os.setsid(); open('../outside/secret')", &[])
        .await;
}

#[tokio::test]
async fn the_engines_environment() {
    let engine = std::process::id().to_string();
    refused("import sys; open(f'/proc/{sys.argv[1]}/environ').read()", &[&engine]).await;
    refused("import sys; open(f'/proc/{sys.argv[1]}/root/etc/passwd').read()", &[&engine]).await;
}

#[tokio::test]
async fn the_supervisors_memory() {
    // Unsandboxed and not root it is refused as well: the supervisor is not dumpable.
    let bench = Bench::new();
    let text = "import os\ntry: open(f'/proc/{os.getppid()}/environ').read()\nexcept PermissionError: print('refused')";
    assert!(finish(bench.python(text, &[])).await.success());
    assert_eq!(bench.log(), "refused\n");
}

#[tokio::test]
async fn a_signal_to_the_engine() {
    let engine = std::process::id().to_string();
    refused("import os, sys; os.kill(int(sys.argv[1]), 0)", &[&engine]).await;
}

#[tokio::test]
async fn tcp() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let connect = |what: &str| {
        format!("import socket, sys\nsocket.socket({what}).connect(('127.0.0.1', int(sys.argv[1])))")
    };
    refused(&connect("socket.AF_INET, socket.SOCK_STREAM"), &[&port]).await;
    // MPTCP.
    refused(&connect("socket.AF_INET, socket.SOCK_STREAM, 262"), &[&port]).await;
    refused(
        "import socket, sys\nsocket.socket().sendto(b'x', 0x20000000, ('127.0.0.1', int(sys.argv[1])))",
        &[&port],
    )
    .await;
}

#[tokio::test]
async fn listening() {
    refused("import socket\nsocket.create_server(('127.0.0.1', 0))", &[]).await;
}

#[tokio::test]
async fn udp() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port().to_string();
    refused(
        "import socket, sys\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', int(sys.argv[1])))",
        &[&port],
    )
    .await;
}

#[tokio::test]
async fn an_abstract_socket() {
    use std::os::linux::net::SocketAddrExt;
    let name = format!("modelyard-test-{}", std::process::id());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind_addr(&address).unwrap();
    refused("import socket, sys\nsocket.socket(socket.AF_UNIX).connect('\\0' + sys.argv[1])", &[&name]).await;
}

#[tokio::test]
async fn a_socket_by_path_is_reachable_where_the_kernel_has_no_rule_for_it() {
    let bench = Bench::new();
    prepare(&bench);
    let path = bench.path().join("outside/socket");
    let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let text = "import socket\nsocket.socket(socket.AF_UNIX).connect('../outside/socket')";
    let exit = finish(bench.python(text, &[])).await;
    assert_eq!(exit.success(), support().landlock_abi < 9, "{}", bench.log());
}

/// Vsock sockets and rings exist where the kernel has them; both must be refused either way.
#[tokio::test]
async fn other_ways_out() {
    let attacks = [
        ("vsock", "import socket; socket.socket(40, socket.SOCK_STREAM)"),
        ("packet", "import socket; socket.socket(17, socket.SOCK_RAW)"),
        (
            "io_uring",
            "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n\
             assert libc.syscall(425, 1, ctypes.byref(ctypes.create_string_buffer(120))) >= 0, ctypes.get_errno()",
        ),
    ];
    for (name, attack) in attacks {
        let bench = Bench::new();
        let mut spec = bench.python(attack, &[]);
        spec.sandbox.enforce = false;
        let open = finish(spec).await.success();
        let exit = finish(bench.python(attack, &[])).await;
        assert!(!exit.success(), "{name} (without the sandbox: {open})");
    }
}

#[tokio::test]
async fn an_allowed_port_is_reached_and_no_other() {
    let allowed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let [allowed, other] = [&allowed, &other].map(|listener| listener.local_addr().unwrap().port());
    let text = "import socket, sys\nsocket.create_connection(('127.0.0.1', int(sys.argv[1])), timeout=5)";
    let fast =
        "import socket, sys\nsocket.socket().sendto(b'x', 0x20000000, ('127.0.0.1', int(sys.argv[1])))";
    let udp = "import socket, sys\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM)";
    for (text, port, reached) in
        [(text, allowed, true), (text, other, false), (fast, other, false), (udp, allowed, false)]
    {
        let bench = Bench::new();
        let mut spec = bench.python(text, &[&port.to_string()]);
        spec.sandbox.ports = vec![allowed];
        let exit = finish(spec).await;
        assert_eq!(exit.success(), reached, "{text} {port}: {}", bench.log());
    }
}

#[tokio::test]
async fn with_network_everything_is_reached_and_files_stay_guarded() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let bench = Bench::new();
    prepare(&bench);
    let text = "import socket, sys\nsocket.create_connection(('127.0.0.1', int(sys.argv[1])), timeout=5)\n\
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\nopen('/etc/resolv.conf').read()\n\
                try: open('../outside/secret')\nexcept PermissionError: print('refused')";
    let mut spec = bench.python(text, &[&port]);
    spec.sandbox.network = true;
    let exit = finish(spec).await;
    assert!(exit.success(), "{}", bench.log());
    assert_eq!(bench.log(), "refused\n");
}

#[tokio::test]
async fn a_program_outside_is_named() {
    let bench = Bench::new();
    prepare(&bench);
    let program = bench.path().join("outside/tool");
    std::fs::copy("/bin/true", &program).unwrap();
    let spec = bench.spec(&[program.to_str().unwrap()]);
    let fault = modelyard_process::run::run(spec, |_| {}, std::future::pending()).await.unwrap_err();
    assert!(
        fault.hint_text().unwrap().contains("outside of what the sandbox may read"),
        "{}",
        fault.report()
    );
}

#[tokio::test]
async fn scikit_learn_trains_with_joblib_workers() {
    let bench = Bench::new();
    let text = "import os, joblib\nfrom sklearn.datasets import load_breast_cancer\n\
                from sklearn.ensemble import RandomForestClassifier, HistGradientBoostingClassifier\n\
                from sklearn.model_selection import cross_val_score\n\
                X, y = load_breast_cancer(return_X_y=True)\n\
                scores = cross_val_score(HistGradientBoostingClassifier(max_iter=20, random_state=0), X, y, n_jobs=2)\n\
                model = RandomForestClassifier(20, n_jobs=2, random_state=0).fit(X, y)\n\
                joblib.dump(model, 'model.joblib')\n\
                import multiprocessing as mp\n\
                lock = mp.Lock()\n\
                with mp.get_context('spawn').Pool(2) as pool: assert pool.map(abs, [-1, -2]) == [1, 2]\n\
                print(scores.mean() > 0.9)";
    let temporary = modelyard_process::temporary::PrivateTmp::new().unwrap();
    let mut spec = bench.python("exec(open('train.py').read())", &[]);
    std::fs::write(
        bench.work().join("train.py"),
        format!("if __name__ == '__main__':\n    {}", text.replace('\n', "\n    ")),
    )
    .unwrap();
    spec.words = vec![common::python().into(), "train.py".into()];
    spec.sandbox.write.push(temporary.path().to_owned());
    spec.env.insert("TMPDIR".into(), temporary.path().into());
    let exit = finish(spec).await;
    assert!(exit.success(), "{}", bench.log());
    assert_eq!(bench.log(), "True\n");
    assert!(!exit.leftovers, "its resource tracker ends by itself");
    assert!(bench.work().join("model.joblib").exists());
}
