//! Steps that ask somebody outside for the test rows.

use std::io::Write;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::atomic::{AtomicU32, Ordering};

use super::attacks::kept_out;
use super::hostile::{Project, SEALED};

/// Answers every connection with a test row; its port.
fn tcp() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let _ = stream.write_all(SEALED.as_bytes());
        }
    });
    port
}

/// Python that tries `ask`, an expression of bytes.
fn asking(ask: &str) -> String {
    format!("import socket\ntry: found({ask})\nexcept OSError as error: refused.append(repr(error))")
}

#[test]
fn tcp_is_closed() {
    let port = tcp();
    kept_out(&asking(&format!("socket.create_connection(('127.0.0.1', {port}), 5).recv(100)")));
    // Another protocol with the same end, where the kernel has it; else as the first.
    kept_out(&format!(
        "import socket\n\
         try: way = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)\n\
         except OSError as error:\n    \
             refused.append(repr(error))\n    \
             try: way = socket.socket()\n    \
             except OSError as error: way = None\n\
         if way:\n    way.connect(('127.0.0.1', {port}))\n    found(way.recv(100))"
    ));
}

#[test]
fn udp_is_closed() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut asked = [0; 16];
        while let Ok((_, from)) = socket.recv_from(&mut asked) {
            let _ = socket.send_to(SEALED.as_bytes(), from);
        }
    });
    kept_out(&format!(
        "import socket\n\
         try:\n    \
             way = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n    \
             way.settimeout(5)\n    \
             way.sendto(b'?', ('127.0.0.1', {port}))\n    \
             found(way.recv(100))\n\
         except OSError as error: refused.append(repr(error))"
    ));
}

#[test]
fn abstract_sockets_are_closed() {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("modelyard-test-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let listener = UnixListener::bind_addr(&address).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let _ = stream.write_all(SEALED.as_bytes());
        }
    });
    kept_out(&format!(
        "import socket\n\
         way = socket.socket(socket.AF_UNIX)\n\
         try:\n    way.connect('\\0{name}')\n    found(way.recv(100))\n\
         except OSError as error: refused.append(repr(error))"
    ));
}

#[test]
fn a_step_that_declares_the_network_has_it_and_nothing_else() {
    let port = tcp();
    let project = Project::new("");
    let source = project.root().join("data/rows.csv");
    project.write(
        "step.py",
        &format!(
            "import socket, sys\n\
             assert socket.create_connection(('127.0.0.1', {port}), 5).recv(100)\n\
             try: open({source:?})\n\
             except PermissionError: open(sys.argv[1], 'w').write('kept out')\n"
        ),
    );
    let step =
        "[steps.fetch]\nrun = \"python3 step.py {outputs.out}\"\ncode = [\"step.py\"]\noutputs = [\"out\"]\n";
    project.configure(&format!("{step}network = true\n"));
    project.succeeds(&["run", "fetch"]);
    let trust = &project.last_run()["trust"];
    assert_eq!((&trust["enforced"], &trust["sealed"]), (&true.into(), &true.into()), "{trust}");

    // Without it the same step is another one, which does not take the result from the cache.
    project.configure(step);
    project.fails(&["run", "fetch"], 7, "step `fetch` failed with exit code 1");
}
